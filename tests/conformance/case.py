"""What a case is: steps for a verifier, and for each what it must answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

ACCEPT = "accept"
REFUSE = "refuse"
EITHER = "either"  # where it may refuse early or late, and a later step shows that it did

# What a verifier may lack, and has to say so (docs/howto/conformance.md section 3).
CAPABILITIES = {
    "update": "follows a trust root from one version to the next",
    "permit": "accepts an older release that a signed permit names",
    "roles": "reads several roles of a trust root, and when they begin",
    "state": "remembers what it has seen between two runs",
    "spelling": "reads a statement in any JSON spelling, not in signkit's own only",
}


@dataclass(frozen=True, slots=True)
class Sparse:
    """A file of so many zero bytes, which takes no room."""

    size: int


@dataclass(frozen=True, slots=True)
class Missing:
    """A file that is not there."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder in the place of a file."""


@dataclass(frozen=True, slots=True)
class Pipe:
    """A named pipe in the place of a file: whoever opens it waits for ever."""


File = bytes | Sparse | Missing | Folder | Pipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call of a verifier.

    Attributes:
        command: init, update, verify; or tamper, which the harness does itself.
        files: File name to what is in it, in the order of the command line; the names are paths
            in a folder of the step's own. A file whose name is also an option's value is given there.
        options: After the files.
        expect: ACCEPT, REFUSE or EITHER.
        seconds: The processor time it may take, or None for the harness's own bound.
    """

    command: str
    files: tuple[tuple[str, File], ...] = ()
    options: tuple[str, ...] = ()
    expect: str = ACCEPT
    seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A story with one question at its end.

    Attributes:
        name: Lower case, digits and `-`; also the name of its folder.
        family: The attack it belongs to.
        source: Where the idea comes from: an attack's number in docs/design/threat-model.md, or the
            name that a peer's suite has for it.
        says: What happens, in one sentence.
        make: Makes the steps; called only when the case runs, because some files are large.
        needs: Capabilities without which the case asks nothing.
        quick: Whether it also runs in the default test suite.
    """

    name: str
    family: str
    source: str
    says: str
    make: Callable[[], tuple[Step, ...]] = field(repr=False)
    needs: frozenset[str] = frozenset()
    quick: bool = False
