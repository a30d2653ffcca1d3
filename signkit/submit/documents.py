"""The three documents of a submission, verified together before the registry hears of anything.

    1. the response, under the key that travels in it, and under the pinned one where there is one
    2. the request that it answers: the very file, by its digest
    3. the plan of that request: the same content, cut into parts
    4. every signature of every item, under its scheme, for exactly that item
    5. what the registry will hold of each item: its custom metadata with the statement in it

Nothing is believed because the response says so: it asserts, and this module proves. No network
and no content here; `content.py` looks at the files.

Spec: docs/formats/response.md section 4; docs/formats/plan-and-journal.md.
Controls: SK-SUBMIT-VERIFIED (docs/design/assurance.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from signkit.errors import (
    ContextError,
    FormatError,
    JournalError,
    ResponseError,
    SubmissionError,
    TooLargeError,
    UnknownKeyError,
    VerificationError,
)
from signkit.formats.request import open_request
from signkit.formats.response import open_response
from signkit.model.plan import Plan, PlannedItem
from signkit.model.request import Item, VerifiedRequest
from signkit.model.response import (
    ItemError,
    ItemResult,
    ItemSignature,
    NamedKey,
    VerifiedResponse,
)
from signkit.schemes import peridio, statement
from signkit.schemes.table import find_scheme
from signkit.verify import limits
from signkit.verify.ed25519 import PublicKey
from signkit.verify.encoding import encode_json

STATEMENT_MEMBER = "signkit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """The keys that this side expects; None where it takes what comes.

    Attributes:
        station: The station's own key.
        keys: keyids of the signing keys that may stand in the response.
    """

    station: PublicKey | None = None
    keys: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySignature:
    """A verified signature in the registry's own scheme.

    Attributes:
        key: Who signed, and the name that the station gives the key.
        value: 128 upper-case hex digits.
    """

    key: NamedKey
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedItem:
    """One item whose signatures verified: what may be published.

    Attributes:
        place: In the request, from 0.
        item: What was asked for.
        planned: Where its content lies, and its parts.
        signatures: For the registry; at least one, in the response's order.
        custom_metadata: What the registry is to hold: the item's own, and the statement.
        keyids: Everyone who signed, under any scheme.
    """

    place: int
    item: Item
    planned: PlannedItem
    signatures: tuple[RegistrySignature, ...]
    custom_metadata: Mapping[str, object]
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
class Submission:
    """A verified response with all that it takes to publish it.

    Attributes:
        request: What it answers.
        response: The response.
        items: One for each item of the request, in its order.
    """

    request: VerifiedRequest
    response: VerifiedResponse
    items: tuple[SignedItem | UnsignedItem, ...]


def open_submission(
    response_data: bytes, request_data: bytes, plan: Plan, *, pins: Pins
) -> Submission:
    """Verify a response together with its request and plan.

    Args:
        response_data: The response file.
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
    response = open_response(response_data)
    request = open_request(request_data)
    _check_plan(plan, request)
    try:
        _check_answer(response, request, pins)
        made = [_verify_item(result, request, response) for result in response.response.items]
    except (FormatError, VerificationError) as error:
        hint = error.hint or "copy the response again from the station, or sign the request again"
        raise ResponseError(str(error), hint=hint, reason=error.code) from error
    items = tuple(
        _join(result, request, planned, signatures)
        for result, planned, signatures in zip(
            response.response.items, plan.items, made, strict=True
        )
    )
    return Submission(request=request, response=response, items=items)


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


def _check_answer(response: VerifiedResponse, request: VerifiedRequest, pins: Pins) -> None:
    answer = response.response
    if answer.request != request.digest:
        message = (
            f"the response answers another request: expected {request.digest.hex()},"
            f" got {answer.request.hex()}"
        )
        raise ContextError(message, hint="give the request that was signed, with --request")
    asked, answered = len(request.request.items), len(answer.items)
    if asked != answered:
        message = f"the response answers {answered} items: the request has {asked}"
        raise ContextError(message)
    if pins.station is not None and response.station_key.raw != pins.station.raw:
        message = (
            f"the response is by station key {response.station_key.keyid}: expected"
            f" {pins.station.keyid}"
        )
        raise UnknownKeyError(message, hint="do not publish it; find out which station that is")
    if pins.keys is not None:
        for key in answer.keys:
            if key.public_key.keyid not in pins.keys:
                message = f"the response is signed with {key.public_key.keyid}, which is not pinned"
                raise UnknownKeyError(message, hint="add it with --key, if it is a key of yours")


def _verify_item(
    result: ItemResult, request: VerifiedRequest, response: VerifiedResponse
) -> tuple[tuple[NamedKey, ItemSignature], ...]:
    item = request.request.items[result.item]
    if result.digest != item.digest:
        message = (
            f"the response signs another digest for {item.name!r}: expected"
            f" {item.digest.hex()}, got {result.digest.hex()}"
        )
        raise ContextError(message)
    keys = {key.public_key.keyid: key for key in response.response.keys}
    wanted = {each.scheme for each in item.wanted}
    for made in result.signatures:
        if made.scheme not in wanted:
            message = f"{item.name!r} is signed under {made.scheme!r}, which was not asked for"
            raise ContextError(message)
        key = keys[made.keyid].public_key
        find_scheme(made.scheme).verify(key, item, request.request, made.value)
    missing = wanted - {made.scheme for made in result.signatures}
    if missing and result.error is None:
        message = f"{item.name!r} has no signature under {', '.join(sorted(missing))}"
        raise ContextError(message)
    return tuple((keys[made.keyid], made) for made in result.signatures)


def _join(
    result: ItemResult,
    request: VerifiedRequest,
    planned: PlannedItem,
    made: tuple[tuple[NamedKey, ItemSignature], ...],
) -> SignedItem | UnsignedItem:
    item = request.request.items[result.item]
    if result.error is not None:
        return UnsignedItem(place=result.item, item=item, error=result.error)
    signatures = tuple(
        RegistrySignature(key=key, value=each.value)
        for key, each in made
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
        custom_metadata=_metadata(item, [each for _key, each in made]),
        keyids=tuple(dict.fromkeys(each.keyid for _key, each in made)),
    )


def _metadata(item: Item, made: list[ItemSignature]) -> Mapping[str, object]:
    """Return the item's custom metadata with its statement, signed by all who signed it."""
    statements = [
        (each.keyid, each.value)
        for each in made
        if each.scheme == statement.NAME and isinstance(each.value, Mapping)
    ]
    if not statements:
        return item.custom_metadata
    # Each was verified to hold the same payload, so their signatures may stand together; but only
    # the signature by its own key was verified, so anything beside it stays behind.
    signatures = [
        member
        for keyid, envelope in statements
        for member in _members(envelope)
        if member.get("keyid") == keyid
    ]
    envelope = {**statements[0][1], "signatures": signatures}
    metadata = {**item.custom_metadata, STATEMENT_MEMBER: envelope}
    size = len(encode_json(metadata))
    if size > limits.CUSTOM_METADATA_SIZE:
        message = (
            f"custom metadata of {item.name!r} is too large with its statement: expected at most"
            f" {limits.CUSTOM_METADATA_SIZE} bytes, got {size}"
        )
        raise TooLargeError(message, hint="prepare it with less custom metadata")
    return metadata


def _members(envelope: Mapping[str, object]) -> list[Mapping[str, object]]:
    members = envelope["signatures"]
    listed = members if isinstance(members, list) else []
    return [member for member in listed if isinstance(member, Mapping)]
