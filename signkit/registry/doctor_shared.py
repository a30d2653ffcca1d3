"""What can be wrong with a footing that many processes share: asked of the services themselves.

Controls: SK-REGISTRY-DOCTOR (docs/design/assurance.md).
"""

from __future__ import annotations

import stat
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from hashlib import sha256
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from sqlalchemy import text

from signkit.registry.database import Database, find_steps
from signkit.registry.doctor import Check, TroubleError
from signkit.registry.footing_file import FootingFile, load_footing_file
from signkit.registry.job_queue import is_made
from signkit.registry.s3_store import S3Store
from signkit.registry.store import ContentKey, PartKey, UrlTerms

_OTHERS = 0o077
_OLDEST_POSTGRESQL = 14
_CONNECTIONS = 70
_WARN_SECONDS = 5
_LATE_SECONDS = 300  # S3 takes signatures for 15 minutes
_HTTP_SECONDS = 20
_TERMS = UrlTerms(base="", secret=b"", seconds=300)
_DATA = b"signkit registry doctor"
_OTHER_DATA = b"signkit registry Doctor"
_SERVE = "serve makes it"


@contextmanager
def list_shared_checks(path: Path) -> Iterator[list[Check]]:
    """Yield the checks of a footing file, while they may be run.

    Raises:
        RegistryError, MalformedError: the file cannot be read.
    """
    footing = load_footing_file(path)
    database = Database(footing.database)
    store = S3Store(footing.bucket)
    probe = _Probe(store)
    try:
        yield [
            Check(name="file", run=lambda: _check_file(path, footing)),
            Check(name="database", run=lambda: _check_database(database)),
            Check(name="rights", run=lambda: _check_rights(database), needs="database"),
            Check(name="letters", run=lambda: _check_letters(database), needs="database"),
            Check(name="connections", run=lambda: _check_connections(database), needs="database"),
            Check(name="schema", run=lambda: _check_schema(database), needs="database"),
            Check(name="database clock", run=lambda: _check_clock(database), needs="database"),
            Check(name="workers", run=lambda: _check_workers(database), needs="schema"),
            Check(name="bucket", run=store.check_bucket),
            Check(name="multipart", run=probe.check_multipart, needs="bucket"),
            Check(name="checksums", run=probe.check_checksums, needs="multipart"),
            Check(name="lengths", run=probe.check_lengths, needs="multipart"),
            Check(name="content", run=probe.check_content, needs="multipart"),
            Check(name="privacy", run=probe.check_privacy, needs="content"),
            Check(name="store clock", run=probe.check_clock, needs="multipart"),
            Check(name="removal", run=probe.check_removal, needs="multipart"),
        ]
    finally:
        probe.close()
        database.close()


def _check_file(path: Path, footing: FootingFile) -> str:
    mode = stat.S_IMODE(path.stat().st_mode)
    if footing.database.password and mode & _OTHERS:
        message = f"{path} holds a password and has mode {mode:04o}, expected 0600"
        raise TroubleError(message, f"chmod 600 {path}")
    return f"{footing.database.render_as_string(hide_password=True)}, bucket {footing.bucket.name}"


def _ask(database: Database, query: str) -> object:
    with database.read() as session:
        return session.scalar(text(query))


def _check_database(database: Database) -> str:
    version = int(str(_ask(database, "SHOW server_version_num"))) // 10_000
    if version < _OLDEST_POSTGRESQL:
        message = f"PostgreSQL {version}, expected {_OLDEST_POSTGRESQL} or newer"
        raise TroubleError(message, "upgrade it")
    if _ask(database, "SELECT pg_is_in_recovery()"):
        message = f"PostgreSQL {version}, which only follows another"
        raise TroubleError(message, "name the one that takes writes")
    if _ask(database, "SHOW fsync") != "on":
        message = f"PostgreSQL {version} with fsync off: a crash loses what was acknowledged"
        raise TroubleError(message, "set fsync = on", is_fatal=False)
    return f"PostgreSQL {version}"


def _check_rights(database: Database) -> str:
    user = _ask(database, "SELECT current_user")
    if not _ask(database, "SELECT has_schema_privilege(current_schema(), 'CREATE')"):
        message = f"user {user} may not make tables"
        hint = "GRANT CREATE on its schema, or let the owner of the database serve"
        raise TroubleError(message, hint)
    return f"user {user} may make tables"


def _check_letters(database: Database) -> str:
    encoding = _ask(database, "SHOW server_encoding")
    if encoding != "UTF8":
        message = f"encoding {encoding}, expected UTF8"
        raise TroubleError(message, "make the database anew with ENCODING 'UTF8'")
    if _ask(database, "SELECT lower('ÄÉ')") != "äé":
        message = "lower() knows ASCII only: a search in any case finds less"
        hint = "make the database anew with LOCALE 'C.UTF-8' TEMPLATE template0"
        raise TroubleError(message, hint, is_fatal=False)
    return "UTF8, lower() knows more than ASCII"


def _check_connections(database: Database) -> str:
    most = int(str(_ask(database, "SHOW max_connections")))
    if most < _CONNECTIONS:
        message = f"{most} connections; one server may ask for {_CONNECTIONS}"
        raise TroubleError(message, "raise max_connections", is_fatal=False)
    return f"{most} connections: enough for {most // _CONNECTIONS} servers"


