"""What can be wrong with a data folder."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import func, select, text

from signkit.errors import RegistryError
from signkit.registry.database import Database, find_steps
from signkit.registry.doctor import Check, TroubleError
from signkit.registry.folder import server_lock
from signkit.registry.tables import Binary, now

_GIB = 1024**3
_LEAST_ROOM = 100 * 1024**2
_SECRET_SIZE = 32
_OTHERS = 0o077
_SKEW_MICROSECONDS = 60_000_000


def list_folder_checks(data: Path) -> list[Check]:
    """Return the checks of a data folder, which need not be there yet."""
    records = data / "registry.sqlite3"
    return [
        Check(name="folder", run=lambda: _check_folder(data)),
        Check(name="room", run=lambda: _check_room(data)),
        Check(name="writable", run=lambda: _check_writable(data)),
        Check(name="secret", run=lambda: _check_secret(data / "secret")),
        Check(name="records", run=lambda: _check_records(records)),
        Check(name="schema", run=lambda: _check_schema(records), needs="records"),
        Check(name="clock", run=lambda: _check_clock(records), needs="schema"),
        Check(name="server", run=lambda: _check_server(data)),
    ]


def _check_folder(data: Path) -> str:
    if not data.exists():
        raise _no_registry(data)
    if not data.is_dir():
        message = f"{data} is neither a folder nor a file"
        raise TroubleError(message, "choose another with --data")
    found = data.stat()
    if found.st_uid != os.geteuid():
        message = f"{data} belongs to user {found.st_uid}, expected {os.geteuid()}"
        raise TroubleError(message, "run the registry as its owner")
    if found.st_mode & _OTHERS:
        message = f"{data} has mode {stat.S_IMODE(found.st_mode):04o}, expected 0700"
        raise TroubleError(message, f"chmod 700 {data}")
    if not any(data.iterdir()):
        raise _no_registry(data)
    return str(data)


def _no_registry(data: Path) -> TroubleError:
    message = f"there is no registry in {data} yet"
    return TroubleError(message, "signkit registry serve makes one", is_fatal=False)


def _nearest(data: Path) -> Path:
    return next(step for step in (data, *data.parents) if step.exists())


def _check_room(data: Path) -> str:
    free = shutil.disk_usage(_nearest(data)).free
    detail = f"{free / _GIB:.1f} GiB free"
    if free < _GIB:
        raise TroubleError(detail, "make room", is_fatal=free < _LEAST_ROOM)
    return detail


def _check_writable(data: Path) -> str:
    place = _nearest(data)
    with tempfile.NamedTemporaryFile(dir=place, prefix="doctor-") as file:
        file.write(b"x")
        file.flush()
        os.fsync(file.fileno())
    return f"a file in {place} was written and synced"


def _check_secret(path: Path) -> str:
    if not path.exists():
        return "not there; serve makes it"
    found = path.stat()
    if found.st_mode & _OTHERS:
        message = f"{path} has mode {stat.S_IMODE(found.st_mode):04o}, expected 0600"
        raise TroubleError(message, f"chmod 600 {path}, and remove it if others may have read it")
    if found.st_size != _SECRET_SIZE:
        message = f"{path} has {found.st_size} bytes, expected {_SECRET_SIZE}"
        raise TroubleError(message, "remove it: presigned URLs of before then stop working")
    return "32 bytes, for this user alone"


@contextmanager
def _open(records: Path) -> Iterator[Database]:
    database = Database(records)
    try:
        yield database
    finally:
        database.close()


def _check_records(records: Path) -> str:
    if not records.exists():
        return "not there; serve makes them"
    with _open(records) as database, database.read() as session:
        said = session.scalar(text("PRAGMA quick_check(1)"))
        count = session.scalar(text("SELECT count(*) FROM sqlite_master"))
    if said != "ok":
        message = f"{records}: {said}"
        raise TroubleError(message, "restore it from a backup")
    return f"quick_check ok, {count} tables and indexes"


def _check_schema(records: Path) -> str:
    if not records.exists():
        return "not there; serve makes it"
    with _open(records) as database, database.engine.connect() as connection:
        current, head = find_steps(connection)
    if current != head:
        message = f"at step {current}, expected {head}"
        raise TroubleError(message, "serve brings it up to date; back up first", is_fatal=False)
    return f"at step {head}"


def _check_clock(records: Path) -> str:
    if not records.exists():
        return "nothing to compare with yet"
    with _open(records) as database, database.read() as session:
        latest = session.scalar(select(func.max(Binary.updated_at))) or 0
    if latest > now() + _SKEW_MICROSECONDS:
        seconds = (latest - now()) // 1_000_000
        message = f"the newest record is {seconds} s ahead of this clock"
        raise TroubleError(message, "set the clock")
    return "not behind the newest record"


def _check_server(data: Path) -> str:
    if not (data / "lock").exists():
        return "none runs"
    try:
        with server_lock(data):
            return "none runs"
    except RegistryError:
        return "one runs"
