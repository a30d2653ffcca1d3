"""The request: bytes to values and back.

Spec: docs/formats/request.md.
"""

from __future__ import annotations

from signkit.errors import (
    FormatError,
    MalformedError,
    RequestError,
    TooLargeError,
    VerificationError,
)
from signkit.formats.envelope import Signing, encode_document, open_document
from signkit.model.request import Item, Request, VerifiedRequest, Wanted
from signkit.verify import limits
from signkit.verify.digest import Sha256
from signkit.verify.encoding import (
    Fields,
    check_metadata,
    check_name,
    check_text,
    check_time,
    encode_json,
    encode_text,
    parse_json,
)

PAYLOAD_TYPE = "application/vnd.signkit.request.v1+json"
_WANTED_COUNT = 16


def open_request(data: bytes) -> VerifiedRequest:
    """Verify a request under the key that travels in it, then parse it.

    Args:
        data: The file, at most limits.REQUEST_SIZE bytes.

    Raises:
        RequestError: damaged, forged or malformed; `reason` says which.
    """
    try:
        opened = open_document(
            data, payload_type=PAYLOAD_TYPE, limit=limits.REQUEST_SIZE, what="request"
        )
        request = parse_request(opened.payload)
    except (FormatError, VerificationError) as error:
        hint = error.hint or "copy the request again from the machine that prepared it"
        raise RequestError(str(error), hint=hint, reason=error.code) from error
    return VerifiedRequest(request=request, digest=opened.digest, requester_key=opened.key)


def sign_request(request: Request, requester: Signing) -> bytes:
    """Return the request file, signed by its requester.

    Args:
        request: What is asked for. The names and custom metadata of its items were checked where
            they came in (`check_name`, `check_text`, `parse_metadata`); all else is checked here.
        requester: Who signs it.

    Raises:
        FormatError: the request breaks a rule of its own format: no reader would take it.
        SignatureInvalidError, CustodyError: the requester's key failed.
    """
    _check_writable(request)
    payload = encode_request(request)
    if len(payload) > limits.REQUEST_SIZE * 3 // 4 - limits.KEY_FILE_SIZE:
        message = f"the request is too large: {len(payload)} bytes before encoding"
        raise FormatError(message, hint="split the release into several requests")
    return encode_document(PAYLOAD_TYPE, payload, requester)


def encode_request(request: Request) -> bytes:
    """Return the payload of a request, its fields in the order of the specification."""
    previous = request.previous_response
    head = encode_json(
        {
            "requester": request.requester,
            "reason": request.reason,
            "created": request.created,
            "previous_response": previous and {"sha256": previous.hex()},
            "items": [],
        }
    )
    # Thousands of items mostly share one tuple of wishes: one text for each.
    wishes = {id(item.wanted): item.wanted for item in request.items}
    texts = {key: encode_json(_wanted_value(wish)).decode() for key, wish in wishes.items()}
    items = ",".join(_item_text(item, texts[id(item.wanted)]) for item in request.items)
    return b"".join((head.removesuffix(b"]}"), items.encode("utf-8"), b"]}"))


def _wanted_value(wanted: tuple[Wanted, ...]) -> list[dict[str, str]]:
    return [{"scheme": each.scheme, "role": each.role} for each in wanted]


def _item_text(item: Item, wanted: str) -> str:
    """Return what `encode_json` makes of an item, three times as fast."""
    metadata = encode_json(item.custom_metadata).decode() if item.custom_metadata else "{}"
    return (
        f'{{"name":{encode_text(item.name)},"size":{item.size},'
        f'"digest":{{"sha256":"{item.digest.hex()}"}},'
        f'"artifact":{encode_text(item.artifact)},"version":{encode_text(item.version)},'
        f'"target":{encode_text(item.target)},"sequence":{item.sequence},'
        f'"expires":{"null" if item.expires is None else encode_text(item.expires)},'
        f'"custom_metadata":{metadata},"wanted":{wanted}}}'
    )


def parse_request(payload: bytes) -> Request:
    """Parse the payload of a request; its envelope was opened before.

    Raises:
        FormatError: a field is unknown, missing or wrong; the place is named.
    """
    fields = Fields(parse_json(payload, limit=limits.REQUEST_SIZE, what="request"), "request")
    request = Request(
        requester=fields.label("requester"),
        reason=_reason(fields),
        created=fields.time("created"),
        previous_response=_previous(fields),
        items=tuple(
            _parse_item(member, f"request.items[{index}]")
            for index, member in enumerate(fields.array("items", least=1, most=limits.ITEM_COUNT))
        ),
    )
    fields.done()
    check_distinct(request.items)
    _check_expiries(request)
    return request


