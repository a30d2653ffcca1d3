"""What custodians type and hand over: shares, plans of groups, fingerprints of OpenPGP keys."""

from __future__ import annotations

import json
from pathlib import Path

from signkit.custody.openpgp import parse_fingerprint
from signkit.custody.shares import Group, parse_group, parse_share_text
from signkit.custody.sheet import read_sheet
from signkit.custody.slip39 import ShareWords, parse_share
from tests.fuzz.seeds import exactly
from tests.fuzz.target import Target, stable
from tests.fuzz.verify_targets import text_of

_FILE = Path(__file__).parents[1] / "vectors" / "slip39" / "secrets-of-32-bytes.json"
_VECTORS = json.loads(_FILE.read_text("utf-8"))
_VALID = [share for each in _VECTORS["valid"].values() for share in each["shares"]]
_INVALID = [share for shares in _VECTORS["invalid"].values() for share in shares]
_ANY = ("utf-8", "surrogateescape")  # an argument may be any bytes
_SHEET = "<!doctype html>" + "".join(f"<li>{word}</li>" for word in _VALID[0].split())


def _parse(data: bytes) -> ShareWords:
    return parse_share_text(read_sheet(text_of(data)), what="input")


def _share_holds(share: ShareWords, _data: bytes) -> None:
    assert parse_share(share.words, what="again") == share
    assert 1 <= share.threshold <= 16
    assert 1 <= share.group_threshold <= share.group_count <= 16
    assert share.words[0] in share.set_name


def _encode_group(group: Group) -> bytes:
    return f"{group.name}={group.threshold}/{group.count}".encode(*_ANY)


TARGETS = (
    Target(
        name="share",
        parse=_parse,
        holds=_share_holds,
        seeds=exactly(*(text.encode() for text in (*_VALID, *_INVALID, _SHEET))),
    ),
    Target(
        name="share-group",
        parse=lambda data: parse_group(text_of(data)),
        holds=stable(_encode_group, lambda data: parse_group(data.decode(*_ANY))),
        seeds=exactly(b"board=2/3", b"2/3", b"a=b=16/16", b"/"),
    ),
    Target(
        name="openpgp-fingerprint",
        parse=lambda data: parse_fingerprint(text_of(data)),
        holds=stable(str.encode, lambda data: parse_fingerprint(data.decode())),
        seeds=exactly(b"332C 04ee " * 5, b"332C04EE" * 5, b"0x"),
    ),
)
