"""What the ledger knows of what is asked for now."""

from __future__ import annotations

from pathlib import Path

import pytest

from signkit.model.response import ItemError
from signkit.station.history import (
    describe_previous,
    describe_requester,
    find_repeated,
    last_signed,
    newest_response,
)
from signkit.station.ledger import Entry, LedgerKey, LedgerLine, open_ledger
from signkit.verify.digest import Sha256
from tests.support.ledgers import KEYID, NOW, declined_entry, ledger_entry, ledger_item

OTHER = "ef" * 32
REFUSED = ledger_item(schemes=(), error=ItemError(code="file", message="gone"), sequence=9)


def lines_of(folder: Path, *entries: Entry) -> list[LedgerLine]:
    with open_ledger(folder / "ledger") as ledger:
        return [ledger.append(entry) for entry in entries]


def by(keyid: str, **changes: object) -> Entry:
    return ledger_entry(ledger_item(**changes), key=LedgerKey("key", keyid))


def test_last_is_the_highest_sequence_of_each_place(tmp_path: Path) -> None:
    lines_of(
        tmp_path,
        ledger_entry(ledger_item(sequence=2, version="2"), ledger_item(target="other")),
        declined_entry(),
        ledger_entry(ledger_item(sequence=1, version="1"), REFUSED, request=Sha256(bytes(32))),
    )
    with open_ledger(tmp_path / "ledger") as ledger:
        found = last_signed(ledger)
    assert set(found) == {
        ("ML-Model", "aarch64-unknown-linux"),
        ("ML-Model", "other"),
    }
    last = found["ML-Model", "aarch64-unknown-linux"]
    assert (last.version, last.sequence, last.ceremony) == ("2", 2, 1)
    assert (last.size, last.digest, last.keyids) == (14, ledger_item().digest, (KEYID,))
    assert (last.request, last.time) == (Sha256(b"\xab" * 32), NOW)


def test_who_signed_the_same_request_is_gathered(tmp_path: Path) -> None:
    lines_of(tmp_path, by(OTHER), by(KEYID))
    with open_ledger(tmp_path / "ledger") as ledger:
        (last,) = last_signed(ledger).values()
    assert (last.keyids, last.ceremony) == ((KEYID, OTHER), 2)


def test_who_signed_an_older_one_is_not(tmp_path: Path) -> None:
    lines_of(tmp_path, by(OTHER, version="0"), by(KEYID))
    with open_ledger(tmp_path / "ledger") as ledger:
        (last,) = last_signed(ledger).values()
    assert last.keyids == (KEYID,)


REQUEST = ledger_entry().request


@pytest.mark.parametrize(
    ("entry", "keyid"),
    [
        (declined_entry(), KEYID),
        (ledger_entry(), OTHER),
        (ledger_entry(ledger_item(), REFUSED), KEYID),
        (ledger_entry(request=Sha256(bytes(32))), KEYID),
        (ledger_entry(REFUSED, event="refused", key=None), KEYID),
    ],
)
def test_what_is_no_repetition(tmp_path: Path, entry: Entry, keyid: str) -> None:
    assert find_repeated(lines_of(tmp_path, entry), REQUEST, keyid) is None


def test_a_repetition(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, declined_entry(), ledger_entry(), declined_entry(event="repeated"))
    assert find_repeated(lines, REQUEST, KEYID) == lines[1]


def test_the_newest_response(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        assert newest_response(ledger) is None
        first = ledger.append(ledger_entry(REFUSED, event="refused", key=None))
        ledger.append(declined_entry())
        assert newest_response(ledger) == first


def test_a_requester_for_whom_nothing_was_signed(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.append(declined_entry(requester=OTHER))
        assert describe_requester(OTHER, ledger) is None  # nothing was signed for anybody
        ledger.append(ledger_entry(requester=KEYID))
        assert describe_requester(KEYID, ledger) is None
        assert describe_requester(OTHER, ledger) == (
            "nothing was signed for this requester before: ceremony 2 was for keyid"
            f" {KEYID[:16]}..."
        )


def test_what_a_request_follows(tmp_path: Path) -> None:
    first, second = lines_of(tmp_path, ledger_entry(), ledger_entry())
    some = Sha256(bytes(32))
    said = describe_previous
    assert said(None, newest=None, ceremony=None) is None
    assert said(some, newest=second, ceremony=2) is None
    assert "is not of this station" in str(said(some, newest=None, ceremony=None))
    newest = "the newest of this station is of ceremony 2"
    assert said(None, newest=second, ceremony=None) == f"it follows no response: {newest}"
    older = said(some, newest=second, ceremony=first.sequence)
    assert older == f"it follows the response of ceremony 1: {newest}"
    assert f"not of this station: {newest}" in str(said(some, newest=second, ceremony=None))
