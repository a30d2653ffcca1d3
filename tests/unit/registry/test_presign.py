from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.registry.presign import (
    PartGrant,
    check_download_url,
    check_part_url,
    presign_download,
    presign_part,
)
from signkit.registry.problems import RefusedError
from signkit.registry.store import ContentKey, PartKey

SECRET = b"s" * 32
CONTENT = ContentKey(organization=uuid4(), binary=uuid4(), revision=3)
GRANT = PartGrant(key=PartKey(content=CONTENT, index=7, digest="ab" * 32), size=5)


def query_of(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def part_url(seconds=60):
    return presign_part(GRANT, base="http://h", secret=SECRET, seconds=seconds)


def check(query, *, index=7, binary=CONTENT.binary, secret=SECRET):
    return check_part_url(CONTENT.organization, binary, index, query, secret=secret)


def test_a_part_comes_back():
    assert check(query_of(part_url())) == GRANT


def test_a_download_comes_back():
    url = presign_download(CONTENT, base="http://h", secret=SECRET, seconds=60)
    found = check_download_url(CONTENT.organization, CONTENT.binary, query_of(url), secret=SECRET)
    assert found == CONTENT


@given(st.sampled_from(["revision", "size", "hash", "expires", "signature"]), st.text(max_size=70))
def test_no_field_can_be_changed(name, value):
    query = query_of(part_url())
    if query[name] != value:
        with pytest.raises(RefusedError) as caught:
            check({**query, name: value})
        assert caught.value.status == 403


@pytest.mark.parametrize("name", ["revision", "size", "hash", "expires", "signature"])
def test_no_field_can_be_left_out(name):
    query = query_of(part_url())
    del query[name]
    with pytest.raises(RefusedError, match="signature"):
        check(query)


def test_another_place_or_secret():
    query = query_of(part_url())
    for changes in ({"index": 8}, {"binary": uuid4()}, {"secret": b"t" * 32}):
        with pytest.raises(RefusedError, match="signature"):
            check(query, **changes)


def test_a_part_url_is_no_download_url():
    with pytest.raises(RefusedError):
        check_download_url(
            CONTENT.organization, CONTENT.binary, query_of(part_url()), secret=SECRET
        )


def test_expiry():
    query = query_of(part_url(seconds=-1))
    with pytest.raises(RefusedError, match="expired"):
        check(query)
    assert int(query_of(part_url())["expires"]) <= time.time() + 60


def test_the_secret_is_not_in_it():
    assert SECRET.decode() not in part_url()
    assert SECRET.hex() not in part_url()
