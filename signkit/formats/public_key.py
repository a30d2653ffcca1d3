"""Public keys as bytes: every form that is written, and reading them with a reason for people.

`verify/public_key.py` reads the four forms that a device takes, and decides. Here those of other
tools are read as well, and a refusal gets to know what the file is.

Spec: docs/formats/keys.md section 3.
"""

from __future__ import annotations

from collections.abc import Callable

from signkit.errors import (
    FormatError,
    NotCanonicalError,
    TooLargeError,
    UnsupportedVersionError,
    UsageError,
)
from signkit.formats.commented import COMMENT_START, parse_commented_public
from signkit.formats.foreign import explain_key, explain_pem
from signkit.formats.jwk import JWK_START, encode_jwk, parse_jwk_public
from signkit.formats.key_form import KeyForm
from signkit.formats.minisign import encode_minisign_public
from signkit.formats.openpgp import OPENPGP_STARTS, parse_openpgp_public
from signkit.formats.openssh import (
    OPENSSH_PUBLIC_START,
    encode_openssh_public,
    parse_openssh_public,
)
from signkit.formats.signify import encode_signify_public
from signkit.verify import limits
from signkit.verify.ed25519 import PublicKey, enrol_public_key
from signkit.verify.encoding import encode_base64
from signkit.verify.pem import PEM_START, decode_pem, encode_pem
from signkit.verify.public_key import PUBLIC_LABEL, encode_public_der, parse_public_key

_WHAT = "public key"
_PEM_PUBLIC = PEM_START + f"{PUBLIC_LABEL}-----".encode("ascii")
_FORMATS: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (OPENSSH_PUBLIC_START, parse_openssh_public),
    (COMMENT_START, parse_commented_public),
    (JWK_START, parse_jwk_public),
    *((start, parse_openpgp_public) for start in OPENPGP_STARTS),
)
FOREIGN_STARTS = tuple(start for start, _parse in _FORMATS)
"""How the forms begin that other tools write, and a device does not read."""


def read_public_key(data: bytes, *, allow_test_keys: bool = False) -> PublicKey:
    """Parse a public key in any of its forms, and name what is refused.

    Args:
        data: The file: as `parse_public_key`, or the public key of OpenSSH, minisign or signify, a
            JWK, or an OpenPGP key that gpg exported.
        allow_test_keys: As `enrol_public_key`.

    Returns:
        The key, enrolled.

    Raises:
        FormatError: none of the forms; the message says what the file is, and the hint what to
            do.
        KeyRefusedError: an Ed25519 key that must not be used.

    Spec: docs/formats/keys.md sections 3 and 10 to 13.
    """
    for start, parse in _FORMATS:
        if data.startswith(start):
            _check_size(data)
            return enrol_public_key(parse(data), allow_test_keys=allow_test_keys)
    try:
        return parse_public_key(data, allow_test_keys=allow_test_keys)
    except UnsupportedVersionError:
        framed = data.startswith(_PEM_PUBLIC)
        inside = decode_pem(data, what=_WHAT)[1] if framed else data
        raise explain_key(inside, what=_WHAT) from None
    except NotCanonicalError as error:
        raise _explain(data, error) from None


def _check_size(data: bytes) -> None:
    if len(data) > limits.KEY_FILE_SIZE:
        message = (
            f"{_WHAT} is too large: expected at most {limits.KEY_FILE_SIZE} bytes, got {len(data)}"
        )
        hint = "of an OpenPGP key: gpg --export --export-options export-minimal FINGERPRINT"
        raise TooLargeError(message, hint=hint)


def _explain(data: bytes, error: FormatError) -> FormatError:
    return explain_pem(data, error, what=_WHAT) if PEM_START in data else error


def encode_public_key(key: PublicKey, form: KeyForm) -> bytes:
    """Encode a public key; text forms end in LF.

    Raises:
        UsageError: a form that only private keys have.
    """
    encode = _ENCODERS.get(form)
    if encode is None:
        message = f"{form} is a form of private keys: expected a form that public keys have"
        raise UsageError(message, hint="one of " + ", ".join(_ENCODERS))
    return encode(key)


def _encode_pem(key: PublicKey) -> bytes:
    return encode_pem(PUBLIC_LABEL, encode_public_der(key))


def _line(text: str) -> bytes:
    return text.encode("ascii") + b"\n"


_ENCODERS: dict[KeyForm, Callable[[PublicKey], bytes]] = {
    KeyForm.PEM: _encode_pem,
    KeyForm.DER: encode_public_der,
    KeyForm.RAW: lambda key: _line(encode_base64(key.raw)),
    KeyForm.HEX: lambda key: _line(key.raw.hex()),
    KeyForm.OPENSSH: lambda key: _line(encode_openssh_public(key.raw)),
    KeyForm.MINISIGN: lambda key: encode_minisign_public(key.raw),
    KeyForm.SIGNIFY: lambda key: encode_signify_public(key.raw),
    KeyForm.JWK: lambda key: encode_jwk(key.raw),
}


def encode_ssh_line(key: PublicKey) -> str:
    """Return the key as a line for OpenSSH, without a comment (RFC 8709 section 4)."""
    return encode_openssh_public(key.raw)
