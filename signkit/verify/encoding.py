"""Bytes to plain values, strictly: JSON, hex, base64, times, and an object's fields.

Each thing has one spelling. What is read here is decoded, encoded again and compared, so that
no two byte strings mean the same key, digest or signature. Only FormatError leaves this module.

The scanner is the one that `json` uses, CPython's compiled one. `json` itself loads `re`, which costs a
device a sixth of a verdict on a small file, so it is loaded only to say what is wrong.

Spec: docs/formats/conventions.md; RFC 8259, RFC 7493 (I-JSON), RFC 4648, RFC 3339.
Controls: SK-FORMAT-JSON, SK-FORMAT-SPELLING, SK-FORMAT-CLOSED, SK-FORMAT-TEXT
(docs/design/assurance.md).
"""

from __future__ import annotations

from _json import encode_basestring, make_scanner
from binascii import Error as BinasciiError
from binascii import a2b_base64, b2a_base64

from signkit.errors import MalformedError, NotCanonicalError, TooLargeError
from signkit.verify import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def parse_json(data: bytes, *, limit: int, what: str) -> object:
    """Parse one JSON text.

    Args:
        data: The bytes as read: UTF-8 without a byte order mark.
        limit: The most bytes accepted.
        what: What the bytes are, for messages ("request", "statement").

    Returns:
        dict, list, str, int, bool or None. Floating-point numbers are refused.

    Raises:
        TooLargeError: data is longer than limit.
        MalformedError: not UTF-8, not JSON, a name twice, a number that is not an integer of
            at most 53 bits, a lone surrogate, or nested too deeply.

    Spec: docs/formats/conventions.md section 2.
    """
    if len(data) > limit:
        message = f"{what} is too large: expected at most {limit} bytes, got {len(data)}"
        raise TooLargeError(message)
    try:
        text = data.decode("utf-8")
        value = _decode(text)
        # No more containers than levels allowed: most documents need no second look.
        if text.count("[") + text.count("{") > limits.JSON_DEPTH < json_depth(value):
            raise RecursionError
        if "\\u" in text:  # only an escape can smuggle a lone surrogate past the decoder
            encode_json(value)
    except UnicodeDecodeError as error:
        message = f"{what} is not UTF-8: byte {error.start} cannot be decoded"
        raise MalformedError(message) from None
    except UnicodeEncodeError:
        message = f"{what} holds a lone surrogate, which no UTF-8 text can hold"
        raise MalformedError(message) from None
    except RecursionError:
        message = f"{what} is nested too deeply: expected at most {limits.JSON_DEPTH} levels"
        raise MalformedError(message) from None
    except ValueError as error:  # json.JSONDecodeError
        said, place = str(error.msg).lower(), error.pos  # type: ignore[attr-defined]
        message = f"{what} is not JSON: {said} at character {place}"
        raise MalformedError(message) from None
    except MalformedError as error:
        message = f"{what} {error}"
        raise MalformedError(message) from None
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                message = f"holds the name {_short(name)} twice in one object"
                raise MalformedError(message)
            seen.add(name)
    return value


def _integer(text: str) -> int:
    if len(text) > 17 or abs(value := int(text)) > limits.INTEGER_MAX:
        message = f"holds the number {text[:24]}: expected an integer of at most 53 bits"
        raise MalformedError(message)
    if text == "-0":
        message = "holds the number -0: expected 0"
        raise MalformedError(message)
    return value


def _float(text: str) -> NoReturn:
    message = f"holds the number {text[:24]}: expected an integer"
    raise MalformedError(message)


class _Rules:
    """What the scanner asks of whoever makes it."""

    strict = True  # no control characters in texts
    object_hook = None
    object_pairs_hook = staticmethod(_object)
    parse_int = staticmethod(_integer)
    parse_float = parse_constant = staticmethod(_float)


_SCAN = make_scanner(_Rules)  # type: ignore[arg-type]
_SPACE = " \t\n\r"


def _decode(text: str) -> object:
    try:
        value, end = _SCAN(text, len(text) - len(text.lstrip(_SPACE)))
        if not text[end:].strip(_SPACE):
            return value
    except (
        StopIteration,
        SystemError,
        ValueError,
    ):  # SystemError: `json`, which it asks, is not there
        pass
    import json  # refuses as well, and says what is wrong and where

    return json.loads(
        text,
        object_pairs_hook=_object,
        parse_int=_integer,
        parse_float=_float,
        parse_constant=_float,
    )


def encode_json(value: object) -> bytes:
    """Encode one value the way every signkit document is written.

    Returns:
        Compact UTF-8 JSON: no white space, names in the order given, nothing escaped that
        need not be.

    Spec: docs/formats/conventions.md section 2.
    """
    from json import dumps

    return dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


