"""The Ed25519 vectors, through each verifier by a road that it really has.

- *library*: `enrol_public_key` and `verify_signature`, in this process, on the bare vector.
- *pyz*: the same two functions of dist/signkit-verify.pyz, on the bare vector, in one isolated
  interpreter that imports signkit from that file only (it checks that), which answers line by line.
- *registry check*: the function that POST /binary_signatures calls, on a key and a binary as
  records. It tries the binary's hash as text and as bytes, so the vector's message in hex stands for
  the hash; it enrols the key first, so a vector whose key is refused is refused with it.
- *signkit verify* and *signkit-verify.pyz*, as commands: neither takes a bare message, and no
  vector's message is a statement. Each vector's key comes in as `--key` and its signature in the
  statement's envelope, which must be refused without a traceback, the key by its own code where
  enrolment refuses it. What must be accepted are statements signed with the seeds of sign.jsonl; with
  L added to S they must be refused. All in this process, and every n-th as a process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from signkit.custody.software import SoftwareSigner
from signkit.device.main import run
from signkit.errors import MalformedError
from signkit.formats.private_key import PrivateKey
from signkit.verify.ed25519 import PublicKey, enrol_public_key, verify_signature
from signkit.verify.encoding import encode_base64, encode_json
from signkit.verify.envelope import pre_authentication_encoding
from tests.support.corpus.table import ACCEPT, REJECT, Table
from tests.support.documents import CONTENT, STATEMENT_TYPE, statement_value

Vector = dict[str, Any]
ORDER = 2**252 + 27742317777372353535851937790883648493
# Exit codes of a verdict: verified; no key file or a refused key; a statement that is refused.
VERIFIED, KEY_REFUSED, STATEMENT_REFUSED = {0}, {3, 4}, {11}
CHILD = """
import json, sys
sys.path.insert(0, sys.argv[1])
from signkit.errors import SignkitError
from signkit.verify import ed25519
if not ed25519.__file__.startswith(sys.argv[1]):
    raise SystemExit("not imported from the pyz: " + ed25519.__file__)
def answer(read):
    try:
        read()
    except SignkitError:
        return "reject"
    return "accept"
for line in sys.stdin:
    raw, message, signature = map(bytes.fromhex, json.loads(line))
    bare = ed25519.PublicKey(raw=raw, keyid="0" * 64)
    print(
        answer(lambda: ed25519.enrol_public_key(raw, allow_test_keys=True)),
        answer(lambda: ed25519.verify_signature(bare, message, signature))
        if len(raw) == 32 else "reject",
    )
"""


def lines_of(path: Path) -> list[Vector]:
    """Return the vectors of a file, one a line."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def bytes_of(vector: Vector) -> tuple[bytes, bytes, bytes]:
    """Return key, message and signature."""
    raw, message, signature = (bytes.fromhex(vector[name]) for name in ("pub", "msg", "sig"))
    return raw, message, signature


def name_of(vector: Vector) -> str:
    """Return what a vector is called."""
    return f"{vector['suite']} {vector['id']}"


def key_wanted(vector: Vector) -> str | None:
    """Return what enrolment must say of a vector's key; None where the corpus leaves it open."""
    if "enrol" in vector or len(vector["pub"]) != 64:
        return REJECT
    return ACCEPT if vector["expect"] == ACCEPT else None


def verify(raw: bytes, message: bytes, signature: bytes) -> None:
    """Answer for a signature alone, whatever enrolment says of the key."""
    if len(raw) != 32:
        raise MalformedError("not a key")
    verify_signature(PublicKey(raw=raw, keyid="0" * 64), message, signature)


def run_library(table: Table, vectors: Iterable[Vector], *, suite: str = "verify.jsonl") -> None:
    """Run bare vectors through the library."""
    for vector in vectors:
        raw, message, signature = bytes_of(vector)
        case = name_of(vector)
        table.run(
            f"{suite}: signatures",
            "library",
            case,
            want=vector["expect"],
            read=lambda: verify(raw, message, signature),  # noqa: B023  (called at once)
        )
        table.run(
            f"{suite}: keys",
            "library",
            case,
            want=key_wanted(vector),
            read=lambda: enrol_public_key(raw, allow_test_keys=True),  # noqa: B023
        )


def run_pyz(table: Table, vectors: Sequence[Vector], pyz: Path) -> None:
    """Run bare vectors through the modules of the pyz, in an interpreter of their own."""
    sent = "".join(json.dumps([v["pub"], v["msg"], v["sig"]]) + "\n" for v in vectors)
    done = subprocess.run(
        [sys.executable, "-I", "-c", CHILD, str(pyz)],
        input=sent,
        capture_output=True,
        text=True,
        check=False,
    )
    answers = [line.split() for line in done.stdout.splitlines()]
    answers += [["traceback", "traceback"]] * (len(vectors) - len(answers))
    for vector, (key, signature) in zip(vectors, answers, strict=True):
        case, said = name_of(vector), done.stderr[-500:]
        row = ("verify.jsonl: signatures", "pyz", case)
        table.count(*row, want=vector["expect"], got=signature, said=said)
        row = ("verify.jsonl: keys", "pyz", case)
        table.count(*row, want=key_wanted(vector), got=key, said=said)


def run_registry(table: Table, vectors: Iterable[Vector]) -> None:
    """Run bare vectors through the check of POST /binary_signatures."""
    from signkit.registry.resources.signing import verify_over_hash
    from signkit.registry.tables import SigningKey as KeyRecord

    for vector in vectors:
        raw, _, signature = bytes_of(vector)
        key = KeyRecord(value=encode_base64(raw), keyid=sha256(raw).hexdigest())
        table.run(
            "verify.jsonl: signatures",
            "registry check",
            name_of(vector),
            want=REJECT if key_wanted(vector) == REJECT else vector["expect"],
            read=lambda: verify_over_hash(key, vector["msg"], signature.hex()),  # noqa: B023
        )


