"""The response: bytes to values and back.

Spec: docs/formats/response.md.
"""

from __future__ import annotations

from signkit.errors import FormatError, MalformedError, ResponseError, VerificationError
from signkit.formats.envelope import Signing, encode_document, open_document
from signkit.model.response import (
    ItemError,
    ItemResult,
    ItemSignature,
    NamedKey,
    Response,
    VerifiedResponse,
)
from signkit.verify import limits
from signkit.verify.digest import Sha256
from signkit.verify.ed25519 import PUBLIC_KEY_SIZE, enrol_public_key
from signkit.verify.encoding import (
    Fields,
    check_text,
    decode_base64,
    encode_base64,
    encode_json,
    parse_json,
)

PAYLOAD_TYPE = "application/vnd.signkit.response.v1+json"
_CONTENT = {True: "hashed", False: "digest-only"}


def open_response(data: bytes) -> VerifiedResponse:
    """Verify a response under the key that travels in it, then parse it.

    Args:
        data: The file, at most limits.RESPONSE_SIZE bytes.

    Raises:
        ResponseError: damaged, forged or malformed; `reason` says which.
    """
    try:
        opened = open_document(
            data, payload_type=PAYLOAD_TYPE, limit=limits.RESPONSE_SIZE, what="response"
        )
        response = parse_response(opened.payload)
    except (FormatError, VerificationError) as error:
        hint = error.hint or "copy the response again from the station"
        raise ResponseError(str(error), hint=hint, reason=error.code) from error
    return VerifiedResponse(response=response, digest=opened.digest, station_key=opened.key)


def sign_response(response: Response, station: Signing) -> bytes:
    """Return the response file, signed by the station's own key.

    Raises:
        SignatureInvalidError, CustodyError: the station's key failed.
    """
    return encode_document(PAYLOAD_TYPE, encode_response(response), station)


def encode_response(response: Response) -> bytes:
    """Return the payload of a response, its fields in the order of the specification."""
    return encode_json(
        {
            "request": {"sha256": response.request.hex()},
            "station": response.station,
            "sequence": response.sequence,
            "created": response.created,
            "ledger_before": {"sha256": response.ledger_before.hex()},
            "ledger_after": {"sha256": response.ledger_after.hex()},
            "transcript": {"sha256": response.transcript.hex()},
            "keys": [named_key_value(key) for key in response.keys],
            "items": [_item_value(item) for item in response.items],
        }
    )


def _item_value(item: ItemResult) -> dict[str, object]:
    value: dict[str, object] = {
        "item": item.item,
        "digest": {"sha256": item.digest.hex()},
        "content": _CONTENT[item.content_hashed],
    }
    if item.error is not None:
        value["error"] = {"code": item.error.code, "message": item.error.message}
    else:
        value["signatures"] = [signature_value(made) for made in item.signatures]
    return value


def named_key_value(key: NamedKey) -> dict[str, object]:
    """Return a key that signed as a JSON value."""
    return {
        "name": key.name,
        "keyid": key.public_key.keyid,
        "public_key": encode_base64(key.public_key.raw),
    }


def signature_value(made: ItemSignature) -> dict[str, object]:
    """Return one signature of an item as a JSON value."""
    return {"scheme": made.scheme, "keyid": made.keyid, "value": made.value}


