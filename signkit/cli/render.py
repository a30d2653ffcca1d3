"""Responses and statements as text for people.

Requests: `station/review.py`. Trust roots: `formats/trust_text.py`.
"""

from __future__ import annotations

from signkit.formats.display import escape, format_table, human_size
from signkit.formats.fingerprint import word_rows
from signkit.model.response import Answer, ItemResult, VerifiedResponse
from signkit.verify.statement import Statement

_LABEL_WIDTH = 12


def render_response(verified: VerifiedResponse, *, name: str) -> str:
    """Show a response: who answered, where its ledger stands, and what each item was given."""
    response = verified.response
    rows = [_result_row(result) for result in response.items]
    keys = [f"{escape(key.name)}  {key.public_key.keyid}" for key in response.keys]
    return "\n".join(
        [
            f"RESPONSE {escape(name)}",
            _row("SHA-256", verified.digest.hex()),
            _row("answers", response.request.hex()),
            _row("station", f"{escape(response.station)}, ceremony {response.sequence}"),
            _row("signed by", verified.station_key.keyid),
            _row("when", response.created),
            _row("ledger", f"{response.ledger_before.hex()}"),
            _row("", f"{response.ledger_after.hex()}"),
            _row("transcript", response.transcript.hex()),
            *(_row("key" if place == 0 else "", line) for place, line in enumerate(keys)),
            "",
            format_table(("item", "SHA-256", "content", "result"), rows),
        ]
    )


def render_answer(answer: Answer, *, name: str) -> str:
    """Show a combined response: the union of what it holds, and then each response in it."""
    keys = [f"{escape(key.name)}  {key.public_key.keyid}" for key in answer.keys]
    rows = [
        (str(result.item + 1), result.digest.hex(), _signers(result)) for result in answer.items
    ]
    head = [
        f"COMBINED {escape(name)}",
        _row("SHA-256", answer.digest.hex()),
        _row("answers", answer.request.hex()),
        *(_row("key" if place == 0 else "", line) for place, line in enumerate(keys)),
        "",
        format_table(("item", "SHA-256", "result"), rows),
    ]
    held = [
        render_response(each, name=f"{place} of {len(answer.responses)}")
        for place, each in enumerate(answer.responses, 1)
    ]
    if answer.imported is not None:
        lines = [f"{escape(key.name)}  {key.public_key.keyid}" for key in answer.imported.keys]
        title = "IMPORTED signatures: made without signkit, no station vouches for them"
        held.append("\n".join([title, *(_row("key", line) for line in lines)]))
    return "\n\n".join(["\n".join(head), *held])


def _signers(result: ItemResult) -> str:
    if result.error is not None:
        return f"{escape(result.error.code)}: {escape(result.error.message)}"
    schemes = dict.fromkeys(each.scheme for each in result.signatures)
    counts = {name: sum(each.scheme == name for each in result.signatures) for name in schemes}
    return "signed: " + ", ".join(f"{escape(name)} by {count}" for name, count in counts.items())


def _result_row(result: ItemResult) -> tuple[str, str, str, str]:
    made = ", ".join(escape(each.scheme) for each in result.signatures)
    problem = result.error
    return (
        str(result.item + 1),
        result.digest.hex(),
        "hashed" if result.content_hashed else "digest only",
        f"signed: {made}"
        if problem is None
        else f"{escape(problem.code)}: {escape(problem.message)}",
    )


def render_statement(statement: Statement, keyids: tuple[str, ...], *, verified: bool) -> str:
    """Show a release statement, and whether anything was verified."""
    head = "STATEMENT" if verified else "STATEMENT, not verified: `signkit verify` does that"
    return "\n".join(
        [
            head,
            _row("name", escape(statement.name)),
            _row("artifact", escape(statement.artifact)),
            _row("version", escape(statement.version)),
            _row("target", escape(statement.target)),
            _row("sequence", str(statement.sequence)),
            _row("issued", statement.issued),
            _row("expires", statement.expires or "never"),
            _row("size", f"{statement.size} bytes ({human_size(statement.size)})"),
            _row("SHA-256", statement.digest.hex()),
            *(_row("", row) for row in word_rows(statement.digest)),
            _row("metadata", f"SHA-256 {statement.custom_metadata.hex()}"),
            *(_row("keyid", keyid) for keyid in keyids),
        ]
    )


def _row(label: str, text: str) -> str:
    return f"  {label.ljust(_LABEL_WIDTH)}{text}"
