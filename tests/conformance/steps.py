"""The calls that cases are made of, and the table they are entered in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tests.conformance import world
from tests.conformance.case import ACCEPT, REFUSE, Case, File, Step
from tests.conformance.world import CONTENT, NOW

CASES: list[Case] = []
PERMIT = "permit.json"  # as an option's value it stands for the file of that name


def init(file: File | None = None, *, expect: str = ACCEPT, seconds: int | None = None) -> Step:
    """Provision a device; with version 1 unless told otherwise."""
    given = world.trust() if file is None else file
    return Step(command="init", files=(("trust.json", given),), expect=expect, seconds=seconds)


def update(file: File, *, expect: str = ACCEPT, seconds: int | None = None) -> Step:
    """Give a device another trust root."""
    return Step(command="update", files=(("trust.json", file),), expect=expect, seconds=seconds)


def verify(
    statement: File | None = None,
    *,
    content: File = CONTENT,
    expect: str = ACCEPT,
    now: str | None = NOW,
    artifact: str | None = None,
    target: str | None = None,
    permit: bytes | None = None,
    seconds: int | None = None,
) -> Step:
    """Give a device content and a statement; the honest ones unless told otherwise."""
    given = world.statement() if statement is None else statement
    options: tuple[str, ...] = ()
    for name, value in (("--artifact", artifact), ("--target", target)):
        if value is not None:
            options += (name, value)
    files: tuple[tuple[str, File], ...] = (
        ("model.bin", content),
        ("model.bin.statement.json", given),
    )
    if permit is not None:
        options += ("--permit", PERMIT)
        files += ((PERMIT, permit),)
    return Step(
        command="verify",
        files=files,
        options=(*options, "--now", now or "none"),
        expect=expect,
        seconds=seconds,
    )


def refused(statement: File | None = None, **changes: Any) -> Step:
    """A verify step that must be refused."""
    return verify(statement, expect=REFUSE, **changes)


def tamper(how: str) -> Step:
    """Damage every file that the device keeps."""
    return Step(command="tamper", options=(how,))


def sampled(name: str) -> bool:
    """Say whether one of many alike belongs to the quick ones: every third or so, always the same."""
    return len(name) % 3 == 0


def enter(
    name: str,
    family: str,
    source: str,
    says: str,
    *steps: Callable[[], Step | Iterable[Step]] | Step,
    needs: Iterable[str] = (),
    quick: bool = False,
) -> None:
    """Enter one case in the table.

    Args:
        name: As in `Case`, as are family, source, says and quick.
        steps: Each a step, or a function that makes one or several when the case runs.
        needs: Capabilities without which the case asks nothing.
    """

    def make() -> tuple[Step, ...]:
        made: list[Step] = []
        for step in steps:
            given = step if isinstance(step, Step) else step()
            made += [given] if isinstance(given, Step) else given
        return tuple(made)

    CASES.append(
        Case(
            name=name,
            family=family,
            source=source,
            says=says,
            make=make,
            needs=frozenset(needs),
            quick=quick,
        )
    )


def attack_statement(
    name: str,
    family: str,
    source: str,
    says: str,
    make: Callable[[], File],
    *,
    quick: bool = False,
    **changes: Any,
) -> None:
    """Enter a statement that must be refused, on a device that then still verifies the honest one.

    The honest one comes last: that the refusal left no trace is part of the question, and so nobody
    passes by refusing everything.
    """
    enter(
        name,
        family,
        source,
        says,
        init,
        lambda: refused(make(), **changes),
        verify,
        quick=quick,
    )


def attack_first_trust(
    name: str, family: str, source: str, says: str, make: Callable[[], File], *, quick: bool = False
) -> None:
    """Enter a first trust root that must be refused, and leaves a device that verifies nothing."""
    enter(
        name,
        family,
        source,
        says,
        lambda: init(make(), expect=REFUSE),
        refused,
        quick=quick,
    )


def attack_update(
    name: str,
    family: str,
    source: str,
    says: str,
    make: Callable[[], File],
    *,
    quick: bool = False,
    seconds: int | None = None,
) -> None:
    """Enter a next trust root that must be refused, on a device that then stays where it was."""
    enter(
        name,
        family,
        source,
        says,
        init,
        lambda: update(make(), expect=REFUSE, seconds=seconds),
        verify,
        lambda: update(world.trust(world.trust_value(2))),
        needs={"update"},
        quick=quick,
    )
