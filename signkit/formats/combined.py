"""All that came back for one request: a response, or a set of them with imported signatures.

`open_answer` is how every stage but the station reads what came back; `combine_answers` is the union of
several. Nothing is verified here but the envelopes of the responses: an answer asserts, and
whoever uses it proves.

Spec: docs/formats/combined.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from signkit.errors import (
    ConflictError,
    ContextError,
    FormatError,
    MalformedError,
    NotCanonicalError,
    ResponseError,
    VerificationError,
)
from signkit.formats.response import (
    named_key_value,
    open_response,
    read_item_signatures,
    read_named_key,
    signature_value,
)
from signkit.model.response import (
    Answer,
    Imported,
    ItemResult,
    ItemSignature,
    NamedKey,
    Response,
    VerifiedResponse,
)
from signkit.verify import limits
from signkit.verify.digest import Sha256, compute_digest
from signkit.verify.encoding import Fields, encode_json, parse_json

TYPE = "application/vnd.signkit.combined.v1+json"
_START = f'{{"type":"{TYPE}",'.encode()
_WHAT = "combined response"
# One more than an envelope can hold signatures of would be of no use.
_RESPONSE_COUNT = limits.ENVELOPE_SIGNATURE_COUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What a file holds: the set that combining is the union of."""

    request: Sha256
    responses: tuple[tuple[bytes, VerifiedResponse], ...]
    imported: Imported | None


def is_combined(data: bytes) -> bool:
    """Say whether a file claims to be a combined response, by its first bytes."""
    return data.startswith(_START)


def open_answer(data: bytes) -> Answer:
    """Open a response or a combined response.

    Args:
        data: The file, at most limits.RESPONSE_SIZE bytes.

    Raises:
        ResponseError: damaged, forged or malformed, or what it holds does not belong together;
            `reason` says which.
    """
    try:
        return _answer(_read(data), compute_digest(data))
    except (FormatError, VerificationError) as error:
        raise _refused(error) from error


def combine_answers(files: Sequence[bytes]) -> bytes:
    """Return the file that holds everything that some files hold, in whatever order they come.

    Args:
        files: Responses and combined responses, at least one.

    Raises:
        ResponseError: as `open_answer`, for any of them or for all together; `reason` is
            "context" for different requests, "conflict" for two values of one signature.
    """
    try:
        parts = _unite([_read(data) for data in files])
        data = _encode(parts)
        _answer(parts, compute_digest(data))
    except (FormatError, VerificationError) as error:
        raise _refused(error) from error
    return data


def encode_combined(
    request: Sha256, responses: Iterable[bytes], *, imported: Imported | None
) -> bytes:
    """Return the file of a combined response, its fields in the order of the specification.

    Args:
        request: SHA-256 of the request file.
        responses: Files of responses, by rising SHA-256.
        imported: What no station vouches for, keys and signatures in their order.
    """
    return b"".join(
        (
            _START,
            b'"request":',
            encode_json({"sha256": request.hex()}),
            b',"responses":[',
            b",".join(responses),  # the very bytes, which are JSON already
            b'],"imported":',
            encode_json(None if imported is None else _imported_value(imported)),
            b"}",
        )
    )


def _imported_value(imported: Imported) -> dict[str, object]:
    return {
        "keys": [named_key_value(key) for key in imported.keys],
        "items": [
            {
                "item": item.item,
                "digest": {"sha256": item.digest.hex()},
                "signatures": [signature_value(made) for made in item.signatures],
            }
            for item in imported.items
        ],
    }


def _refused(error: FormatError | VerificationError) -> ResponseError:
    if isinstance(error, ResponseError):
        return error
    hint = error.hint or "copy it again, or combine the responses again"
    return ResponseError(str(error), hint=hint, reason=error.code)


def _read(data: bytes) -> _Parts:
    if is_combined(data):
        return _parse_combined(data)
    verified = open_response(data)
    return _Parts(request=verified.response.request, responses=((data, verified),), imported=None)


def _parse_combined(data: bytes) -> _Parts:
    fields = Fields(parse_json(data, limit=limits.RESPONSE_SIZE, what=_WHAT), _WHAT)
    fields.constant("type", TYPE)
    request = Sha256(fields.sha256("request"))
    files = [encode_json(each) for each in fields.array("responses", most=_RESPONSE_COUNT)]
    imported = None if fields.is_null("imported") else _parse_imported(fields.member("imported"))
    fields.done()
    if not files and imported is None:
        message = f"{_WHAT}: it holds nothing"
        raise MalformedError(message)
    parts = _Parts(
        request=request,
        responses=tuple((file, open_response(file)) for file in files),
        imported=imported,
    )
    if _encode(_unite([parts])) != data:
        message = f"{_WHAT}: the file is not ordered and spelled as a writer does it"
        raise NotCanonicalError(message, hint="take the file as it was written; do not reformat it")
    return parts


def _encode(parts: _Parts) -> bytes:
    files = [data for data, _verified in parts.responses]
    return encode_combined(parts.request, files, imported=parts.imported)


def _parse_imported(fields: Fields) -> Imported:
    where = f"{_WHAT}.imported"
    members = fields.array("keys", least=1, most=limits.KEY_COUNT)
    keys = [read_named_key(each, f"{where}.keys[{place}]") for place, each in enumerate(members)]
    keyids = {key.public_key.keyid for key in keys}
    items = [
        _parse_imported_item(each, place, where=f"{where}.items[{place}]", keyids=keyids)
        for place, each in enumerate(fields.array("items", least=1, most=limits.ITEM_COUNT))
    ]
    fields.done()
    if keyids != {made.keyid for item in items for made in item.signatures}:
        message = f"{where}.keys: a key stands there that signed nothing"
        raise MalformedError(message)
    return Imported(keys=tuple(keys), items=tuple(items))


