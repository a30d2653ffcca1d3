"""DER, read strictly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import MalformedError
from signkit.formats.der import (
    INTEGER,
    OCTET_STRING,
    SEQUENCE,
    DerReader,
    encode_der,
    encode_der_integer,
)


def reader(text: str) -> DerReader:
    return DerReader(bytes.fromhex(text), what="thing")


@given(st.lists(st.binary(max_size=400), max_size=5))
def test_reads_what_it_writes(values: list[bytes]) -> None:
    encoded = encode_der(SEQUENCE, *(encode_der(OCTET_STRING, value) for value in values))
    outer = DerReader(encoded, what="thing")
    inner = outer.inner()
    outer.done()
    assert [inner.take(OCTET_STRING) for _ in values] == values
    inner.done()


@pytest.mark.parametrize("size", [0, 127, 128, 255, 256, 65535, 65536])
def test_lengths_of_every_width(size: int) -> None:
    encoded = encode_der(OCTET_STRING, bytes(size))
    assert DerReader(encoded, what="thing").take(OCTET_STRING) == bytes(size)


@given(st.integers(0, 2**70))
def test_integers_of_every_size(value: int) -> None:
    assert DerReader(encode_der_integer(value), what="thing").integer(most=2**70) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected tag 0x04"),
        ("05", "expected tag 0x04"),
        ("04", "cut off"),
        ("0401", "cut off"),
        ("0480", "not minimal"),
        ("048100", "not minimal"),
        ("04817f", "not minimal"),
        ("04820080", "not minimal"),
        ("0482", "not minimal"),
        ("048180", "cut off"),
        ("04ff", "not minimal"),
    ],
)
def test_refuses_what_is_not_der(text: str, said: str) -> None:
    with pytest.raises(MalformedError, match=f"thing is not DER of the expected shape: .*{said}"):
        reader(text).take(OCTET_STRING)


@pytest.mark.parametrize("text", ["0200", "0201ff", "02020001", "020105", "02020080"])
def test_refuses_integers_out_of_range_or_of_two_spellings(text: str) -> None:
    with pytest.raises(MalformedError, match="expected an integer from 0 to 4"):
        reader(text).integer(most=4)


def test_refuses_what_is_left_over() -> None:
    more = reader("020101ff")
    assert more.integer(most=1) == 1
    assert not more.has(INTEGER)
    with pytest.raises(MalformedError, match="1 bytes too many"):
        more.done()


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        content = DerReader(data, what="thing").take(OCTET_STRING)
    except MalformedError:
        return
    assert encode_der(OCTET_STRING, content) == data[: len(encode_der(OCTET_STRING, content))]
