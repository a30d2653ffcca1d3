"""The two-line files of minisign and signify: an untrusted comment, and one line of base64.

Both tools write the same public key: `Ed`, a key number of 8 bytes, the key. Their private keys
have modules of their own.

Spec: docs/formats/keys.md section 11.
"""

from __future__ import annotations

from hashlib import sha256

from signkit.errors import FormatError, MalformedError, NotCanonicalError, UnsupportedVersionError
from signkit.verify.encoding import decode_base64, encode_base64

COMMENT_START = b"untrusted comment: "
ALGORITHM = b"Ed"
NUMBER_SIZE = 8
_COMMENT_SIZE = 1024  # bytes, as both tools allow
_PUBLIC_SIZE = len(ALGORITHM) + NUMBER_SIZE + 32
_SIGNATURE_SIZE = len(ALGORITHM) + NUMBER_SIZE + 64
_AGAIN = "the file was altered; get the key again"


def decode_commented(data: bytes, *, what: str) -> tuple[str, bytes]:
    """Decode a file of two lines.

    Args:
        data: The file. CRLF is accepted on both lines; the last line end may be missing.
        what: What the file is, for messages.

    Returns:
        The comment, which nothing protects and which is escaped before it is shown, and what the
        base64 says.

    Raises:
        MalformedError: not two lines, or a comment of more than 1,024 bytes.
        NotCanonicalError: a second spelling.
        UnsupportedVersionError: a signature, not a key.
    """
    text = data.replace(b"\r\n", b"\n") if data.count(b"\n") == data.count(b"\r\n") else data
    lines = text.removesuffix(b"\n").split(b"\n")
    if b"\ntrusted comment: " in text:
        raise _is_signature(what)
    if len(lines) != 2 or not lines[0].startswith(COMMENT_START):
        message = f"{what}: expected an untrusted comment and one line of base64, nothing else"
        raise MalformedError(message, hint=_AGAIN)
    comment = lines[0].removeprefix(COMMENT_START)
    if len(comment) > _COMMENT_SIZE:
        message = f"{what}: expected a comment of at most {_COMMENT_SIZE} bytes, got {len(comment)}"
        raise MalformedError(message)
    try:
        blob = decode_base64(lines[1].decode("ascii"), what=what)
    except (UnicodeDecodeError, FormatError):
        message = f"{what}: expected standard base64 under the untrusted comment"
        raise NotCanonicalError(message, hint=_AGAIN) from None
    if len(blob) == _SIGNATURE_SIZE:
        raise _is_signature(what)
    return comment.decode("utf-8", "replace"), blob


def encode_commented(comment: str, blob: bytes) -> bytes:
    """Encode a file of two lines; the comment is our own and without a line end."""
    return COMMENT_START + f"{comment}\n{encode_base64(blob)}\n".encode()


def parse_commented_public(data: bytes) -> bytes:
    """Parse the public key file of minisign or signify.

    Args:
        data: The file, which starts with `COMMENT_START`.

    Returns:
        The raw key of 32 bytes, not enrolled. The key number is dropped: it identifies nothing.

    Raises:
        FormatError: as `decode_commented`, another algorithm, or another kind of file.
    """
    what = "public key"
    _, blob = decode_commented(data, what=what)
    if len(blob) != _PUBLIC_SIZE:
        message = f"{what}: expected {_PUBLIC_SIZE} bytes in base64, got {len(blob)}"
        hint = "a private key? take its public half: signkit keys convert --public"
        raise MalformedError(message, hint=hint)
    check_algorithm(blob, what=what)
    return blob[len(ALGORITHM) + NUMBER_SIZE :]


def check_algorithm(blob: bytes, *, what: str) -> None:
    """Refuse any algorithm but `Ed`, Ed25519.

    Raises:
        UnsupportedVersionError: another one.
    """
    if not blob.startswith(ALGORITHM):
        message = f"{what}: expected the algorithm Ed, Ed25519, got another one"
        raise UnsupportedVersionError(message)


def key_number(raw: bytes) -> bytes:
    """Return the number that a written key gets: the first 8 bytes of its keyid.

    The tools draw it by chance and compare it between key and signature. Ours follows from the
    key, so that public and private files written at different times are a pair.
    """
    return sha256(raw).digest()[:NUMBER_SIZE]


def encode_commented_public(raw: bytes, *, comment: str) -> bytes:
    """Encode the public key file of minisign or signify."""
    return encode_commented(comment, ALGORITHM + key_number(raw) + raw)


def _is_signature(what: str) -> UnsupportedVersionError:
    message = f"{what}: expected an Ed25519 key, got a minisign or signify signature"
    return UnsupportedVersionError(message, hint="name the key's own file")
