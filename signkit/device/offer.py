"""Content that is elsewhere: what whoever can fetch it gives to the command of this room.

The room itself reaches no network. Where the command is part of more than a device carries, it is
given a `Fetcher`, which adds options and finds an `Offer`; what is offered is judged as any file.
"""

from __future__ import annotations

from signkit.verify.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from typing import Protocol

    from signkit.device.judge import Judge
    from signkit.device.manifest import ManifestItem
    from signkit.verify.digest import Sha256

    class Options(Protocol):
        """The command line, as it was read."""

        def one(self, name: str) -> str | None:
            """Return the value of an option, or None."""

        def all(self, name: str) -> list[str]:
            """Return the values of an option that may be given again."""

        def number(self, name: str) -> int:
            """Return the value of an option that is a whole number; 0 where it was not given."""

        def has(self, *names: str) -> bool:
            """Say whether one of them was given."""


class Offer(Value):
    """One content that a manifest offers.

    Attributes:
        name: What it is called in the verdict.
        path: Where its content lies once it is fetched.
        manifest: As `parse_manifest` returns it.
        fetch: Gets the content, once everything that is cheap was judged.
        remove: Removes what was fetched whole; called in the end, whatever the verdict is.
    """

    name: str
    path: str
    manifest: Mapping[Sha256, Sequence[ManifestItem]]
    fetch: Callable[[Judge], None]
    remove: Callable[[], None]


class Fetcher(Value):
    """What finds an offer.

    Attributes:
        rows: Its options, as the command's own: what the value is called, and help.
        open: Makes ready to ask, and yields what finds the offer behind `--from`; connections are
            closed in the end.
    """

    rows: Mapping[str, tuple[str, str]]
    open: Callable[[Options], AbstractContextManager[Callable[[], Offer]]]
