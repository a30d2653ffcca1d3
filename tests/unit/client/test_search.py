from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from signkit.client.search import encode_search
from signkit.registry.search import Operator, parse_search

LABELS = st.text(min_size=1, max_size=128)


@given(LABELS, LABELS)
def test_w03_a_value_stays_a_value(name, target):
    """The registry's own parser reads back exactly what was asked for, whatever stands in it."""
    text = encode_search({"name": name, "target": target})
    for clause in parse_search(text) if text else ():
        value = {"name": name, "target": target}[clause.key]
        if clause.operator is Operator.EQUAL:
            assert clause.value == value
        else:
            assert "\\" in value
            assert clause.value in value


def test_w03_a_quote_does_not_widen_the_search():
    text = encode_search({"name": "x' and name~'"})
    assert text == r"name:'x\' and name~\''"


def test_a_backslash_is_searched_around():
    assert encode_search({"name": "ab\\'cde\\"}) == r"name~'\'cde'"
    assert encode_search({"name": "\\"}) == ""
