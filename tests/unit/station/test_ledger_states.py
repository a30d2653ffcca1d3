"""The ledger under any order of appending, crashing, tampering and opening again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from signkit.errors import MalformedError
from signkit.formats.chain import EMPTY_HEAD
from signkit.station.ledger import EVENTS, Entry, LedgerKey, open_ledger
from signkit.verify.digest import Sha256, compute_digest
from tests.support.ledgers import TRANSCRIPT, ledger_item

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
KEYS = st.builds(LedgerKey, TEXTS, st.binary(min_size=32, max_size=32).map(bytes.hex))
ITEMS = st.builds(ledger_item, artifact=TEXTS, target=TEXTS, size=st.integers(0, 2**53 - 1))
ENTRIES = st.builds(
    Entry,
    time=st.just("2026-01-31T12:00:00Z"),
    event=st.sampled_from(sorted(EVENTS)),
    request=st.binary(min_size=32, max_size=32).map(Sha256),
    requester=st.binary(min_size=32, max_size=32).map(bytes.hex),
    key=KEYS,
    items=st.lists(ITEMS, min_size=1, max_size=2).map(tuple),
    reason=st.none() | TEXTS,
    transcript=st.builds(replace, st.just(TRANSCRIPT), station=TEXTS),
)


class LedgerStates(RuleBasedStateMachine):
    """A model of whole lines beside the file."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self.path = Path(self._folder.name) / "ledger.jsonl"
        self.lines: list[bytes] = []

    def teardown(self) -> None:
        self._folder.cleanup()

    @property
    def head(self) -> Sha256:
        return compute_digest(self.lines[-1]) if self.lines else EMPTY_HEAD

    @rule(entries=st.lists(ENTRIES, min_size=1, max_size=3))
    def append(self, entries: list[Entry]) -> None:
        with open_ledger(self.path) as ledger:
            for entry in entries:
                before = self.head
                at = ledger.append(entry)
                self.lines = self.path.read_bytes().split(b"\n")[:-1]
                assert (at.sequence, at.before, at.after) == (len(self.lines), before, self.head)

    @rule(entry=ENTRIES, data=st.data())
    def crash_while_appending(self, entry: Entry, data: st.DataObject) -> None:
        """Whatever was written of a line without its end is cut off, and said."""
        with open_ledger(self.path) as ledger:
            ledger.append(entry)
        whole = b"".join(line + b"\n" for line in self.lines)
        line = self.path.read_bytes()[len(whole) :]
        torn = line[: data.draw(st.integers(1, len(line) - 1))]
        self.path.write_bytes(whole + torn)
        with open_ledger(self.path) as ledger:
            assert ledger.found.torn == len(torn)

    @precondition(lambda self: self.lines)
    @rule(data=st.data())
    def tamper(self, data: st.DataObject) -> None:
        """A changed byte before the last line's end is found, and nothing is repaired."""
        whole = self.path.read_bytes()
        place = data.draw(st.integers(0, len(whole) - 2))
        changed = bytearray(whole)
        changed[place] ^= 1 << data.draw(st.integers(0, 6))
        self.path.write_bytes(changed)
        last = place >= len(whole) - len(self.lines[-1]) - 1
        if not last:  # the last line has nothing after it that holds its digest
            with pytest.raises(MalformedError), open_ledger(self.path):
                pass
            assert self.path.read_bytes() == changed
        self.path.write_bytes(whole)

    @precondition(lambda self: len(self.lines) > 1)
    @rule(data=st.data())
    def drop_a_line(self, data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(self.lines) - 2))
        whole = self.path.read_bytes()
        rest = [line for index, line in enumerate(self.lines) if index != place]
        self.path.write_bytes(b"".join(line + b"\n" for line in rest))
        with pytest.raises(MalformedError), open_ledger(self.path):
            pass
        self.path.write_bytes(whole)

    @invariant()
    def is_whole(self) -> None:
        with open_ledger(self.path) as ledger:
            found = ledger.found
        assert (found.sequence, found.head, found.torn) == (len(self.lines), self.head, 0)
        assert self.path.read_bytes() == b"".join(line + b"\n" for line in self.lines)


TestLedgerStates = LedgerStates.TestCase
TestLedgerStates.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
