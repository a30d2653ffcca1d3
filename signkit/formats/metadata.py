"""Custom metadata: its bounds, and the one spelling that its digest is taken of.

Spec: docs/formats/conventions.md sections 2 and 6; RFC 8785.
"""

from __future__ import annotations

from signkit.errors import MalformedError, TooLargeError
from signkit.verify import limits
from signkit.verify.encoding import encode_json, json_depth, json_kind


def check_metadata(value: object, *, what: str) -> dict[str, object]:
    """Check custom metadata: a JSON object of bounded size and depth.

    Args:
        value: What `parse_json` returned.
        what: What it is, for messages.

    Returns:
        The object itself.

    Raises:
        MalformedError: not an object, or nested deeper than limits.CUSTOM_METADATA_DEPTH.
        TooLargeError: more than limits.CUSTOM_METADATA_SIZE bytes when written compactly.
    """
    if not isinstance(value, dict):
        message = f"{what}: expected a JSON object, got {json_kind(value)}"
        raise MalformedError(message)
    if value:
        if json_depth(value) > limits.CUSTOM_METADATA_DEPTH:
            message = f"{what}: nested deeper than {limits.CUSTOM_METADATA_DEPTH} levels"
            raise MalformedError(message)
        size = len(encode_json(value))
        if size > limits.CUSTOM_METADATA_SIZE:
            message = (
                f"{what} is too large: expected at most {limits.CUSTOM_METADATA_SIZE} bytes,"
                f" got {size}"
            )
            raise TooLargeError(message)
    return value


def canonical_json(value: object) -> bytes:
    """Encode a JSON value in its one canonical spelling, for digests of metadata.

    Args:
        value: What `parse_json` returns: no floating-point numbers.

    Returns:
        RFC 8785 bytes: names sorted by UTF-16 code units, compact, UTF-8.
    """
    return encode_json(_sorted(value))


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        names = sorted(value, key=_utf16)
        return {name: _sorted(value[name]) for name in names}
    if isinstance(value, list):
        return [_sorted(member) for member in value]
    return value


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be")
