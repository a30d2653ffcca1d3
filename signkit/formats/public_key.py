"""Public keys as bytes: every form that is written, and reading them with a reason for people.

`verify/public_key.py` reads the forms and decides; here a refusal gets to know what the file is.

Spec: docs/formats/keys.md section 3.
"""

from __future__ import annotations

from signkit.errors import FormatError, NotCanonicalError, UnsupportedVersionError, UsageError
from signkit.formats.foreign import explain_key, explain_pem
from signkit.formats.key_form import KeyForm
from signkit.verify.ed25519 import PublicKey
from signkit.verify.encoding import encode_base64
from signkit.verify.pem import PEM_START, decode_pem, encode_pem
from signkit.verify.public_key import PUBLIC_LABEL, encode_public_der, parse_public_key

_SSH_TYPE = b"ssh-ed25519"
_WHAT = "public key"
_PEM_PUBLIC = PEM_START + f"{PUBLIC_LABEL}-----".encode("ascii")


def read_public_key(data: bytes, *, allow_test_keys: bool = False) -> PublicKey:
    """Parse a public key as `parse_public_key` does, and name what is refused.

    Args:
        data: The file.
        allow_test_keys: As `enrol_public_key`.

    Returns:
        The key, enrolled.

    Raises:
        FormatError: as `parse_public_key`; the message says what the file is, and the hint what
            to do.
        KeyRefusedError: an Ed25519 key that must not be used.

    Spec: docs/formats/keys.md section 6.
    """
    try:
        return parse_public_key(data, allow_test_keys=allow_test_keys)
    except UnsupportedVersionError:
        framed = data.startswith(_PEM_PUBLIC)
        inside = decode_pem(data, what=_WHAT)[1] if framed else data
        raise explain_key(inside, what=_WHAT) from None
    except NotCanonicalError as error:
        raise _explain(data, error) from None


def _explain(data: bytes, error: FormatError) -> FormatError:
    return explain_pem(data, error, what=_WHAT) if PEM_START in data else error


def encode_public_key(key: PublicKey, form: KeyForm) -> bytes:
    """Encode a public key; text forms end in LF.

    Raises:
        UsageError: a form that only private keys have.
    """
    if form is KeyForm.PEM:
        return encode_pem(PUBLIC_LABEL, encode_public_der(key))
    if form is KeyForm.DER:
        return encode_public_der(key)
    if form is KeyForm.RAW:
        return encode_base64(key.raw).encode("ascii") + b"\n"
    if form is KeyForm.HEX:
        return key.raw.hex().encode("ascii") + b"\n"
    message = f"{form} is a form of private keys: expected pem, der, raw or hex"
    raise UsageError(message)


def encode_ssh_line(key: PublicKey) -> str:
    """Return the key as a line for OpenSSH, without a comment (RFC 8709 section 4)."""
    fields = b"".join(len(field).to_bytes(4) + field for field in (_SSH_TYPE, key.raw))
    return f"ssh-ed25519 {encode_base64(fields)}"
