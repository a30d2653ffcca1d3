"""The audit as the console shows it: who changed what, and whether the chain holds.

Spec: docs/formats/registry-audit.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from signkit.errors import FormatError
from signkit.formats.chain import Line
from signkit.model.audit import AuditEvent, Value
from signkit.registry.audit import AuditLine
from signkit.registry.audit_check import read_line
from signkit.registry.console.shown import Tone, Verdict
from signkit.registry.prn import Kind
from signkit.registry.scopes import Scope
from signkit.registry.tokens import Caller
from signkit.verify.digest import Sha256

PAGE_SIZE = 25
_PAGES: dict[str, str] = {
    Kind.ARTIFACT: "artifacts",
    Kind.ARTIFACT_VERSION: "versions",
    Kind.BINARY: "binaries",
    Kind.BUNDLE: "bundles",
    Kind.SIGNING_KEY: "keys",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownChange:
    """One field of a change.

    Attributes:
        name: The field's.
        before, after: What stood there and stands there; None for nothing.
    """

    name: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLine:
    """One line of the audit.

    Attributes:
        sequence: Its number.
        event: What it says, or None where it cannot be read.
        verb: made, changed or removed.
        place: The address of the page of what was changed, or empty where it has none.
        changes: Field by field.
        verdict: Whether its head is its own, and the next line holds it.
    """

    sequence: int
    event: AuditEvent | None
    verb: str
    place: str
    changes: tuple[ShownChange, ...]
    verdict: Verdict


def sees_audit(caller: Caller) -> bool:
    """Say whether a token may look at the audit: it names what every other token did."""
    return Scope.ADMIN in caller.scopes and caller.artifacts is None


def show_audit(
    session: Session, caller: Caller, *, before: int
) -> tuple[list[ShownLine], int | None]:
    """Return a page of an organization's audit, the newest line first.

    Args:
        session: A reading session.
        caller: Whose organization it is.
        before: Lines from this sequence on are left out.

    Returns:
        The lines, and `before` of the next page, or None.
    """
    query = select(AuditLine).where(
        AuditLine.organization_row == caller.organization_row, AuditLine.sequence < before
    )
    rows = list(session.scalars(query.order_by(AuditLine.sequence.desc()).limit(PAGE_SIZE + 1)))
    shown: list[ShownLine] = []
    following: Sha256 | None = None
    for row in rows[:PAGE_SIZE]:
        try:
            line = read_line(row)
        except FormatError as error:
            shown.append(_unreadable(row.sequence, str(error)))
            following = None
            continue
        shown.append(_show_line(line, following))
        following = line.before
    return shown, rows[PAGE_SIZE - 1].sequence if len(rows) > PAGE_SIZE else None


def _show_line(line: Line[AuditEvent], following: Sha256 | None) -> ShownLine:
    event = line.entry
    before, after = event.before or {}, event.after or {}
    page = _PAGES.get(event.kind) if event.after is not None else None
    return ShownLine(
        sequence=line.sequence,
        event=event,
        verb=_verb(event),
        place=f"/console/{page}/{event.id}" if page else "",
        changes=tuple(
            ShownChange(name=name, before=before.get(name), after=after.get(name))
            for name in dict.fromkeys([*before, *after])
        ),
        verdict=_judge(line, following),
    )


def _verb(event: AuditEvent) -> str:
    if event.before is None:
        return "made"
    return "removed" if event.after is None else "changed"


def _judge(line: Line[AuditEvent], following: Sha256 | None) -> Verdict:
    """Return whether the line after this one, where it is at hand, was written after this one."""
    if following is None or following == line.after:
        return Verdict(tone=Tone.GOOD, text="chained")
    reason = "the line after it was written after another one"
    return Verdict(tone=Tone.BAD, text="does not chain", reason=reason)


def _unreadable(sequence: int, reason: str) -> ShownLine:
    return ShownLine(
        sequence=sequence,
        event=None,
        verb="unreadable",
        place="",
        changes=(),
        verdict=Verdict(tone=Tone.BAD, text="damaged", reason=reason),
    )