encode_text = encode_basestring
"""Encode one text as `encode_json` does, and return it as text."""


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


def decode_hex(text: str, *, size: int, what: str) -> bytes:
    """Decode lower-case hex.

    Args:
        text: Exactly 2 * size characters of 0-9 and a-f.
        size: Bytes expected.
        what: What is decoded, for messages.

    Raises:
        NotCanonicalError: another length, an upper-case digit or any other character.
    """
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != size or value.hex() != text:
        message = f"{what}: expected {2 * size} lower-case hex digits, got {_short(text)}"
        raise NotCanonicalError(message)
    return value


def decode_base64(text: str, *, what: str, size: int | None = None) -> bytes:
    """Decode standard padded base64 (RFC 4648 section 4).

    Args:
        text: No white space, padding present, unused bits zero.
        what: What is decoded, for messages.
        size: Bytes expected, or None for any number.

    Raises:
        NotCanonicalError: anything that does not encode back to the same text.
        MalformedError: another size.
    """
    try:
        value = a2b_base64(text.encode("ascii"), strict_mode=True)
    except (BinasciiError, UnicodeEncodeError):
        value = None
    if value is None or encode_base64(value) != text:
        message = f"{what}: expected standard padded base64, got {_short(text)}"
        raise NotCanonicalError(message)
    if size is not None and len(value) != size:
        message = f"{what}: expected {size} bytes in base64, got {len(value)}"
        raise MalformedError(message)
    return value


def encode_base64(data: bytes) -> str:
    """Encode standard padded base64 without line breaks (RFC 4648 section 4)."""
    return b2a_base64(data, newline=False).decode("ascii")


def _short(text: str) -> str:
    return repr(text) if len(text) <= 40 else f"{text[:40]!r}... ({len(text)} characters)"


def check_time(text: str, *, what: str) -> str:
    """Check a time: `YYYY-MM-DDThh:mm:ssZ`, RFC 3339 in UTC with whole seconds.

    One spelling of a fixed width, so times compare as text does.

    Returns:
        The text itself.

    Raises:
        MalformedError: another shape, or a date or time that does not exist.
    """
    if len(text) == _TIME_LENGTH and text.isascii() and text.translate(_SHAPE) == _TIME_SHAPE:
        year, month, day = int(text[0:4]), int(text[5:7]), int(text[8:10])
        hour, minute, second = int(text[11:13]), int(text[14:16]), int(text[17:19])
        exists = year > 0 and 0 < day <= _days(year, month)
        if exists and hour < 24 and minute < 60 and second < 60:
            return text
    message = f"{what}: expected a UTC time such as 2026-01-31T12:00:00Z, got {_short(text)}"
    raise MalformedError(message)


_TIME_SHAPE = "0000-00-00T00:00:00Z"
_TIME_LENGTH = len(_TIME_SHAPE)
_SHAPE = {ord(digit): "0" for digit in "123456789"}
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _days(year: int, month: int) -> int:
    """Return how many days a month has; 0 where there is no such month."""
    if not 1 <= month <= len(_DAYS):
        return 0
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _DAYS[month - 1] + (leap and month == 2)


def check_text(text: str, *, what: str, limit: int, lines: bool = False) -> str:
    """Check free text or a name: not too long, and no control characters.

    Args:
        text: The text.
        what: What it is, for messages.
        limit: The most characters.
        lines: Whether line feeds may stand in it.

    Returns:
        The text itself.

    Raises:
        TooLargeError: more than limit characters.
        MalformedError: empty, a control character (C0, DEL, C1), or a lone surrogate.
    """
    if not text:
        message = f"{what} is empty"
        raise MalformedError(message)
    if len(text) > limit:
        message = f"{what} is too long: expected at most {limit} characters, got {len(text)}"
        raise TooLargeError(message)
    if text.isprintable():
        return text
    for character in text:
        point = ord(character)
        control = point < 0x20 or 0x7F <= point < 0xA0 or 0xD800 <= point < 0xE000
        if control and not (lines and character == "\n"):
            message = f"{what} holds the control character U+{point:04X}"
            raise MalformedError(message)
    return text


def check_name(text: str, *, what: str) -> str:
    """Check the name of a content file: one path component that no system reads as a path.

    Raises:
        TooLargeError, MalformedError: as `check_text`, or a separator, or a dot name.
    """
    if not (text.isprintable() and 0 < len(text) <= limits.NAME_LENGTH):
        check_text(text, what=what, limit=limits.NAME_LENGTH)
    if "/" in text or "\\" in text or text in {".", ".."}:
        message = f"{what}: expected a plain file name, got {_short(text)}"
        raise MalformedError(message)
    return text


