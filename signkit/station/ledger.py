"""The ledger: what this station did, chained line by line, fsynced before anything leaves.

Spec: docs/formats/ledger.md.
Controls: SK-SIGN-LEDGER (docs/design/assurance.md).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from signkit.errors import MalformedError
from signkit.formats.chain import Chain, End, Line, Shape, find_lines, open_chain, read_chain
from signkit.model.response import ItemError
from signkit.station.transcript import Transcript, encode_transcript, parse_transcript
from signkit.verify import limits
from signkit.verify.digest import Sha256
from signkit.verify.encoding import Fields, check_name, check_text, decode_hex

EVENTS = ("signed", "refused", "declined", "repeated")
_CONTENT = {True: "hashed", False: "digest-only"}


class LedgerKey(NamedTuple):
    """A key that signed.

    Attributes:
        name: What the operator calls it, 1 to 128 characters.
        keyid: SHA-256 of the public key, lower-case hex.
    """

    name: str
    keyid: str


class LedgerItem(NamedTuple):
    """What became of one item.

    Attributes:
        name: The content's file name.
        artifact: Artifact, 1 to 128 characters.
        version: Version, 1 to 128 characters.
        target: Target, 1 to 128 characters.
        sequence: The monotonic number of this artifact and target, from 1.
        size: Bytes of content.
        digest: SHA-256 of the content.
        expires: RFC 3339 UTC text, or None for never.
        roles: For which it was asked, 1 to 64, sorted.
        content_hashed: Whether the station hashed the content itself.
        schemes: Under which the key signed it; empty where there is an error. The signatures
            themselves stand in the response.
        error: Why nothing was signed; None where there are schemes.
    """

    name: str
    artifact: str
    version: str
    target: str
    sequence: int
    size: int
    digest: Sha256
    expires: str | None
    roles: tuple[str, ...]
    content_hashed: bool
    schemes: tuple[str, ...]
    error: ItemError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one line says, besides its place in the chain.

    Attributes:
        time: RFC 3339 UTC text.
        event: One of EVENTS.
        request: SHA-256 of the request file.
        requester: keyid of the key that signed the request.
        key: The key that signed; None where nothing was signed.
        items: What became of each item of the request; empty where it did not come to signing.
        reason: Why it ended so, or None.
        transcript: Who, with what, under which rules.
    """

    time: str
    event: str
    request: Sha256
    requester: str
    key: LedgerKey | None
    items: tuple[LedgerItem, ...]
    reason: str | None
    transcript: Transcript

    @property
    def signed_count(self) -> int:
        """Items that were given signatures."""
        return sum(1 for item in self.items if item.schemes)


Ledger = Chain[Entry]
LedgerLine = Line[Entry]


def open_ledger(path: Path) -> AbstractContextManager[Ledger]:
    """Open the ledger for writing, making it on first use: one ceremony at a time.

    Raises:
        FileError, MalformedError: as `open_chain`.
    """
    return open_chain(path, _SHAPE)


def read_ledger(path: Path) -> tuple[list[LedgerLine], End]:
    """Follow the ledger to its end, without a lock.

    Raises:
        FileError, MalformedError: as `read_chain`.
    """
    return read_chain(path, _SHAPE)


def find_in_ledger(path: Path, holding: Sequence[bytes]) -> tuple[list[tuple[int, bytes]], End]:
    """Follow the ledger to its end, and return the lines that hold all of some bytes, unparsed.

    Raises:
        FileError, MalformedError: as `find_lines`.
    """
    return find_lines(path, _SHAPE, holding)


def line_fields(entry: Entry) -> Mapping[str, object]:
    """Return what a line says as JSON, in the order of the specification."""
    return {
        "time": entry.time,
        "event": entry.event,
        "request": {"sha256": entry.request.hex()},
        "requester": entry.requester,
        "key": entry.key and {"name": entry.key.name, "keyid": entry.key.keyid},
        "items": [_item_value(item) for item in entry.items],
        "reason": entry.reason,
        "transcript": encode_transcript(entry.transcript),
    }


