"""Signature files of other tools: the 64 bytes in them, and which bytes they sign.

Nothing is verified here.

Spec: docs/formats/payloads.md section 2; `minisign.c` of minisign 0.11; PROTOCOL.sshsig of OpenSSH.
"""

from __future__ import annotations

from binascii import Error as BinasciiError
from binascii import a2b_base64
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b, new

from signkit.errors import MalformedError, UnsupportedVersionError
from signkit.formats.commented import ALGORITHM, COMMENT_START, NUMBER_SIZE
from signkit.formats.openssh import KEY_TYPE, SshReader, encode_ssh_string
from signkit.verify.ed25519 import PUBLIC_KEY_SIZE, SIGNATURE_SIZE

_WHAT = "signature"
_PREHASHED = b"ED"
_SSH_START = b"-----BEGIN SSH SIGNATURE-----"
_SSH_END = b"-----END SSH SIGNATURE-----"
_SSH_MAGIC = b"SSHSIG"
_SSH_HASHES = {b"sha256", b"sha512"}
_COMMENTED_SIZE = len(ALGORITHM) + NUMBER_SIZE + SIGNATURE_SIZE
_EXPECTED = (
    "expected 64 raw bytes, 128 hex digits, base64 of 64 bytes, or a minisign or signify file"
)


class SignatureForm(StrEnum):
    """How a signature is written down; the last two sign other bytes than the message."""

    RAW = "raw"
    HEX = "hex"
    BASE64 = "base64"
    MINISIGN = "minisign"
    SIGNIFY = "signify"
    PREHASHED = "minisign prehashed"
    SSHSIG = "sshsig"


@dataclass(frozen=True, slots=True, kw_only=True)
class SshFrame:
    """What SSHSIG signs beside the hash of a message.

    Attributes:
        key: The raw public key that travels along, trusted by nobody.
        namespace: What it was signed for.
        hash_name: `sha256` or `sha512`.
    """

    key: bytes
    namespace: bytes
    hash_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSignature:
    """A signature as it was found, not verified.

    Attributes:
        form: How it was written.
        signature: 64 bytes.
        frame: For SSHSIG only.
    """

    form: SignatureForm
    signature: bytes
    frame: SshFrame | None = None

    @property
    def signs_message(self) -> bool:
        """Whether it signs the message itself, as registry and devices check it."""
        return self.form not in {SignatureForm.PREHASHED, SignatureForm.SSHSIG}

    def covers(self, message: bytes) -> bytes:
        """Return the bytes that were signed if this message was meant."""
        if self.form is SignatureForm.PREHASHED:
            return blake2b(message).digest()
        if self.frame is not None:
            hashed = new(self.frame.hash_name, message).digest()
            parts = (self.frame.namespace, b"", self.frame.hash_name.encode("ascii"), hashed)
            return _SSH_MAGIC + encode_ssh_string(*parts)
        return message


def parse_signature_file(data: bytes) -> FoundSignature:
    """Parse a signature file.

    Args:
        data: The file.

    Raises:
        MalformedError: of no form that is known; the message says what it looks like.
        UnsupportedVersionError: another algorithm than Ed25519.
    """
    if len(data) == SIGNATURE_SIZE:
        return FoundSignature(form=SignatureForm.RAW, signature=data)
    if data.startswith(_SSH_START):
        return _parse_sshsig(data)
    if data.startswith(COMMENT_START):
        return _parse_commented(data)
    text = b"".join(data.split())
    for form, decode in ((SignatureForm.HEX, _from_hex), (SignatureForm.BASE64, _from_base64)):
        signature = decode(text)
        if signature is not None and len(signature) == SIGNATURE_SIZE:
            return FoundSignature(form=form, signature=signature)
    message = f"{_WHAT}: {_EXPECTED}; got {_describe(data, text)}"
    raise MalformedError(message, hint="sign again with the line that SIGN.txt gives")


def _from_hex(text: bytes) -> bytes | None:
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError:
        return None


def _from_base64(text: bytes) -> bytes | None:
    """Decode either alphabet, padded or not: what verifies was right, however it was spelled."""
    standard = text.translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return a2b_base64(standard + b"=" * (-len(standard) % 4), strict_mode=True)
    except (BinasciiError, ValueError):
        return None


