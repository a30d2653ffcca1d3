"""Attacker: holds whole, authentic documents of several requests, and combines them.

What belongs together is tied by digests, so nothing else combines.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from signkit.errors import DigestMismatchError, JournalError, RequestError, ResponseError
from signkit.formats.content import check_unchanged
from signkit.submit.documents import Pins, open_submission
from signkit.verify.digest import compute_digest
from tests.support.keys import PROD, SPARE, STATION, STRANGER
from tests.support.submission import Signed, make_signed


def signed(folder: Path, **options: Any) -> Signed:
    folder.mkdir()
    return make_signed(folder, **options)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Signed, Signed]:
    """Two releases of one artifact, each prepared and signed."""
    first = signed(tmp_path / "a")
    return first, signed(tmp_path / "b", content=b"Goodbye, Binary\n", version="2.0.0", sequence=2)


def parts(made: Signed) -> dict[str, Any]:
    return {
        "response": (made.folder / "model.response.json").read_bytes(),
        "request": (made.folder / "model.request.json").read_bytes(),
        "plan": made.plan,
    }


def opened(**files: Any) -> Any:
    return open_submission(files["response"], files["request"], files["plan"], pins=Pins())


def refused(reason: str, **files: Any) -> None:
    with pytest.raises(ResponseError) as caught:
        opened(**files)
    assert (caught.value.exit_code, caught.value.reason) == (13, reason)


def test_what_belongs_together_opens(pair: tuple[Signed, Signed]) -> None:
    for made in pair:
        assert len(opened(**parts(made)).items) == 1


def test_the_response_of_another_request(pair: tuple[Signed, Signed]) -> None:
    """Move: submits release B with the response of release A."""
    first, second = map(parts, pair)
    refused("context", **{**second, "response": first["response"]})


def test_the_plan_of_another_request(pair: tuple[Signed, Signed]) -> None:
    """Move: has other content uploaded under an authentic response."""
    first, second = map(parts, pair)
    with pytest.raises(JournalError, match=r"^the plan is of another request"):
        opened(**{**first, "plan": second["plan"]})
    relabelled = replace(second["plan"], request=first["plan"].request)
    with pytest.raises(JournalError, match=r"^the plan does not list the request's content$"):
        opened(**{**first, "plan": relabelled})


def test_a_response_in_the_place_of_the_request(pair: tuple[Signed, Signed]) -> None:
    """Move: gives one document twice."""
    files = parts(pair[0])
    with pytest.raises(RequestError):
        opened(**{**files, "request": files["response"]})
    with pytest.raises(ResponseError):
        opened(**{**files, "response": files["request"]})


def test_the_signatures_of_another_release(pair: tuple[Signed, Signed]) -> None:
    """Move: a station answers with authentic signatures of another release."""
    first, second = pair
    (stolen,) = second.response.items
    (honest,) = first.response.items
    first.answer(replace(first.response, items=(replace(honest, signatures=stolen.signatures),)))
    refused("signature-invalid", **parts(first))
    first.answer(replace(first.response, items=(replace(stolen, item=0),)))
    refused("context", **parts(first))


def test_the_statement_of_another_release_beside_the_right_blind_signature(
    pair: tuple[Signed, Signed],
) -> None:
    """Move: pairs the blind signature of this release with an authentic statement of another."""
    first, second = pair
    (honest,) = first.response.items
    blind, _statement = honest.signatures
    other = second.response.items[0].signatures[1]
    mixed = replace(honest, signatures=(blind, other))
    first.answer(replace(first.response, items=(mixed,)))
    refused("context", **parts(first))


def test_the_same_content_prepared_again_for_another_target(tmp_path: Path) -> None:
    """Move: publishes content for one target with what was signed for another."""
    arm = signed(tmp_path / "arm")
    x86 = signed(tmp_path / "x86", target="x86_64")
    (mine,) = x86.response.items
    (theirs,) = arm.response.items
    assert mine.signatures[0] == theirs.signatures[0]  # the blind one cannot tell
    x86.answer(replace(x86.response, items=(theirs,)))
    refused("context", **parts(x86))


def test_a_key_that_is_not_the_one_named(tmp_path: Path) -> None:
    """Move: a station signs with another key than it says."""
    made = signed(tmp_path / "a", keys=(PROD, SPARE))
    (item,) = made.response.items
    crossed = tuple(
        replace(
            each, keyid=(SPARE if each.keyid == PROD.public_key.keyid else PROD).public_key.keyid
        )
        for each in item.signatures
    )
    made.answer(replace(made.response, items=(replace(item, signatures=crossed),)))
    with pytest.raises(ResponseError):
        opened(**parts(made))


def test_a_station_of_his_own(pair: tuple[Signed, Signed]) -> None:
    """Move: answers with a station key of his own; refused wherever the station is pinned."""
    made = pair[0]
    made.answer(made.response, station=STRANGER)
    assert len(opened(**parts(made)).items) == 1  # nothing is pinned: the signatures decide
    with pytest.raises(ResponseError) as caught:
        made.open(pins=Pins(stations=frozenset({STATION.public_key.keyid})))
    assert caught.value.reason == "unknown-key"


def test_content_swapped_after_prepare(pair: tuple[Signed, Signed]) -> None:
    """Move: replaces the content before submit and puts size and times back (F16)."""
    made = pair[0]
    (planned,) = made.plan.items
    status = os.stat(planned.path)
    made.content.write_bytes(made.content.read_bytes().swapcase())
    os.utime(planned.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(DigestMismatchError, match=r"changed since it was prepared"):
        check_unchanged(planned, advance=lambda _count: None)


def test_what_ties_them_together(pair: tuple[Signed, Signed]) -> None:
    """The digest of the request's file stands in both, so that both are of that very file."""
    files = parts(pair[0])
    digest = compute_digest(files["request"])
    assert files["plan"].request == digest
    response = opened(**files).answer
    assert response.request == digest
    assert (
        json.loads(files["response"])["payloadType"] != json.loads(files["request"])["payloadType"]
    )
