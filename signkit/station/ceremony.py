"""The act of signing: from a confirmed request to a response.

    1. hash_contents   optional: hash what travels along, item by item
    2. sign_items      every wanted signature of every item, each verified before it counts
    3. answer          sign the response with the station's own key, keep it, append to the ledger

The caller shows the request and asks the operator between 1 and 2.

Controls: SK-SIGN-SELF, SK-SIGN-TRANSCRIPT (docs/design/assurance.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from signkit.custody.signer import Signer
from signkit.errors import DigestMismatchError, FileError, SignkitError
from signkit.formats.content import hash_content
from signkit.formats.display import one_line
from signkit.formats.envelope import Signing
from signkit.formats.response import sign_response
from signkit.model.request import Item, Request, VerifiedRequest
from signkit.model.response import ItemError, ItemResult, ItemSignature, NamedKey, Response
from signkit.schemes.table import check_request, find_scheme
from signkit.station.kept import Answer, keep_answer, name_answer
from signkit.station.ledger import Entry, LedgerItem, LedgerKey
from signkit.station.record import Record
from signkit.station.transcript import transcript_digest
from signkit.verify import limits
from signkit.verify.digest import compute_digest
from signkit.verify.ed25519 import PublicKey
from signkit.verify.encoding import check_text

Advance = Callable[[int], None]
_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class HashedContents:
    """What hashing the content found.

    Attributes:
        matching: Places of the items whose content was hashed here and is what the request says.
        refused: By place, why an item must not be signed.
    """

    matching: frozenset[int]
    refused: Mapping[int, SignkitError]


NOT_SEEN = HashedContents(matching=frozenset(), refused={})


def hash_contents(request: Request, folder: Path, *, advance: Advance) -> HashedContents:
    """Hash the content of every item, found by its name in one folder.

    Args:
        request: What is asked for.
        folder: Where the content lies. Nothing else in it is opened.
        advance: Told the bytes just hashed.

    Returns:
        What was found; an item whose content is missing or different is refused, not passed over.
    """
    matching: set[int] = set()
    refused: dict[int, SignkitError] = {}
    for place, item in enumerate(request.items):
        try:
            _check_content(item, folder / item.name, advance)
            matching.add(place)
        except DigestMismatchError as error:
            refused[place] = error
        except FileError as error:
            # This leaves in the response, and where the station keeps its files does not.
            said = str(error).replace(str(folder / item.name), item.name)
            refused[place] = FileError(said, hint=error.hint)
    return HashedContents(matching=frozenset(matching), refused=refused)


def _check_content(item: Item, path: Path, advance: Advance) -> None:
    digest, identity = hash_content(str(path), advance=advance)
    if digest != item.digest or identity.size != item.size:
        message = (
            f"{item.name} is not what the request names: expected SHA-256 {item.digest.hex()}"
            f" and {item.size} bytes, got {digest.hex()} and {identity.size}"
        )
        raise DigestMismatchError(message, hint="prepare again from the content you mean to sign")


def sign_items(
    request: Request, signer: Signer, *, contents: HashedContents, advance: Advance
) -> tuple[ItemResult, ...]:
    """Make every signature that is wanted, each verified by the ground floor.

    One thread signs, so a token needs one session; another verifies what the first has made.

    Args:
        request: What is asked for, confirmed by the operator.
        signer: The key.
        contents: What hashing found.
        advance: Told the items just done, from another thread.

    Returns:
        One result for each item: signatures or an error.

    Raises:
        PolicyError: a control of `check_request` refuses.
    """
    check_request(request)
    items = request.items
    verified: list[Future[list[ItemResult]]] = []
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="signkit-verify") as verifier:
        for start in range(0, len(items), _BATCH):
            places = range(start, min(start + _BATCH, len(items)))
            made = [_sign_item(place, request, signer, contents) for place in places]
            verified.append(
                verifier.submit(_verify_results, made, request, signer.public_key, advance)
            )
    return tuple(result for batch in verified for result in batch.result())


def _sign_item(
    place: int, request: Request, signer: Signer, contents: HashedContents
) -> ItemResult:
    item = request.items[place]
    signatures: tuple[ItemSignature, ...] = ()
    problem = contents.refused.get(place)
    if problem is None:
        try:
            signatures = _sign_wanted(item, request, signer)
        except SignkitError as error:
            problem = error
    return ItemResult(
        item=place,
        digest=item.digest,
        content_hashed=place in contents.matching,
        signatures=signatures,
        error=None if problem is None else _describe(problem),
    )


def _sign_wanted(item: Item, request: Request, signer: Signer) -> tuple[ItemSignature, ...]:
    names = dict.fromkeys(wanted.scheme for wanted in item.wanted)
    keyid = signer.public_key.keyid
    return tuple(
        ItemSignature(scheme=name, keyid=keyid, value=signer.sign_item(name, item, request))
        for name in names
    )


def _verify_results(
    results: Sequence[ItemResult], request: Request, key: PublicKey, advance: Advance
) -> list[ItemResult]:
    """Return the results, with an error in place of whatever does not verify."""
    checked: list[ItemResult] = []
    for result in results:
        item = request.items[result.item]
        try:
            for made in result.signatures:
                find_scheme(made.scheme).verify(key, item, request, made.value)
            checked.append(result)
        except SignkitError as error:
            checked.append(replace(result, signatures=(), error=_describe(error)))
        advance(1)
    return checked


def _describe(problem: SignkitError) -> ItemError:
    # What it quotes may come from a file name: the response admits no control character.
    return ItemError(code=problem.code, message=one_line(str(problem))[: limits.REASON_LENGTH])


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """Who answers.

    Attributes:
        signer: The station's own key, which signs responses and nothing else.
        responses: The folder in which responses are kept.
        now: RFC 3339 UTC text.
    """

    signer: Signing
    responses: Path
    now: str


def answer(
    verified: VerifiedRequest,
    results: tuple[ItemResult, ...],
    *,
    key: NamedKey,
    station: Station,
    record: Record,
) -> Answer:
    """Make the response, keep it, write the ceremony into the ledger, and return the response.

    In this order: what the ledger counts can always be given out again, and nothing is given out
    that the ledger does not hold (docs/formats/ledger.md section 5).

    Raises:
        MalformedError, TooLargeError: the key's name is no label, so that nobody could read
            the response.
        FileError: the response cannot be kept or the ledger not written; there is no response then.
        SignatureInvalidError, CustodyError: the station's own key failed.
    """
    check_text(key.name, what="the key's name", limit=limits.LABEL_LENGTH)
    signed = key if any(result.signatures for result in results) else None
    entry = _ledger_entry(verified, results, signed, record=record, now=station.now)
    line = record.ledger.next_line(entry)
    response = Response(
        request=verified.digest,
        station=record.transcript.station,
        sequence=line.sequence,
        created=station.now,
        ledger_before=line.before,
        ledger_after=line.after,
        transcript=transcript_digest(record.transcript),
        keys=() if signed is None else (signed,),
        items=results,
    )
    data = sign_response(response, station.signer)
    made = Answer(response=response, data=data, digest=compute_digest(data))
    keep_answer(station.responses, made)
    record.write(entry)
    name_answer(station.responses, made)
    return made


def _ledger_entry(
    verified: VerifiedRequest,
    results: tuple[ItemResult, ...],
    key: NamedKey | None,
    *,
    record: Record,
    now: str,
) -> Entry:
    refused = sum(1 for result in results if result.error is not None)
    return Entry(
        time=now,
        event="refused" if key is None else "signed",
        request=verified.digest,
        requester=verified.requester_key.keyid,
        key=None if key is None else LedgerKey(key.name, key.public_key.keyid),
        items=tuple(
            _ledger_item(result, verified.request.items[result.item]) for result in results
        ),
        reason=f"{refused} of {len(results)} items were refused" if refused else None,
        transcript=record.transcript,
    )


def _ledger_item(result: ItemResult, item: Item) -> LedgerItem:
    return LedgerItem(
        name=item.name,
        artifact=item.artifact,
        version=item.version,
        target=item.target,
        sequence=item.sequence,
        size=item.size,
        digest=item.digest,
        content_hashed=result.content_hashed,
        expires=item.expires,
        roles=tuple(sorted({wanted.role for wanted in item.wanted})),
        schemes=tuple(made.scheme for made in result.signatures),
        error=result.error,
    )
