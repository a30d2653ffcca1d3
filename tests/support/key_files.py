"""Key files for tests: known keys, cheap encryption, and openssl. TEST ONLY."""

from __future__ import annotations

import subprocess
from hashlib import sha256
from pathlib import Path

from nacl.signing import SigningKey

from signkit.formats.pbes2 import ScryptCost
from signkit.formats.private_key import PrivateKey, encode_encrypted_key

VECTORS = Path(__file__).parents[1] / "vectors" / "keys"
PASSPHRASE = b"correct horse"
CHEAP = ScryptCost(n=2, r=8, p=1)

SEED = b"\x77" * 32  # published nowhere but here
PUBLIC = bytes(SigningKey(SEED).verify_key)
KEYID = sha256(PUBLIC).hexdigest()
# The "trusted" key of the registry contract's section 5.3: published, and refused unless allowed.
CONTRACT_SEED = bytes.fromhex("bba869c763d48ddb6b30272cde8481b04b52a6fdc35cdffc3c2ce1a24eb23201")
CONTRACT_PUBLIC = bytes.fromhex("47f0fdb5fa0f452262fa977e4ba310aa33df8dfc979bd38eeb99fe47227581b9")
CONTRACT_KEYID = "79b78569e8d5cc0e27b19440a897c1f3c434fcee51176defed264ba46e5baa00"
PRIVATE_PEM_SHA256 = "1255042ee563d3b69ae74a48154d19508a2afc291344eaea4f8abdfd3a496cf9"
PUBLIC_PEM_SHA256 = "b81fa3cf44cd92b8c082e7f9eaaa0c31fd17e6c0e3bce6381e9b9b197e14dace"
# PKCS#8 version 2 of our key, byte for byte as ed25519-dalek 2.2 writes it (section 3.3).
DALEK_V2 = (
    bytes.fromhex("3051020101300506032b657004220420") + SEED + bytes.fromhex("812100") + PUBLIC
)


def passphrase() -> bytes:
    """Answer as a person who knows the passphrase."""
    return PASSPHRASE


def never() -> bytes:
    """Fail: no passphrase should have been asked for."""
    message = "a passphrase was asked for"
    raise AssertionError(message)


def cheap_pem(seed: bytes = SEED, secret: bytes = PASSPHRASE) -> bytes:
    """Return an encrypted PEM that opens in no time."""
    return encode_encrypted_key(PrivateKey(seed), secret, cost=CHEAP)


def openssl(*arguments: str | Path, data: bytes = b"") -> bytes:
    """Run openssl and return its stdout; a failure is the test's."""
    done = subprocess.run(
        ["openssl", *map(str, arguments)], input=data, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
