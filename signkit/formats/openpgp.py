"""OpenPGP public keys as gpg exports them, read for one thing: the raw Ed25519 primary key.

Read here and not by gpg: that would put a program, a home folder and a key ring under a reader that
needs 51 bytes. No signature is checked, also none of the key by itself, so user ids, expiry and
preferences mean nothing here; a revocation is taken at its word. Never written: an OpenPGP
key carries a signature by its own private half, which is for gpg to make.

Spec: docs/formats/keys.md section 13; RFC 9580 sections 4.2, 5.5.2.2, 6.2 and 10.1.
"""

from __future__ import annotations

from binascii import Error as BinasciiError
from binascii import a2b_base64
from collections.abc import Iterator
from typing import Final, NoReturn

from signkit.errors import MalformedError, NotCanonicalError, UnsupportedVersionError
from signkit.verify.encoding import encode_base64
from signkit.verify.pem import PEM_START

OPENPGP_STARTS: Final = (
    PEM_START + b"PGP PUBLIC KEY BLOCK-----",
    b"\x98",  # packets: a public key, whose length has one byte
    b"\x99",  # two bytes
    b"\xc6",  # or is written the new way
    *(b"\x94", b"\x95", b"\xc5"),  # a private key, to say so
)
_END = b"-----END PGP PUBLIC KEY BLOCK-----"
_LINE = 64  # characters of base64
_HEADERS = (b"Version: ", b"Comment: ", b"Charset: ", b"Hash: ")
_CRC_START, _CRC_POLYNOMIAL = 0xB704CE, 0x864CFB
_PUBLIC_KEY = 6
_SIGNATURE = 2
_SECRET_TAGS = (5, 7)
_OTHER_TAGS = (_SIGNATURE, 12, 13, 14, 17)  # trust, user id, subkey, user attribute
_REVOCATION = 0x20
_EDDSA = 22
_ED25519_OID = bytes.fromhex("092b06010401da470f01")  # with its length; 1.3.6.1.4.1.11591.15.1
_POINT_START = bytes.fromhex("010740")  # an MPI of 263 bits, whose first byte is 0x40
_KEY_SIZE = 32
_NAMES = {
    1: "an RSA key",
    2: "an RSA key",
    3: "an RSA key",
    16: "an Elgamal key",
    17: "a DSA key",
    18: "an ECDH key, which cannot sign",
    19: "an elliptic-curve (ECDSA) key",
    _EDDSA: "an EdDSA key of another curve",
}
_WHAT = "public key"
_EXPORT = "export it again: gpg --export --export-options export-minimal FINGERPRINT"


def parse_openpgp_public(data: bytes) -> bytes:
    """Parse a transferable public key, armored or not, for its primary key.

    Args:
        data: The file, which starts with one of `OPENPGP_STARTS`.

    Returns:
        The raw key of 32 bytes, not enrolled. Nothing in the file has been verified.

    Raises:
        MalformedError, NotCanonicalError: not exactly one key, or another shape.
        UnsupportedVersionError: a private key, a revoked one, or one of another kind, by name.

    Spec: docs/formats/keys.md section 13.
    """
    packets = list(_packets(_dearmor(data) if data.startswith(PEM_START) else data))
    tag, body = packets[0] if packets else (0, b"")
    if tag in _SECRET_TAGS:
        message = (
            f"{_WHAT}: expected an OpenPGP public key, got a private one, which only gpg opens"
        )
        raise UnsupportedVersionError(message, hint=_EXPORT)
    if tag != _PUBLIC_KEY:
        _refuse("it does not start with a public key")
    for other, content in packets[1:]:
        _check_other(other, content)
    return _read_key(body)


def _check_other(tag: int, content: bytes) -> None:
    if tag == _PUBLIC_KEY:
        message = f"{_WHAT}: expected one OpenPGP key, got more"
        raise MalformedError(message, hint=_EXPORT)
    if tag not in _OTHER_TAGS:
        _refuse(f"a packet of kind {tag} does not belong there")
    if tag == _SIGNATURE and content[1:2] == bytes((_REVOCATION,)):
        message = f"{_WHAT}: this OpenPGP key is revoked"
        raise UnsupportedVersionError(message, hint="ask its owner for the one that is in use")


