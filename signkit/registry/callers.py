"""Who calls, remembered for a moment: every request asks, and a busy client asks the same again.

What is remembered is that a token was good; one request asks again in time, so that not all of
them come to do so at once. A token that is revoked opens nothing a moment later
(`REMEMBERED_SECONDS`), in each server of the registry; the command that revokes waits for as long
before it says so. A token that is not good is never remembered, so a new one counts at once.

Controls: SK-REGISTRY-TOKEN (docs/design/assurance.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from fastapi.concurrency import run_in_threadpool

from signkit.registry.database import Database
from signkit.registry.tables import now
from signkit.registry.tokens import REMEMBERED_SECONDS, Caller, find_caller, token_digest

_ASKED_AGAIN = REMEMBERED_SECONDS / 2
_MOST = 10_000


@dataclass(slots=True)
class _Remembered:
    """A caller, since when, and whether somebody is asking again."""

    caller: Caller
    since: float
    asking: bool = False


class Callers:
    """The callers of one server; used from the event loop alone.

    Args:
        database: Where the tokens are on record.
        clock: Seconds, rising.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._remembered: dict[str, _Remembered] = {}  # by digest of the token

    async def find(self, token: str) -> Caller | None:
        """Return whose token it is, or None when it is unknown, revoked or past its end."""
        digest = token_digest(token)
        begun = self._clock()
        known = self._remembered.get(digest)
        if known is not None:
            age = begun - known.since
            settled = age < _ASKED_AGAIN or (known.asking and age < REMEMBERED_SECONDS)
            if settled and known.caller.lasts(now()):
                return known.caller
            known.asking = True
        caller = await run_in_threadpool(self._look_up, token)
        if len(self._remembered) >= _MOST:
            self._remembered.clear()
        if caller is None:
            self._remembered.pop(digest, None)
        else:
            self._remembered[digest] = _Remembered(caller, begun)
        return caller

    def _look_up(self, token: str) -> Caller | None:
        with self._database.read() as session:
            return find_caller(session, token)
