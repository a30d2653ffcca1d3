"""A combined response is a set: the same for any order, and nothing in it is lost or counted twice."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import ResponseError
from signkit.formats.combined import combine_answers, is_combined, make_imported, open_answer
from signkit.formats.response import open_response
from signkit.model.response import ItemSignature, NamedKey
from signkit.verify.digest import Sha256
from tests.support.combined_vectors import (
    FIRST,
    SECOND,
    combined_file,
    imported_value,
    response_by,
    signatures_by,
)
from tests.support.documents import result_value
from tests.support.keys import PROD, SPARE, STRANGER

THIRD = response_by(STRANGER, by=SPARE, station="vault-3")
RENAMED = imported_value(PROD)
RENAMED["keys"][0]["name"] = "another name"
POOL = (
    FIRST,
    SECOND,
    THIRD,
    response_by(PROD, by=STRANGER, station="the same key elsewhere"),
    combined_file(imported=imported_value(PROD)),
    combined_file(imported=imported_value(SPARE, STRANGER)),
    combined_file(imported=RENAMED),
    combined_file(FIRST, imported=imported_value(SPARE)),
)
FILES = st.lists(st.sampled_from(POOL), min_size=1, max_size=6)


@given(FILES, st.randoms(use_true_random=False))
def test_commutative(files: list[bytes], random: Any) -> None:
    shuffled = files.copy()
    random.shuffle(shuffled)
    assert combine_answers(shuffled) == combine_answers(files)


@given(FILES, FILES)
def test_associative(first: list[bytes], second: list[bytes]) -> None:
    steps = combine_answers([combine_answers(first), combine_answers(second)])
    assert steps == combine_answers([*first, *second])


@given(FILES)
def test_idempotent(files: list[bytes]) -> None:
    combined = combine_answers(files)
    assert combine_answers([*files, *files]) == combined
    assert combine_answers([combined]) == combined
    assert combine_answers([combined, files[0]]) == combined


@given(FILES)
def test_every_signature_is_there_once_and_every_response_as_it_was(files: list[bytes]) -> None:
    combined = open_answer(combine_answers(files))
    offered = {
        (made.scheme, made.keyid)
        for data in files
        for item in open_answer(data).items
        for made in item.signatures
    }
    (item,) = combined.items
    made = [(each.scheme, each.keyid) for each in item.signatures]
    assert (set(made), len(made)) == (offered, len(offered))
    responses = {each.digest for data in files for each in open_answer(data).responses}
    assert [each.digest for each in combined.responses] == sorted(responses)


def test_a_single_response_says_what_it_says() -> None:
    answer, verified = open_answer(FIRST), open_response(FIRST)
    assert not is_combined(FIRST)
    assert answer.responses == (verified,)
    assert (answer.digest, answer.request) == (verified.digest, verified.response.request)
    assert (answer.keys, answer.items) == (verified.response.keys, verified.response.items)
    assert answer.imported is None


def test_a_response_lies_in_the_file_as_it_was() -> None:
    assert FIRST in combine_answers([FIRST, SECOND])


def test_one_key_at_two_stations_is_one_signature() -> None:
    """Attacker: has one key, and two stations to answer with. It counts once."""
    elsewhere = response_by(PROD, by=STRANGER, station="vault-9")
    answer = open_answer(combine_answers([FIRST, elsewhere]))
    assert len(answer.responses) == 2
    assert [key.public_key for key in answer.keys] == [PROD.public_key]
    assert len(answer.items[0].signatures) == 2  # one for each scheme


def test_content_is_hashed_where_one_station_hashed_it() -> None:
    blind = response_by(PROD, items=[result_value(content="digest-only")])
    assert not open_answer(blind).items[0].content_hashed
    assert open_answer(combine_answers([blind, SECOND])).items[0].content_hashed


def test_a_signature_wins_over_a_refusal() -> None:
    error = {"code": "file", "message": "it is not there"}
    item = {name: each for name, each in result_value().items() if name != "signatures"}
    refused = response_by(PROD, keys=[], items=[{**item, "error": error}])
    both = open_answer(combine_answers([refused, SECOND]))
    assert both.items[0].error is None
    assert len(both.items[0].signatures) == 2
    alone = open_answer(combine_answers([refused])).items[0]
    assert alone.error is not None
    assert alone.error.message == "it is not there"


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (response_by(SPARE, request={"sha256": "ab" * 32}), "context"),
        (response_by(PROD, items=[result_value(digest={"sha256": "ab" * 32})]), "context"),
        (combined_file(imported=imported_value(SPARE), request={"sha256": "cd" * 32}), "context"),
        (FIRST[:-1], "malformed"),
        (b"", "malformed"),
    ],
)
def test_what_never_combines(other: bytes, reason: str) -> None:
    for files in ([FIRST, other], [other, FIRST]):
        with pytest.raises(ResponseError) as caught:
            combine_answers(files)
        assert caught.value.reason == reason


def test_two_values_for_one_signature_are_a_conflict() -> None:
    """Attacker: changes what a station signed, and hopes that the other value is taken."""
    forged = {**signatures_by(PROD)[0], "value": "AB" * 64}
    other = response_by(PROD, items=[result_value(signatures=[forged])])
    for files in ([FIRST, other], [other, FIRST], [other, combined_file(FIRST)]):
        with pytest.raises(ResponseError, match="two different peridio signatures") as caught:
            combine_answers(files)
        assert caught.value.reason == "conflict"


def test_of_two_names_of_an_imported_key_the_lesser_is_kept() -> None:
    answer = open_answer(combine_answers([POOL[4], POOL[6]]))
    assert answer.imported is not None
    assert [key.name for key in answer.imported.keys] == ["another name"]


def test_imported_signatures_come_in_their_order() -> None:
    first, second = (ItemSignature(**each) for each in signatures_by(PROD))
    key = NamedKey(name="prod", public_key=PROD.public_key)
    made = make_imported(key, [(Sha256(bytes(32)), [second, first])])
    assert made.items[0].signatures == (first, second)
    assert not made.items[0].content_hashed


def test_a_damaged_response_in_it_says_so() -> None:
    data = json.loads(combined_file(FIRST, SECOND))
    data["responses"][0]["signatures"][0]["sig"] = "A" * 86 + "=="
    with pytest.raises(ResponseError) as caught:
        open_answer(json.dumps(data, separators=(",", ":")).encode())
    assert caught.value.reason == "signature-invalid"
