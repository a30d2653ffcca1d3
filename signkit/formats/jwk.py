"""Ed25519 keys as JWK, public and private: one JSON object.

Spec: docs/formats/keys.md section 12; RFC 7517 section 4, RFC 8037 section 2, RFC 9864 section 2.2.
"""

from __future__ import annotations

from signkit.errors import FormatError, MalformedError, NotCanonicalError, UnsupportedVersionError
from signkit.formats.found_key import FoundKey
from signkit.verify import limits
from signkit.verify.encoding import decode_base64, encode_base64, encode_json, parse_json

JWK_START = b"{"
_KEY_SIZE = 32
_KEY_TYPE = "OKP"
_CURVE = "Ed25519"
_REQUIRED = ("kty", "crv", "x")
_OTHER_TYPES = {
    "RSA": "an RSA key",
    "EC": "an elliptic-curve (ECDSA) key",
    "oct": "a symmetric key",
    "AKP": "a post-quantum key",
}
# What other tools add. It must not contradict what the key is for; what it says is not kept.
_ALGORITHMS = ("EdDSA", "Ed25519")
_OPERATIONS = ("sign", "verify")
_OTHER_CURVES = ("X25519", "X448", "Ed448")


def parse_jwk_public(data: bytes) -> bytes:
    """Parse a public key.

    Args:
        data: The file: a JSON object without the member `d`.

    Returns:
        The raw key of 32 bytes, not enrolled.

    Raises:
        MalformedError, NotCanonicalError: not strict JSON, a member too many, missing or wrong.
        UnsupportedVersionError: another key type or curve, a key set, or a private key.

    Spec: docs/formats/keys.md section 12; RFC 8037 section 2.
    """
    members = _parse(data, what="public key")
    if "d" in members:
        message = "public key: expected an Ed25519 public key, got a private key"
        hint = (
            "nobody but its custodian needs it; take the public key: signkit keys convert --public"
        )
        raise UnsupportedVersionError(message, hint=hint)
    return _decode(members, "x", what="public key")


def parse_jwk_private(data: bytes) -> FoundKey:
    """Parse a private key.

    Args:
        data: The file: a JSON object with the member `d`.

    Raises:
        FormatError: as `parse_jwk_public`, the other way round.

    Spec: docs/formats/keys.md section 12; RFC 8037 section 2.
    """
    what = "private key"
    members = _parse(data, what=what)
    if "d" not in members:
        message = f"{what}: expected an Ed25519 private key, got a public key"
        raise UnsupportedVersionError(message, hint="signing needs the private key of the pair")
    comment = members.get("kid")
    return FoundKey(
        seed=_decode(members, "d", what=what),
        publics=(_decode(members, "x", what=what),),
        comment=comment if isinstance(comment, str) else None,
    )


def is_private_jwk(data: bytes) -> bool:
    """Say whether a JSON object looks like a private key; a wrong answer ends in a refusal."""
    return data.startswith(JWK_START) and b'"d"' in data


def _parse(data: bytes, *, what: str) -> dict[str, object]:
    try:
        value = parse_json(data, limit=limits.KEY_FILE_SIZE, what=what)
    except FormatError:
        # The parser's own words quote names and numbers of the file, which may be private.
        message = f"{what}: not JSON as docs/formats/conventions.md section 2 has it"
        raise MalformedError(message) from None
    if not isinstance(value, dict):
        message = f"{what}: expected a JSON object"
        raise MalformedError(message)
    if "keys" in value:
        message = f"{what}: expected one JWK, got a set of them"
        raise UnsupportedVersionError(message, hint="keep one key a file")
    _check_kind(value, what=what)
    _check_members(value, what=what)
    return value


def _check_kind(members: dict[str, object], *, what: str) -> None:
    kind, curve = members.get("kty"), members.get("crv")
    if kind == _KEY_TYPE and curve == _CURVE:
        return
    name = "JSON that is no JWK of an Ed25519 key"
    if isinstance(kind, str):
        name = _OTHER_TYPES.get(kind, name)
    if kind == _KEY_TYPE and isinstance(curve, str) and curve in _OTHER_CURVES:
        name = f"a key of the curve {curve}"
    message = f"{what}: expected an Ed25519 key, got {name}"
    hint = "signkit signs with Ed25519 only; make a key: signkit keys new NAME"
    raise UnsupportedVersionError(message, hint=hint)


def _check_members(members: dict[str, object], *, what: str) -> None:
    for name, value in members.items():
        if name not in {*_REQUIRED, "d"} and not _is_harmless(name, value):
            message = (
                f"{what}: a member of the JWK is unknown or contradicts an Ed25519 signing key"
            )
            hint = (
                "expected kty, crv, x, for a private key d, and perhaps kid, alg, use, key_ops, ext"
            )
            raise MalformedError(message, hint=hint)


def _is_harmless(name: str, value: object) -> bool:
    if name == "key_ops":
        return isinstance(value, list) and all(each in _OPERATIONS for each in value)
    if name == "alg":
        return value in _ALGORITHMS
    if name == "kid":
        return isinstance(value, str)
    return (name == "use" and value == "sig") or (name == "ext" and isinstance(value, bool))


def _decode(members: dict[str, object], name: str, *, what: str) -> bytes:
    """Decode base64url without padding (RFC 7515 section 2)."""
    text = members.get(name)
    standard = ""  # which no 32 bytes are spelled as
    if isinstance(text, str) and not set("+/=") & set(text):
        standard = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
    try:
        return decode_base64(standard, what=what, size=_KEY_SIZE)
    except FormatError:
        message = f"{what}: expected {_KEY_SIZE} bytes as unpadded base64url in the member {name}"
        raise NotCanonicalError(message, hint="the file was altered; get the key again") from None


def encode_jwk(public: bytes, *, seed: bytes | None = None) -> bytes:
    """Encode a key with the members that it must have and no others; ends in LF.

    Args:
        public: 32 bytes.
        seed: 32 private bytes, or None for a public key.
    """
    value = {"kty": _KEY_TYPE, "crv": _CURVE, "x": _encode(public)}
    if seed is not None:
        value["d"] = _encode(seed)
    return encode_json(value) + b"\n"


def _encode(raw: bytes) -> str:
    return encode_base64(raw).rstrip("=").replace("+", "-").replace("/", "_")
