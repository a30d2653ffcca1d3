"""Canonical S-expressions, in which GnuPG's agent writes keys and signatures.

    (7:sig-val(5:eddsa(1:r32:...)(1:s32:...)))

Spec: draft-rivest-sexp-13 section 6.1, without display hints; docs/formats/keys.md section 15.
"""

from __future__ import annotations

from signkit.errors import MalformedError, TooLargeError

Sexp = bytes | tuple["Sexp", ...]
"""A string of bytes, or a list of more."""

_SIZE = 4096
_DEPTH = 8
_DIGITS = 4  # of a length
_WHAT = "S-expression"


def parse_sexp(data: bytes) -> Sexp:
    """Parse one canonical S-expression.

    Args:
        data: At most 4,096 bytes, lists at most 8 deep.

    Raises:
        TooLargeError: larger or deeper.
        MalformedError: anything but one canonical S-expression.
    """
    if len(data) > _SIZE:
        message = f"{_WHAT} is too large: expected at most {_SIZE} bytes, got {len(data)}"
        raise TooLargeError(message)
    open_lists: list[list[Sexp]] = [[]]
    place = 0
    while place < len(data):
        start = data[place : place + 1]
        if start == b"(":
            open_lists.append([])
            if len(open_lists) > _DEPTH + 1:
                message = f"{_WHAT} is nested too deeply: expected at most {_DEPTH} lists"
                raise TooLargeError(message)
            place += 1
        elif start == b")" and len(open_lists) > 1:
            done = tuple(open_lists.pop())
            open_lists[-1].append(done)
            place += 1
        else:
            text, place = _read_string(data, place)
            open_lists[-1].append(text)
    if len(open_lists) != 1 or len(open_lists[0]) != 1:
        message = f"{_WHAT}: expected one, whole"
        raise MalformedError(message)
    return open_lists[0][0]


def _read_string(data: bytes, place: int) -> tuple[bytes, int]:
    digits, colon, _ = data[place : place + _DIGITS + 1].partition(b":")
    canonical = digits.isdigit() and (digits == b"0" or not digits.startswith(b"0"))
    start = place + len(digits) + 1
    end = start + int(digits) if canonical else 0
    if not colon or not canonical or end > len(data):
        message = f"{_WHAT}: expected a length and as many bytes at place {place}"
        raise MalformedError(message)
    return data[start:end], end


def encode_sexp(value: Sexp) -> bytes:
    """Encode a canonical S-expression."""
    if isinstance(value, bytes):
        return str(len(value)).encode("ascii") + b":" + value
    return b"(" + b"".join(map(encode_sexp, value)) + b")"


def find_part(value: Sexp, *path: bytes) -> bytes | None:
    """Return the one string of the list that a path of names leads to; None where there is none.

    Args:
        value: A list whose first string is its name.
        path: The name of a list in it, of a list in that, and so on.
    """
    for name in path:
        if isinstance(value, bytes):
            return None
        value = next((each for each in value[1:] if _name(each) == name), b"")
    if isinstance(value, bytes) or len(value) != 2 or not isinstance(value[1], bytes):
        return None
    return value[1]


def _name(value: Sexp) -> Sexp:
    return value[0] if isinstance(value, tuple) and value else ()
