from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import MalformedError
from signkit.registry.bodies import parse_body

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**60), 10**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_json_comes_in_as_it_is(value):
    for ascii_only in (True, False):
        assert parse_body(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=60))
def test_nothing_but_a_refusal_comes_out_of_bytes(data):
    try:
        expected = json.loads(data.decode())
    except ValueError:
        with pytest.raises(MalformedError):
            parse_body(data)
    else:
        assert parse_body(data) == expected or expected != expected


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"a":1,"a":1}', "a name twice"),
        (b"NaN", "number NaN"),
        (b"-Infinity", "number -Infinity"),
        (b"1e400", "number 1e400"),
        (b"1" * 65, "number 1111"),
        (b"0." + b"1" * 65, "number 0.11"),
        (b'"\\udc00"', "lone surrogate"),
        (b'"\xff"', "not UTF-8: byte 1"),
        (b"[" * 200_000, "nested too deeply"),
        (b"", "not JSON"),
    ],
)
def test_refuses(data, said):
    with pytest.raises(MalformedError, match=said):
        parse_body(data)
