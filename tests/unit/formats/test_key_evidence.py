"""Key evidence: what is refused, and what a reader learns that came with a key."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from signkit.errors import ContextError, SignkitError, TooLargeError, UnknownKeyError
from signkit.formats.key_evidence import parse_key_evidence, said, verify_key_evidence
from signkit.verify import limits
from signkit.verify.encoding import check_text
from tests.support import key_evidence
from tests.support.key_evidence import CHALLENGE, CREATED, FOLDER, MADE_THERE, evidence_file
from tests.support.keys import PROD, SPARE

EXPECT: dict[str, str] = json.loads((FOLDER / "EXPECT.json").read_text())


def outcome(data: bytes) -> str:
    try:
        parse_key_evidence(data)
    except SignkitError as error:
        return error.code
    return "accept"


def test_the_vectors_are_what_the_generator_writes() -> None:
    made = key_evidence.vectors()
    assert {name: code for name, (_data, code) in made.items()} == EXPECT
    assert {name: (FOLDER / name).read_bytes() for name in EXPECT} == {
        name: data for name, (data, _code) in made.items()
    }


@pytest.mark.parametrize("name", EXPECT)
def test_vector(name: str) -> None:
    assert outcome((FOLDER / name).read_bytes()) == EXPECT[name]


def test_what_was_said_is_what_is_read() -> None:
    evidence = verify_key_evidence(evidence_file(), expected=PROD.public_key, challenge=CHALLENGE)
    assert evidence.facts == MADE_THERE
    assert (evidence.created, evidence.challenge) == (CREATED, CHALLENGE)


def test_the_largest_that_may_be_is_no_larger_than_the_limit() -> None:
    most = tuple(bytes([place]) * 8192 for place in range(16))
    data = evidence_file(replace(MADE_THERE, certificates=most))
    assert parse_key_evidence(data).facts.certificates == most
    assert limits.EVIDENCE_SIZE - 32 * 1024 < len(data) <= limits.EVIDENCE_SIZE


def test_every_flipped_byte_is_noticed() -> None:
    data = evidence_file()
    for place in range(0, len(data), 7):
        bad = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        assert outcome(bad) != "accept", place
        assert outcome(data[:place]) != "accept", place


def test_evidence_of_another_key() -> None:
    """Attacker: hands over evidence of a good token, for a key that lies in a file."""
    with pytest.raises(UnknownKeyError, match=f"expected keyid {PROD.public_key.keyid}"):
        verify_key_evidence(evidence_file(key=SPARE), expected=PROD.public_key)


def test_evidence_of_another_day() -> None:
    """Attacker: hands over what was true once; the auditor chose a challenge."""
    with pytest.raises(ContextError, match="answers another challenge"):
        verify_key_evidence(evidence_file(), expected=PROD.public_key, challenge=bytes(32))


@pytest.mark.parametrize("certificates", [(bytes(8193),), tuple(bytes([n]) for n in range(17))])
def test_what_the_format_does_not_hold_is_not_written(certificates: tuple[bytes, ...]) -> None:
    with pytest.raises(TooLargeError, match="at most 16 certificates of 8192 bytes"):
        evidence_file(replace(MADE_THERE, certificates=certificates))


@pytest.mark.parametrize("text", ["", "vault", "a\x1b[2J\n", " x ", "\\" * 100, "界" * 200])
def test_a_text_of_a_token_can_be_written(text: str) -> None:
    found = said(text)
    assert (found is None) == (text == "")
    if found is not None:
        check_text(found, what="text", limit=limits.LABEL_LENGTH)
