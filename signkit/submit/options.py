"""How a submission is carried out, and whom it tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from signkit.formats.content import Advance


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a submission is carried out.

    Attributes:
        registry: The registry's address, for messages and the journal.
        journals: The folder of the journals.
        begun: RFC 3339 UTC text; now.
        concurrency: How many parts are sent at once, at least 1.
        attach_all: Whether every registry signature is attached, and not one for each binary.
    """

    registry: str
    journals: Path
    begun: str
    concurrency: int = 4
    attach_all: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Whom a submission tells.

    Attributes:
        say: Told each step in a line, from any thread.
        advance: Told the bytes that need not be sent any more, from any thread; negative where
            bytes must be sent again.
    """

    say: Callable[[str], None]
    advance: Advance