def _read_key(body: bytes) -> bytes:
    """Read a version 4 public key packet (RFC 9580 sections 5.5.2.2 and 5.5.5.5)."""
    if body[:1] != b"\x04":
        message = f"{_WHAT}: expected an OpenPGP key of version 4"
        raise UnsupportedVersionError(message)
    algorithm = body[5:6]  # after the version and the time of creation
    curve, point = body[6 : 6 + len(_ED25519_OID)], body[6 + len(_ED25519_OID) :]
    if algorithm != bytes((_EDDSA,)) or curve != _ED25519_OID:
        name = _NAMES.get(int.from_bytes(algorithm), "a key of another algorithm")
        message = f"{_WHAT}: expected an Ed25519 key, got {name} of OpenPGP"
        hint = "signkit signs with Ed25519 only; make a key: signkit keys new NAME"
        raise UnsupportedVersionError(message, hint=hint)
    raw = point[len(_POINT_START) :]
    if not point.startswith(_POINT_START) or len(raw) != _KEY_SIZE:
        _refuse("its point is not 0x40 and 32 bytes")
    return raw


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Return tag and contents of each packet; partial and indeterminate lengths are refused."""
    place = 0
    while place < len(data):
        head = data[place]
        if not head & 0x80:
            _refuse("a packet does not start as one")
        if head & 0x40:
            tag, (size, start) = head & 0x3F, _new_length(data, place + 1)
        else:
            tag, (size, start) = head >> 2 & 0x0F, _old_length(data, place + 1, head & 3)
        body = data[start : start + size]
        if len(body) != size:
            _refuse("a packet is cut off")
        yield tag, body
        place = start + size


def _old_length(data: bytes, place: int, kind: int) -> tuple[int, int]:
    if kind == 3:
        _refuse("a packet has no length")
    width = 1 << kind
    return _number(data, place, width), place + width


def _new_length(data: bytes, place: int) -> tuple[int, int]:
    first = _number(data, place, 1)
    if first < 192:
        return first, place + 1
    if first < 224:
        return ((first - 192) << 8) + _number(data, place + 1, 1) + 192, place + 2
    if first < 255:
        _refuse("a packet comes in parts")
    return _number(data, place + 1, 4), place + 5


def _number(data: bytes, place: int, width: int) -> int:
    field = data[place : place + width]
    if len(field) != width:
        _refuse("a packet is cut off")
    return int.from_bytes(field)


def _dearmor(data: bytes) -> bytes:
    """Decode exactly one armored block; headers are skipped (RFC 9580 section 6.2)."""
    text = data.replace(b"\r\n", b"\n") if data.count(b"\n") == data.count(b"\r\n") else data
    lines = text.removesuffix(b"\n").split(b"\n")
    body = lines[1:-1]
    while body and body[0].startswith(_HEADERS):
        body.pop(0)
    checksum = body.pop() if body and body[-1].startswith(b"=") else None
    try:
        binary = a2b_base64(b"".join(body[1:]), strict_mode=True)
    except BinasciiError:
        binary = b""
    fits = checksum is None or checksum == b"=" + encode_base64(_crc24(binary)).encode("ascii")
    if not fits or [lines[0], *body, lines[-1]] != _armor_lines(binary):
        message = f"{_WHAT} is not canonical OpenPGP armor: expected one block and nothing else"
        raise NotCanonicalError(message, hint=_EXPORT)
    return binary


def _armor_lines(binary: bytes) -> list[bytes]:
    text = encode_base64(binary).encode("ascii")
    rows = [text[place : place + _LINE] for place in range(0, len(text), _LINE)]
    return [OPENPGP_STARTS[0], b"", *rows, _END]


def _crc24(data: bytes) -> bytes:
    crc = _CRC_START
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc = crc << 1 ^ (_CRC_POLYNOMIAL if crc & 0x800000 else 0)
            crc &= 0xFFFFFF
    return crc.to_bytes(3)


def _refuse(reason: str) -> NoReturn:
    message = f"{_WHAT} is not an OpenPGP key of the expected shape: {reason}"
    raise MalformedError(message, hint=_EXPORT)
