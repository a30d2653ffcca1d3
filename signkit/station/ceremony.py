"""The act of signing: from a confirmed request to a response.

    1. hash_contents   optional: hash what travels along, item by item
    2. sign_items      every wanted signature of every item, each verified before it counts
    3. answer          append to the ledger, then sign the response with the station's own key

The caller shows the request and asks the operator between 1 and 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from signkit.custody.signer import Signer
from signkit.errors import DigestMismatchError, FileError, SignkitError
from signkit.formats.content import hash_content
from signkit.formats.display import one_line
from signkit.formats.response import sign_response
from signkit.model.request import Item, Request, VerifiedRequest
from signkit.model.response import ItemError, ItemResult, ItemSignature, NamedKey, Response
from signkit.schemes.table import find_scheme
from signkit.station.ledger import Entry, Ledger
from signkit.verify import limits

Advance = Callable[[int], None]


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
        except (FileError, DigestMismatchError) as error:
            refused[place] = error
    return HashedContents(matching=frozenset(matching), refused=refused)


def _check_content(item: Item, path: Path, advance: Advance) -> None:
    digest, identity = hash_content(str(path), advance=advance)
    if digest != item.digest or identity.size != item.size:
        message = (
            f"{path} is not what the request names: expected SHA-256 {item.digest.hex()}"
            f" and {item.size} bytes, got {digest.hex()} and {identity.size}"
        )
        raise DigestMismatchError(message, hint="prepare again from the content you mean to sign")


def sign_items(
    request: Request, signer: Signer, *, contents: HashedContents, advance: Advance
) -> tuple[ItemResult, ...]:
    """Make every signature that is wanted, each verified by the ground floor.

    Args:
        request: What is asked for, confirmed by the operator.
        signer: The key.
        contents: What hashing found.
        advance: Told the items just done.

    Returns:
        One result for each item: signatures or an error.
    """
    results: list[ItemResult] = []
    for place, item in enumerate(request.items):
        signatures: tuple[ItemSignature, ...] = ()
        problem = contents.refused.get(place)
        if problem is None:
            try:
                signatures = _sign_wanted(item, request, signer)
            except SignkitError as error:
                problem = error
        results.append(
            ItemResult(
                item=place,
                digest=item.digest,
                content_hashed=place in contents.matching,
                signatures=signatures,
                error=None if problem is None else _describe(problem),
            )
        )
        advance(1)
    return tuple(results)


def _describe(problem: SignkitError) -> ItemError:
    # What it quotes may come from a file name: the response admits no control character.
    return ItemError(code=problem.code, message=one_line(str(problem))[: limits.REASON_LENGTH])


def _sign_wanted(item: Item, request: Request, signer: Signer) -> tuple[ItemSignature, ...]:
    key = signer.public_key
    made: list[ItemSignature] = []
    for name in dict.fromkeys(wanted.scheme for wanted in item.wanted):
        scheme = find_scheme(name)
        value = scheme.sign(signer, item, request)
        scheme.verify(key, item, request, value)
        made.append(ItemSignature(scheme=name, keyid=key.keyid, value=value))
    return tuple(made)


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """Who answers.

    Attributes:
        name: What the station calls itself.
        signer: Its own key, which signs responses and nothing else.
        now: RFC 3339 UTC text.
    """

    name: str
    signer: Signer
    now: str


def answer(
    verified: VerifiedRequest,
    results: tuple[ItemResult, ...],
    *,
    key: NamedKey,
    station: Station,
    ledger: Ledger,
) -> bytes:
    """Write the ceremony into the ledger and return the response file.

    Raises:
        FileError: the ledger cannot be written; there is no response then.
        SignatureInvalidError, CustodyError: the station's own key failed.
    """
    signed = sum(1 for result in results if result.error is None)
    keys = (key,) if signed else ()
    appended = ledger.append(
        Entry(
            time=station.now,
            event="signed" if signed else "refused",
            request=verified.digest,
            item_count=len(results),
            signed_count=signed,
            keyids=tuple(each.public_key.keyid for each in keys),
            reason=None,
        )
    )
    response = Response(
        request=verified.digest,
        station=station.name,
        sequence=appended.sequence,
        created=station.now,
        ledger_before=appended.before,
        ledger_after=appended.after,
        keys=keys,
        items=results,
    )
    return sign_response(response, station.signer)