def _reason(fields: Fields) -> str | None:
    value = fields.take("reason")
    if value is None:
        return None
    if not isinstance(value, str):
        message = "request.reason: expected a text or null"
        raise MalformedError(message)
    return check_text(value, what="request.reason", limit=limits.REASON_LENGTH, lines=True)


def _previous(fields: Fields) -> Sha256 | None:
    if fields.is_null("previous_response"):
        return None
    return Sha256(fields.sha256("previous_response"))


def _parse_item(value: object, where: str) -> Item:
    fields = Fields(value, where)
    item = Item(
        name=check_name(fields.text("name"), what=f"{where}.name"),
        size=fields.integer("size", most=limits.CONTENT_SIZE),
        digest=Sha256(fields.sha256("digest")),
        artifact=fields.label("artifact"),
        version=fields.label("version"),
        target=fields.label("target"),
        sequence=fields.integer("sequence", least=1),
        expires=fields.optional_time("expires"),
        custom_metadata=parse_metadata(fields.take("custom_metadata"), what=where),
        wanted=_parse_wanted(fields, where),
    )
    fields.done()
    return item


def parse_metadata(value: object, *, what: str) -> dict[str, object]:
    """Check an item's custom metadata: an object without the statement's place.

    Raises:
        MalformedError, TooLargeError: as `check_metadata`, or a member named `signkit`.
    """
    metadata = check_metadata(value, what=f"{what}.custom_metadata")
    if "signkit" in metadata:
        message = f"{what}.custom_metadata: the name 'signkit' is reserved for the statement"
        raise MalformedError(message)
    return metadata


def _parse_wanted(fields: Fields, where: str) -> tuple[Wanted, ...]:
    wanted: list[Wanted] = []
    for member in fields.array("wanted", least=1, most=_WANTED_COUNT):
        pair = Fields(member, f"{where}.wanted[{len(wanted)}]")
        wanted.append(Wanted(scheme=pair.label("scheme"), role=pair.label("role")))
        pair.done()
    if len(set(wanted)) != len(wanted):
        message = f"{where}.wanted: one scheme and role is asked for twice"
        raise MalformedError(message)
    return tuple(wanted)


def _check_writable(request: Request) -> None:
    check_text(request.requester, what="request.requester", limit=limits.LABEL_LENGTH)
    if request.reason is not None:
        check_text(request.reason, what="request.reason", limit=limits.REASON_LENGTH, lines=True)
    check_time(request.created, what="request.created")
    count = len(request.items)
    if not 1 <= count <= limits.ITEM_COUNT:
        message = f"request.items: expected 1 to {limits.ITEM_COUNT} items, got {count}"
        raise TooLargeError(message) if count else MalformedError(message)
    for wanted in {id(item.wanted): item.wanted for item in request.items}.values():
        value = {"wanted": _wanted_value(wanted)}
        _parse_wanted(Fields(value, "request.items"), "request.items")
    for index, item in enumerate(request.items):
        if not 1 <= item.sequence <= limits.INTEGER_MAX:
            message = (
                f"request.items[{index}].sequence: expected 1 to {limits.INTEGER_MAX},"
                f" got {item.sequence}"
            )
            raise MalformedError(message)
        if not 0 <= item.size <= limits.CONTENT_SIZE:
            message = (
                f"request.items[{index}].size: expected 0 to {limits.CONTENT_SIZE}, got {item.size}"
            )
            raise MalformedError(message)
        if item.expires is not None:
            check_time(item.expires, what=f"request.items[{index}].expires")
    check_distinct(request.items)
    _check_expiries(request)


def _check_expiries(request: Request) -> None:
    """Refuse what would give a statement that expires before it is issued."""
    for index, item in enumerate(request.items):
        if item.expires is not None and item.expires <= request.created:
            message = (
                f"request.items[{index}].expires: {item.expires} is not after {request.created}"
            )
            raise MalformedError(message)


def check_distinct(items: tuple[Item, ...]) -> None:
    """Refuse two items for one artifact, version and target: the registry holds one binary there.

    Raises:
        MalformedError: names both places.
    """
    places: dict[tuple[str, str, str], int] = {}
    for index, item in enumerate(items):
        first = places.setdefault((item.artifact, item.version, item.target), index)
        if first != index:
            message = (
                f"items {first} and {index} are both artifact {item.artifact!r},"
                f" version {item.version!r}, target {item.target!r}"
            )
            raise MalformedError(message, hint="give each file its own artifact or target")