_LIKELY = {
    32: "that is a digest or a key",
    57: "that is a key of Ed448",
    114: "that is a signature of Ed448",
    128: "perhaps a signature with the message behind it",
    256: "that is a signature of RSA",
    384: "that is a signature of RSA",
    512: "that is a signature of RSA",
}
_STARTS = {
    b"-----BEGIN PGP": "an OpenPGP signature, which signs other bytes",
    b"-----BEGIN PKCS7": "a CMS signature, which signs other bytes",
    b"-----BEGIN CMS": "a CMS signature, which signs other bytes",
    b"-----BEGIN PUBLIC": "a public key",
    b"-----BEGIN": "a PEM file that is no signature",
}


def _describe(data: bytes, text: bytes) -> str:
    """Say what bytes look like that are no signature."""
    for start, what in _STARTS.items():
        if data.startswith(start):
            return what
    for form, decode in (("hex", _from_hex), ("base64", _from_base64)):
        raw = decode(text) if text else None
        if raw is not None:
            return f"{form} of {_size(raw)}"
    return _size(data)


def _size(raw: bytes) -> str:
    likely = _LIKELY.get(len(raw))
    if raw[:1] == b"\x30" and len(raw) in range(68, 73):
        likely = "that is a signature of ECDSA"
    return f"{len(raw)} bytes" + (f": {likely}" if likely else "")


def _parse_commented(data: bytes) -> FoundSignature:
    lines = data.replace(b"\r\n", b"\n").removesuffix(b"\n").split(b"\n")
    blob = _from_base64(lines[1]) if len(lines) in {2, 4} else None
    if blob is None or len(blob) != _COMMENTED_SIZE:
        message = f"{_WHAT}: expected the two lines of signify or the four of minisign, 74 bytes in base64"
        raise MalformedError(message, hint="a key file? the signature is a file of its own")
    algorithm, signature = blob[: len(ALGORITHM)], blob[-SIGNATURE_SIZE:]
    if algorithm == _PREHASHED:
        return FoundSignature(form=SignatureForm.PREHASHED, signature=signature)
    if algorithm != ALGORITHM:
        message = f"{_WHAT}: expected the algorithm Ed, Ed25519, got another one"
        raise UnsupportedVersionError(message)
    form = SignatureForm.SIGNIFY if len(lines) == 2 else SignatureForm.MINISIGN
    return FoundSignature(form=form, signature=signature)


def _parse_sshsig(data: bytes) -> FoundSignature:
    body, _, rest = data.removeprefix(_SSH_START).partition(_SSH_END)
    blob = _from_base64(b"".join(body.split()))
    if blob is None or rest.strip() or not blob.startswith(_SSH_MAGIC):
        message = f"{_WHAT}: not an SSHSIG of the expected shape"
        raise MalformedError(message, hint="copy it again from where it was made")
    reader = SshReader(blob.removeprefix(_SSH_MAGIC), what=_WHAT)
    version = reader.number()
    key = _typed(reader.string(), size=PUBLIC_KEY_SIZE)
    namespace, _reserved, hash_name = reader.string(), reader.string(), reader.string()
    signature = _typed(reader.string(), size=SIGNATURE_SIZE)
    reader.done()
    if version != 1 or hash_name not in _SSH_HASHES:
        message = f"{_WHAT}: expected SSHSIG version 1 with sha256 or sha512"
        raise UnsupportedVersionError(message)
    frame = SshFrame(key=key, namespace=namespace, hash_name=hash_name.decode("ascii"))
    return FoundSignature(form=SignatureForm.SSHSIG, signature=signature, frame=frame)


def _typed(blob: bytes, *, size: int) -> bytes:
    """Return what stands behind the type of an SSH key or signature, which must be Ed25519's."""
    reader = SshReader(blob, what=_WHAT)
    kind = reader.string()
    if kind != KEY_TYPE:
        message = f"{_WHAT}: expected ssh-ed25519, got {kind.decode('utf-8', 'replace')!r:.80}"
        raise UnsupportedVersionError(
            message, hint="FIDO keys and other algorithms sign other bytes"
        )
    raw = reader.string(size=size)
    reader.done()
    return raw
