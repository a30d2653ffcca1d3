"""The request: bytes to values and back.

Spec: docs/formats/request.md.
Controls: SK-REQ-UNIQUE (docs/design/assurance.md).
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from signkit.errors import (
    FormatError,
    MalformedError,
    RequestError,
    TooLargeError,
    VerificationError,
)
from signkit.formats.envelope import Signing, open_document, signed_document
from signkit.formats.metadata import check_metadata
from signkit.model.request import Item, Request, VerifiedRequest, Wanted
from signkit.verify import limits
from signkit.verify.digest import Sha256
from signkit.verify.encoding import (
    Fields,
    check_name,
    check_text,
    check_time,
    encode_json,
    encode_text,
    parse_json,
)

PAYLOAD_TYPE = "application/vnd.signkit.request.v1+json"
_TAIL = b"]}"
_WANTED_COUNT = 16
_SPLIT = "split the release into several requests"
_Places = dict[tuple[str, str, str], int]


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


class RequestWriter:
    """A request on its way into its file, one item after the other.

    An item is encoded at once and need not be kept: a hundred thousand of them would take more time to
    hold than to write. The names and custom metadata of items were checked where they came in
    (`check_name`, `check_text`, `parse_metadata`); all else is checked here.
    """

    def __init__(
        self, *, requester: str, reason: str | None, created: str, previous_response: Sha256 | None
    ) -> None:
        """Begin a request.

        Args:
            requester: Who says that they ask.
            reason: Why, or None.
            created: RFC 3339 UTC text.
            previous_response: SHA-256 of the last response file this side has seen, or None.

        Raises:
            FormatError: one of them breaks a rule of the format.
        """
        check_text(requester, what="request.requester", limit=limits.LABEL_LENGTH)
        if reason is not None:
            check_text(reason, what="request.reason", limit=limits.REASON_LENGTH, lines=True)
        self._created = check_time(created, what="request.created")
        self._payload = bytearray(_encode_head(requester, reason, created, previous_response))
        self._places: _Places = {}
        self._wanted: tuple[Wanted, ...] | None = None
        self._wanted_text = ""

    def add(self, item: Item) -> None:
        """Add one item.

        Raises:
            FormatError: it breaks a rule of the format, or the request grows too large.
        """
        index = len(self._places)
        if index == limits.ITEM_COUNT:
            message = f"request.items: expected at most {limits.ITEM_COUNT} items, got more"
            raise TooLargeError(message, hint=_SPLIT)
        if item.wanted is not self._wanted:  # mostly all items share one tuple
            value, where = _wanted_value(item.wanted), _place(index)
            _parse_wanted(Fields({"wanted": value}, where), where)
            self._wanted, self._wanted_text = item.wanted, encode_json(value).decode()
        _check_item(item, index, created=self._created)
        _take_place(self._places, item)
        if index:
            self._payload += b","
        self._payload += _item_text(item, self._wanted_text).encode("utf-8")
        size = len(self._payload)
        if size > limits.REQUEST_SIZE * 3 // 4 - limits.KEY_FILE_SIZE:
            message = f"the request is too large: {size} bytes before encoding, after {index} items"
            raise TooLargeError(message, hint=_SPLIT)

    def signed(self, requester: Signing) -> AbstractContextManager[bytes]:
        """Return the request file, signed by its requester, as `signed_document` does.

        Raises:
            MalformedError: there is no item.
            SignatureInvalidError, CustodyError: the requester's key failed.
        """
        if not self._places:
            message = f"request.items: expected 1 to {limits.ITEM_COUNT} items, got 0"
            raise MalformedError(message)
        return signed_document(PAYLOAD_TYPE, b"".join((self._payload, _TAIL)), requester)


def sign_request(request: Request, requester: Signing) -> bytes:
    """Return the file of a request that is at hand as a whole.

    Raises: as `RequestWriter`.
    """
    writer = RequestWriter(
        requester=request.requester,
        reason=request.reason,
        created=request.created,
        previous_response=request.previous_response,
    )
    for item in request.items:
        writer.add(item)
    with writer.signed(requester) as data:
        return data


def encode_request(request: Request) -> bytes:
    """Return the payload of a request, its fields in the order of the specification."""
    head = _encode_head(
        request.requester, request.reason, request.created, request.previous_response
    )
    texts = [
        _item_text(item, encode_json(_wanted_value(item.wanted)).decode()) for item in request.items
    ]
    return b"".join((head, ",".join(texts).encode("utf-8"), _TAIL))


def _encode_head(
    requester: str, reason: str | None, created: str, previous: Sha256 | None
) -> bytes:
    value: dict[str, object] = {
        "requester": requester,
        "reason": reason,
        "created": created,
        "previous_response": previous and {"sha256": previous.hex()},
        "items": [],
    }
    return encode_json(value).removesuffix(_TAIL)


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
            _parse_item(member, _place(index))
            for index, member in enumerate(fields.array("items", least=1, most=limits.ITEM_COUNT))
        ),
    )
    fields.done()
    places: _Places = {}
    for index, item in enumerate(request.items):
        _take_place(places, item)
        if item.expires is not None:
            _check_expiry(item.expires, _place(index), created=request.created)
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


def _check_item(item: Item, index: int, *, created: str) -> None:
    if not 1 <= item.sequence <= limits.INTEGER_MAX:
        message = (
            f"{_place(index)}.sequence: expected 1 to {limits.INTEGER_MAX}, got {item.sequence}"
        )
        raise MalformedError(message)
    if not 0 <= item.size <= limits.CONTENT_SIZE:
        message = f"{_place(index)}.size: expected 0 to {limits.CONTENT_SIZE}, got {item.size}"
        raise MalformedError(message)
    if item.expires is not None:
        check_time(item.expires, what=f"{_place(index)}.expires")
        _check_expiry(item.expires, _place(index), created=created)


def _place(index: int) -> str:
    return f"request.items[{index}]"


def _check_expiry(expires: str, where: str, *, created: str) -> None:
    """Refuse what would give a statement that expires before it is issued."""
    if expires <= created:
        message = f"{where}.expires: {expires} is not after {created}"
        raise MalformedError(message)


def _take_place(places: _Places, item: Item) -> None:
    """Refuse a second item for one artifact, version and target: the registry holds one binary there.

    Args:
        places: Those that the items before have taken.
        item: The next one.

    Raises:
        MalformedError: names both items.
    """
    index = len(places)
    first = places.setdefault((item.artifact, item.version, item.target), index)
    if first != index:
        message = (
            f"items {first} and {index} are both artifact {item.artifact!r},"
            f" version {item.version!r}, target {item.target!r}"
        )
        raise MalformedError(message, hint="give each file its own artifact or target")
