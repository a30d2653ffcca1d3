"""Key files, JSON, signature files and strings of the corpus, through every parser that may get one.

What a file must give is what its EXPECT says; where that leaves a choice, what docs/formats say.
Signatures of minisign, signify and SSH are formats that signkit does not read: they must be refused
cleanly, by every parser. Their keys are read.
"""

from __future__ import annotations

import gzip
import json
import os
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from unittest.mock import patch

from signkit.cli.keys import show
from signkit.cli.keys_import import import_key
from signkit.client.answers import parse_answer
from signkit.device.main import run
from signkit.errors import KeyLockedError, KeyRefusedError, SignkitError
from signkit.formats.display import escape
from signkit.formats.plan import parse_plan
from signkit.formats.private_key import OpenedKey, parse_private_key
from signkit.formats.public_key import read_public_key
from signkit.formats.request import open_request, parse_request
from signkit.formats.response import open_response, parse_response
from signkit.formats.statement import read_statement_unverified
from signkit.prepare.release_list import parse_path_list, parse_release_list
from signkit.registry.bodies import parse_body
from signkit.submit.journal import parse_journal
from signkit.verify import limits
from signkit.verify.ed25519 import PublicKey, verify_signature
from signkit.verify.encoding import canonical_json, check_name, check_text, parse_json
from signkit.verify.public_key import parse_public_key
from signkit.verify.statement import parse_statement
from signkit.verify.trust import load_trust, parse_trust
from tests.support.corpus.signatures import call
from tests.support.corpus.table import ACCEPT, REJECT, Table

Reader = Callable[[bytes], object]
# Where EXPECT leaves a choice: docs/formats/keys.md section 6.
DECIDED = {
    "accept": ACCEPT,
    "accept (fwup/Peridio style hex)": ACCEPT,
    "accept, normalise to lower-case": ACCEPT,
    "accept only where documented": ACCEPT,  # raw base64
    "accept or reject (decide, same everywhere)": REJECT,  # text before a PEM block
    "accept only with explicit --raw": REJECT,  # bytes without any encoding
    "accept or refuse the format as a whole": ACCEPT,  # OpenSSH
    "reject": REJECT,
    "reject at enrolment": REJECT,
}
# Valid JSON that docs/formats/conventions.md section 2 narrows away: fractions, exponents, a name twice.
NARROWED = {
    "y_number.json",
    "y_number_0e1.json",
    "y_number_double_close_to_zero.json",
    "y_number_real_capital_e.json",
    "y_number_real_capital_e_neg_exp.json",
    "y_number_real_capital_e_pos_exp.json",
    "y_number_real_pos_exponent.json",
    "y_object_duplicated_key.json",
    "y_object_duplicated_key_and_value.json",
    "y_object_extreme_numbers.json",
    "y_structure_lonely_negative_real.json",
}
JCS_WITHOUT_FRACTIONS = {"arrays", "french", "structures", "unicode"}


def _private(data: bytes) -> OpenedKey:
    return parse_private_key(data, passphrase=lambda: b"correct horse", allow_test_keys=True)


def _json(data: bytes) -> object:
    return parse_json(data, limit=limits.REQUEST_SIZE, what="document")


def _locked() -> bytes:
    message = "no passphrase"
    raise KeyLockedError(message)


# Whatever a document's bytes meet first; none of the corpus is a document of signkit.
DOCUMENTS: dict[str, Reader] = {
    "request": open_request,
    "request payload": parse_request,
    "response": open_response,
    "response payload": parse_response,
    "statement": read_statement_unverified,
    "statement payload": parse_statement,
    "trust root": load_trust,
    "trust root payload": parse_trust,
    "plan": parse_plan,
    "journal": parse_journal,
    "release list": lambda data: parse_release_list(data, folder="/"),
}
KEYS: dict[str, Reader] = {
    "public key": lambda data: parse_public_key(data, allow_test_keys=True),
    "public key, named": lambda data: read_public_key(data, allow_test_keys=True),
    "private key": _private,
}
# Those that take much of anything: only a defect is wrong.
LENIENT: dict[str, Reader] = {
    "JSON": _json,
    "path list": parse_path_list,
    "registry body": parse_body,
    "registry's answer": parse_answer,
}
PARSERS = {
    **DOCUMENTS,
    **LENIENT,
    "public key": read_public_key,
    # Nobody has a passphrase: no time goes into deriving keys for files that nobody can open.
    "private key": lambda data: parse_private_key(data, passphrase=_locked),
}


def read_any_key(data: bytes) -> PublicKey | OpenedKey:
    """Read a key file as whatever it is."""
    try:
        return read_public_key(data, allow_test_keys=True)
    except SignkitError:
        return _private(data)


