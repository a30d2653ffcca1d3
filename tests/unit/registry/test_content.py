"""Fetching content from the server: whole and in ranges (RFC 9110 sections 13 and 14)."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.folder

PARTS = (b"abcdefghij", b"klmno", b"pqrstuvwxyz")
CONTENT = b"".join(PARTS)
DIGEST = sha256(CONTENT).hexdigest()


@pytest.fixture(scope="module")
def url(api):
    binary = api.signable(*PARTS)
    return api.ask("GET", f"/binaries/{binary['prn']}/download_url")


def test_whole(api, url):
    answer = api.bare.get(url)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"] == f'"{DIGEST}"'
    assert answer.headers["content-type"] == "application/octet-stream"


def test_head(api, url):
    answer = api.bare.head(url)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["etag"] == f'"{DIGEST}"'


@given(st.data())
def test_any_range(api, url, data):
    first = data.draw(st.integers(0, len(CONTENT) - 1))
    last = data.draw(st.integers(first, len(CONTENT) + 5))
    answer = api.bare.get(url, headers={"range": f"bytes={first}-{last}"})
    assert (answer.status_code, answer.content) == (206, CONTENT[first : last + 1])
    end = min(last, len(CONTENT) - 1)
    assert answer.headers["content-range"] == f"bytes {first}-{end}/{len(CONTENT)}"
    assert answer.headers["content-length"] == str(end - first + 1)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=20-", CONTENT[20:]),
        ("bytes=-4", CONTENT[-4:]),
        ("bytes=-400", CONTENT),
    ],
)
def test_open_ranges(api, url, asked, expected):
    answer = api.bare.get(url, headers={"range": asked})
    assert (answer.status_code, answer.content) == (206, expected)


@pytest.mark.parametrize("asked", ["bytes=26-", "bytes=99-100", "bytes=-0"])
def test_ranges_beyond_the_end(api, url, asked):
    answer = api.bare.get(url, headers={"range": asked})
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["content-range"] == "bytes */26"


@pytest.mark.parametrize(
    "asked",
    ["bytes=", "bytes=-", "bytes=5-2", "lines=0-1", "bytes=0-1,3-4", "bytes=x-", "bytes=1" * 30],
)
def test_what_is_no_range_means_all(api, url, asked):
    answer = api.bare.get(url, headers={"range": asked})
    assert (answer.status_code, answer.content) == (200, CONTENT)


def test_a_range_of_other_content_means_all(api, url):
    wanted = {"range": "bytes=0-1"}
    answer = api.bare.get(url, headers={**wanted, "if-range": f'"{DIGEST}"'})
    assert answer.content == CONTENT[:2]
    assert api.bare.get(url, headers={**wanted, "if-range": '"other"'}).content == CONTENT


def test_what_the_client_has_is_not_sent(api, url):
    answer = api.bare.get(url, headers={"if-none-match": f'"x", "{DIGEST}"'})
    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize(
    ("old", "new"),
    [("revision=0", "revision=1"), ("expires=", "expires=9"), ("nature=", "nature=0")],
)
def test_a_tampered_url(api, url, old, new):
    answer = api.bare.get(url.replace(old, new))
    assert answer.status_code == 403
    assert "signature" in answer.json()["errors"]["detail"]


def test_a_url_to_fetch_is_none_to_send(api, url):
    assert api.bare.put(url, content=b"x").status_code == 405
    assert api.bare.delete(url).status_code == 405


@pytest.mark.parametrize("state", ["uploadable", "hashable"])
def test_incomplete_content_cannot_be_fetched(api, state):
    binary = api.binary(CONTENT)
    api.upload(binary, CONTENT)
    if state == "hashable":
        api.move(binary, state)
    answer = api.call("GET", f"/binaries/{binary['prn']}/download_url")
    assert answer.status_code == 409
    assert f"the binary is {state}" in answer.json()["errors"]["detail"]


def test_zero_bytes(api):
    binary = api.signed()
    answer = api.bare.get(api.ask("GET", f"/binaries/{binary['prn']}/download_url"))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "0"


def test_reset_content_cannot_be_fetched_by_an_old_url(api):
    binary = api.signable(b"one")
    url = api.ask("GET", f"/binaries/{binary['prn']}/download_url")
    api.move(binary, "uploadable")
    assert api.bare.get(url).status_code == 409
    api.upload(binary, b"one")
    assert api.hashed(binary)["state"] == "signable"
    assert api.bare.get(url).status_code == 409


def test_content_that_went_missing_breaks_off(api, registry):
    """A part's file is gone: the answer ends early instead of being something else."""
    binary = api.signable(b"x" * 300_000, b"y" * 300_000)
    identity = binary["prn"].rpartition(":")[2]
    (second,) = (registry.data / "content").glob(f"*/{identity}/0/00002-*")
    second.unlink()
    url = api.ask("GET", f"/binaries/{binary['prn']}/download_url")
    with pytest.raises(Exception, match=r"peer closed|incomplete|disconnected"):
        api.bare.get(url)