def _check_schema(database: Database) -> str:
    with database.engine.connect() as connection:
        current, head = find_steps(connection)
        has_queue = is_made(connection)
    if current is None and not has_queue:
        return f"not there; {_SERVE}"
    if current != head or not has_queue:
        message = f"at step {current}, expected {head}, queue {'there' if has_queue else 'missing'}"
        raise TroubleError(message, "serve brings it up to date; back up first", is_fatal=False)
    return f"at step {head}, with the queue of jobs"


def _check_clock(database: Database) -> str:
    query = "SELECT extract(epoch FROM clock_timestamp())"
    return _compare(float(str(_ask(database, query))))


def _compare(other: float) -> str:
    seconds = other - time.time()
    detail = f"{seconds:+.0f} s from this machine's"
    if abs(seconds) > _WARN_SECONDS:
        raise TroubleError(detail, "set the clocks", is_fatal=abs(seconds) > _LATE_SECONDS)
    return detail


def _check_workers(database: Database) -> str:
    with database.engine.connect() as connection:
        if not is_made(connection):
            return "no queue yet"
    query = (
        "SELECT count(*) FROM procrastinate_workers"
        " WHERE last_heartbeat > now() - interval '30 seconds'"
    )
    count = int(str(_ask(database, query)))
    if not count:
        message = "none: nothing is hashed, so nothing can be signed"
        raise TroubleError(message, "start signkit registry worker", is_fatal=False)
    return f"{count} alive"


class _Probe:
    """One upload of a few bytes, under the name of a binary that nobody has."""

    def __init__(self, store: S3Store) -> None:
        self._store = store
        content = ContentKey(organization=uuid4(), binary=uuid4(), revision=0)
        digest = sha256(_DATA).hexdigest()
        self._key = PartKey(content=content, index=1, digest=digest)
        self._upload = ""
        self._store_time = 0.0

    def close(self) -> None:
        """Leave nothing behind."""
        if self._upload:
            with suppress(OSError):
                self._store.discard(self._key.content)

    def check_multipart(self) -> str:
        """Begin an upload, and see whether the store lists it."""
        self._upload = self._store.begin_upload(self._key.content)
        if self._store.arrived(self._key.content, self._upload):
            message = "an upload that has just begun lists parts"
            raise TroubleError(message)
        return "an upload was begun"

    def check_checksums(self) -> str:
        """Send other bytes than were declared."""
        status = self._put(_OTHER_DATA, sha256(_DATA).digest())
        return self._refused(status, "bytes with another SHA-256 than declared")

    def check_lengths(self) -> str:
        """Send fewer bytes than were declared."""
        status = self._put(_DATA[:-1], sha256(_DATA).digest())
        return self._refused(status, "fewer bytes than declared")

    def _refused(self, status: int, what: str) -> str:
        client_error = 400
        if status < client_error:
            message = f"the store took {what} ({status})"
            raise TroubleError(message, "use a store that enforces x-amz-checksum-sha256")
        return f"{what}: refused with {status}"

    def check_content(self) -> str:
        """Send the declared bytes, put them together and fetch them."""
        status = self._put(_DATA, sha256(_DATA).digest())
        if status not in {200, 201}:
            message = f"a part was answered {status}, expected 200"
            raise TroubleError(message, "see whether clients reach the store at this address")
        content = self._key.content
        if self._store.arrived(content, self._upload) != {1: len(_DATA)}:
            message = "a part that was sent is not listed"
            raise TroubleError(message)
        self._store.finish(content, self._upload, size=len(_DATA))
        url = self._store.download_url(content, terms=_TERMS)
        status, data = self._request("GET", url)
        if data != _DATA:
            message = f"content comes back otherwise ({status})"
            raise TroubleError(message, "see whether clients reach the store at this address")
        return "sent, put together, fetched again"

    def check_privacy(self) -> str:
        """Fetch the content as anybody could."""
        url = urlsplit(self._store.download_url(self._key.content, terms=_TERMS))
        status, data = self._request("GET", url._replace(query="").geturl())
        if data == _DATA:
            message = "anybody can fetch content without a signed URL"
            raise TroubleError(message, "make the bucket private")
        return f"refused with {status} without a signature"

    def check_clock(self) -> str:
        """Compare the store's clock."""
        return _compare(self._store_time or time.time())

    def check_removal(self) -> str:
        """Remove the content."""
        self._store.discard(self._key.content)
        self._upload = ""
        return "removed again"

    def _put(self, data: bytes, digest: bytes) -> int:
        url = self._store.part_url(self._key, size=len(_DATA), upload=self._upload, terms=_TERMS)
        checksum = {"x-amz-checksum-sha256": b64encode(digest).decode("ascii")}
        return self._request("PUT", url, data, checksum)[0]

    def _request(
        self, method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        parts = urlsplit(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=_HTTP_SECONDS)
        try:
            connection.request(method, f"{parts.path}?{parts.query}", body, headers or {})
            answer = connection.getresponse()
            with suppress(TypeError, ValueError):
                date = parsedate_to_datetime(answer.headers["date"])
                self._store_time = date.timestamp()
            return answer.status, answer.read()
        except HTTPException as error:
            message = f"the store does not speak HTTP: {error!r}"
            raise TroubleError(message) from error
        finally:
            connection.close()
