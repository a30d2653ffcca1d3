"""Public keys as bytes, in every form that is written; `verify/public_key.py` reads them.

Spec: docs/formats/keys.md section 3.
"""

from __future__ import annotations

from signkit.errors import UsageError
from signkit.formats.key_form import KeyForm
from signkit.verify.ed25519 import PublicKey
from signkit.verify.encoding import encode_base64
from signkit.verify.pem import encode_pem
from signkit.verify.public_key import PUBLIC_LABEL, encode_public_der

_SSH_TYPE = b"ssh-ed25519"


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
