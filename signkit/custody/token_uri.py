"""PKCS#11 URIs, as far as they name a token and a key on it.

    pkcs11:token=vault;serial=7fb399aa;object=prod;id=%01

What else RFC 7512 knows is refused: a module path would be code that a document chooses, a PIN in
a command line can be read by every process of the machine, and what is not understood may be
what tells two keys apart.

Spec: RFC 7512 section 2.3; docs/formats/keys.md section 7.
"""

from __future__ import annotations

from dataclasses import dataclass

from signkit.errors import UsageError

_HEX = frozenset("0123456789abcdefABCDEF")
_FORBIDDEN = {
    "module-path": "name the module with --pkcs11-module: a key's name must not choose code",
    "module-name": "name the module with --pkcs11-module: a key's name must not choose code",
    "pin-value": "leave it out: the PIN is asked for, or read from --passphrase-file",
    "pin-source": "leave it out: the PIN is asked for, or read from --passphrase-file",
}
_EXAMPLE = "for example pkcs11:token=vault;object=prod"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUri:
    """A key on a token.

    Attributes:
        token: The token's label, or None for any.
        serial: The token's serial number, or None for any.
        label: The key's label, or None for any.
        key_id: The key's CKA_ID, or None for any.
    """

    token: str | None
    serial: str | None
    label: str | None
    key_id: bytes | None


def parse_token_uri(rest: str) -> TokenUri:
    """Parse what follows `pkcs11:`.

    Args:
        rest: Attributes, separated by semicolons, percent-encoded where they need be.

    Raises:
        UsageError: an attribute that is unknown, forbidden, empty or given twice; no token or no
            key named.
    """
    path, _, query = rest.partition("?")
    attributes = [*path.split(";"), *(query.split("&") if query else [])]
    found: dict[str, bytes] = {}
    for attribute in attributes:
        name, equals, value = attribute.partition("=")
        _check_name(name, known=bool(equals and value), twice=name in found)
        found[name] = _decode(value, name)
    if found.pop("type", b"private") != b"private":
        message = "pkcs11 URI: expected type=private or no type: a signature needs a private key"
        raise UsageError(message)
    if not {"token", "serial"} & set(found) or not {"object", "id"} & set(found):
        message = "pkcs11 URI: expected a token (token or serial) and a key on it (object or id)"
        raise UsageError(message, hint=_EXAMPLE)
    return TokenUri(
        token=_text(found, "token"),
        serial=_text(found, "serial"),
        label=_text(found, "object"),
        key_id=found.get("id"),
    )


def _check_name(name: str, *, known: bool, twice: bool) -> None:
    if name in _FORBIDDEN:
        message = f"pkcs11 URI: the attribute {name} is refused"
        raise UsageError(message, hint=_FORBIDDEN[name])
    if name not in {"token", "serial", "object", "id", "type"} or not known or twice:
        fault = "given twice" if twice else "unknown" if known else "unknown or empty"
        message = f"pkcs11 URI: the attribute {name!r:.80} is {fault}"
        raise UsageError(message, hint=_EXAMPLE)


def _decode(value: str, name: str) -> bytes:
    first, *rest = value.split("%")
    decoded = [first.encode("utf-8", "surrogateescape")]
    for piece in rest:
        if len(piece) < 2 or not set(piece[:2]) <= _HEX:
            message = f"pkcs11 URI: {name}: expected two hex digits after %"
            raise UsageError(message)
        decoded.append(bytes.fromhex(piece[:2]) + piece[2:].encode("utf-8", "surrogateescape"))
    return b"".join(decoded)


def _text(found: dict[str, bytes], name: str) -> str | None:
    value = found.get(name)
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        message = f"pkcs11 URI: {name} is not UTF-8"
        raise UsageError(message) from None
