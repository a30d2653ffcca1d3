"""Statements on their way: shown before they are verified, and taken out of a response.

Nothing here proves anything; `signkit/verify/verdict.py` does.

Spec: docs/formats/statement.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from signkit.errors import FormatError, ResponseError, StatementError, VerificationError
from signkit.formats.combined import open_answer
from signkit.formats.envelope import join_envelopes
from signkit.model.response import ItemResult
from signkit.verify import limits
from signkit.verify.encoding import encode_json
from signkit.verify.envelope import parse_envelope, peek_payload, read_envelope
from signkit.verify.statement import PAYLOAD_TYPE, Statement, parse_statement
from signkit.verify.verdict import Expectation


def read_statement_unverified(data: bytes) -> tuple[Statement, tuple[str, ...], bytes]:
    """Read what a statement says without verifying it, to show it. Never act on it.

    Args:
        data: The envelope, at most limits.STATEMENT_SIZE bytes.

    Returns:
        What it says, the keyids that are said to have signed it, and its payload.

    Raises:
        StatementError: malformed.
    """
    try:
        envelope = parse_envelope(
            data, payload_type=PAYLOAD_TYPE, limit=limits.STATEMENT_SIZE, what="statement"
        )
        payload = peek_payload(envelope)
        said = parse_statement(payload)
    except (FormatError, VerificationError) as error:
        raise StatementError(str(error), hint=error.hint, reason=error.code) from error
    return said, tuple(each.keyid for each in envelope.signatures), payload


def statement_from_response(data: bytes, *, name: str, expectation: Expectation) -> bytes:
    """Take the statement for one content file out of a response.

    A response proves nothing here: its envelope is opened under the key that travels in it,
    which shows only that it is whole. The statement is verified afterwards.

    Args:
        data: The response, or a combined one, at most limits.RESPONSE_SIZE bytes.
        name: The content's file name. A response with a single statement answers for any name.
        expectation: Its artifact and target choose among statements for the same name.

    Returns:
        The envelope with the signatures of all who signed, as JSON, for `verify_statement`.

    Raises:
        ResponseError: malformed, damaged, or not exactly one statement fits.
    """
    answer = open_answer(data)
    try:
        offered = [statement for item in answer.items for statement in _statement_of(item)]
    except (FormatError, VerificationError) as error:
        raise ResponseError(str(error), hint=error.hint, reason=error.code) from error
    fitting = [pair for pair in offered if _fits(pair[0], expectation)]
    if len(fitting) > 1:
        fitting = [pair for pair in fitting if pair[0].name == name]
    if len(fitting) != 1:
        message = f"the response holds {len(fitting)} statements that fit {name!r}, expected 1"
        raise ResponseError(message, hint="name the --artifact and --target, or another response")
    return fitting[0][1]


def _statement_of(item: ItemResult) -> Iterator[tuple[Statement, bytes]]:
    """Read what an item's unopened statement says, if it has one, to choose among several."""
    made = {each.keyid: each.value for each in item.signatures if each.scheme == "statement"}
    if made:
        value = join_envelopes(made, what="statement")
        envelope = read_envelope(value, payload_type=PAYLOAD_TYPE, what="statement")
        yield parse_statement(peek_payload(envelope)), encode_json(value)


def _fits(said: Statement, expectation: Expectation) -> bool:
    return expectation.artifact in {None, said.artifact} and expectation.target in {
        None,
        said.target,
    }
