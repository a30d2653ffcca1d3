"""What the ledger holds of a key, an artifact, a target, a digest or a request.

The chain of all lines is followed; of the lines that may hold an answer only what is asked for is
read, which is what makes this quick. `signkit ledger verify` reads everything.

Spec: docs/formats/ledger.md section 7.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from signkit.errors import MalformedError
from signkit.station.ledger import find_in_ledger
from signkit.verify.encoding import encode_json

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


def search_ledger(path: Path, question: Question) -> list[Found]:
    """Return every item that answers, in the ledger's order.

    Where a key is asked for, only items that it signed; where only a request is asked for, also
    the ceremonies that did not come to signing.

    Raises:
        FileError: the ledger cannot be read.
        MalformedError: the ledger is broken; the line is named.
    """
    lines, _end = find_in_ledger(path, _needles(question))
    return [found for number, line in lines for found in _read(number, line, question)]


def _needles(question: Question) -> list[bytes]:
    """Return what a line's bytes hold where it has an answer: each text has one spelling."""
    hexes = (question.keyid, question.digest, question.request)
    needles = [f'"{each}"'.encode() for each in hexes if each is not None]
    if question.artifact is not None:
        needles.append(encode_json({"artifact": question.artifact})[1:-1])
    if question.target is not None:
        needles.append(encode_json({"target": question.target})[1:-1])
    return needles


def _read(number: int, line: bytes, question: Question) -> list[Found]:
    try:
        return list(_answers(number, json.loads(line), question))
    except (KeyError, TypeError, ValueError, RecursionError):
        message = f"ledger line {number} does not have the shape of one"
        hint = "signkit ledger verify says what is wrong with it"
        raise MalformedError(message, hint=hint) from None


def _answers(number: int, said: dict[str, Any], question: Question) -> Iterator[Found]:
    key = said["key"] or {"name": "", "keyid": ""}
    found = Found(
        ceremony=number,
        time=_text(said["time"]),
        event=_text(said["event"]),
        request=_text(said["request"]["sha256"]),
        key=_text(key["name"]),
        keyid=_text(key["keyid"]),
        item=None,
        reason=None,
    )
    if question.request not in {None, found.request} or question.keyid not in {None, found.keyid}:
        return
    for item in said["items"]:
        if _is_asked(item, question):
            refused = None if "schemes" in item else _text(item["error"]["message"])
            yield found._replace(item=item, reason=refused)
    if not said["items"] and question == Question(request=question.request):
        yield found._replace(reason=_text(said["reason"]))


def _is_asked(item: dict[str, Any], question: Question) -> bool:
    for name in _TEXTS:
        _text(item[name])
    digest = _text(item["digest"]["sha256"])
    return (
        (question.keyid is None or "schemes" in item)
        and question.artifact in {None, item["artifact"]}
        and question.target in {None, item["target"]}
        and question.digest in {None, digest}
        and type(item["sequence"]) is type(item["size"]) is int
    )


def _text(value: object) -> str:
    if type(value) is not str:
        raise TypeError
    return value