def json_depth(value: object) -> int:
    """Return how many containers of a JSON value stand in one another; 0 for a plain value."""
    depth, level = 0, [value] if type(value) is dict or type(value) is list else []
    while level:
        depth += 1
        level = [
            member
            for container in level
            for member in (container.values() if type(container) is dict else container)
            if type(member) is dict or type(member) is list
        ]
    return depth


def json_kind(value: object) -> str:
    """Return the JSON name of a value's type, with its article."""
    if value is None:
        return "null"
    names = {dict: "an object", list: "an array", str: "a text", bool: "true or false"}
    return names.get(type(value), "a number")


class Fields:
    """The fields of one JSON object, each read once; `done` refuses what is left over.

    Raises:
        MalformedError: from every method: a field is missing, unknown or wrong; it is named.
        TooLargeError: a text or array is longer than its limit.
        NotCanonicalError: a digest in a second spelling.
    """

    __slots__ = ("_rest", "_where")

    def __init__(self, value: object, where: str) -> None:
        if type(value) is not dict:
            message = f"{where}: expected an object, got {json_kind(value)}"
            raise MalformedError(message)
        self._rest: dict[str, object] = dict(value)
        self._where = where

    def take(self, name: str) -> object:
        """Return a field that must be there, of any type."""
        try:
            return self._rest.pop(name)
        except KeyError:
            message = f"{self._where}: the field {name!r} is missing"
            raise MalformedError(message) from None

    def has(self, name: str) -> bool:
        """Say whether a field is there and not yet read."""
        return name in self._rest

    def text(self, name: str, *, limit: int = limits.INTEGER_MAX) -> str:
        """Return a text of at most limit characters, nothing else checked."""
        value = self.take(name)
        if type(value) is not str:
            self._wrong(name, "a text", value)
        if len(value) > limit:
            message = (
                f"{self._where}.{name} is too long: expected at most {limit} characters,"
                f" got {len(value)}"
            )
            raise TooLargeError(message)
        return value

    def label(self, name: str, *, limit: int = limits.LABEL_LENGTH) -> str:
        """Return a text without control characters, 1 to limit characters."""
        return check_text(self.text(name), what=f"{self._where}.{name}", limit=limit)

    def integer(self, name: str, *, least: int = 0, most: int = limits.INTEGER_MAX) -> int:
        """Return an integer from least to most."""
        value = self.take(name)
        if type(value) is not int:
            self._wrong(name, "an integer", value)
        if not least <= value <= most:
            message = f"{self._where}.{name}: expected {least} to {most}, got {value}"
            raise MalformedError(message)
        return value

    def array(self, name: str, *, least: int = 0, most: int) -> list[object]:
        """Return an array of least to most members."""
        value = self.take(name)
        if type(value) is not list:
            self._wrong(name, "an array", value)
        if len(value) > most:
            message = (
                f"{self._where}.{name} is too long: expected at most {most} members,"
                f" got {len(value)}"
            )
            raise TooLargeError(message)
        if len(value) < least:
            message = f"{self._where}.{name}: expected at least {least} members, got {len(value)}"
            raise MalformedError(message)
        return value

    def member(self, name: str) -> Fields:
        """Return an object's fields."""
        return Fields(self.take(name), f"{self._where}.{name}")

    def sha256(self, name: str) -> bytes:
        """Return the 32 bytes of a digest object `{"sha256": hex}`."""
        value = self.take(name)
        text = value.get("sha256") if type(value) is dict and len(value) == 1 else None
        if type(text) is not str:
            self._wrong(name, 'a digest {"sha256": hex}', value)
        return decode_hex(text, size=32, what=f"{self._where}.{name}.sha256")

    def time(self, name: str) -> str:
        """Return a time as text, checked."""
        return check_time(self.text(name), what=f"{self._where}.{name}")

    def is_null(self, name: str) -> bool:
        """Say whether a field is there and null; it is read then."""
        if self._rest.get(name, "") is not None:
            return False
        del self._rest[name]
        return True

    def optional_time(self, name: str) -> str | None:
        """Return a time as text, or None where the field is null."""
        return None if self.is_null(name) else self.time(name)

    def constant(self, name: str, expected: str) -> None:
        """Refuse any value but the expected one."""
        value = self.take(name)
        if value != expected:
            got = _short(value) if type(value) is str else json_kind(value)
            message = f"{self._where}.{name}: expected {expected!r}, got {got}"
            raise MalformedError(message)

    def done(self) -> None:
        """Refuse every field that was not read."""
        for name in self._rest:
            message = f"{self._where}: unknown field {name[:80]!r}"
            raise MalformedError(message)

    def _wrong(self, name: str, expected: str, value: object) -> NoReturn:
        message = f"{self._where}.{name}: expected {expected}, got {json_kind(value)}"
        raise MalformedError(message)
