"""A back end whose private key lies in this process's memory: of key files, and of `mem:` in tests."""

from __future__ import annotations

from cryptography.hazmat.backends.openssl import backend
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from signkit.formats.private_key import PrivateKey
from signkit.verify.ed25519 import PublicKey


class SoftwareSigner:
    """Signs with a key in memory.

    Attributes:
        name: What people call the key.
        public_key: Its public key.
        warnings: What the operator should know about how the key is kept.
    """

    __slots__ = ("_signing_key", "name", "public_key", "warnings")

    def __init__(self, key: PrivateKey, *, name: str, warnings: tuple[str, ...] = ()) -> None:
        self._signing_key = Ed25519PrivateKey.from_private_bytes(key.seed)
        self.name = name
        self.public_key: PublicKey = key.public_key
        self.warnings = warnings

    def sign(self, message: bytes) -> bytes:
        """Sign a message as it is; 64 bytes."""
        return self._signing_key.sign(message)

    def __repr__(self) -> str:
        """Name the key without a private byte."""
        return f"SoftwareSigner(name={self.name!r}, keyid={self.public_key.keyid!r})"


def openssl_version() -> str:
    """Return the version of the OpenSSL that signs, in its own words."""
    return backend.openssl_version_text()
