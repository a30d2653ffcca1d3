"""Every case, in the order in which it is shown, and the folder of files for other machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.conformance import (
    cases_honest,
    cases_shape,
    cases_state,
    cases_statement,
    cases_trust,
    cases_update,
)
from tests.conformance.case import Case, Step
from tests.conformance.harness import arguments, lay_out
from tests.conformance.steps import CASES

# Importing them entered their cases; they are named here so that this is no accident.
FAMILIES = (cases_honest, cases_statement, cases_shape, cases_trust, cases_update, cases_state)


# Honest ones first; after them what is asked of a statement, of a trust root, and of what is remembered.
ORDER = (
    "honest",
    "arbitrary installation",
    "threshold",
    "ed25519",
    "wrong software",
    "mix and match",
    "content",
    "endless data",
    "freeze",
    "validity window",
    "other documents",
    "fields",
    "envelope",
    "spelling",
    "first trust root",
    "keys and roles",
    "root update",
    "revocation",
    "rollback",
    "fast forward",
    "downgrade permit",
    "state",
)


def cases() -> tuple[Case, ...]:
    """Return every case, by family.

    Raises:
        ValueError: two cases have one name, or a family is not in ORDER.
    """
    names = [case.name for case in CASES]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        message = f"cases: expected a name for each, got {twice} twice"
        raise ValueError(message)
    return tuple(sorted(CASES, key=lambda case: ORDER.index(case.family)))


def write(folder: Path, chosen: Sequence[Case]) -> int:
    """Write cases as files and one table, `cases.json`, for a harness of another kind.

    Returns:
        How many.
    """
    table = []
    for case in chosen:
        place = folder / case.name
        place.mkdir(parents=True)
        steps = [_written(step, place, number) for number, step in enumerate(case.make(), 1)]
        table.append(
            {
                "name": case.name,
                "family": case.family,
                "source": case.source,
                "says": case.says,
                "needs": sorted(case.needs),
                "steps": steps,
            }
        )
    (folder / "cases.json").write_text(f"{json.dumps(table, indent=1)}\n", "utf-8")
    return len(table)


def _written(step: Step, place: Path, number: int) -> dict[str, Any]:
    paths = lay_out(step, place / f"{number}-{step.command}")
    words = [word.removeprefix(f"{place}/") for word in arguments(step, Path("STATE_DIR"), paths)]
    return {"arguments": words, "expect": step.expect, "processor_seconds": step.seconds}
