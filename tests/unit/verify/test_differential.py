"""E08: no mutation gets another answer than PyNaCl's own."""

from tests.support.differential import compare


def test_mutations_get_the_answer_of_pynacl() -> None:
    answers = compare(1_000)
    assert answers["accept"] > 50  # both answers were really seen
    assert answers["reject"] > 50
