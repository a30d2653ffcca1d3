"""E08: no mutation gets another answer than PyNaCl's own; `scripts/fuzz` asks a hundred thousand."""

from tests.fuzz.differential import compare


def test_mutations_get_the_answer_of_pynacl() -> None:
    found = compare(3_000, seed=8)
    assert found.differences == []
    assert 100 < found.answers["verifies"] < 2_900  # both answers were really seen
    assert 100 < found.answers["enrols"] < 2_900
