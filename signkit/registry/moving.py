"""Records on their way from one database to another: table by table, row by row, as they are.

What does not go along: the secret, the queue of jobs (the records say what is to be done), and
uploads under way, since what a store holds of an upload cannot be read before it is whole.

Spec: docs/formats/registry-backup.md sections 2 and 6.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from sqlalchemy import Connection, RowMapping, Table, exists, insert, select, update

from signkit.errors import RegistryError
from signkit.registry.audit import record_changes
from signkit.registry.content import find_binary, reset_content
from signkit.registry.database import Database
from signkit.registry.shared_tables import Secret
from signkit.registry.states import BinaryState
from signkit.registry.tables import Base, Binary, BinaryPart

_ROWS_AT_ONCE = 1000
_UNFINISHED = (BinaryState.UPLOADABLE, BinaryState.HASHABLE)


def moved_tables() -> Iterator[Table]:
    """Yield the tables that go along, those that others refer to first."""
    for table in Base.metadata.sorted_tables:
        if table.name != Secret.__tablename__:
            yield table


def copy_tables(source: Connection, target: Connection) -> None:
    """Copy every record.

    Args:
        source: In a transaction that sees one moment.
        target: Where the tables are made and empty.
    """
    for table in moved_tables():
        for rows in _read(source, table):
            target.execute(insert(table), [dict(row) for row in rows])


def check_tables(source: Connection, target: Connection) -> None:
    """Compare every record with its copy.

    Raises:
        RegistryError: the database did not keep one as it was.
    """
    for table in moved_tables():
        for left, right in zip_longest(_read(source, table), _read(target, table)):
            if left != right:
                message = f"the database keeps rows of {table.name} otherwise than they were"
                raise RegistryError(message, hint="make it with ENCODING 'UTF8'")


def put_back_uploads(database: Database) -> None:
    """Have binaries whose content is not whole wait for all of it again, and forget every upload.

    The audit says so, in the registry's name.

    Args:
        database: A copy that nobody serves.
    """
    parts = select(BinaryPart.row).where(BinaryPart.binary_row == Binary.row)
    query = select(Binary.row).where(Binary.state.in_(_UNFINISHED), exists(parts))
    database.watch(record_changes)
    with database.write() as session:
        for row in list(session.scalars(query)):
            binary = find_binary(session, row)
            if binary is not None:
                reset_content(session, binary)
        session.flush()
        session.execute(
            update(Binary).values(upload=None).execution_options(synchronize_session=False)
        )


def _read(connection: Connection, table: Table) -> Iterator[Sequence[RowMapping]]:
    query = select(table).order_by(table.c.row).execution_options(yield_per=_ROWS_AT_ONCE)
    yield from connection.execute(query).mappings().partitions()
