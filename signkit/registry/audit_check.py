"""The audit as it lies in the database, read and followed.

Spec: docs/formats/registry-audit.md sections 2 and 7.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from signkit.errors import FormatError, MalformedError
from signkit.formats.chain import EMPTY_HEAD, Line
from signkit.formats.registry_audit import AUDIT_SHAPE
from signkit.model.audit import AuditEvent
from signkit.registry.audit import AuditLine
from signkit.registry.tables import Organization
from signkit.verify.digest import Sha256
from signkit.verify.encoding import Fields, parse_json

_WHAT = "audit line"
_ROWS_AT_ONCE = 1000


def read_line(row: AuditLine) -> Line[AuditEvent]:
    """Return what a line says, with the heads before it and after it computed from its bytes.

    Raises:
        FormatError: it does not parse, or is filed under another sequence or head than its own.
    """
    data = row.line.encode("utf-8")
    fields = Fields(parse_json(data, limit=AUDIT_SHAPE.line_size, what=_WHAT), _WHAT)
    sequence, before = fields.integer("sequence"), Sha256(fields.sha256("previous"))
    entry = AUDIT_SHAPE.parse(fields, _WHAT)
    fields.done()
    after = Sha256(sha256(data).digest())
    if (sequence, after.hex()) != (row.sequence, row.head):
        message = f"{_WHAT} {row.sequence} was changed: its head is {after.hex()}"
        raise MalformedError(message)
    return Line(sequence=sequence, before=before, after=after, entry=entry)


def check_audits(session: Session) -> Iterator[str]:
    """Follow the audit of every organization; yields a sentence for each line that does not follow."""
    for organization in session.scalars(select(Organization).order_by(Organization.row)):
        query = select(AuditLine).where(AuditLine.organization_row == organization.row)
        query = query.order_by(AuditLine.sequence).execution_options(yield_per=_ROWS_AT_ONCE)
        sequence, head = 0, EMPTY_HEAD
        for row in session.scalars(query):
            sequence += 1
            try:
                line = read_line(row)
            except FormatError as error:
                yield str(error)
                head = Sha256(bytes.fromhex(row.head))
                continue
            if (line.sequence, line.before) != (sequence, head):
                yield f"{_WHAT} {line.sequence} does not follow the one before it"
            sequence, head = line.sequence, line.after
