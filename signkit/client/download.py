"""Content from the registry into a file: in ranges, resumed, and named only once it is right.

    1. what an earlier run has left (`NAME.part`) is hashed and kept
    2. the rest is asked for in ranges; each is whole before it is written, so nothing that a peer
       sends makes this side keep more than one of them in memory
    3. another entity tag, length or range than the first one had means other content
    4. the file gets its name after its digest was found right, and is removed where it is wrong

The token does not go along: the address is the leave. A redirect is followed only to where an
address may point anyway.

Spec: docs/formats/registry-protocol.md section 7; RFC 9110 section 14.
Controls: SK-CLIENT-DOWNLOAD (docs/design/assurance.md).
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin

from signkit.client.address import Address, Reach, check_upload_address
from signkit.client.http import Http, Reply
from signkit.client.protocol import allowed_seconds
from signkit.client.refusals import describe_refusal
from signkit.client.retry import Retrier
from signkit.errors import (
    DigestMismatchError,
    FileError,
    ReceiptMismatchError,
    StatusError,
    TransportError,
)
from signkit.formats.content import Advance
from signkit.formats.files import sync_folder
from signkit.verify.digest import Sha256

RANGE_SIZE = 8 * 1024 * 1024
_PIECE_SIZE = 1024 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 4
_EXPIRED = frozenset({401, 403, 404, 410})  # what an address says that is not good any more
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", re.ASCII)
_WHOLE, _PARTIAL = 200, 206
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Content that is to be fetched.

    Attributes:
        name: What it is called in messages.
        digest: SHA-256 that it must have.
        size: Bytes that it must have.
        find_address: Asks the registry where it is; asked again where an address has expired.
    """

    name: str
    digest: Sha256
    size: int
    find_address: Callable[[], str]


class Downloader:
    """Fetches content, one after the other."""

    def __init__(
        self, http: Http, reach: Reach, *, retrier: Retrier, advance: Advance = lambda _count: None
    ) -> None:
        """Take the connections, the addresses allowed, how to try again, and whom to tell."""
        self._http = http
        self._reach = reach
        self._retrier = retrier
        self._advance = advance

    def fetch(self, wanted: Wanted, path: Path) -> None:
        """Fetch content into a file, unless the file is there.

        Args:
            wanted: What.
            path: Where it is kept once it is whole; until then beside it, as `NAME.part`.

        Raises:
            DigestMismatchError: what came is not what was asked for; nothing of it is kept.
            ReceiptMismatchError: it changed while it was fetched; nothing of it is kept.
            TransportError: the peer failed or refused; what came is kept for the next run.
            SubmissionError: the address is on a host that nobody listed.
            FileError: the file cannot be written, or another process is at it.
        """
        if path.is_file():
            self._advance(wanted.size)
            return
        part = path.with_name(f"{path.name}.part")
        with _writing(part) as file:
            try:
                self._fill(file, wanted)
            except (DigestMismatchError, ReceiptMismatchError):
                part.unlink()
                raise
            os.fsync(file.fileno())
            part.rename(path)
            sync_folder(path.parent, private=False)

    def _fill(self, file: BinaryIO, wanted: Wanted) -> None:
        state = sha256()
        count = _take_up(file, wanted.size, state.update)
        self._advance(count)
        source = _Source(self._http, self._reach, wanted, retrier=self._retrier)
        while count < wanted.size:
            data = source.read(count)
            state.update(data)
            file.write(data)
            count += len(data)
            self._advance(len(data))
        if state.digest() != wanted.digest:
            self._advance(-count)
            message = (
                f"{wanted.name} is not what was asked for: expected SHA-256 {wanted.digest.hex()},"
                f" got {state.hexdigest()}"
            )
            raise DigestMismatchError(message, hint="nothing of it was kept; try again")


