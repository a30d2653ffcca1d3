"""DER, as little of it as key files need, read strictly.

Lengths are minimal, tags are single bytes, nothing follows the end. BER is refused.

Spec: X.690 sections 8 and 10.
"""

from __future__ import annotations

from typing import NoReturn

from signkit.errors import MalformedError

INTEGER = 0x02
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
SEQUENCE = 0x30
_LONG = 0x80


def encode_der(tag: int, *contents: bytes) -> bytes:
    """Encode one value from its contents, joined."""
    content = b"".join(contents)
    size = len(content)
    if size < _LONG:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, _LONG | len(length))) + length + content


def encode_der_integer(value: int) -> bytes:
    """Encode an INTEGER, 0 or more."""
    return encode_der(INTEGER, value.to_bytes(value.bit_length() // 8 + 1))


class DerReader:
    """The values of one DER string, read in order; `done` refuses what is left over.

    Every method raises MalformedError, which says `what` the bytes are.
    """

    __slots__ = ("_place", "_rest", "_what")

    def __init__(self, data: bytes, *, what: str) -> None:
        self._rest = data
        self._place = 0
        self._what = what

    def has(self, tag: int) -> bool:
        """Say whether the next value has a tag."""
        return self._rest[self._place : self._place + 1] == bytes((tag,))

    def take(self, tag: int) -> bytes:
        """Return the contents of the next value, which must have the tag."""
        if not self.has(tag):
            self._refuse(f"expected tag {tag:#04x}")
        start = self._place + 2
        size = self._byte(self._place + 1)
        if size >= _LONG:
            count = size - _LONG
            length = self._rest[start : start + count]
            size = int.from_bytes(length)
            start += count
            if size < _LONG or length[0] == 0:
                self._refuse("a length is not minimal")
        content = self._rest[start : start + size]
        if len(content) != size:
            self._refuse("a value is cut off")
        self._place = start + size
        return content

    def inner(self, tag: int = SEQUENCE) -> DerReader:
        """Return a reader of the next value's contents."""
        return DerReader(self.take(tag), what=self._what)

    def integer(self, *, most: int) -> int:
        """Return an INTEGER from 0 to most."""
        content = self.take(INTEGER)
        value = int.from_bytes(content, signed=True)
        if not 0 <= value <= most or encode_der_integer(value) != encode_der(INTEGER, content):
            self._refuse(f"expected an integer from 0 to {most}")
        return value

    def done(self) -> None:
        """Refuse bytes that were not read."""
        if self._place != len(self._rest):
            self._refuse(f"{len(self._rest) - self._place} bytes too many")

    def _byte(self, place: int) -> int:
        if place >= len(self._rest):
            self._refuse("a value is cut off")
        return self._rest[place]

    def _refuse(self, reason: str) -> NoReturn:
        message = f"{self._what} is not DER of the expected shape: {reason}"
        raise MalformedError(message)