def parse_response(payload: bytes) -> Response:
    """Parse the payload of a response; its envelope was opened before.

    Raises:
        FormatError: a field is unknown, missing or wrong; the place is named.
        KeyRefusedError: a key must not be used.
    """
    fields = Fields(parse_json(payload, limit=limits.RESPONSE_SIZE, what="response"), "response")
    request = Sha256(fields.sha256("request"))
    station = fields.label("station")
    sequence = fields.integer("sequence", least=1)
    created = fields.time("created")
    before = Sha256(fields.sha256("ledger_before"))
    after = Sha256(fields.sha256("ledger_after"))
    transcript = Sha256(fields.sha256("transcript"))
    keys = tuple(
        read_named_key(member, f"response.keys[{index}]")
        for index, member in enumerate(fields.array("keys", most=limits.KEY_COUNT))
    )
    keyids = {key.public_key.keyid for key in keys}
    if len(keyids) != len(keys):
        message = "response.keys: one key stands there twice"
        raise MalformedError(message)
    items = tuple(
        _parse_item(member, index, keyids)
        for index, member in enumerate(fields.array("items", least=1, most=limits.ITEM_COUNT))
    )
    fields.done()
    return Response(
        request=request,
        station=station,
        sequence=sequence,
        created=created,
        ledger_before=before,
        ledger_after=after,
        transcript=transcript,
        keys=keys,
        items=items,
    )


def read_named_key(value: object, where: str) -> NamedKey:
    """Parse a key that signed.

    Raises:
        FormatError: a field is unknown, missing or wrong, or the keyid is another key's.
        KeyRefusedError: it must not be used.
    """
    fields = Fields(value, where)
    name = fields.label("name")
    keyid = fields.text("keyid")
    text = fields.text("public_key")
    fields.done()
    key = enrol_public_key(decode_base64(text, what=f"{where}.public_key", size=PUBLIC_KEY_SIZE))
    if key.keyid != keyid:
        message = f"{where}.keyid: expected {key.keyid}, the SHA-256 of the key"
        raise MalformedError(message)
    return NamedKey(name=name, public_key=key)


def _parse_item(value: object, index: int, keyids: set[str]) -> ItemResult:
    where = f"response.items[{index}]"
    fields = Fields(value, where)
    fields.integer("item", least=index, most=index)
    digest = Sha256(fields.sha256("digest"))
    content = fields.text("content")
    if content not in _CONTENT.values():
        message = f"{where}.content: expected 'hashed' or 'digest-only', got {content!r:.80}"
        raise MalformedError(message)
    error: ItemError | None = None
    signatures: tuple[ItemSignature, ...] = ()
    if fields.has("error"):
        error = _parse_error(fields.member("error"), where)
    else:
        signatures = read_item_signatures(fields, where, keyids)
    fields.done()
    return ItemResult(
        item=index,
        digest=digest,
        content_hashed=content == _CONTENT[True],
        signatures=signatures,
        error=error,
    )


def _parse_error(fields: Fields, where: str) -> ItemError:
    code = fields.label("code")
    message = check_text(
        fields.text("message"),
        what=f"{where}.error.message",
        limit=limits.REASON_LENGTH,
        lines=True,
    )
    fields.done()
    return ItemError(code=code, message=message)


def read_item_signatures(fields: Fields, where: str, keyids: set[str]) -> tuple[ItemSignature, ...]:
    """Parse the signatures of an item.

    Args:
        fields: The item; its member `signatures` is taken.
        where: The item's place, for messages.
        keyids: Who may stand there.

    Raises:
        FormatError: a field is unknown, missing or wrong, or a key signed twice under one scheme.
    """
    made: list[ItemSignature] = []
    members = fields.array("signatures", least=1, most=limits.ENVELOPE_SIGNATURE_COUNT)
    for place, member in enumerate(members):
        spot = f"{where}.signatures[{place}]"
        signature = Fields(member, spot)
        scheme, keyid = signature.label("scheme"), signature.text("keyid")
        content = signature.take("value")
        signature.done()
        if keyid not in keyids:
            message = f"{spot}.keyid: {keyid!r:.80} is not among the response's keys"
            raise MalformedError(message)
        if not isinstance(content, str | dict):
            message = f"{spot}.value: expected a text or an object"
            raise MalformedError(message)
        made.append(ItemSignature(scheme=scheme, keyid=keyid, value=content))
    if len({(each.scheme, each.keyid) for each in made}) != len(made):
        message = f"{where}.signatures: one key signed twice under one scheme"
        raise MalformedError(message)
    return tuple(made)
