"""PEM: one block, one spelling.

What is read is decoded, encoded again and compared. So there is nothing before or after the block,
no header, no second block, no other line length: no two readers can see two keys in one file.

Spec: docs/formats/keys.md section 2; RFC 7468 section 2, narrowed.
"""

from __future__ import annotations

from binascii import Error as BinasciiError
from binascii import a2b_base64

from signkit.errors import NotCanonicalError
from signkit.verify.encoding import encode_base64

PEM_START = b"-----BEGIN "
_LINE = 64  # characters of base64


def encode_pem(label: str, der: bytes) -> bytes:
    """Encode one block: LF line ends, 64 characters a line, LF at the end."""
    text = encode_base64(der)
    lines = [text[place : place + _LINE] for place in range(0, len(text), _LINE)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode(
        "ascii"
    )


def decode_pem(data: bytes, *, what: str) -> tuple[str, bytes]:
    """Decode a file that is exactly one block.

    Args:
        data: The file. CRLF line ends are accepted where every line has them; the last line end
            may be missing.
        what: What the file is, for messages.

    Returns:
        The label ("PUBLIC KEY") and the decoded bytes, which are not looked at here.

    Raises:
        NotCanonicalError: no block, more than one, anything around it, or any other spelling of
            the same block; `formats/foreign.py` says which.
    """
    text = data.replace(b"\r\n", b"\n") if data.count(b"\n") == data.count(b"\r\n") else data
    lines = text.removesuffix(b"\n").split(b"\n")
    try:
        label = lines[0].removeprefix(PEM_START).removesuffix(b"-----").decode("ascii")
        der = a2b_base64(b"".join(lines[1:-1]), strict_mode=True)
    except (BinasciiError, UnicodeDecodeError):
        raise _refusal(what) from None
    if encode_pem(label, der).removesuffix(b"\n") != b"\n".join(lines):
        raise _refusal(what)
    return label, der


def _refusal(what: str) -> NotCanonicalError:
    message = (
        f"{what} is not canonical PEM: expected BEGIN and END lines with one label, between them"
        f" base64 in lines of {_LINE} characters, and nothing else"
    )
    return NotCanonicalError(message, hint="let openssl pkey -in FILE write it anew")
