"""Asking the ledger: what a key signed, and who signed what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signkit.errors import MalformedError
from signkit.model.response import ItemError
from signkit.station.ledger import Entry, LedgerItem, LedgerKey, line_fields, read_ledger
from signkit.station.search import Question, search_ledger
from signkit.verify.digest import Sha256, compute_digest
from signkit.verify.encoding import encode_json
from tests.support.ledgers import KEYID, declined_entry, ledger_entry, ledger_item, write_ledger

OTHER = "ef" * 32
GONE = ItemError(code="file", message="is missing")
REQUEST = Sha256(b"\xab" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.jsonl"
    write_ledger(
        path,
        ledger_entry(ledger_item(), ledger_item(target="x86", schemes=(), error=GONE)),
        declined_entry(),
        ledger_entry(
            ledger_item(artifact='quote " and \\', digest=compute_digest(b"other")),
            key=LedgerKey("spare", OTHER),
            request=Sha256(bytes(32)),
        ),
    )
    return path


def asked(path: Path, **question: Any) -> list[tuple[int, str | None]]:
    return [
        (found.ceremony, None if found.item is None else found.item["target"])
        for found in search_ledger(path, Question(**question))[1]
    ]


ARM = "aarch64-unknown-linux"


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        ({"keyid": KEYID}, [(1, ARM)]),
        ({"keyid": OTHER}, [(3, ARM)]),
        ({"keyid": "00" * 32}, []),
        ({"artifact": "ML-Model"}, [(1, ARM), (1, "x86")]),
        ({"artifact": "ML"}, []),
        ({"artifact": 'quote " and \\'}, [(3, ARM)]),
        ({"target": "x86"}, [(1, "x86")]),
        ({"target": ARM}, [(1, ARM), (3, ARM)]),
        ({"digest": compute_digest(b"other").hex()}, [(3, ARM)]),
        ({"request": REQUEST.hex()}, [(1, ARM), (1, "x86"), (2, None)]),
        ({"request": REQUEST.hex(), "target": "x86"}, [(1, "x86")]),
        ({"keyid": KEYID, "target": "x86"}, []),  # it was refused, so the key did not sign it
        ({"keyid": KEYID, "request": bytes(32).hex()}, []),
    ],
)
def test_a_question_and_its_answers(
    path: Path, question: dict[str, str], answers: list[tuple[int, str | None]]
) -> None:
    assert asked(path, **question) == answers


def test_an_answer_says_who_and_why(path: Path) -> None:
    count, (signed, refused, declined) = search_ledger(path, Question(request=REQUEST.hex()))
    assert count == 3
    assert (signed.key, signed.keyid, signed.reason) == ("prod", KEYID, None)
    assert (refused.reason, declined.reason) == ("is missing", "the words are not those")
    assert (declined.event, declined.item, declined.key) == ("declined", None, "")
    assert signed.request == REQUEST.hex()


def test_the_newest_answers(path: Path) -> None:
    count, (found,) = search_ledger(path, Question(target=ARM), last=1)
    assert (count, found.ceremony) == (2, 3)


def test_what_is_not_shown_is_counted(path: Path) -> None:
    named = [ledger_item(name=',"schemes":['), ledger_item(schemes=(), error=GONE)]
    write_ledger(path, *[ledger_entry(*named, ledger_item())] * 3, ledger_entry())
    for last in (1, 2, 3, 7, 8):
        count, found = search_ledger(path, Question(keyid=KEYID), last=last)
        everything = search_ledger(path, Question(keyid=KEYID))[1]
        assert (count, found) == (len(everything), everything[-last:])
        count, found = search_ledger(path, Question(artifact="ML-Model"), last=last)
        everything = search_ledger(path, Question(artifact="ML-Model"))[1]
        assert (count, found) == (len(everything), everything[-last:])


LABELS = st.text('ab"\\é,:', min_size=1, max_size=3)
ITEMS = st.builds(ledger_item, artifact=LABELS, target=LABELS)
KEYS = st.builds(LedgerKey, LABELS, st.sampled_from([KEYID, OTHER]))
ENTRIES = st.builds(
    lambda items, key: ledger_entry(*items, key=key),
    st.lists(ITEMS, min_size=1, max_size=3),
    KEYS,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ENTRIES, max_size=4), LABELS, st.sampled_from([None, KEYID, OTHER]))
def test_nothing_is_missed(
    tmp_path_factory: pytest.TempPathFactory, entries: list[Entry], artifact: str, keyid: str | None
) -> None:
    """Whatever the texts: what a parse of every line finds, a search finds."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.jsonl"
    write_ledger(path, *entries)
    lines, _end = read_ledger(path)

    def fits(key: LedgerKey | None, item: LedgerItem) -> bool:
        return item.artifact == artifact and keyid in {None, key and key.keyid}

    expected = [
        (line.sequence, item.target)
        for line in lines
        for item in line.entry.items
        if fits(line.entry.key, item)
    ]
    assert asked(path, artifact=artifact, keyid=keyid) == expected


ITEM: Any = dict(line_fields(ledger_entry())["items"][0])  # type: ignore[index]


@pytest.mark.parametrize(
    "change",
    [
        {"items": None},
        {"items": [7]},
        {"items": [{"schemes": []}]},
        {"items": [{**ITEM, "sequence": "1"}]},
        {"key": {"name": 7, "keyid": KEYID}},
        {"time": None},
        {"request": "ab"},
    ],
)
def test_a_line_of_another_shape_is_said(path: Path, change: dict[str, Any]) -> None:
    """Attacker: wrote the whole chain anew, with a line in it that is none."""
    first, *_rest = path.read_bytes().splitlines()
    broken = {**json.loads(first), "note": KEYID, **change}
    head = compute_digest(encode_json(broken))
    write_ledger(path.with_name("other"), ledger_entry(), ledger_entry())
    second = json.loads(path.with_name("other").read_bytes().splitlines()[1])
    second["previous"] = {"sha256": head.hex()}
    path.write_bytes(encode_json(broken) + b"\n" + encode_json(second) + b"\n")
    with pytest.raises(MalformedError, match=r"^ledger line 1 does not have the shape") as caught:
        search_ledger(path, Question(keyid=KEYID))
    assert "signkit ledger verify" in str(caught.value.hint)
    with pytest.raises(MalformedError, match=r"^ledger line 1"):
        read_ledger(path)
