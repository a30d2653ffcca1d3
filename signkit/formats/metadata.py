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


def check_exact(value: object, *, what: str) -> None:
    """Refuse what canonical JSON has not: fractions, long numbers, and values of other formats.

    Args:
        value: What a parser of JSON or TOML returned.
        what: What it is, for messages.

    Raises:
        MalformedError: holds a fraction, an integer beyond 53 bits, or a date.
    """
    rest = [value]
    while rest:
        member = rest.pop()
        if isinstance(member, dict):
            rest.extend(member.values())
        elif isinstance(member, list):
            rest.extend(member)
        elif not (member is None or isinstance(member, str | int)) or (
            isinstance(member, int) and abs(member) > limits.INTEGER_MAX
        ):
            message = (
                f"{what}: expected texts, integers of at most 53 bits, true and false, got {member}"
            )
            raise MalformedError(message, hint="write it as a text, in quotes")
