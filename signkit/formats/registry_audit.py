"""The registry's audit as a file: lines to events and back.

Spec: docs/formats/registry-audit.md.
Controls: SK-REGISTRY-AUDIT (docs/design/assurance.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from signkit.errors import ConflictError, ContextError, MalformedError, VerificationError
from signkit.formats.chain import End, Line, Shape, follow_chain
from signkit.model.audit import Actor, ActorKind, AuditEvent, LedgerPoint, Value, Values
from signkit.verify import limits
from signkit.verify.digest import Sha256
from signkit.verify.encoding import Fields, check_text, decode_hex

_LINE_SIZE = 64 * 1024
_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_VALUE_COUNT = 32
_VALUE_LENGTH = 10_000
_HASH_SIZE = 32
_POINT_WORDS = 3
_HINT = "keep both files as they are, and ask who had the registry's database since"


def parse_ledger_point(text: str, *, what: str) -> LedgerPoint:
    """Parse a point of a ledger as a request's header names it: keyid, sequence, head.

    Raises:
        FormatError: it is none.
    """
    words = text.split(" ")
    number = words[1] if len(words) == _POINT_WORDS else ""
    if not number.isascii() or not number.isdigit() or number.startswith("0") or len(number) > 15:
        message = f"{what}: expected a keyid, a sequence and a head with single spaces between"
        raise MalformedError(message)
    return LedgerPoint(
        station=decode_hex(words[0], size=_HASH_SIZE, what=f"{what}: keyid").hex(),
        sequence=int(number),
        head=Sha256(decode_hex(words[2], size=_HASH_SIZE, what=f"{what}: head")),
    )


def format_ledger_point(point: LedgerPoint) -> str:
    """Return a point of a ledger as a request's header names it."""
    return f"{point.station} {point.sequence} {point.head.hex()}"


def read_audit(path: Path) -> tuple[list[Line[AuditEvent]], End]:
    """Follow an audit from its first line to its last, and return the lines.

    Raises:
        FileError, MalformedError, ContextError, ConflictError: as `check_audit`.
    """
    lines: list[Line[AuditEvent]] = []
    return lines, _follow(path, lines.append)


def check_audit(path: Path) -> End:
    """Follow an audit from its first line to its last; memory does not grow with the lines.

    Raises:
        FileError: it cannot be read, or is not a regular file.
        MalformedError: a line does not parse or chain, or ends in the middle; it is named.
        ContextError: its lines are of two organizations.
        ConflictError: a station's ledger has two heads at one sequence.
    """
    return _follow(path, lambda _line: None)


def _follow(path: Path, keep: Callable[[Line[AuditEvent]], None]) -> End:
    checks = _Checks()

    def take(line: Line[AuditEvent]) -> None:
        checks.check(line)
        keep(line)

    end = follow_chain(path, AUDIT_SHAPE, take)
    if end.torn:
        message = f"audit line {end.sequence + 1} has no end: the file was cut off"
        raise MalformedError(message, hint="export it again")
    return end


def check_continues(lines: Sequence[Line[AuditEvent]], older: End) -> None:
    """Check that an audit begins with all of an older export.

    Raises:
        VerificationError: it is shorter, or was written anew.
    """
    if older.sequence > len(lines):
        message = (
            f"the audit was cut short: it ends at line {len(lines)}, the older one at"
            f" {older.sequence}"
        )
        raise VerificationError(message, hint=_HINT)
    if older.sequence and lines[older.sequence - 1].after != older.head:
        message = f"the audit was rewritten at or before line {older.sequence}"
        raise VerificationError(message, hint=_HINT)


