"""What `signkit submit` prints in the end: for each item exactly one of result or error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from signkit.cli import output
from signkit.formats.display import counted, human_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from signkit.client.protocol import RegistryClient
    from signkit.errors import SignkitError
    from signkit.submit.documents import Release
    from signkit.submit.options import Options
    from signkit.submit.run import Outcome


def show_outcomes(
    outcomes: Sequence[Outcome], *, as_json: bool, unsaved: SignkitError | None = None
) -> None:
    """Print the report; the first error decides the exit code.

    Args:
        outcomes: One for each item.
        as_json: Whether as JSON.
        unsaved: Why the checkpoint was not saved; None where it was, or was not to be.
    """
    from signkit.submit.report import describe_outcome, outcome_line

    lines = [outcome_line(outcome) for outcome in outcomes if outcome.error is None]
    failed = len(outcomes) - len(lines)
    value = {
        "items": [describe_outcome(outcome) for outcome in outcomes],
        "summary": {"item_count": len(outcomes), "done": len(lines), "failed": failed},
    }
    if failed and len(outcomes) > 1:
        lines.append(f"{len(lines)} of {len(outcomes)} done, {failed} failed")
    output.show_result(value, "\n".join(lines), as_json=as_json)
    if unsaved is not None:
        output.fail(unsaved, as_json=as_json)
    _fail([outcome.error for outcome in outcomes], silently=as_json)
    _fail([unsaved], silently=True)


def _fail(errors: Sequence[SignkitError | None], *, silently: bool) -> None:
    """End with the exit code of the first error, where there is one."""
    failed = [error for error in errors if error is not None]
    for error in failed:
        if not silently:
            output.fail(error, as_json=False)
    if failed:
        raise typer.Exit(failed[0].exit_code)


def show_outlines(
    client: RegistryClient, release: Release, options: Options, *, as_json: bool
) -> None:
    """Print what would be done; what would be refused decides the exit code."""
    from signkit.submit.outline import outline_item
    from signkit.submit.report import describe_outline, outline_line

    outlines = [outline_item(client, each, options) for each in release.items]
    lines = [outline_line(outline) for outline in outlines]
    count, size = (sum(getattr(each, name) for each in outlines) for name in ("part_count", "size"))
    items = counted(len(outlines), "item")
    lines.append(f"in all: {items}, {counted(count, 'part')}, {human_size(size)}")
    value = {
        "dry_run": True,
        "items": [describe_outline(outline) for outline in outlines],
        "summary": {"item_count": len(outlines), "part_count": count, "size": size},
    }
    output.show_result(value, "\n".join(lines), as_json=as_json)
    _fail([outline.error for outline in outlines], silently=True)
