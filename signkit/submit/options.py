"""How a submission is carried out, and whom it tells."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from signkit.formats.content import Advance

Track = Callable[[str, int], AbstractContextManager[Advance]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a submission is carried out.

    Attributes:
        registry: The registry's address, for messages and the journal.
        journals: The folder of the journals.
        begun: RFC 3339 UTC text; now.
        concurrency: How many items, and how many parts of them all, are under way at once at the
            most, at least 1.
        attach_all: Whether every registry signature is attached, and not one for each binary.
        only_attach: Whether content is neither looked at nor sent: an earlier run has.
        verdict_seconds: How long the registry may take to hash one content; None for a time that
            grows with it.
    """

    registry: str
    journals: Path
    begun: str
    concurrency: int = 8
    attach_all: bool = False
    only_attach: bool = False
    verdict_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Whom a submission tells.

    Attributes:
        say: Told each step in a line, from any thread.
        track: Called with the name and the bytes of an item that begins, from any thread; entered
            until it ends. Gives a function that is told the bytes that need not be sent any more;
            negative where bytes must be sent again.
    """

    say: Callable[[str], None]
    track: Track
