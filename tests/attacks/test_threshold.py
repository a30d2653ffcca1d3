"""Attacker: holds fewer keys than it takes. However he counts them, they stay too few."""

from __future__ import annotations

from base64 import b64decode, b64encode
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from signkit.verify.encoding import encode_json
from tests.support.documents import statement_envelope, trust_file, trust_value
from tests.support.keys import PROD, SPARE, STRANGER, KeyOfTest
from tests.support.verifier import Place


def trust(threshold: object = 2) -> dict[str, Any]:
    value = deepcopy(trust_value())
    value["roles"]["release"]["threshold"] = threshold
    return value


def statement(*signers: KeyOfTest) -> dict[str, Any]:
    value = statement_envelope(signers[0])
    for signer in signers[1:]:
        value["signatures"] += statement_envelope(signer)["signatures"]
    return value


class TwoOfTwo(Place):
    """A device that asks for two keys."""

    def verdict(self, value: dict[str, Any]) -> int:
        self.write("s.json", encode_json(value))
        return self.run("model.bin", "--trust", "trust.json", "--statement", "s.json")


@pytest.fixture
def place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> TwoOfTwo:
    monkeypatch.chdir(tmp_path)
    made = TwoOfTwo(tmp_path, capsys)
    made.write("trust.json", trust_file(trust()))
    return made


def test_two_keys_are_enough(place: TwoOfTwo) -> None:
    assert place.verdict(statement(PROD, SPARE)) == 0
    assert place.verdict(statement(SPARE, STRANGER, PROD)) == 0


def test_one_key(place: TwoOfTwo) -> None:
    """Move: signs with the one key he holds."""
    assert place.verdict(statement(PROD)) == 17
    assert "expected signatures by 2 distinct keys, got 1" in place.err


def test_one_key_and_a_stranger(place: TwoOfTwo) -> None:
    """Move: makes up the number with keys of his own."""
    assert place.verdict(statement(PROD, STRANGER)) == 17


def test_one_key_twice(place: TwoOfTwo) -> None:
    """Move: signs twice with one key."""
    assert place.verdict(statement(PROD, PROD)) == 11


@pytest.mark.parametrize("second", [SPARE, STRANGER])
def test_one_key_under_two_keyids(place: TwoOfTwo, second: KeyOfTest) -> None:
    """Move: gives his second signature another keyid: of a key that counts, or of none."""
    value = statement(PROD, PROD)
    value["signatures"][1]["keyid"] = second.public_key.keyid
    assert place.verdict(value) == (11 if second is SPARE else 17)


def test_one_keyid_in_two_spellings(place: TwoOfTwo) -> None:
    """Move: spells his keyid in upper case the second time."""
    value = statement(PROD, PROD)
    value["signatures"][1]["keyid"] = PROD.public_key.keyid.upper()
    assert place.verdict(value) == 11


def test_a_signature_over_something_else(place: TwoOfTwo) -> None:
    """Move: adds an old signature of the second key, over another release."""
    value = statement(PROD)
    value["signatures"] += statement_envelope(SPARE, version="0.9")["signatures"]
    assert place.verdict(value) == 11


def test_a_malleable_copy_of_one_signature(place: TwoOfTwo) -> None:
    """Move: derives a second signature from the first by adding the group's order to S (E06)."""
    order = 2**252 + 27742317777372353535851937790883648493
    value = statement(PROD, PROD)
    raw = b64decode(value["signatures"][1]["sig"])
    s = (int.from_bytes(raw[32:], "little") + order).to_bytes(32, "little")
    value["signatures"][1]["sig"] = b64encode(raw[:32] + s).decode()
    value["signatures"][1]["keyid"] = SPARE.public_key.keyid
    assert place.verdict(value) == 11


@pytest.mark.parametrize("threshold", [0, -1, None, "1", "2", True, [], 3, 2**53, 2**64])
def test_a_threshold_that_is_none(place: TwoOfTwo, threshold: object) -> None:
    """Move: has a trust root accepted whose threshold asks for nothing (P08)."""
    place.write("trust.json", trust_file(trust(threshold)))
    assert place.verdict(statement(PROD, SPARE)) == 14


def test_a_threshold_with_a_fraction(place: TwoOfTwo) -> None:
    """Move: the same, with a number that some readers round."""
    payload = encode_json(trust()).replace(b'"threshold":2', b'"threshold":1.0')
    place.write("trust.json", trust_file(payload))
    assert place.verdict(statement(PROD)) == 14


def test_one_key_twice_in_a_role(place: TwoOfTwo) -> None:
    """Move: has one key stand in the role twice, or in the trust root under two keyids (P07)."""
    value = trust()
    value["roles"]["release"]["keys"] = [PROD.public_key.keyid] * 2
    place.write("trust.json", trust_file(value))
    assert place.verdict(statement(PROD)) == 14
    value = trust()
    value["keys"][SPARE.public_key.keyid] = value["keys"][PROD.public_key.keyid]
    place.write("trust.json", trust_file(value))
    assert place.verdict(statement(PROD)) == 14


def test_the_same_key_given_twice_by_hand(place: TwoOfTwo) -> None:
    """One key in two files is one key."""
    place.write_key("again.pem", PROD)
    place.write("raw", PROD.public_key.raw.hex().encode())
    assert place.verify("--key", "again.pem", "--key", "raw") == 0
    assert place.out.count(PROD.public_key.keyid) == 1