@contextmanager
def _writing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that may have been begun, for one process at a time."""
    try:
        with os.fdopen(os.open(path, _FLAGS, 0o600), "r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file
    except BlockingIOError:
        message = f"{path} is being written by another process"
        raise FileError(message, hint="wait until it is done") from None
    except OSError as error:
        message = f"{path} cannot be written: {(error.strerror or str(error)).lower()}"
        raise FileError(message, hint="check the folder, its permissions and free space") from error


def _take_up(file: BinaryIO, size: int, hash_piece: Callable[[bytes], None]) -> int:
    """Hash what is there already; what is longer than the content is thrown away."""
    count = os.fstat(file.fileno()).st_size
    if count > size:
        file.truncate(0)
        return 0
    while piece := file.read(_PIECE_SIZE):
        hash_piece(piece)
    return count


class _Source:
    """One content at its address, by ranges."""

    def __init__(self, http: Http, reach: Reach, wanted: Wanted, *, retrier: Retrier) -> None:
        self._http = http
        self._reach = reach
        self._wanted = wanted
        self._retrier = retrier
        self._address: Address | None = None
        self._etag: str | None = None

    def read(self, first: int) -> bytes:
        """Return the bytes from a place on: RANGE_SIZE, or to the end."""
        end = min(first + RANGE_SIZE, self._wanted.size)
        seconds = allowed_seconds(end - first, self._retrier.seconds_left)
        reply = self._retrier.run(lambda: self._ask(first, end), seconds=seconds)
        self._check(reply, first, end)
        return reply.body

    def _ask(self, first: int, end: int) -> Reply:
        """Ask for a range; where the address is not good any more, at a new one."""
        fresh = self._address is None
        address = self._address or self._find()
        try:
            return self._follow(address, first, end)
        except StatusError as error:
            self._address = None
            if fresh or error.status not in _EXPIRED:
                raise
        return self._follow(self._find(), first, end)

    def _find(self) -> Address:
        self._address = self._check_address(self._wanted.find_address())
        return self._address

    def _check_address(self, text: str) -> Address:
        return check_upload_address(text, self._reach, what="download")

    def _follow(self, address: Address, first: int, end: int) -> Reply:
        left = _MOST_REDIRECTS
        while True:
            what = f"{self._wanted.name} from {address.host}"
            reply = self._http.send(
                "GET",
                address,
                headers={"range": f"bytes={first}-{end - 1}"},
                seconds=self._retrier.seconds_left,
                what=what,
            )
            if reply.status in {_WHOLE, _PARTIAL}:
                return reply
            if reply.status not in _REDIRECTS or not reply.location or not left:
                raise describe_refusal(reply, what)
            address, left = self._check_address(urljoin(str(address), reply.location)), left - 1

    def _check(self, reply: Reply, first: int, end: int) -> None:
        """Check that an answer is this range of this content."""
        wanted = self._wanted
        if self._etag is None:
            self._etag = reply.etag
        if reply.etag != self._etag:
            message = f"{wanted.name} changed while it was fetched: its entity tag is another now"
            raise ReceiptMismatchError(message, hint="nothing of it was kept; try again")
        if reply.status == _WHOLE and (first, end) != (0, wanted.size):
            message = f"{wanted.name}: the host sends all where a range was asked for"
            hint = "expected a host that knows the header range, as stores and caches do"
            raise TransportError(message, hint=hint)
        if reply.status == _PARTIAL:
            self._check_range(reply.content_range, first, end)
        if len(reply.body) != end - first:
            message = f"{wanted.name}: expected {end - first} bytes, got {len(reply.body)}"
            raise ReceiptMismatchError(message, hint="nothing of it was kept; try again")

    def _check_range(self, text: str, first: int, end: int) -> None:
        matched = _CONTENT_RANGE.fullmatch(text)
        expected = (first, end - 1, self._wanted.size)
        if matched is None or tuple(map(int, matched.groups())) != expected:
            message = (
                f"{self._wanted.name}: expected bytes {first}-{end - 1} of {self._wanted.size},"
                f" the host says {text[:80]!r}"
            )
            raise ReceiptMismatchError(message, hint="nothing of it was kept; try again")
