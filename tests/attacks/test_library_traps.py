"""The traps of the libraries that signkit sits on, K01 to K12 of the corpus's SECURITY-TESTS.md."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

import signkit
from signkit.errors import (
    FormatError,
    KeyLockedError,
    KeyRefusedError,
    MalformedError,
    NotCanonicalError,
    SignkitError,
    TooLargeError,
    UnsupportedVersionError,
)
from signkit.formats.display import escape
from signkit.formats.private_key import parse_private_key
from signkit.formats.public_key import read_public_key
from signkit.verify import limits
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import (
    canonical_json,
    check_text,
    decode_base64,
    decode_hex,
    encode_json,
    parse_json,
)
from signkit.verify.pem import encode_pem
from signkit.verify.verdict import (
    Expectation,
    role_of_keys,
    verify_content,
    verify_statement,
)
from tests.support.corpus.files import PARSERS, files_in
from tests.support.documents import document, statement_value
from tests.support.keys import PROD

VECTORS = Path(__file__).parents[1] / "vectors"
MADE_HERE = VECTORS / "keys" / "made_here"
THIRD_PARTY = VECTORS / "keys" / "third_party"


def private(data: bytes, secret: bytes = b"correct horse") -> object:
    return parse_private_key(data, passphrase=lambda: secret, allow_test_keys=True)


def read_json(data: bytes) -> object:
    return parse_json(data, limit=2**20, what="thing")


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_k01_seeds_of_other_sizes_are_one_clean_refusal(size: int) -> None:
    inner = bytes((4, size)) + bytes(size)
    algorithm = bytes.fromhex("300506032b6570")
    body = bytes.fromhex("020100") + algorithm + bytes((4, len(inner))) + inner
    der = bytes((0x30, len(body))) + body
    for data in (der, encode_pem("PRIVATE KEY", der), der.replace(b"\x65\x70", b"\x65\x71")):
        with pytest.raises(FormatError):
            private(data)


def test_k02_every_bad_point_is_refused_at_enrolment() -> None:
    bad = [*MADE_HERE.glob("pub_small_order*"), *MADE_HERE.glob("pub_noncanon*")]
    bad += [*MADE_HERE.glob("pub_mixed*"), MADE_HERE / "pub_not_on_curve.der"]
    assert len(bad) > 20
    for path in bad:
        with pytest.raises(KeyRefusedError, match="not the canonical encoding"):
            read_public_key(path.read_bytes(), allow_test_keys=True)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("pem_two_pubs.pem", "expected one PEM block, got 2"),
        ("pem_two_keys.pem", "expected one PEM block, got 2"),
        ("pem_bom.pem", "nothing before the PEM block"),
        ("pem_leading_text.pem", "nothing before the PEM block"),
        ("pem_cr.pem", "no END line"),
    ],
)
def test_k03_exactly_one_pem_block(file: str, said: str) -> None:
    data = (MADE_HERE / file).read_bytes()
    reader = read_public_key if b"PUBLIC" in data else private
    with pytest.raises(FormatError, match=said):
        reader(data)
    with pytest.raises(TooLargeError, match="16384"):
        reader(b"# comment\n" * 100_000 + data)


def test_k04_version_2_is_read_and_its_public_key_compared() -> None:
    assert private((MADE_HERE / "priv_v2_pub_match.der").read_bytes())
    with pytest.raises(MalformedError, match="not that of its seed"):
        private((MADE_HERE / "priv_v2_pub_mismatch.der").read_bytes())


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("ed25519_sk1.pub", "a FIDO key of OpenSSH"),
        ("ed25519_1-cert.pub", "an OpenSSH certificate, not a bare key"),
        ("mldsa44_ed25519_1.pub", "an OpenSSH key of another algorithm"),
    ],
)
def test_k05_the_type_string_of_an_openssh_line_comes_first(file: str, said: str) -> None:
    with pytest.raises(UnsupportedVersionError, match=said):
        read_public_key((THIRD_PARTY / "openssh" / file).read_bytes())


@pytest.mark.parametrize("kind", ["openssh_pub_mismatch_all.key", "openssh_pub_mismatch_outer.key"])
def test_k05_every_copy_of_the_public_key_in_an_openssh_file_is_the_seeds(kind: str) -> None:
    with pytest.raises(MalformedError, match="not that of its seed"):
        private((MADE_HERE / kind).read_bytes())


@pytest.mark.parametrize("kind", ["ed25519_sk1", "ed25519_sk2"])
def test_k05_a_fido_key_is_no_private_key(kind: str) -> None:
    with pytest.raises(UnsupportedVersionError, match="a FIDO key of OpenSSH"):
        private((THIRD_PARTY / "openssh" / kind).read_bytes())


@pytest.mark.parametrize(
    "file",
    [
        "priv_trailing_64.der",
        "priv_ber_indef.der",
        "priv_version2.der",
        "priv_longform_len.der",
        "pub_unused_bits.der",
        "pem_ec_label.pem",
    ],
)
def test_k06_what_openssl_reads_is_no_measure(file: str) -> None:
    data = (MADE_HERE / file).read_bytes()
    for reader in (read_public_key, private):
        with pytest.raises(FormatError):
            reader(data)


def test_k06_content_of_0_bytes_is_signed_and_verified() -> None:
    value = statement_value(size=0)
    value["subject"][0]["digest"]["sha256"] = compute_digest(b"").hex()
    signed = encode_json(document("application/vnd.in-toto+json", value, PROD, carry_key=False))
    verified = verify_statement(
        signed,
        roles=(role_of_keys((PROD.public_key,)),),
        expectation=Expectation(artifact=None, target=None, floor=0, now=None),
    )
    assert verify_content(verified, lambda _view: 0, name="empty") == compute_digest(b"")


def test_k07_hex_and_base64_have_one_spelling() -> None:
    for hexed in ("d7 5a", "d7_5a", "\u0661\u0662\u0661\u0662", "D75A", "0xd7", "d75a\n"):
        with pytest.raises(NotCanonicalError):
            decode_hex(hexed, size=2, what="thing")
    for text in ("AB==", "A*A==", "AA==junk", "AA=", "AA", " AA==", "AA==\n", "A-A=", "AA==AA=="):
        with pytest.raises(NotCanonicalError):
            decode_base64(text, what="thing")
    assert decode_base64("AA==", what="thing") == b"\0"


@pytest.mark.parametrize(
    "data",
    [
        b"NaN",
        b"Infinity",
        b"[-Infinity]",
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b"1e400",
        b"[" * 100_000,
        "{}".encode("utf-16"),
        "{}".encode("utf-32"),
        b"\xef\xbb\xbf{}",
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b"9" * 5000,
    ],
)
def test_k08_json_is_strict(data: bytes) -> None:
    with pytest.raises(FormatError):
        read_json(data)


def test_k09_no_archive_is_ever_opened(corpus: Path) -> None:
    for path in Path(signkit.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
            names.append(getattr(node, "module", None) or "")
            assert not {"tarfile", "zipfile", "shutil.unpack_archive"} & set(names), path
    for name, data in files_in(corpus / "archives"):
        for parser in PARSERS.keys() - {"path list"}:
            with pytest.raises(SignkitError):
                PARSERS[parser](data)
            assert name


def test_k10_a_signed_comment_moves_no_cursor(corpus: Path) -> None:
    """Attacker: signs a comment with escape sequences. It is refused as text, escaped when shown."""
    data = (corpus / "sig/tools_interop/m_1.bin.ms_esc_comment.minisig").read_bytes()
    assert b"\x1b" in data
    with pytest.raises(UnsupportedVersionError, match="a minisign or signify signature"):
        read_public_key(data)
    with pytest.raises(MalformedError, match=r"control character U\+001B"):
        check_text("\x1b[2K", what="reason", limit=limits.REASON_LENGTH, lines=True)
    assert "\x1b" not in escape(data.decode())


def test_k11_passphrases() -> None:
    folder = VECTORS / "keys" / "openssl"
    said = set()
    for name in ("ossl.enc.scrypt.pem", "ossl.enc.pbkdf2.pem"):
        data = (folder / name).read_bytes()
        assert private(data)
        for wrong in (b"wrong", b"correct horse ", b"x" * 1000):
            with pytest.raises(KeyLockedError) as caught:
                private(data, wrong)
            said.add((str(caught.value), caught.value.hint))
    assert len(said) == 1
    with pytest.raises(UnsupportedVersionError, match="triple DES"):
        private((folder / "neg_ossl.enc.3des.pem").read_bytes())


@pytest.mark.slow
def test_k11_the_passphrase_of_minisign(corpus: Path) -> None:
    data = (corpus / "sig" / "tools_interop" / "ms_pw.key").read_bytes()
    assert private(data)
    with pytest.raises(KeyLockedError, match="the passphrase does not open the private key"):
        private(data, b"wrong")


def test_k12_the_canonical_form_is_that_of_rfc_8785_and_twins_differ() -> None:
    folder = VECTORS / "json"
    for name in ("arrays", "french", "structures", "unicode"):
        source = (folder / "jcs" / "input" / f"{name}.json").read_bytes().replace(b"56.0", b"56")
        output = (folder / "jcs" / "output" / f"{name}.json").read_bytes()
        assert canonical_json(read_json(source)) == output
    twins = folder / "JSONTestSuite_transform"
    both = read_json((twins / "object_key_nfc_nfd.json").read_bytes())
    assert isinstance(both, dict)
    assert len(both) == 2
    for path in twins.glob("number_*"):
        with pytest.raises(MalformedError):  # none is read, so no two are ever equal
            read_json(path.read_bytes())
        assert json.loads(path.read_bytes())
