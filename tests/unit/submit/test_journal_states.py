"""The journal under any order of runs that end, fail, are killed, or belong to something else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from signkit.errors import SubmissionError
from signkit.submit.journal import Journal, journal_name, open_journal, parse_journal
from signkit.verify.digest import Sha256
from tests.support.strategies import LABELS

DIGESTS = st.binary(min_size=32, max_size=32).map(Sha256)
JOURNALS = st.builds(
    Journal,
    registry=LABELS,
    binary_prn=st.uuids().map(lambda each: f"prn:1:{each}:binary:{each}"),
    digest=DIGESTS,
    part_size=st.integers(1, 2**53 - 1),
    request=DIGESTS,
    begun=st.just("2026-01-31T12:00:00Z"),
)
FRESH = Journal(
    registry="https://registry.example",
    binary_prn="prn:1:8ced1740-7fbf-407e-9d6e-afec9399cc41:binary:x",
    digest=Sha256(bytes(32)),
    part_size=16,
    request=Sha256(bytes(32)),
    begun="2026-01-31T12:00:00Z",
)


@settings(max_examples=30)
@given(fresh=JOURNALS, said=st.none() | st.text(max_size=50))
def test_any_journal_is_read_as_it_was_written(fresh: Journal, said: str | None) -> None:
    with TemporaryDirectory() as folder:
        file, _ = open_journal(Path(folder), fresh)
        if said is not None:
            file.note_failure(SubmissionError(said))
        assert parse_journal(file.path.read_bytes()) == file.journal


class JournalStates(RuleBasedStateMachine):
    """A model of how many runs of one upload there were, beside its file."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self.folder = Path(self._folder.name)
        self.path = self.folder / journal_name(FRESH)
        self.runs = 0

    def teardown(self) -> None:
        self._folder.cleanup()

    @rule(fails=st.booleans())
    def run(self, *, fails: bool) -> None:
        file, said = open_journal(self.folder, FRESH)
        assert (said is None) == (self.runs == 0)
        assert said is None or f"run {self.runs};" in said
        self.runs += 1
        assert file.journal.run_count == self.runs
        if fails:
            file.note_failure(SubmissionError("no"))

    @rule()
    def finish(self) -> None:
        open_journal(self.folder, FRESH)[0].finish()
        self.runs = 0
        assert list(self.folder.iterdir()) == []

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def tear(self, data: st.DataObject) -> None:
        """A journal that is cut off anywhere is thrown away, and said."""
        whole = self.path.read_bytes()
        self.path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
        self.begin_anew(FRESH)

    @precondition(lambda self: self.runs)
    @rule()
    def ask_for_something_else(self) -> None:
        self.begin_anew(replace(FRESH, request=Sha256(b"\1" * 32)))
        self.begin_anew(FRESH)

    def begin_anew(self, fresh: Journal) -> None:
        file, said = open_journal(self.folder, fresh)
        assert "thrown away" in str(said)
        assert file.journal == fresh
        self.runs = 1


TestJournalStates = JournalStates.TestCase
TestJournalStates.settings = settings(max_examples=20, stateful_step_count=15, deadline=None)