def _parse_imported_item(value: object, place: int, *, where: str, keyids: set[str]) -> ItemResult:
    fields = Fields(value, where)
    fields.integer("item", least=place, most=place)
    digest = Sha256(fields.sha256("digest"))
    signatures = read_item_signatures(fields, where, keyids)
    fields.done()
    return _imported_item(place, digest, signatures)


def _imported_item(place: int, digest: Sha256, signatures: Iterable[ItemSignature]) -> ItemResult:
    return ItemResult(
        item=place,
        digest=digest,
        content_hashed=False,
        signatures=tuple(signatures),
        error=None,
    )


def make_imported(
    key: NamedKey, items: Sequence[tuple[Sha256, Sequence[ItemSignature]]]
) -> Imported:
    """Return what one key signed without signkit.

    Args:
        key: Who signed.
        items: For each item of the request, in its order, its digest and its signatures.
    """
    return Imported(
        keys=(key,),
        items=tuple(
            _imported_item(place, digest, sorted(made, key=_signature_order))
            for place, (digest, made) in enumerate(items)
        ),
    )


def _unite(all_parts: Sequence[_Parts]) -> _Parts:
    """Return the union of some sets, each thing once and in the one order.

    Raises:
        ContextError: different requests.
        ConflictError: two values for one signature.
    """
    requests = {parts.request for parts in all_parts}
    if len(requests) != 1:
        named = " and ".join(sorted(request.hex() for request in requests))
        message = f"responses to different requests never combine: {named}"
        raise ContextError(message, hint="give responses to one and the same request")
    responses = {
        verified.digest: (data, verified)
        for parts in all_parts
        for data, verified in parts.responses
    }
    return _Parts(
        request=requests.pop(),
        responses=tuple(responses[digest] for digest in sorted(responses)),
        imported=_unite_imported([parts.imported for parts in all_parts if parts.imported]),
    )


def _unite_imported(all_imported: Sequence[Imported]) -> Imported | None:
    if not all_imported:
        return None
    names: dict[str, NamedKey] = {}
    for key in (key for imported in all_imported for key in imported.keys):
        named = names.setdefault(key.public_key.keyid, key)
        if key.name < named.name:
            names[key.public_key.keyid] = key
    items = [
        _imported_item(each.item, each.digest, sorted(each.signatures, key=_signature_order))
        for each in _unite_items([imported.items for imported in all_imported])
    ]
    return Imported(keys=tuple(names[keyid] for keyid in sorted(names)), items=tuple(items))


def _signature_order(made: ItemSignature) -> tuple[str, str]:
    return made.scheme, made.keyid


def _answer(parts: _Parts, digest: Sha256) -> Answer:
    """Return what some parts say together.

    Raises:
        ContextError, ConflictError: they do not belong together.
    """
    for _data, verified in parts.responses:
        if verified.response.request != parts.request:
            message = (
                f"{_WHAT}: it is for request {parts.request.hex()}, and a response in it for"
                f" {verified.response.request.hex()}"
            )
            raise ContextError(message)
    said: list[Response | Imported] = [verified.response for _data, verified in parts.responses]
    if parts.imported is not None:
        said.append(parts.imported)
    keys: dict[str, NamedKey] = {}
    for key in (key for each in said for key in each.keys):
        keys.setdefault(key.public_key.keyid, key)
    return Answer(
        request=parts.request,
        digest=digest,
        responses=tuple(verified for _data, verified in parts.responses),
        imported=parts.imported,
        keys=tuple(keys.values()),
        items=_unite_items([each.items for each in said]),
    )


def _unite_items(answers: Sequence[tuple[ItemResult, ...]]) -> tuple[ItemResult, ...]:
    if len(answers) == 1:
        return answers[0]
    counts = sorted({len(items) for items in answers})
    if len(counts) != 1:
        message = f"they answer different numbers of items: {', '.join(map(str, counts))}"
        raise ContextError(message)
    return tuple(_unite_results(results) for results in zip(*answers, strict=True))


def _unite_results(results: Sequence[ItemResult]) -> ItemResult:
    first = results[0]
    made: dict[tuple[str, str], ItemSignature] = {}
    for result in results:
        if result.digest != first.digest:
            message = (
                f"item {first.item + 1} is answered for two digests: {first.digest.hex()}"
                f" and {result.digest.hex()}"
            )
            raise ContextError(message, hint="one of them does not answer this request")
        for each in result.signatures:
            if made.setdefault(_signature_order(each), each) != each:
                raise _conflict(first.item, each)
    return ItemResult(
        item=first.item,
        digest=first.digest,
        content_hashed=any(result.content_hashed for result in results),
        signatures=tuple(made.values()),
        error=None if made else next(result.error for result in results),
    )


def _conflict(place: int, made: ItemSignature) -> ConflictError:
    message = (
        f"item {place + 1} has two different {made.scheme} signatures by one key, {made.keyid}:"
        " Ed25519 is deterministic, so they cannot both be honest"
    )
    hint = "publish neither; find out which station made which, and have that key looked after"
    return ConflictError(message, hint=hint)
