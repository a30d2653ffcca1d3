"""What came out: one row for each suite and verifier."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from signkit.errors import SignkitError

ACCEPT, REJECT = "accept", "reject"
_SHOWN = 20  # unexpected cases that are printed whole


@dataclass
class Row:
    """The counts of one suite under one verifier."""

    cases: int = 0
    expected: int = 0
    unexpected: int = 0
    tracebacks: int = 0


@dataclass
class Table:
    """Every row, and what was not as it should be."""

    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def run(
        self, suite: str, verifier: str, case: str, *, want: str | None, read: Callable[[], object]
    ) -> None:
        """Run one case in this process.

        Args:
            suite: The row, as is verifier.
            verifier: Who answers.
            case: What the case is called, where it goes wrong.
            want: ACCEPT, REJECT, or None where both are right and only a defect is not.
            read: Answers by returning or by raising SignkitError; anything else that it raises
                is a defect.
        """
        try:
            read()
        except SignkitError as error:
            got = "defect" if type(error) is SignkitError else REJECT
            said = str(error)
        except Exception:
            got, said = "traceback", traceback.format_exc()
        else:
            got, said = ACCEPT, ""
        self.count(suite, verifier, case, want=want, got=got, said=said)

    def count(
        self, suite: str, verifier: str, case: str, *, want: str | None, got: str, said: str = ""
    ) -> None:
        """Count one answer: ACCEPT, REJECT, "traceback" or "defect", or another surprise."""
        row = self.rows.setdefault((suite, verifier), Row())
        row.cases += 1
        if got in {"traceback", "defect"}:
            row.tracebacks += 1
        elif got in ({ACCEPT, REJECT} if want is None else {want}):
            row.expected += 1
            return
        else:
            row.unexpected += 1
        self.wrong.append(f"{suite}: {verifier}: {case}: expected {want}, got {got} {said}".strip())

    def text(self) -> str:
        """Return the table, and the first cases that went wrong."""
        heads = ("suite", "verifier", "cases", "as expected", "unexpected", "tracebacks")
        lines: list[tuple[str, ...]] = [heads]
        lines += [
            (*names, *map(str, (row.cases, row.expected, row.unexpected, row.tracebacks)))
            for names, row in self.rows.items()
        ]
        total = [sum(getattr(row, name) for row in self.rows.values()) for name in vars(Row())]
        lines.append(("total", "", *map(str, total)))
        widths = [max(len(line[place]) for line in lines) for place in range(len(heads))]
        shown = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
        more = len(self.wrong) - _SHOWN
        shown += ["", *self.wrong[:_SHOWN]] if self.wrong else []
        return "\n".join([*shown, f"and {more} more"] if more > 0 else shown)
