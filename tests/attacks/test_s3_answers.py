"""What an object store answers to a part, byte for byte: the corpus of S3 replies, through submit.

The client sends parts to presigned URLs and nothing else to a store, so every reply of the corpus
is given to that, also those that belong to calls which only the registry makes. What must never come
of one: a success that is none, a redirect that is followed, a wait without end, or the URL's query,
which is a credential, on the screen.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from signkit.errors import SignkitError
from tests.support.hostile_registry import TOKEN, Answer, scripted_registry
from tests.support.submission import Submitter, make_signed

AGAIN, STOPS = "sent again", "stops"
# What comes of a reply that is given once, to a part that the store did not keep.
ONCE = {
    # Nothing says that the part was not kept, until the registry does: it is sent again.
    "complete_200_empty.http": AGAIN,
    "get_200_instead_of_206.http": AGAIN,
    "part_200_etag_unquoted.http": AGAIN,
    # A cut answer says nothing.
    "get_short_body.http": AGAIN,
    "head_200_size_mismatch.http": AGAIN,
    # A fresh address may mend it.
    "complete_400_invalidpart.http": AGAIN,
    "complete_400_invalidpartorder.http": AGAIN,
    "complete_404_nosuchupload.http": AGAIN,
    "complete_409_conditional.http": AGAIN,
    "complete_412.http": AGAIN,
    "part_400_requesttimeout.http": AGAIN,
    "part_400_xamzcontentsha256.http": AGAIN,
    "part_500.http": AGAIN,
    "part_503_retry_garbage.http": AGAIN,
    "part_503_slowdown.http": AGAIN,
    # Longer than the time there is: no point in waiting.
    "part_503_retry_huge.http": STOPS,
    # No second try mends it.
    "part_307.http": STOPS,
    "part_403_signature.http": STOPS,
    "part_403_skew.http": STOPS,
    "part_407.http": STOPS,
    # A success with a page or a document in it is none, whatever it says; no XML is parsed.
    "create_200_billion_laughs.http": STOPS,
    "create_200_uploadid_weird.http": STOPS,
    "create_200_xxe.http": STOPS,
    "list_parts_loop.http": STOPS,
    "part_200_html.http": STOPS,
    # Neither 200 nor 201.
    "get_206_wrong_range.http": STOPS,
    "get_etag_changed.http": STOPS,
}
SAID = {
    "part_307.http": "redirect",
    "part_403_skew.http": "clock",
    "part_407.http": "proxy",
    "part_200_html.http": "portal",
}


@pytest.fixture
def registry():
    with scripted_registry() as running:
        yield running


@pytest.fixture
def submitter(registry, tmp_path):
    made = Submitter(registry.url, TOKEN, tmp_path)
    yield made
    made.http.close()


def test_every_file_of_the_corpus_is_here(corpus: Path) -> None:
    entries = json.loads((corpus / "s3_responses" / "EXPECT.json").read_text())
    assert {entry["file"] for entry in entries} == ONCE.keys()


def raw(corpus: Path, name: str) -> Answer:
    return Answer(raw=(corpus / "s3_responses" / name).read_bytes())


@pytest.mark.parametrize("name", ONCE)
def test_f44_r03_once(registry, submitter, tmp_path, corpus: Path, name: str) -> None:
    registry.refuse("PUT", "/upload/", raw(corpus, name), times=1)
    signed = make_signed(tmp_path)
    if ONCE[name] == AGAIN:
        submitter.one(signed)
        assert registry.binary["state"] == "signed"
        assert len(registry.made("PUT", "/upload/")) == 4  # three parts, one of them twice
    else:
        with pytest.raises(SignkitError) as caught:
            submitter.one(signed)
        assert SAID.get(name, "part") in f"{caught.value} {caught.value.hint}"
        assert registry.binary["state"] == "uploadable"
    assert all("authorization" not in call.headers for call in registry.made("PUT", "/upload/"))


@pytest.mark.sweep
@pytest.mark.parametrize("name", ONCE)
def test_f44_r03_for_ever(registry, submitter, tmp_path, corpus: Path, name: str) -> None:
    registry.refuse("PUT", "/upload/", raw(corpus, name))
    with pytest.raises(SignkitError) as caught:
        submitter.one(make_signed(tmp_path))
    assert registry.binary["state"] == "uploadable"
    assert "ignature=" not in " ".join([str(caught.value), *submitter.said])
    assert len(registry.made("PUT", "/upload/")) <= 3 * 12