def files_in(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Return the files of a folder, by the path inside it; packed ones as what they hold."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "EXPECT" not in path.name:
            name, data = str(path.relative_to(folder)), path.read_bytes()
            packed = name.endswith(".json.gz")
            yield (
                name.removesuffix(".gz") if packed else name,
                gzip.decompress(data) if packed else data,
            )


def keys_wanted(corpus: Path) -> dict[str, str]:
    """Return what each file of `keys` must give."""
    made = json.loads((corpus / "keys" / "made_here" / "EXPECT.json").read_text())
    wanted = {f"made_here/{each['file']}": DECIDED[each["want"]] for each in made}
    for line in (corpus / "keys" / "EXPECT_third_party.tsv").read_text().splitlines()[1:]:
        name, want, _ = line.split("\t")
        documented = want.startswith("accept: Ed25519")
        wanted[name.removeprefix("keys/")] = ACCEPT if documented else REJECT
    return wanted


def run_keys(table: Table, corpus: Path, folder: Path) -> None:
    """Run every key file as a key, as a document, and through three commands."""
    wanted = keys_wanted(corpus)
    path, passphrase = folder / "offered", folder / "passphrase"
    passphrase.write_bytes(b"correct horse")
    passphrase.chmod(0o600)

    def keys_show() -> None:
        # The command's own function: typer would build its commands anew for every file.
        with redirect_stdout(StringIO()):
            show(str(path), allow_test_keys=True, passphrase_file=passphrase, as_json=True)

    def keys_import() -> None:
        home, said = patch.dict(os.environ, SIGNKIT_HOME=str(folder / "home")), StringIO()
        try:
            with home, redirect_stdout(said), redirect_stderr(said):
                import_key(
                    str(path),
                    name="prod",
                    passphrase_file=passphrase,
                    new_passphrase_file=passphrase,
                )
        except KeyRefusedError as error:
            # Everybody has the good keys of a public corpus; there is no other reason to refuse them.
            if want == REJECT or "is published" not in str(error):
                raise

    (folder / "model.bin").write_bytes(b"")
    verify = [str(folder / "model.bin"), "--allow-test-keys", "--key", str(path)]
    for name, data in files_in(corpus / "keys"):
        want = wanted.get(name, REJECT)
        table.run("keys", "key readers", name, want=want, read=lambda: read_any_key(data))  # noqa: B023
        path.write_bytes(data)
        path.chmod(0o600)
        table.run("keys", "signkit keys show, its function", name, want=want, read=keys_show)
        table.run("keys", "signkit keys import, its function", name, want=want, read=keys_import)
        public = _answer(lambda: KEYS["public key"](data))  # noqa: B023
        code, said = call(run, verify)
        # A key that is taken gets as far as the statement, which is not there.
        got = {8: ACCEPT, 3: REJECT, 4: REJECT}.get(code, "traceback")
        table.count("keys", "signkit verify --key", name, want=public, got=got, said=said)
        run_documents(table, "keys", name, data)
        run_lenient(table, "keys", name, data)


def _answer(read: Callable[[], object]) -> str:
    try:
        read()
    except SignkitError:
        return REJECT
    return ACCEPT


def run_documents(table: Table, suite: str, name: str, data: bytes) -> None:
    """Run bytes that are no document through every parser of documents."""
    for parser, read in DOCUMENTS.items():
        case = f"{name} as {parser}"
        table.run(suite, "document parsers", case, want=REJECT, read=lambda: read(data))  # noqa: B023


def run_lenient(table: Table, suite: str, name: str, data: bytes) -> None:
    """Run bytes through the parsers that take much of anything."""
    for parser, read in LENIENT.items():
        case = f"{name} as {parser}"
        table.run(suite, "other parsers", case, want=None, read=lambda: read(data))  # noqa: B023


def json_wanted(name: str) -> str | None:
    """Return what the strict JSON parser must say of a file of `json`."""
    folder, _, file = name.partition("/")
    if folder == "JSONTestSuite_parsing":
        return ACCEPT if file.startswith("y_") and file not in NARROWED else REJECT
    return None  # what is wrong with the others is for the document's parser to see


def run_json(table: Table, corpus: Path) -> None:
    """Run every JSON text, and compare what was read of twins and of canonical forms."""
    folder = corpus / "json"
    for name, data in files_in(folder):
        want = json_wanted(name)
        table.run("json", "parse_json", name, want=want, read=lambda: _json(data))  # noqa: B023
        run_documents(table, "json", name, data)
        for parser, read in KEYS.items():
            case = f"{name} as {parser}"
            table.run("json", "key readers", case, want=REJECT, read=lambda: read(data))  # noqa: B023
        run_lenient(table, "json", name, data)
    for name, data in files_in(folder / "jcs" / "input"):
        stem = name.removesuffix(".json")
        if stem in JCS_WITHOUT_FRACTIONS:
            whole = data.replace(b"56.0", b"56")  # a fraction is not ours to read
            same = canonical_json(_json(whole)) == (folder / "jcs/output" / name).read_bytes()
            got = ACCEPT if same else REJECT
            table.count("json", "canonical_json", name, want=ACCEPT, got=got)
    # K12. The two files of NFC and NFD names hold the same two members, in either order.
    transform = folder / "JSONTestSuite_transform"
    texts = [data for name, data in files_in(transform) if "nfd_nfc" not in name]
    values = [value for value in map(_try_json, texts) if value is not None]
    for place, value in enumerate(values):
        got = ACCEPT if value in values[:place] else REJECT
        table.count("json", "twins compare equal", str(value), want=REJECT, got=got)


def _try_json(data: bytes) -> object:
    try:
        return _json(data)
    except SignkitError:
        return None


KEYS_AMONG_SIGNATURES = {
    "tools_interop/ossl.key.pem",
    "tools_interop/ossl.pub.pem",
    "tools_interop/ossl.enc.pbkdf2.pem",
    "tools_interop/ossl.enc.scrypt.pem",
    "tools_interop/ms_plain.key",
    "tools_interop/ms_plain.pub",
    "tools_interop/ms_pw.key",
    "tools_interop/ms_pw.pub",
    "tools_interop/sg.pub",
    "tools_interop/sg.sec",
    "tools_interop/sk_ed",
    "tools_interop/sk_ed.pub",
    "signify_regress/regresskey.pub",
    "signify_regress/regresskey.sec",
    "openssh_sshsig/ed25519.pub",
}


def run_signature_files(table: Table, corpus: Path) -> None:
    """Run every file of other tools: their keys are read, all else is refused cleanly."""
    folder = corpus / "sig"
    for name, data in files_in(folder):
        want = ACCEPT if name in KEYS_AMONG_SIGNATURES else REJECT
        table.run("sig", "key readers", name, want=want, read=lambda: read_any_key(data))  # noqa: B023
        run_documents(table, "sig", name, data)
        run_lenient(table, "sig", name, data)
    key = parse_public_key(
        (folder / "tools_interop/ossl.pub.pem").read_bytes(), allow_test_keys=True
    )
    for path in sorted((folder / "tools_interop").glob("*.ossl.sig")):
        signature, content = path.read_bytes(), path.with_suffix("").with_suffix("").read_bytes()
        for message, want in ((content, ACCEPT), (content + b"x", REJECT)):
            table.run(
                "sig",
                "library",
                f"{path.name} {want}",
                want=want,
                read=lambda: verify_signature(key, message, signature),  # noqa: B023
            )


def strings_of(corpus: Path) -> list[str]:
    """Return every hostile name and naughty string."""
    named = json.loads((corpus / "strings" / "hostile_names.json").read_text())
    naughty: list[str] = json.loads((corpus / "strings" / "blns.json").read_text())
    return [each["value"] for each in named] + naughty


def is_shown_safely(text: str) -> bool:
    """Say whether a text holds nothing that moves a cursor or turns its neighbours round."""
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"}
    return all(unicodedata.category(character) not in hidden for character in text)


def run_strings(table: Table, corpus: Path, folder: Path) -> None:
    """Run every string as each kind of text, as a file's bytes, and as an argument."""
    kinds: dict[str, Callable[[str], object]] = {
        "label": lambda text: check_text(text, what="label", limit=limits.LABEL_LENGTH),
        "file name": lambda text: check_name(text, what="name"),
        "free text": lambda text: check_text(
            text, what="reason", limit=limits.REASON_LENGTH, lines=True
        ),
    }
    for number, text in enumerate(strings_of(corpus)):
        for kind, check in kinds.items():
            case = f"{number} as {kind}"
            table.run("strings", "text checks", case, want=None, read=lambda: check(text))  # noqa: B023
        got = ACCEPT if is_shown_safely(escape(text)) else "shown raw"
        table.count("strings", "display", str(number), want=ACCEPT, got=got)
        data = text.encode("utf-8", "surrogatepass")
        for parser, read in {**DOCUMENTS, **KEYS}.items():
            case = f"{number} as {parser}"
            table.run("strings", "parsers", case, want=REJECT, read=lambda: read(data))  # noqa: B023
        run_lenient(table, "strings", str(number), data)
        if "\0" not in text:
            code, said = call(run, [str(folder / "none"), "--key", text, "--json"])
            shown = code in {2, 3, 4, 8} and all(map(is_shown_safely, said.split("\n")))
            got = REJECT if shown else "shown raw"
            table.count("strings", "signkit verify --key", str(number), want=REJECT, got=got)


def run_everything(table: Table, corpus: Path) -> None:
    """Run every file there is through every parser: only errors of ours may leave."""
    for name, data in files_in(corpus):
        if len(data) > 2 * limits.MIB:
            continue
        for parser, read in PARSERS.items():
            case = f"{name} as {parser}"
            table.run("every file", "every parser", case, want=None, read=lambda: read(data))  # noqa: B023
