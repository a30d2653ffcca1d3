"""The script of a ceremony as text of 78 columns, and as JSON. Everything from outside is escaped.

Spec: docs/formats/ceremony-file.md section 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from signkit.formats.display import one_line, pad_columns, wrap_columns
from signkit.station.review_rows import WIDTH, labelled
from signkit.station.script import Fact, Script, Step

_INDENT = 9  # of what belongs to a step


def script_text(script: Script) -> str:
    """Return the script for a terminal or a line printer."""
    lines = [f"CEREMONY {one_line(script.title)}", ""]
    lines += [row for fact in script.facts for row in _fact_lines(fact)]
    lines += ["", "WHO IS THERE, and signs at the end"]
    for person in script.people:
        name = pad_columns(one_line(person.name), 40)
        lines.append(f"  {person.role:<9} {name} {'_' * 24}")
    lines += ["", "STEPS"]
    for number, step in enumerate(script.steps, start=1):
        lines += ["", *_step_lines(number, step)]
    return "\n".join(lines)


def _fact_lines(fact: Fact) -> Iterator[str]:
    for place, row in enumerate(fact.rows):
        yield from labelled("" if place else fact.label, one_line(row))


def _step_lines(number: int, step: Step) -> Iterator[str]:
    head, *rest = [
        row
        for line in f"{step.who}: {step.text}".split("\n")
        for row in wrap_columns(one_line(line), WIDTH - _INDENT)
    ]
    yield f"[ ] {number:>3}  {head}".rstrip()
    yield from (f"{'':{_INDENT}}{row}".rstrip() for row in rest)
    if step.command is not None:
        # Whole, however long: it is copied from here.
        yield f"{'':{_INDENT}}$ {one_line(step.command)}"
    for row in step.expected:
        yield f"{'':{_INDENT}}=> {one_line(row)}"


def script_value(script: Script) -> dict[str, object]:
    """Return the script as a JSON object."""
    value = asdict(script)
    return value | {
        "facts": [fact._asdict() for fact in script.facts],
        "people": [person._asdict() for person in script.people],
        "steps": [step._asdict() for step in script.steps],
    }