class _Checks:
    """What has to hold from line to line, besides the chain."""

    def __init__(self) -> None:
        self._organization: str | None = None
        self._points: dict[tuple[str, int], tuple[Sha256, int]] = {}

    def check(self, line: Line[AuditEvent]) -> None:
        """Check the next line."""
        self._organization = self._organization or line.entry.organization
        if line.entry.organization != self._organization:
            message = f"audit line {line.sequence} is of another organization than the first one"
            raise ContextError(message)
        if line.entry.ledger is not None:
            self._check_ledger(line.sequence, line.entry.ledger)

    def _check_ledger(self, sequence: int, point: LedgerPoint) -> None:
        place = (point.station, point.sequence)
        head, where = self._points.setdefault(place, (point.head, sequence))
        if head != point.head:
            message = (
                f"the ledger of station {point.station} has two heads at ceremony"
                f" {point.sequence}: in audit lines {where} and {sequence}"
            )
            hint = "hold the responses against that station's ledger: signkit ledger verify"
            raise ConflictError(message, hint=hint)


def _encode(event: AuditEvent) -> Mapping[str, object]:
    point = event.ledger
    return {
        "organization": event.organization,
        "time": event.time,
        "actor": {"kind": event.actor.kind, "name": event.actor.name},
        "request": event.request,
        "resource": {"kind": event.kind, "id": event.id},
        "before": event.before,
        "after": event.after,
        "ledger": point
        and {
            "station": point.station,
            "sequence": point.sequence,
            "head": {"sha256": point.head.hex()},
        },
    }


def _parse(fields: Fields, where: str) -> AuditEvent:
    organization, time = _uuid(fields, "organization", where), fields.time("time")
    actor, resource = fields.member("actor"), fields.member("resource")
    event = AuditEvent(
        organization=organization,
        time=time,
        actor=Actor(kind=_kind(actor.text("kind"), where), name=actor.label("name")),
        request=None if fields.is_null("request") else fields.label("request"),
        kind=resource.label("kind"),
        id=_uuid(resource, "id", f"{where}.resource"),
        before=_values(fields, "before", where),
        after=_values(fields, "after", where),
        ledger=None if fields.is_null("ledger") else _point(fields.member("ledger"), where),
    )
    actor.done()
    resource.done()
    if event.before is None and event.after is None:
        message = f"{where}: nothing stood there before, and nothing after"
        raise MalformedError(message)
    both = event.before is not None and event.after is not None
    if both and list(event.before or ()) != list(event.after or ()):
        message = f"{where}: before and after name different fields"
        raise MalformedError(message)
    return event


def _point(fields: Fields, where: str) -> LedgerPoint:
    station = decode_hex(fields.text("station"), size=_HASH_SIZE, what=f"{where}.ledger.station")
    point = LedgerPoint(
        station=station.hex(),
        sequence=fields.integer("sequence", least=1),
        head=Sha256(fields.sha256("head")),
    )
    fields.done()
    return point


def _kind(text: str, where: str) -> ActorKind:
    try:
        return ActorKind(text)
    except ValueError:
        message = f"{where}.actor.kind: expected one of {', '.join(ActorKind)}, got {text!r:.40}"
        raise MalformedError(message) from None


def _uuid(fields: Fields, name: str, where: str) -> str:
    text = fields.text(name)
    if _UUID.fullmatch(text) is None:
        message = f"{where}.{name}: expected a UUID in lower case, got {text!r:.60}"
        raise MalformedError(message)
    return text


def _values(fields: Fields, name: str, where: str) -> Values | None:
    if fields.is_null(name):
        return None
    given = fields.take(name)
    if not isinstance(given, dict) or not 1 <= len(given) <= _VALUE_COUNT:
        message = f"{where}.{name}: expected an object of 1 to {_VALUE_COUNT} members, or null"
        raise MalformedError(message)
    return {
        check_text(key, what=f"{where}.{name}: a name", limit=limits.LABEL_LENGTH): _value(
            value, f"{where}.{name}.{key}"
        )
        for key, value in given.items()
    }


def _value(value: object, where: str) -> Value:
    if value is None or type(value) is int:
        return value
    if type(value) is str:
        return check_text(value, what=where, limit=_VALUE_LENGTH, lines=True) if value else value
    message = f"{where}: expected a text, an integer or null"
    raise MalformedError(message)


AUDIT_SHAPE = Shape(what="audit", line_size=_LINE_SIZE, parse=_parse, encode=_encode)
