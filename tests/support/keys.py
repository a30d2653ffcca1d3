"""Deterministic keys. TEST ONLY: their seeds are published here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nacl.signing import SigningKey

from signkit.model.request import Item, Request
from signkit.schemes.table import find_scheme
from signkit.verify.ed25519 import PublicKey, enrol_public_key


@dataclass(frozen=True)
class KeyOfTest:
    """A signer whose seed is one byte, 32 times."""

    name: str
    byte: int

    @property
    def _key(self) -> SigningKey:
        return SigningKey(bytes([self.byte]) * 32)

    @property
    def seed(self) -> bytes:
        """The 32 bytes that everybody knows."""
        return bytes([self.byte]) * 32

    @property
    def public_key(self) -> PublicKey:
        """The enrolled public half."""
        return enrol_public_key(bytes(self._key.verify_key))

    def sign(self, message: bytes) -> bytes:
        """Sign with libsodium; the product signs with OpenSSL, so the two check each other."""
        return self._key.sign(message).signature

    def sign_item(self, scheme: str, item: Item, request: Request) -> str | Mapping[str, object]:
        """Sign one item, whatever it is."""
        return find_scheme(scheme).sign(self, item, request)


class PublishedKey(KeyOfTest):
    """A signer whose seed is on the list: refused wherever a person does not allow it."""

    @property
    def public_key(self) -> PublicKey:
        """The public half, enrolled as a test key."""
        return enrol_public_key(bytes(self._key.verify_key), allow_test_keys=True)


REQUESTER = KeyOfTest("requester", 0x11)
STATION = KeyOfTest("station", 0x22)
PROD = KeyOfTest("prod", 0x33)
SPARE = KeyOfTest("spare", 0x44)
ROOT = KeyOfTest("root", 0x55)
STRANGER = KeyOfTest("stranger", 0x66)
PUBLISHED = PublishedKey("published", 0x00)