@dataclass(frozen=True)
class Offer:
    """A key file and a statement, as a device gets them; `codes` are the right exit codes."""

    case: str
    key: bytes
    statement: bytes
    want: str
    codes: set[int]


def _envelope(payload: bytes, keyid: str, signature: bytes) -> bytes:
    value = {
        "payload": encode_base64(payload),
        "payloadType": STATEMENT_TYPE,
        "signatures": [{"keyid": keyid, "sig": encode_base64(signature)}],
    }
    return encode_json(value)


def foreign_offers(vectors: Iterable[Vector]) -> Iterator[Offer]:
    """Each vector's key, and its signature on a statement that it never signed."""
    payload = encode_json(statement_value())
    for vector in vectors:
        raw, _, signature = bytes_of(vector)
        statement = _envelope(payload, sha256(raw).hexdigest(), signature)
        # Refused for the right reason: a mistake in this harness must not look like a refusal.
        codes = {
            REJECT: KEY_REFUSED,
            ACCEPT: STATEMENT_REFUSED,
            None: KEY_REFUSED | STATEMENT_REFUSED,
        }[key_wanted(vector)]
        yield Offer(name_of(vector), raw.hex().encode(), statement, REJECT, codes)


def signed_offers(vectors: Iterable[Vector]) -> Iterator[Offer]:
    """A statement signed with each published seed, and the same with L added to S."""
    payload = encode_json(statement_value())
    message = pre_authentication_encoding(STATEMENT_TYPE, payload)
    for vector in vectors:
        signed = SigningKey(bytes.fromhex(vector["seed"])).sign(message).signature
        raw = bytes.fromhex(vector["pub"])
        more = (int.from_bytes(signed[32:], "little") + ORDER).to_bytes(32, "little")
        for signature, want, codes in (
            (signed, ACCEPT, VERIFIED),
            (signed[:32] + more, REJECT, STATEMENT_REFUSED),
        ):
            statement = _envelope(payload, sha256(raw).hexdigest(), signature)
            yield Offer(f"{name_of(vector)} {want}", raw.hex().encode(), statement, want, codes)


def _write(folder: Path, offer: Offer) -> list[str]:
    (folder / "model.bin").write_bytes(CONTENT)
    (folder / "key").write_bytes(offer.key)
    (folder / "statement").write_bytes(offer.statement)
    named = [str(folder / name) for name in ("model.bin", "key", "statement")]
    return [named[0], "--key", named[1], "--statement", named[2], "--allow-test-keys"]


def run_command(table: Table, suite: str, offers: Iterable[Offer], folder: Path) -> None:
    """Run the command's main in this process."""
    for offer in offers:
        code, said = call(run, _write(folder, offer))
        _judge(table, suite, "signkit verify, in process", offer, code=code, said=said)


def call(main: Any, arguments: list[str]) -> tuple[int, str]:
    """Run a main function and return its exit code and all that it printed; -1 for a traceback."""
    out, err = (TextIOWrapper(BytesIO(), encoding="utf-8") for _ in range(2))
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = main(arguments, program="signkit verify") if main is run else main(arguments)
    except Exception as error:
        return -1, repr(error)
    said = b""
    for stream in (out, err):
        stream.flush()
        said += stream.buffer.getvalue()
    return code, said.decode("utf-8")


def run_processes(
    table: Table,
    suite: str,
    offers: Iterable[Offer],
    folder: Path,
    named: tuple[str, Sequence[str]],
) -> None:
    """Run a command, given with its name, as real processes, two at a time."""
    from concurrent.futures import ThreadPoolExecutor

    name, command = named

    def start(numbered: tuple[int, Offer]) -> tuple[Offer, int, str]:
        number, offer = numbered
        place = folder / f"{os.path.basename(command[-1])}-{number}"
        place.mkdir(exist_ok=True)
        arguments = [*command, *_write(place, offer)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        return offer, done.returncode, done.stdout + done.stderr

    with ThreadPoolExecutor(2) as pool:
        for offer, code, said in pool.map(start, enumerate(offers)):
            _judge(table, suite, name, offer, code=code, said=said)


def _judge(table: Table, suite: str, verifier: str, offer: Offer, *, code: int, said: str) -> None:
    got = offer.want if code in offer.codes else f"exit code {code}"
    if code == -1 or "Traceback" in said:
        got = "traceback"
    table.count(suite, verifier, offer.case, want=offer.want, got=got, said=said[-500:])


def run_signing(table: Table, vectors: Iterable[Vector]) -> None:
    """What signkit signs is byte for byte what was published."""
    for vector in vectors:
        raw, message, signature = bytes_of(vector)
        key = PrivateKey(bytes.fromhex(vector["seed"]), allow_test_keys=True)
        same = key.public_key.raw == raw
        same = same and SoftwareSigner(key, name="test").sign(message) == signature
        got = ACCEPT if same else REJECT
        table.count("sign.jsonl: byte-equal", "library", name_of(vector), want=ACCEPT, got=got)


def context_vectors(path: Path) -> list[Vector]:
    """Return the vectors of Ed25519ctx and Ed25519ph, in the shape of the others."""
    fields = {"pub": "publicKey", "msg": "message", "sig": "signature"}
    return [
        {
            "suite": each["alg"],
            "id": each["name"],
            "expect": REJECT,
            **{name: each[field] for name, field in fields.items()},
        }
        for each in json.loads(path.read_text())
    ]
