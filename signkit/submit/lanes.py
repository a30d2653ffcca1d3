"""How many parts are under way at once, over all files of a release.

    1. begin with four, or with the most that is allowed where that is less
    2. as many parts stored in a row as there are lanes: one lane more, up to the most
    3. a try that the other side is too busy for, or that breaks off or takes too long: half the
       lanes, at least one; what was under way at that moment does not count a second time

A part keeps its lane while it waits to be tried again, so a registry that asks for a pause gets one.

Spec: docs/howto/resume-upload.md, "How many at once".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Condition
from typing import TypeVar

from signkit.errors import SignkitError

T = TypeVar("T")
_FIRST = 4


class Lanes:
    """The lanes of one submission, and the threads that drive on them.

    Args:
        most: Parts under way at once, at least 1.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = min(_FIRST, most)
        self._busy = 0
        self._streak = 0
        self._era = 0
        self._changed = Condition()
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="signkit-part")

    @property
    def count(self) -> int:
        """How many lanes there are now."""
        return self._count

    def run(self, work: Callable[[T], None], pieces: Sequence[T]) -> None:
        """Do one work for each piece, several at once; a single one without changing the thread.

        Where one fails, those not begun are left, and those under way are waited for: what they
        send is not lost.

        Raises:
            SignkitError: whatever the first one to fail raised.
        """
        if len(pieces) == 1:
            self._drive(work, pieces[0])
            return
        futures = [self._threads.submit(self._drive, work, piece) for piece in pieces]
        done, pending = wait(futures, return_when=FIRST_EXCEPTION)
        rest = [future for future in pending if not future.cancel()]
        wait(rest)
        _raise_first(done)

    def close(self) -> None:
        """End the threads, once the works under way are done."""
        self._threads.shutdown(cancel_futures=True)

    @contextmanager
    def trying(self, *, overloaded: Callable[[SignkitError], bool]) -> Iterator[None]:
        """Learn from one try, the body.

        Args:
            overloaded: Says whether an error speaks of too much at once.
        """
        era = self._era
        try:
            yield
        except SignkitError as error:
            if overloaded(error):
                self._narrow(era)
            raise
        self._widen()

    def _drive(self, work: Callable[[T], None], piece: T) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._busy < self._count)
            self._busy += 1
        try:
            work(piece)
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _widen(self) -> None:
        with self._changed:
            self._streak += 1
            if self._streak >= self._count < self._most:
                self._count, self._streak = self._count + 1, 0
                self._changed.notify_all()

    def _narrow(self, era: int) -> None:
        with self._changed:
            if era == self._era:
                self._count, self._streak, self._era = max(1, self._count // 2), 0, era + 1


def _raise_first(done: set[Future[None]]) -> None:
    for future in done:
        error = future.exception()
        if error is not None:
            raise error
