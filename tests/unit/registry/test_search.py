from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import MalformedError
from signkit.registry.search import Clause, Operator, parse_search

KEYS = st.sampled_from(["name", "target", "signature.signing_key.keyid", "inserted_at"])
# A backslash at the end, or before a quote, cannot be written in this grammar.
TEXTS = st.text(max_size=40).map(lambda text: text.replace("\\", ""))
VALUES = st.one_of(TEXTS, st.booleans(), st.integers(-(10**18), 10**18))
CLAUSES = st.builds(Clause, key=KEYS, operator=st.sampled_from(Operator), value=VALUES)


def written(clause: Clause) -> str:
    value = clause.value
    if isinstance(value, bool):
        shown = str(value).lower()
    elif isinstance(value, int):
        shown = str(value)
    else:
        shown = "'" + value.replace("'", "\\'") + "'"
    return f"{clause.key}{clause.operator}{shown}"


@given(st.lists(CLAUSES, min_size=1, max_size=5))
def test_reads_what_was_written(clauses):
    assert parse_search(" and ".join(map(written, clauses))) == tuple(clauses)


@given(st.text(max_size=60))
def test_nothing_but_a_refusal_comes_out_of_anything_else(text):
    with suppress(MalformedError):
        assert parse_search(text)


@given(st.lists(CLAUSES, min_size=1, max_size=5), st.sampled_from(["x", "'", " ", ":", "and"]))
def test_refuses_what_comes_after(clauses, rest):
    string = Clause(key="name", operator=Operator.EQUAL, value="x")
    with pytest.raises(MalformedError):
        parse_search(" and ".join(map(written, [*clauses[:4], string])) + rest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "name",
        "name:",
        "name:x",
        "name='x'",
        "name:'x",
        "name:'x\\'",
        "name:'x'and target:'y'",
        "name:'x' AND target:'y'",
        "name:'x' and ",
        "name:'x' or target:'y'",
        "name:'x';",
        "name:'it's'",
        "NAME:'x'",
        ".name:'x'",
        "size<1.5",
        "size<99999999999999999999",
        "name : 'x'",
        " and ".join(["name:'x'"] * 6),
        "name:'" + "x" * 4096 + "'",
    ],
)
def test_refuses(text):
    with pytest.raises(MalformedError, match=r"^expected "):
        parse_search(text)


def test_an_unescaped_quote_does_not_widen_the_query():
    """A client pastes a target that a person chose into a query (contract section 6, W3)."""
    with pytest.raises(MalformedError):
        parse_search("target:'x' or '1'='1' and artifact_version_prn:'p'")
    clauses = parse_search("target:'x' and name:'y' and artifact_version_prn:'p'")
    assert [clause.key for clause in clauses] == ["target", "name", "artifact_version_prn"]


def test_a_backslash_that_escapes_nothing_stands_for_itself():
    assert parse_search("name:'a\\b'")[0].value == "a\\b"
