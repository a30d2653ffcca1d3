"""Where the list of published test keys comes from: `python -m tests.support.published_keys` prints it.

Every Ed25519 key of the shared security corpus that enrolment would take otherwise, the keys of RFC
8032 and RFC 8410, those of the registry contract's section 5.3, and the seeds that somebody tries
first. The keys of our own tests are not among them: their seeds are published nowhere else.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from nacl.bindings import crypto_core_ed25519_is_valid_point
from nacl.signing import SigningKey

from signkit.errors import SignkitError
from signkit.formats.private_key import parse_private_key
from signkit.formats.public_key import read_public_key

SEEDS = {
    "all bits zero": bytes(32),
    "all bits one": b"\xff" * 32,
    "counting from 0": bytes(range(32)),
    "counting from 1": bytes(range(1, 33)),
    "RFC 8032 section 7.1, test 1": bytes.fromhex(
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    ),
    "RFC 8410 section 10.3": bytes.fromhex(
        "d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842"
    ),
    "registry contract section 5.3, trusted": bytes.fromhex(
        "bba869c763d48ddb6b30272cde8481b04b52a6fdc35cdffc3c2ce1a24eb23201"
    ),
}
UNTRUSTED = "4eeb722e37511af396923c095f75b776962464d0ac382885b405a8711b4120cd"  # contract, 5.3
_SSH_LINE = re.compile(rb"ssh-ed25519 (AAAA[0-9A-Za-z+/=]+)")
_SSH_FIELD = b"ssh-ed25519\0\0\0\x20"
_SSH_BLOCK = re.compile(rb"-----BEGIN OPENSSH PRIVATE KEY-----([^-]+)-----END")
_COMMENTED_SIZE = 42  # minisign and signify: algorithm, key id, key


def published_keys(corpus: Path) -> set[bytes]:
    """Return the raw keys, read from the corpus and the lists above."""
    found = {bytes(SigningKey(seed).verify_key) for seed in SEEDS.values()}
    found.add(bytes.fromhex(UNTRUSTED))
    for name, field in (("verify.jsonl", "pub"), ("sign.jsonl", "pub")):
        lines = (corpus / "ed25519" / name).read_text().splitlines()
        found |= {bytes.fromhex(json.loads(line)[field]) for line in lines}
    others = json.loads((corpus / "ed25519" / "ctx_ph.json").read_text())
    found |= {bytes.fromhex(vector["publicKey"]) for vector in others}
    for folder in ("keys", "sig"):
        for path in sorted((corpus / folder).rglob("*")):
            if path.is_file():
                found |= set(_keys_in(path.read_bytes()))
    return {raw for raw in found if len(raw) == 32 and crypto_core_ed25519_is_valid_point(raw)}


def _keys_in(data: bytes) -> Iterator[bytes]:
    with suppress(SignkitError):
        yield read_public_key(data, allow_test_keys=True).raw
    with suppress(SignkitError):
        opened = parse_private_key(data, passphrase=lambda: b"correct horse", allow_test_keys=True)
        yield opened.key.public_key.raw
    blobs = [b64decode(line) for line in _SSH_LINE.findall(data)]
    blobs += [b64decode(block) for block in _SSH_BLOCK.findall(data)]
    for blob in blobs:
        for part in blob.split(_SSH_FIELD)[1:]:
            yield part[:32]
    if data.startswith(b"untrusted comment:"):
        with suppress(ValueError, IndexError):
            blob = b64decode(data.split(b"\n")[1], validate=True)
            if len(blob) == _COMMENTED_SIZE:
                yield blob[-32:]


def prefixes(keys: set[bytes]) -> list[str]:
    """Return what the package holds of each key: base64 of the keyid's first six bytes, sorted."""
    return sorted(b64encode(sha256(raw).digest()[:6]).decode() for raw in keys)


def main() -> None:
    """Print the list as it stands in signkit/verify/published.py."""
    listed = prefixes(published_keys(Path(__file__).parents[3] / "shared" / "security"))
    for place in range(0, len(listed), 11):
        print(" ".join(listed[place : place + 11]))


if __name__ == "__main__":
    main()
