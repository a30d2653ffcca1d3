"""What the ledger holds of a key, an artifact, a target, a digest or a request.

The chain of all lines is followed; of the lines that may hold an answer only what is asked for is
read, which is what makes this quick. `signkit ledger verify` reads everything.

Spec: docs/formats/ledger.md section 7.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from signkit.errors import MalformedError
from signkit.station.ledger import find_in_ledger
from signkit.verify.encoding import encode_json

_SIGNED = b',"schemes":['  # once for each item that was signed: within a text, quotes are escaped
_TEXTS = ("name", "artifact", "version", "target", "content")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is looked for; what is None is not asked.

    Attributes:
        keyid: Of the key that signed.
        artifact: The item's artifact.
        target: The item's target.
        digest: SHA-256 of the item's content, lower-case hex.
        request: SHA-256 of the request file, lower-case hex.
    """

    keyid: str | None = None
    artifact: str | None = None
    target: str | None = None
    digest: str | None = None
    request: str | None = None


class Found(NamedTuple):
    """One item of one ceremony, or a ceremony that did not come to signing.

    Attributes:
        ceremony: The ledger line's number.
        time: When, by the station's clock.
        event: How the ceremony ended.
        request: SHA-256 of the request file, hex.
        key: Name of the key that signed; empty where nothing was signed.
        keyid: Its keyid, or empty.
        item: The item as the ledger spells it; None where it did not come to signing.
        reason: Why the item or the ceremony was refused; None where it was signed.
    """

    ceremony: int
    time: str
    event: str
    request: str
    key: str
    keyid: str
    item: Mapping[str, Any] | None
    reason: str | None


def search_ledger(path: Path, question: Question, *, last: int = 0) -> tuple[int, list[Found]]:
    """Find every item that answers.

    Where a key is asked for, only items that it signed; where only a request is asked for, also
    the ceremonies that did not come to signing.

    Args:
        path: The ledger.
        question: What is looked for.
        last: How many of the newest are returned; 0 for all.

    Returns:
        How many there are, and the newest of them in the ledger's order.

    Raises:
        FileError: the ledger cannot be read.
        MalformedError: the ledger is broken; the line is named.
    """
    lines, _end = find_in_ledger(path, _needles(question))
    only_key = question == Question(keyid=question.keyid)
    count, newest = 0, list[Found]()
    for number, line in reversed(lines):
        enough = 0 < last <= len(newest)
        if enough and only_key:  # the line is of the key: how many it signed can be counted as is
            count += line.count(_SIGNED)
            continue
        with _named(number):
            said = json.loads(_without_transcript(line))
            items = _matching(said, question)
        count += len(items)
        if not enough:
            newest += [_found(number, said, item) for item in reversed(items)]
    return count, newest[: last or None][::-1]


def _needles(question: Question) -> list[bytes]:
    """Return what a line's bytes hold where it has an answer: each text has one spelling."""
    hexes = (question.digest, question.request)
    needles = [f'"{each}"'.encode() for each in hexes if each is not None]
    if question.keyid is not None:
        needles.append(f'"keyid":"{question.keyid}"'.encode())
    if question.artifact is not None:
        needles.append(encode_json({"artifact": question.artifact})[1:-1])
    if question.target is not None:
        needles.append(encode_json({"target": question.target})[1:-1])
    return needles


def _without_transcript(line: bytes) -> bytes:
    """Cut the last field off: it is most of a short line, and nobody asks for it here.

    Within a text its quotes would be escaped, so these bytes stand only where the field begins.
    """
    return line[: line.rindex(b',"transcript":')] + b"}"


@contextmanager
def _named(number: int) -> Iterator[None]:
    """Name the line that does not hold what a line holds."""
    try:
        yield
    except (KeyError, TypeError, ValueError, RecursionError):
        message = f"ledger line {number} does not have the shape of one"
        hint = "signkit ledger verify says what is wrong with it"
        raise MalformedError(message, hint=hint) from None


def _matching(said: dict[str, Any], question: Question) -> list[dict[str, Any] | None]:
    """Return the items of a line that answer; [None] for a line without items that does."""
    if question.keyid is not None and (not said["key"] or said["key"]["keyid"] != question.keyid):
        return []
    if question.request is not None and said["request"]["sha256"] != question.request:
        return []
    if said["items"] == []:
        return [None] if question == Question(request=question.request) else []
    return [item for item in said["items"] if _is_asked(item, question)]


def _is_asked(item: dict[str, Any], question: Question) -> bool:
    return (
        (question.keyid is None or "schemes" in item)
        and (question.artifact is None or item["artifact"] == question.artifact)
        and (question.target is None or item["target"] == question.target)
        and (question.digest is None or item["digest"]["sha256"] == question.digest)
    )


def _found(number: int, said: dict[str, Any], item: dict[str, Any] | None) -> Found:
    with _named(number):
        key = said["key"] or {"name": "", "keyid": ""}
        return Found(
            ceremony=number,
            time=_text(said["time"]),
            event=_text(said["event"]),
            request=_text(said["request"]["sha256"]),
            key=_text(key["name"]),
            keyid=_text(key["keyid"]),
            item=None if item is None else _checked(item),
            reason=_reason(said, item),
        )


def _reason(said: dict[str, Any], item: dict[str, Any] | None) -> str | None:
    if item is None:
        return _text(said["reason"])
    return None if "schemes" in item else _text(item["error"]["message"])


def _checked(item: dict[str, Any]) -> dict[str, Any]:
    for name in _TEXTS:
        _text(item[name])
    _text(item["digest"]["sha256"])
    if not type(item["sequence"]) is type(item["size"]) is int:
        raise TypeError
    return item


def _text(value: object) -> str:
    if type(value) is not str:
        raise TypeError
    return value
