"""What the ledger knows of what is asked for now: what was signed last, and which response it follows.

Spec: docs/formats/ledger.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from signkit.station.ledger import Ledger, LedgerItem, LedgerLine
from signkit.verify.digest import Sha256

Place = tuple[str, str]
_KEYID_SHOWN = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSigned:
    """What was signed last for one artifact and target.

    Attributes:
        version: The artifact version.
        sequence: Its number under the statement.
        size: Bytes of content.
        digest: SHA-256 of the content.
        expires: RFC 3339 UTC text, or None for never.
        roles: For which it was asked, sorted.
        schemes: Under which it was signed.
        content_hashed: Whether the station hashed the content itself.
        keyids: Every key that signed this very item under this request, sorted.
        request: SHA-256 of the request file.
        time: When, by the station's clock; RFC 3339 UTC text.
        ceremony: The ledger line's number.
    """

    version: str
    sequence: int
    size: int
    digest: Sha256
    expires: str | None
    roles: tuple[str, ...]
    schemes: tuple[str, ...]
    content_hashed: bool
    keyids: tuple[str, ...]
    request: Sha256
    time: str
    ceremony: int


def last_signed(ledger: Ledger) -> Mapping[Place, LastSigned]:
    """Return what was signed last, by (artifact, target).

    Last is the item of the highest sequence; of two with the same one, that of the later ceremony.
    """
    found: dict[Place, LastSigned] = {}
    for line in ledger.lines:
        for item in line.entry.items:
            if item.schemes:
                _take(found, line, item)
    return found


def _take(found: dict[Place, LastSigned], line: LedgerLine, item: LedgerItem) -> None:
    place = (item.artifact, item.target)
    known = found.get(place)
    if known is not None and item.sequence < known.sequence:
        return
    keyids = set() if line.entry.key is None else {line.entry.key.keyid}
    if known and (known.request, known.version) == (line.entry.request, item.version):
        keyids.update(known.keyids)
    found[place] = LastSigned(
        version=item.version,
        sequence=item.sequence,
        size=item.size,
        digest=item.digest,
        expires=item.expires,
        roles=item.roles,
        schemes=item.schemes,
        content_hashed=item.content_hashed,
        keyids=tuple(sorted(keyids)),
        request=line.entry.request,
        time=line.entry.time,
        ceremony=line.sequence,
    )


def find_repeated(lines: Iterable[LedgerLine], request: Sha256, keyid: str) -> LedgerLine | None:
    """Return the ceremony in which this key signed all of this request, or None.

    Args:
        lines: The ledger's.
        request: SHA-256 of the request file.
        keyid: The key that is to sign it now.
    """
    for line in lines:
        entry = line.entry
        if (
            entry.request == request
            and entry.key is not None
            and entry.key.keyid == keyid
            and all(item.error is None for item in entry.items)
        ):
            return line
    return None


def newest_response(ledger: Ledger) -> LedgerLine | None:
    """Return the last ceremony that was answered with a response, or None."""
    return next((line for line in reversed(ledger.lines) if line.entry.items), None)


def describe_requester(requester: str, ledger: Ledger) -> str | None:
    """Say that nothing was ever signed for a requester, where something was for others.

    Args:
        requester: keyid of the key that signed the request.
        ledger: The station's.
    """
    signed = [line for line in ledger.lines if line.entry.event == "signed"]
    if not signed or any(line.entry.requester == requester for line in signed):
        return None
    last = signed[-1]
    return (
        f"nothing was signed for this requester before: ceremony {last.sequence} was for keyid"
        f" {last.entry.requester[:_KEYID_SHOWN]}..."
    )


def describe_previous(
    previous: Sha256 | None, *, newest: LedgerLine | None, ceremony: int | None
) -> str | None:
    """Say what is unusual about the response that a request follows.

    Args:
        previous: What the request says.
        newest: The last ceremony that was answered here.
        ceremony: Whose response `previous` is, or None where it is of no ceremony here.

    Returns:
        A sentence, or None where the request follows the newest response, or is the first.
    """
    if newest is None:
        return None if previous is None else "it follows a response that is not of this station"
    latest = f"the newest of this station is of ceremony {newest.sequence}"
    if previous is None:
        return f"it follows no response: {latest}"
    if ceremony is None:
        return f"it follows a response that is not of this station: {latest}"
    if ceremony == newest.sequence:
        return None
    return f"it follows the response of ceremony {ceremony}: {latest}"
