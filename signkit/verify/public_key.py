"""Public keys as files: PEM, DER, raw base64, raw hex; which of them is seen from the bytes.

Each form has one spelling. What is read is enrolled, so a key that leaves this module may verify.
What else a file may be is said by `formats/public_key.py`: a device only has to refuse it.

Spec: docs/formats/keys.md section 3; RFC 8410 section 4.
"""

from __future__ import annotations

from signkit.errors import (
    FormatError,
    NotCanonicalError,
    TooLargeError,
    UnsupportedVersionError,
)
from signkit.verify import limits
from signkit.verify.ed25519 import PUBLIC_KEY_SIZE, PublicKey, enrol_public_key
from signkit.verify.encoding import decode_base64, decode_hex
from signkit.verify.pem import PEM_START, decode_pem

PUBLIC_LABEL = "PUBLIC KEY"
# SubjectPublicKeyInfo up to the key: algorithm 1.3.101.112, BIT STRING without unused bits.
PUBLIC_PREFIX = bytes.fromhex("302a300506032b6570032100")
_PEM_PUBLIC = PEM_START + b"PUBLIC KEY-----"
_WHAT = "public key"


def parse_public_key(data: bytes, *, allow_test_keys: bool = False) -> PublicKey:
    """Parse a public key in any of its four forms.

    Args:
        data: The file: PEM, DER (44 bytes), or one line of raw base64 (44 characters) or raw hex
            (64 digits of one case).
        allow_test_keys: As `enrol_public_key`.

    Returns:
        The key, enrolled.

    Raises:
        TooLargeError: more than limits.KEY_FILE_SIZE bytes.
        NotCanonicalError: a second spelling.
        UnsupportedVersionError: none of the forms.
        KeyRefusedError: an Ed25519 key that must not be used.

    Spec: docs/formats/keys.md section 3.
    """
    if len(data) > limits.KEY_FILE_SIZE:
        message = (
            f"{_WHAT} is too large: expected at most {limits.KEY_FILE_SIZE} bytes, got {len(data)}"
        )
        raise TooLargeError(message)
    return enrol_public_key(_raw_key(data), allow_test_keys=allow_test_keys)


def encode_public_der(key: PublicKey) -> bytes:
    """Return the 44 bytes of SubjectPublicKeyInfo (RFC 8410 section 4)."""
    return PUBLIC_PREFIX + key.raw


def _raw_key(data: bytes) -> bytes:
    if PEM_START in data:
        if data.startswith(PEM_START) and not data.startswith(_PEM_PUBLIC):
            raise _foreign()
        return _from_der(decode_pem(data, what=_WHAT)[1])
    if data.startswith(PUBLIC_PREFIX[:2]):  # no line of base64 or hex starts so
        return _from_der(data)
    raw = decode_raw_key(data, size=PUBLIC_KEY_SIZE, what=_WHAT)
    if raw is None:
        raise _foreign()
    return raw


def _from_der(der: bytes) -> bytes:
    raw = der[len(PUBLIC_PREFIX) :]
    if not der.startswith(PUBLIC_PREFIX) or len(raw) != PUBLIC_KEY_SIZE:
        raise _foreign()
    return raw


def decode_raw_key(data: bytes, *, size: int, what: str) -> bytes | None:
    """Decode one line of raw base64 or raw hex; its length says which.

    Args:
        data: The file: one line, whose line end (LF or CRLF) may be missing. Hex is of one case:
            other tools write keys in upper case, none mixes.
        size: Bytes of the raw key.
        what: What the key is, for messages, which never quote it: it may be private.

    Returns:
        The raw key, or None where the line has neither length.

    Raises:
        NotCanonicalError: not base64 or hex, or a second spelling.
    """
    line = data[:-2] if data.endswith(b"\r\n") else data.removesuffix(b"\n")
    if not line.isascii():
        return None
    text = line.decode("ascii")
    try:
        if len(text) == 2 * size:
            text = text.lower() if text == text.upper() else text
            return decode_hex(text, size=size, what=what)
        if len(text) == (size + 2) // 3 * 4 and b" " not in line:
            return decode_base64(text, what=what, size=size)
    except FormatError:
        message = f"{what}: expected {size} bytes as standard base64, or as hex of one case"
        raise NotCanonicalError(message, hint="the line was altered; get the key again") from None
    return None


def _foreign() -> FormatError:
    message = f"{_WHAT}: none of PEM, DER, raw base64 and raw hex of an Ed25519 key"
    return UnsupportedVersionError(message, hint="signkit keys show FILE says what it is")
