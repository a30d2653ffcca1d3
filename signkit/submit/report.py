"""What a submission reports in the end, and what a dry run does: values for JSON, and lines."""

from __future__ import annotations

from signkit.client.resources import BinaryState
from signkit.errors import describe_error
from signkit.formats.display import counted, escape, human_size, one_line
from signkit.submit.outline import Outline
from signkit.submit.run import Outcome


def outcome_line(outcome: Outcome) -> str:
    """Return one line of an outcome without an error."""
    item, binary = outcome.item.item, outcome.binary
    prn, state = ("", "") if binary is None else (binary.prn, binary.state)
    return (
        f"{state}  {escape(item.artifact)} {escape(item.version)} {escape(item.target)}  {prn}"
        f"  {_signers(outcome)}"
    )


def _signers(outcome: Outcome) -> str:
    if outcome.keyids:
        return f"by {', '.join(outcome.keyids)}"
    signed = outcome.binary is not None and outcome.binary.state is BinaryState.SIGNED
    return "was signed before" if signed else "not signed yet"


def describe_outcome(outcome: Outcome) -> dict[str, object]:
    """Return an outcome for the report: exactly one of `result` and `error`."""
    item, binary = outcome.item.item, outcome.binary
    value: dict[str, object] = {
        "artifact": item.artifact,
        "version": item.version,
        "target": item.target,
        "name": item.name,
        "digest": {"sha256": item.digest.hex()},
    }
    if outcome.error is not None:
        value["error"] = describe_error(outcome.error)
    elif binary is not None:
        value["result"] = {
            "binary_prn": binary.prn,
            "state": binary.state.value,
            "keyids": list(outcome.keyids),
        }
    return value


def outline_line(outline: Outline) -> str:
    """Return one line of what would be done."""
    item = outline.item.item
    name = f"{escape(item.artifact)} {escape(item.version)} {escape(item.target)}"
    if outline.error is not None:
        return f"{name}: would be refused: {one_line(str(outline.error))}"
    made = f"create {', '.join(outline.missing)}; " if outline.missing else ""
    state = f"binary is {outline.state}; " if outline.state else ""
    parts = f"send {counted(outline.part_count, 'part')}, {human_size(outline.size)}"
    sent = parts if outline.part_count else "send nothing"
    signatures = outline.signature_count
    attached = f"; attach {counted(signatures, 'signature')}" if signatures else ""
    return f"{name}: {made}{state}{sent}{attached}"


def describe_outline(outline: Outline) -> dict[str, object]:
    """Return what would be done, for the report."""
    item = outline.item.item
    return {
        "artifact": item.artifact,
        "version": item.version,
        "target": item.target,
        "create": list(outline.missing),
        "state": outline.state.value if outline.state else None,
        "part_count": outline.part_count,
        "size": outline.size,
        "signature_count": outline.signature_count,
        "error": describe_error(outline.error) if outline.error else None,
    }
