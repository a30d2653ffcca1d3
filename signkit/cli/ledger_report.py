"""The ledger as text and JSON: lists for people at 80 columns, everything for machines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from signkit.formats.chain import End
from signkit.formats.display import escape, format_table, human_size
from signkit.formats.fingerprint import word_rows
from signkit.model.response import VerifiedResponse
from signkit.station.ledger import LedgerItem, LedgerLine, line_fields
from signkit.station.search import Found
from signkit.station.transcript import Transcript, transcript_digest

_LABEL_WIDTH = 14
_SHORT = 12  # hex digits that tell digests of one ledger apart
_NAME_WIDTH = 16
_REASON_WIDTH = 34


def line_value(line: LedgerLine, *, whole: bool = False) -> dict[str, object]:
    """Return a line as JSON; items and transcript only where all of it is asked for."""
    fields = dict(line_fields(line.entry))
    value: dict[str, object] = {
        "sequence": line.sequence,
        "head": {"sha256": line.after.hex()},
        **fields,
        "item_count": len(line.entry.items),
        "signed_count": line.entry.signed_count,
    }
    if whole:
        value["transcript_digest"] = {"sha256": transcript_digest(line.entry.transcript).hex()}
    else:
        del value["items"], value["transcript"]
    return value


def list_text(lines: Sequence[LedgerLine], end: End) -> str:
    """Show ceremonies, one a line."""
    rows = [
        (
            str(line.sequence),
            line.entry.time,
            line.entry.event,
            _counts(line),
            "-" if line.entry.key is None else escape(line.entry.key.name, width=_NAME_WIDTH),
            line.entry.request.hex()[:_SHORT],
        )
        for line in lines
    ]
    header = ("no.", "when", "event", "signed", "key", "request")
    hidden = end.sequence - len(lines)
    before = [f"{hidden} older ceremonies: --last 0 shows all"] if hidden else []
    table = [format_table(header, rows)] if rows else ["no ceremonies"]
    return "\n".join([*before, *table])


def _counts(line: LedgerLine) -> str:
    items = line.entry.items
    return f"{line.entry.signed_count} of {len(items)}" if items else "-"


def line_text(line: LedgerLine) -> str:
    """Show all that the ledger holds of one ceremony."""
    entry = line.entry
    key = "none" if entry.key is None else f"{escape(entry.key.name)}  {entry.key.keyid}"
    rows = [
        f"CEREMONY {line.sequence}: {entry.event}",
        _row("when", f"{entry.time}, begun {entry.transcript.began}"),
        _row("request", entry.request.hex()),
        _row("requester", entry.requester),
        _row("key", key),
        *_rows("reason", [escape(part) for part in (entry.reason or "").split("\n") if part]),
        _row("head before", line.before.hex()),
        _row("head", line.after.hex()),
        *_transcript_rows(entry.transcript),
    ]
    items = [_item_row(place, item) for place, item in enumerate(entry.items, 1)]
    header = ("item", "artifact", "version", "target", "seq.", "size", "SHA-256", "result")
    return "\n".join([*rows, *(["", format_table(header, items)] if items else [])])


def _transcript_rows(said: Transcript) -> list[str]:
    runs = said.installation
    confirmed = [f"{escape(each.operator)}, {each.how}, {each.time}" for each in said.confirmed]
    controls = [f"{escape(each.control)} {each.result}" for each in said.controls]
    versions = f"signkit {runs.signkit}, Python {runs.python}, PyNaCl {runs.pynacl}, {runs.openssl}"
    return [
        _row("transcript", transcript_digest(said).hex()),
        _row("station", escape(said.station)),
        *_rows("confirmed by", confirmed or ["nobody"]),
        *_rows("controls", controls or ["none"]),
        _row("policy", "none" if said.policy is None else said.policy.hex()),
        _row("runs", escape(versions)),
        _row("installation", runs.digest.hex()),
    ]


def _item_row(place: int, item: LedgerItem) -> tuple[str, ...]:
    seen = "" if item.content_hashed else ", digest only"
    made = ", ".join(escape(scheme) for scheme in item.schemes)
    refused = item.error and f"{escape(item.error.code)}: {escape(item.error.message)}"
    return (
        str(place),
        escape(item.artifact, width=_NAME_WIDTH),
        escape(item.version, width=_NAME_WIDTH),
        escape(item.target, width=_NAME_WIDTH),
        str(item.sequence),
        human_size(item.size),
        item.digest.hex()[:_SHORT],
        refused or f"signed: {made}{seen}",
    )


def verified_value(
    path: Path, lines: Sequence[LedgerLine], end: End, responses: Sequence[VerifiedResponse]
) -> dict[str, object]:
    """Return what is known of a ledger that was verified."""
    return {
        "ledger": str(path),
        "verified": True,
        "ceremonies": end.sequence,
        "head": {"sha256": end.head.hex()},
        "torn": end.torn,
        "signed_count": sum(line.entry.signed_count for line in lines),
        "responses": sorted(each.response.sequence for each in responses),
    }


def verified_text(
    path: Path, lines: Sequence[LedgerLine], end: End, responses: Sequence[VerifiedResponse]
) -> str:
    """Show what is known of a ledger that was verified."""
    newest = max((each.response.sequence for each in responses), default=0)
    proved = (
        f"{len(responses)} in their places: nothing up to ceremony {newest} was changed since"
        if responses
        else "none given: a cut or rewritten ledger would not be noticed"
    )
    signed = sum(line.entry.signed_count for line in lines)
    rows = [
        f"LEDGER {escape(str(path))}: every line follows the one before it",
        _row("ceremonies", f"{end.sequence}, {signed} items signed"),
        _row("head", end.head.hex()),
        *(_row("", row) for row in word_rows(end.head)),
        _row("responses", proved),
    ]
    return "\n".join(rows)


def found_value(found: Found) -> dict[str, object]:
    """Return one answer as JSON."""
    key = {"name": found.key, "keyid": found.keyid} if found.keyid else None
    return {
        "ceremony": found.ceremony,
        "time": found.time,
        "event": found.event,
        "request": {"sha256": found.request},
        "key": key,
        "item": found.item,
        "reason": found.reason,
    }


def found_text(shown: Sequence[Found], count: int) -> str:
    """Show answers, one a line, under how many there are."""
    if not count:
        return "nothing found"
    rows = [_found_row(found) for found in shown]
    header = ("no.", "when", "artifact", "version", "target", "seq.", "SHA-256", "result")
    hidden = f"; the newest {len(shown)}, --last 0 shows all" if len(shown) < count else ""
    return f"{count} found{hidden}\n{format_table(header, rows)}"


def _found_row(found: Found) -> tuple[str, ...]:
    number, day = str(found.ceremony), escape(found.time)[:10]
    why = escape(found.reason or "", width=_REASON_WIDTH)
    if found.item is None:
        return (number, day, "-", "-", "-", "-", "-", f"{escape(found.event)}: {why}")
    item = found.item
    return (
        number,
        day,
        *(escape(item[name], width=_NAME_WIDTH) for name in ("artifact", "version", "target")),
        str(item["sequence"]),
        item["digest"]["sha256"][:_SHORT],
        f"refused: {why}" if found.reason else escape(found.key, width=_NAME_WIDTH),
    )


def _rows(label: str, lines: Sequence[str]) -> list[str]:
    return [_row("" if place else label, line) for place, line in enumerate(lines)]


def _row(label: str, text: str) -> str:
    return f"  {label.ljust(_LABEL_WIDTH)}{text}"
