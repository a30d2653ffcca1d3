"""Digests and keys as people compare them: hex in groups of four, and words.

Spec: docs/formats/conventions.md section 3.
"""

from __future__ import annotations

from hashlib import sha256

from signkit.formats.words import encode_words
from signkit.verify.ed25519 import PublicKey

_GROUP = 4
_ROW = 8  # groups or words


def hex_rows(digest: bytes) -> tuple[str, ...]:
    """Return lower-case hex in groups of four digits, eight groups a row."""
    text = digest.hex()
    groups = [text[place : place + _GROUP] for place in range(0, len(text), _GROUP)]
    return _rows(groups)


def word_rows(digest: bytes) -> tuple[str, ...]:
    """Return one word a byte, eight words a row."""
    return _rows(encode_words(digest))


def fingerprint_digest(key: PublicKey) -> bytes:
    """Return what a key's fingerprint spells: SHA-256 of the raw key, the keyid's 32 bytes."""
    return sha256(key.raw).digest()


def _rows(words: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(" ".join(words[place : place + _ROW]) for place in range(0, len(words), _ROW))
