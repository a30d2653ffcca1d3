"""Where the stations' ledgers stood that the signatures of a binary come from.

The audit has the line of each signature, and the point of the ledger that the client named with it.
Lines stand in the order of time, so the place of a signature is found by halving; what is read
there is bounded. A line that is not found, or is damaged, says nothing here.

Spec: docs/formats/registry-audit.md; docs/howto/console.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from signkit.errors import FormatError
from signkit.model.audit import LedgerPoint
from signkit.registry.audit import AuditLine
from signkit.registry.audit_check import read_line
from signkit.registry.tables import BinarySignature

# The clocks of two servers differ, and a line is written a little after its record was made.
_SLACK_MICROSECONDS = 2_000_000
_LINE_COUNT = 2000


def find_ledgers(
    session: Session, signatures: Iterable[BinarySignature]
) -> Mapping[str, LedgerPoint]:
    """Return the points of the stations' ledgers, by signature as it is on record.

    Args:
        session: A reading session.
        signatures: Of one binary; those that no station's ledger was named with are left out.
    """
    found = ((each.signature, _find_ledger(session, each)) for each in signatures)
    return {signature: point for signature, point in found if point is not None}


def _find_ledger(session: Session, signature: BinarySignature) -> LedgerPoint | None:
    organization = signature.organization_row
    begin = _first_since(session, organization, signature.inserted_at - _SLACK_MICROSECONDS)
    query = select(AuditLine).where(
        AuditLine.organization_row == organization,
        AuditLine.sequence >= begin,
        AuditLine.sequence < begin + _LINE_COUNT,
        AuditLine.line.contains(str(signature.id)),
    )
    for row in session.scalars(query.order_by(AuditLine.sequence)):
        try:
            event = read_line(row).entry
        except FormatError:
            continue
        if event.id == str(signature.id) and event.after is not None:
            return event.ledger
    return None


def _first_since(session: Session, organization: int, moment: int) -> int:
    """Return the sequence of an organization's first line that was written at a moment or later."""
    query = select(AuditLine.sequence).where(AuditLine.organization_row == organization)
    newest = session.scalar(query.order_by(AuditLine.sequence.desc()).limit(1)) or 0
    low, high = 1, newest + 1
    while low < high:
        middle = (low + high) // 2
        written = session.scalar(
            select(AuditLine.inserted_at).where(
                AuditLine.organization_row == organization, AuditLine.sequence == middle
            )
        )
        if written is not None and written < moment:
            low = middle + 1
        else:
            high = middle
    return low
