"""The table of verifiers by cases, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.conformance.case import Case
from tests.conformance.harness import Verdict, Verifier

_SHOWN = {"pass": "ok", "fail": "FAIL", "n/a": "n/a"}


def table(
    verifiers: Sequence[Verifier],
    cases: Sequence[Case],
    found: Mapping[str, Mapping[str, Verdict]],
) -> list[str]:
    """Return the lines of the table; a column a verifier, a line a case, and the totals."""
    width = max(len(case.name) for case in cases) + 2
    columns = [max(8, len(verifier.name) + 2) for verifier in verifiers]
    lines = [_line("", [verifier.name for verifier in verifiers], width, columns)]
    family = ""
    for case in cases:
        if case.family != family:
            family = case.family
            lines.append(f"{family}:")
        shown = [_SHOWN[found[verifier.name][case.name].state] for verifier in verifiers]
        lines.append(_line(f"  {case.name}", shown, width, columns))
    lines.append("")
    for state, title in (("pass", "ok"), ("n/a", "not applicable"), ("fail", "failed")):
        counts = [
            str(sum(verdict.state == state for verdict in found[verifier.name].values()))
            for verifier in verifiers
        ]
        lines.append(_line(title, counts, width, columns))
    return lines


def _line(first: str, rest: Sequence[str], width: int, columns: Sequence[int]) -> str:
    cells = (text.rjust(column) for text, column in zip(rest, columns, strict=True))
    return f"{first.ljust(width)}{''.join(cells)}"


def reasons(verifiers: Sequence[Verifier], found: Mapping[str, Mapping[str, Verdict]]) -> list[str]:
    """Return what each verifier lacks, and one line for each failure."""
    lines = [
        f"{verifier.name} says that it lacks: {', '.join(sorted(verifier.lacks))}"
        for verifier in verifiers
        if verifier.lacks
    ]
    for verifier in verifiers:
        for name, verdict in found[verifier.name].items():
            if verdict.state == "fail":
                lines.append(f"{verifier.name}: {name}: {verdict.says}")
    return lines


def all_green(found: Mapping[str, Mapping[str, Verdict]]) -> bool:
    """Say whether nothing failed, and each verifier was asked anything at all."""
    return all(
        any(verdict.state == "pass" for verdict in verdicts.values())
        and all(verdict.state != "fail" for verdict in verdicts.values())
        for verdicts in found.values()
    )
