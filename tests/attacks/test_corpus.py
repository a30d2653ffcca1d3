"""The independent corpus gives what it expects; `scripts/corpus` adds the real processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from signkit.errors import SignkitError
from signkit.verify.ed25519 import enrol_public_key
from tests.support.corpus import files, signatures
from tests.support.corpus.table import ACCEPT, REJECT, Table


@pytest.fixture
def table() -> Table:
    return Table()


def passed(table: Table, cases: int) -> bool:
    assert not table.wrong, table.text()
    return sum(row.cases for row in table.rows.values()) == cases


def test_every_vector_through_library_and_registry(table: Table, corpus: Path) -> None:
    vectors = signatures.lines_of(corpus / "ed25519" / "verify.jsonl")
    signatures.run_library(table, vectors)
    signatures.run_registry(table, vectors)
    assert passed(table, 3 * 968)


def test_context_and_prehash_signatures_are_none(table: Table, corpus: Path) -> None:
    vectors = signatures.context_vectors(corpus / "ed25519" / "ctx_ph.json")
    signatures.run_library(table, vectors)
    assert passed(table, 2 * 5)


def test_every_published_signature_is_made_again(table: Table, corpus: Path) -> None:
    signatures.run_signing(table, signatures.lines_of(corpus / "ed25519" / "sign.jsonl"))
    assert passed(table, 156)


def test_no_vector_verifies_a_statement(table: Table, corpus: Path, tmp_path: Path) -> None:
    vectors = signatures.lines_of(corpus / "ed25519" / "verify.jsonl")
    signatures.run_command(table, "foreign", signatures.foreign_offers(vectors), tmp_path)
    assert passed(table, 968)


def test_every_seed_signs_a_statement_once(table: Table, corpus: Path, tmp_path: Path) -> None:
    vectors = signatures.lines_of(corpus / "ed25519" / "sign.jsonl")
    signatures.run_command(table, "signed", signatures.signed_offers(vectors), tmp_path)
    assert passed(table, 2 * 156)


@pytest.mark.parametrize(
    "run",
    [files.run_json, files.run_signature_files, files.run_everything],
    ids=lambda run: run.__name__,
)
def test_every_file(table: Table, corpus: Path, run: Callable[[Table, Path], None]) -> None:
    run(table, corpus)
    assert not table.wrong, table.text()


@pytest.mark.parametrize("run", [files.run_keys, files.run_strings], ids=lambda run: run.__name__)
def test_every_key_and_string(
    table: Table, corpus: Path, tmp_path: Path, run: Callable[[Table, Path, Path], None]
) -> None:
    run(table, corpus, tmp_path)
    assert not table.wrong, table.text()


def test_the_table_tells_a_wrong_answer_and_a_defect(table: Table) -> None:
    def defect() -> None:
        raise ValueError("surprise")

    def refusal() -> None:
        enrol_public_key(bytes(32))

    table.run("suite", "verifier", "right", want=REJECT, read=refusal)
    table.run("suite", "verifier", "wrong", want=ACCEPT, read=refusal)
    table.run("suite", "verifier", "defect", want=None, read=defect)
    with pytest.raises(SignkitError):
        refusal()
    row = table.rows["suite", "verifier"]
    assert (row.cases, row.expected, row.unexpected, row.tracebacks) == (3, 1, 1, 1)
    assert "surprise" in table.text()