def _item_value(item: LedgerItem) -> dict[str, object]:
    value: dict[str, object] = {
        "name": item.name,
        "artifact": item.artifact,
        "version": item.version,
        "target": item.target,
        "sequence": item.sequence,
        "size": item.size,
        "digest": {"sha256": item.digest.hex()},
        "expires": item.expires,
        "roles": item.roles,
        "content": _CONTENT[item.content_hashed],
    }
    if item.error is not None:
        value["error"] = {"code": item.error.code, "message": item.error.message}
    else:
        value["schemes"] = item.schemes
    return value


def _parse(fields: Fields, where: str) -> Entry:
    time = fields.time("time")
    event = _one_of(fields, "event", where, EVENTS)
    request = Sha256(fields.sha256("request"))
    requester = _parse_keyid(fields, "requester", where)
    key = None if fields.is_null("key") else _parse_key(fields.member("key"), where)
    items = tuple(
        _parse_item(member, f"{where}.items[{place}]")
        for place, member in enumerate(fields.array("items", most=limits.ITEM_COUNT))
    )
    if (key is None) == any(item.schemes for item in items):
        message = f"{where}.key: expected a key where items were signed, and nowhere else"
        raise MalformedError(message)
    reason = None if fields.is_null("reason") else _sentence(fields, "reason", where)
    return Entry(
        time=time,
        event=event,
        request=request,
        requester=requester,
        key=key,
        items=items,
        reason=reason,
        transcript=parse_transcript(fields.member("transcript"), f"{where}.transcript"),
    )


def _parse_key(fields: Fields, where: str) -> LedgerKey:
    key = LedgerKey(fields.label("name"), _parse_keyid(fields, "keyid", f"{where}.key"))
    fields.done()
    return key


def _parse_keyid(fields: Fields, name: str, where: str) -> str:
    return decode_hex(fields.text(name), size=32, what=f"{where}.{name}").hex()


def _parse_item(value: object, where: str) -> LedgerItem:
    fields = Fields(value, where)
    item = LedgerItem(
        name=check_name(fields.text("name"), what=f"{where}.name"),
        artifact=fields.label("artifact"),
        version=fields.label("version"),
        target=fields.label("target"),
        sequence=fields.integer("sequence", least=1),
        size=fields.integer("size"),
        digest=Sha256(fields.sha256("digest")),
        expires=None if fields.is_null("expires") else fields.time("expires"),
        roles=_parse_roles(fields, where),
        content_hashed=_one_of(fields, "content", where, _CONTENT.values()) == _CONTENT[True],
        schemes=() if fields.has("error") else _parse_labels(fields, "schemes", where),
        error=_parse_error(fields.member("error"), where) if fields.has("error") else None,
    )
    fields.done()
    return item


def _parse_roles(fields: Fields, where: str) -> tuple[str, ...]:
    roles = _parse_labels(fields, "roles", where)
    if roles != tuple(sorted(roles)):
        message = f"{where}.roles: expected them sorted"
        raise MalformedError(message)
    return roles


def _parse_labels(fields: Fields, name: str, where: str) -> tuple[str, ...]:
    labels: list[str] = []
    for label in fields.array(name, least=1, most=limits.ENVELOPE_SIGNATURE_COUNT):
        if type(label) is not str or label in labels:
            message = f"{where}.{name}: expected labels, none of them twice"
            raise MalformedError(message)
        labels.append(check_text(label, what=f"{where}.{name}", limit=limits.LABEL_LENGTH))
    return tuple(labels)


def _parse_error(fields: Fields, where: str) -> ItemError:
    error = ItemError(code=fields.label("code"), message=_sentence(fields, "message", where))
    fields.done()
    return error


def _sentence(fields: Fields, name: str, where: str) -> str:
    return check_text(
        fields.text(name), what=f"{where}.{name}", limit=limits.REASON_LENGTH, lines=True
    )


def _one_of(fields: Fields, name: str, where: str, words: Collection[str]) -> str:
    word = fields.text(name)
    if word not in words:
        message = f"{where}.{name}: expected one of {', '.join(words)}, got {word!r:.40}"
        raise MalformedError(message)
    return word


_SHAPE = Shape(what="ledger", line_size=limits.RESPONSE_SIZE, parse=_parse, encode=line_fields)
