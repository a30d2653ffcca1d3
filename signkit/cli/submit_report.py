"""What `signkit submit` prints in the end: for each item exactly one of result or error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from signkit.cli import output
from signkit.formats.display import escape, human_size, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from signkit.client.protocol import RegistryClient
    from signkit.errors import SignkitError
    from signkit.submit.documents import Release
    from signkit.submit.outline import Outline
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
    lines = [_line(outcome) for outcome in outcomes if outcome.error is None]
    failed = len(outcomes) - len(lines)
    value = {
        "items": [_describe(outcome) for outcome in outcomes],
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


def _line(outcome: Outcome) -> str:
    item, binary = outcome.item.item, outcome.binary
    prn, state = ("", "") if binary is None else (binary.prn, binary.state)
    return (
        f"{state}  {escape(item.artifact)} {escape(item.version)} {escape(item.target)}  {prn}"
        f"  {'by ' + ', '.join(outcome.keyids) if outcome.keyids else 'not signed yet'}"
    )


def _describe(outcome: Outcome) -> dict[str, object]:
    item, binary = outcome.item.item, outcome.binary
    value: dict[str, object] = {
        "artifact": item.artifact,
        "version": item.version,
        "target": item.target,
        "name": item.name,
        "digest": {"sha256": item.digest.hex()},
    }
    if outcome.error is not None:
        value["error"] = output.describe_error(outcome.error)
    elif binary is not None:
        value["result"] = {
            "binary_prn": binary.prn,
            "state": binary.state.value,
            "keyids": list(outcome.keyids),
        }
    return value


def show_outlines(
    client: RegistryClient, release: Release, *, attach_all: bool, as_json: bool
) -> None:
    """Print what would be done; what would be refused decides the exit code."""
    from signkit.submit.outline import outline_item

    outlines = [outline_item(client, each, attach_all=attach_all) for each in release.items]
    lines = [_outline_line(outline) for outline in outlines]
    count, size = (sum(getattr(each, name) for each in outlines) for name in ("part_count", "size"))
    lines.append(f"in all: {len(outlines)} items, {count} parts, {human_size(size)}")
    value = {
        "dry_run": True,
        "items": [_describe_outline(outline) for outline in outlines],
        "summary": {"item_count": len(outlines), "part_count": count, "size": size},
    }
    output.show_result(value, "\n".join(lines), as_json=as_json)
    _fail([outline.error for outline in outlines], silently=True)


def _outline_line(outline: Outline) -> str:
    item = outline.item.item
    name = f"{escape(item.artifact)} {escape(item.version)} {escape(item.target)}"
    if outline.error is not None:
        return f"{name}: would be refused: {one_line(str(outline.error))}"
    made = f"create {', '.join(outline.missing)}; " if outline.missing else ""
    state = f"binary is {outline.state}; " if outline.state else ""
    parts = f"send {outline.part_count} parts, {human_size(outline.size)}"
    return f"{name}: {made}{state}{parts if outline.part_count else 'send nothing'}"


def _describe_outline(outline: Outline) -> dict[str, object]:
    item = outline.item.item
    return {
        "artifact": item.artifact,
        "version": item.version,
        "target": item.target,
        "create": list(outline.missing),
        "state": outline.state.value if outline.state else None,
        "part_count": outline.part_count,
        "size": outline.size,
        "error": output.describe_error(outline.error) if outline.error else None,
    }
