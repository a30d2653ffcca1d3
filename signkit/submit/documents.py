"""The three documents of a submission, verified together before the registry hears of anything.

    1. the response, or several, each under the key that travels in it and the pinned ones, if any
    2. the request that it answers: the very file, by its digest
    3. the plan of that request: the same content, cut into parts
    4. every signature of every item, under its scheme, for exactly that item
    5. what the registry will hold of each item: its custom metadata with the statement in it

No network and no content here; `content.py` looks at the files.

Spec: docs/formats/combined.md section 5; docs/formats/plan-and-journal.md.
Controls: SK-SUBMIT-VERIFIED (docs/design/assurance.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from signkit.errors import (
    JournalError,
    ResponseError,
    SubmissionError,
    TooLargeError,
    UnknownKeyError,
    UsageError,
    VerificationError,
)
from signkit.formats.combined import open_answer
from signkit.formats.envelope import join_envelopes
from signkit.formats.files import read_file
from signkit.formats.plan import parse_plan
from signkit.formats.request import open_request
from signkit.model.audit import LedgerPoint
from signkit.model.plan import Plan, PlannedItem
from signkit.model.request import Item, VerifiedRequest
from signkit.model.response import Answer, ItemError, ItemResult, NamedKey
from signkit.schemes import peridio, statement
from signkit.submit.answer import verify_answer
from signkit.verify import limits
from signkit.verify.encoding import encode_json

STATEMENT_MEMBER = "signkit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """The keys that this side expects; None where it takes what comes.

    Attributes:
        stations: keyids of the stations whose responses are taken.
        keys: keyids of the signing keys that may stand in the response.
    """

    stations: frozenset[str] | None = None
    keys: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySignature:
    """A verified signature in the registry's own scheme.

    Attributes:
        key: Who signed, and the name that the station gives the key.
        value: 128 upper-case hex digits.
        ledger: Where the ledger of the station that made it stood, or None where none made it.
    """

    key: NamedKey
    value: str
    ledger: LedgerPoint | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadItem:
    """One item of a request: what may be uploaded, also before it is signed.

    Attributes:
        place: In the request, from 0.
        item: What was asked for.
        planned: Where its content lies, and its parts.
        custom_metadata: What the registry is to hold: the item's own, and the statement if signed.
    """

    place: int
    item: Item
    planned: PlannedItem
    custom_metadata: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedItem(UploadItem):
    """One item whose signatures verified: what may be published.

    Attributes:
        signatures: For the registry; at least one, in the response's order.
        keyids: Everyone who signed, under any scheme.
    """

    signatures: tuple[RegistrySignature, ...]
    keyids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsignedItem:
    """One item that the station did not sign, and why."""

    place: int
    item: Item
    error: ItemError

    def refusal(self) -> SubmissionError:
        """Return why it is not published, and what to do."""
        message = f"{self.item.name}: the station did not sign it: {self.error.message}"
        return SubmissionError(message, hint="mend that, prepare it again and have it signed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A request with all that it takes to upload its content.

    Attributes:
        request: The request, verified.
        items: One for each item of the request, in its order.
    """

    request: VerifiedRequest
    items: tuple[UploadItem | UnsignedItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission(Release):
    """A verified response with all that it takes to publish it: its items are signed, or refused.

    Attributes:
        answer: What came back for the request.
    """

    answer: Answer
    items: tuple[SignedItem | UnsignedItem, ...]


def open_release(request_data: bytes, plan: Plan) -> Release:
    """Open a request together with its plan, before anybody signed it.

    Args:
        request_data: The request file.
        plan: The parsed plan.

    Raises:
        RequestError: the request is damaged.
        JournalError: the plan is of another request or other content.
    """
    request = open_request(request_data)
    _check_plan(plan, request)
    items = tuple(
        UploadItem(place=place, item=item, planned=planned, custom_metadata=item.custom_metadata)
        for place, (item, planned) in enumerate(zip(request.request.items, plan.items, strict=True))
    )
    return Release(request=request, items=items)


def read_release(file: Path, request: Path | None, plan: Path | None) -> Release:
    """Read a request and its plan.

    Args:
        file: Either of them, by its usual name; the other lies beside it.
        request: The request, where it has another name or place.
        plan: The plan, likewise.

    Raises:
        UsageError: the file is neither.
        FileError, TooLargeError, RequestError, JournalError: as `open_release`, or unreadable.
    """
    name = file.name.removesuffix(".request.json").removesuffix(".plan.json")
    if name == file.name:
        message = f"{file}: expected a name that ends in .request.json or .plan.json"
        raise UsageError(message, hint="before the ceremony there is no response yet")
    request = request or file.with_name(f"{name}.request.json")
    plan = plan or file.with_name(f"{name}.plan.json")
    return open_release(_read_request(request), _read_plan(plan))


def read_submission(response: Path, request: Path, plan: Path, *, pins: Pins) -> Submission:
    """Read a response, its request and the plan; returns and raises as `open_submission`."""
    data = read_file(response, limit=limits.RESPONSE_SIZE, what="response")
    return open_submission(data, _read_request(request), _read_plan(plan), pins=pins)


def _read_request(path: Path) -> bytes:
    return read_file(path, limit=limits.REQUEST_SIZE, what="request")


def _read_plan(path: Path) -> Plan:
    return parse_plan(read_file(path, limit=limits.PLAN_SIZE, what="plan"))


def open_submission(
    response_data: bytes, request_data: bytes, plan: Plan, *, pins: Pins
) -> Submission:
    """Verify a response together with its request and plan.

    Args:
        response_data: The file of a response, or of a combined one.
        request_data: The request file.
        plan: The parsed plan.
        pins: The keys expected.

    Raises:
        ResponseError: damaged, for another request, by another station, or a signature in it
            does not hold; `reason` says which.
        RequestError: the request is damaged.
        JournalError: the plan is of another request or other content.
        SubmissionError: an item that the registry could not take.
    """
    answer = open_answer(response_data)
    request = open_request(request_data)
    _check_plan(plan, request)
    try:
        _check_pins(answer, pins)
    except VerificationError as error:
        raise ResponseError(str(error), hint=error.hint, reason=error.code) from error
    verify_answer(answer, request)
    keys = {key.public_key.keyid: key for key in answer.keys}
    ledgers = _find_ledgers(answer)
    items = tuple(
        _join(result, request.request.items[result.item], planned, keys, ledgers=ledgers)
        for result, planned in zip(answer.items, plan.items, strict=True)
    )
    return Submission(request=request, answer=answer, items=items)


def _check_plan(plan: Plan, request: VerifiedRequest) -> None:
    """The plan is this side's own file, but the wrong one may have been given."""
    hint = "give the plan that prepare wrote beside this request, with --plan"
    if plan.request != request.digest:
        message = (
            f"the plan is of another request: expected {request.digest.hex()},"
            f" got {plan.request.hex()}"
        )
        raise JournalError(message, hint=hint)
    pairs = zip(request.request.items, plan.items, strict=False)
    agree = all(
        (item.digest, item.size) == (planned.digest, planned.identity.size)
        for item, planned in pairs
    )
    if len(plan.items) != len(request.request.items) or not agree:
        message = "the plan does not list the request's content"
        raise JournalError(message, hint=hint)


def _check_pins(answer: Answer, pins: Pins) -> None:
    if pins.stations is not None:
        for response in answer.responses:
            if response.station_key.keyid not in pins.stations:
                message = (
                    f"a response is by station key {response.station_key.keyid}: expected"
                    f" {' or '.join(sorted(pins.stations))}"
                )
                hint = "do not publish it; find out which station that is"
                raise UnknownKeyError(message, hint=hint)
        if answer.imported is not None:
            message = "it holds imported signatures, which no station vouches for"
            raise UnknownKeyError(message, hint="pin their keys with --key, without --station")
    if pins.keys is not None:
        for key in answer.keys:
            if key.public_key.keyid not in pins.keys:
                message = f"the response is signed with {key.public_key.keyid}, which is not pinned"
                raise UnknownKeyError(message, hint="add it with --key, if it is a key of yours")


def _find_ledgers(answer: Answer) -> dict[str, LedgerPoint]:
    """Return by keyid where the ledger of the station stood that used the key."""
    return {
        key.public_key.keyid: LedgerPoint(
            station=each.station_key.keyid,
            sequence=each.response.sequence,
            head=each.response.ledger_after,
        )
        for each in answer.responses
        for key in each.response.keys
    }


def _join(
    result: ItemResult,
    item: Item,
    planned: PlannedItem,
    keys: Mapping[str, NamedKey],
    *,
    ledgers: Mapping[str, LedgerPoint],
) -> SignedItem | UnsignedItem:
    if result.error is not None:
        return UnsignedItem(place=result.item, item=item, error=result.error)
    signatures = tuple(
        RegistrySignature(key=keys[each.keyid], value=each.value, ledger=ledgers.get(each.keyid))
        for each in result.signatures
        if each.scheme == peridio.NAME and isinstance(each.value, str)
    )
    if not signatures:
        message = f"{item.name!r} has no {peridio.NAME} signature, and the registry takes no other"
        raise SubmissionError(message, hint=f"prepare it with --scheme {peridio.NAME}")
    return SignedItem(
        place=result.item,
        item=item,
        planned=planned,
        signatures=signatures,
        custom_metadata=_metadata(item, result),
        keyids=tuple(dict.fromkeys(each.keyid for each in result.signatures)),
    )


def _metadata(item: Item, result: ItemResult) -> Mapping[str, object]:
    """Return the item's custom metadata with its statement, signed by all who signed it."""
    statements = {
        each.keyid: each.value for each in result.signatures if each.scheme == statement.NAME
    }
    if not statements:
        return item.custom_metadata
    # Each was verified to hold the same payload, so their signatures may stand together.
    envelope = join_envelopes(statements, what="statement")
    metadata = {**item.custom_metadata, STATEMENT_MEMBER: envelope}
    size = len(encode_json(metadata))
    if size > limits.CUSTOM_METADATA_SIZE:
        message = (
            f"custom metadata of {item.name!r} is too large with its statement: expected at most"
            f" {limits.CUSTOM_METADATA_SIZE} bytes, got {size}"
        )
        raise TooLargeError(message, hint="prepare it with less custom metadata")
    return metadata
