"""The trust root: opened under its own root role, and exact about who may sign what."""

from __future__ import annotations

import re
import time
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signkit.errors import TrustError
from signkit.formats.envelope import envelope_value, sign_payload
from signkit.verify import limits
from signkit.verify.encoding import encode_base64, encode_json
from signkit.verify.trust import PAYLOAD_TYPE, Role, covers, load_trust, matches_glob
from tests.support.documents import trust_file, trust_value
from tests.support.keys import PROD, ROOT, SPARE, STRANGER, KeyOfTest


def named(*keys: KeyOfTest) -> dict[str, Any]:
    return {
        key.public_key.keyid: {"name": key.name, "public_key": encode_base64(key.public_key.raw)}
        for key in keys
    }


def rooted(threshold: int, *keys: KeyOfTest) -> dict[str, Any]:
    """A trust root whose root role is these keys."""
    value = deepcopy(trust_value(keys=named(*keys, PROD, SPARE)))
    value["roles"]["root"] = {
        "keys": [key.public_key.keyid for key in keys],
        "threshold": threshold,
    }
    return value


def signed(value: dict[str, Any], *keys: KeyOfTest) -> bytes:
    payload = encode_json(value)
    signatures = [sign_payload(PAYLOAD_TYPE, payload, key, carry_key=False) for key in keys]
    return encode_json(envelope_value(PAYLOAD_TYPE, payload, signatures))


def refused(data: bytes, reason: str, said: str) -> None:
    with pytest.raises(TrustError, match=said) as caught:
        load_trust(data)
    assert caught.value.reason == reason


def test_a_trust_root_is_read() -> None:
    trust = load_trust(trust_file(trust_value(expires="2036-01-31T00:00:00Z")))
    assert (trust.version, trust.issued) == (1, "2026-01-01T00:00:00Z")
    assert trust.expires == "2036-01-31T00:00:00Z"
    assert trust.names == {key.public_key.keyid: key.name for key in (ROOT, PROD, SPARE)}
    assert trust.root.keys == {ROOT.public_key.keyid: ROOT.public_key}
    assert (trust.root.threshold, trust.release.threshold) == (1, 1)
    assert set(trust.release.keys.values()) == {PROD.public_key, SPARE.public_key}
    assert (trust.release.artifacts, trust.release.targets) == (("ML-*",), ("aarch64-*",))


def test_the_root_role_is_not_scoped() -> None:
    assert covers(load_trust(trust_file()).root, artifact="anything", target="any")


def test_it_takes_the_threshold_of_the_root_role() -> None:
    value = rooted(2, ROOT, STRANGER)
    assert load_trust(signed(value, ROOT, STRANGER)).root.threshold == 2
    refused(signed(value, ROOT), "threshold", r"^trust root: .* 2 distinct keys, got 1$")


def test_release_keys_do_not_count_for_the_root_role() -> None:
    """Attacker: holds the release keys. Move: signs a trust root with them. Refused."""
    refused(signed(rooted(2, ROOT, STRANGER), ROOT, PROD, SPARE), "threshold", "got 1$")
    refused(signed(trust_value(), PROD, SPARE), "unknown-key", "none of the keys trusted here")


def test_a_bad_signature_beside_enough_good_ones() -> None:
    value = rooted(1, ROOT, STRANGER)
    other = signed(value | {"version": 2}, ROOT)
    payload = encode_json(value)
    good = sign_payload(PAYLOAD_TYPE, payload, ROOT, carry_key=False)
    bad = sign_payload(PAYLOAD_TYPE, payload + b" ", STRANGER, carry_key=False)
    data = encode_json(envelope_value(PAYLOAD_TYPE, payload, [good, bad]))
    refused(data, "signature-invalid", STRANGER.public_key.keyid)
    assert load_trust(other).version == 2


def test_a_key_in_two_roles() -> None:
    value = rooted(1, PROD)
    assert load_trust(signed(value, PROD)).root.keys == {PROD.public_key.keyid: PROD.public_key}


def test_a_key_without_a_role() -> None:
    value = trust_value(keys=named(ROOT, PROD, SPARE, STRANGER))
    refused(trust_file(value), "malformed", f"the key {STRANGER.public_key.keyid} has no role$")


def test_too_many_keys() -> None:
    keys: dict[str, object] = {f"{number:064x}": {} for number in range(limits.KEY_COUNT + 1)}
    refused(trust_file(trust_value(keys=keys)), "malformed", "expected an object of 1 to 1024 keys")
    refused(trust_file(trust_value(keys={})), "malformed", "expected an object of 1 to 1024 keys")
    refused(trust_file(trust_value(keys=[])), "malformed", "expected an object of 1 to 1024 keys")


def test_a_key_that_must_not_be_used() -> None:
    value = trust_value()
    for raw in (b"\1" + bytes(31), b"\2" + bytes(31), b"\xff" * 32):
        value["keys"][PROD.public_key.keyid]["public_key"] = encode_base64(raw)
        refused(trust_file(value), "key-refused", "not the canonical encoding of a point of the pr")


def test_a_key_under_the_keyid_of_another() -> None:
    value = trust_value()
    value["keys"][PROD.public_key.keyid]["public_key"] = encode_base64(STRANGER.public_key.raw)
    refused(trust_file(value), "malformed", f"expected keyid {STRANGER.public_key.keyid}, the SHA")


@pytest.mark.parametrize(
    ("glob", "reason"),
    [
        ("", "malformed"),
        ("x" * 129, "too-large"),
        (7, "malformed"),
        (None, "malformed"),
        (["*"], "malformed"),
        ("a\x1b[2Jb", "malformed"),
        ("a\n", "malformed"),
    ],
)
@pytest.mark.parametrize("field", ["artifacts", "targets"])
def test_what_is_no_glob(field: str, glob: object, reason: str) -> None:
    value = trust_value()
    value["roles"]["release"][field] = ["ok-*", glob]
    refused(trust_file(value), reason, f"^trust root: {field} ")


@pytest.mark.parametrize("count", [1, limits.KEY_COUNT, limits.KEY_COUNT + 1])
def test_as_many_globs_as_there_may_be(count: int) -> None:
    value = trust_value()
    value["roles"]["release"]["targets"] = [f"t{number}" for number in range(count)]
    if count > limits.KEY_COUNT:
        refused(trust_file(value), "too-large", "at most 1024 members, got 1025$")
    else:
        assert len(load_trust(trust_file(value)).release.targets) == count


def test_a_role_that_names_what_is_no_keyid() -> None:
    for bad in (None, 7, ["x"], {"x": "y" * 1000}, PROD.public_key.keyid.upper()):
        value = trust_value()
        value["roles"]["release"]["keys"] = [bad]
        refused(trust_file(value), "malformed", "a role names the key .{1,80}, unknown or named tw")


def _oracle(glob: str, text: str) -> bool:
    """The same meaning, by the standard library's regular expressions."""
    pattern = ".*".join(re.escape(piece) for piece in glob.split("*"))
    return re.fullmatch(pattern, text, re.DOTALL) is not None


LETTERS = st.text(st.sampled_from("ab-é[?.\\\n"), max_size=10)
GLOBS = st.lists(st.text(st.sampled_from("ab-é[?.\\\n"), max_size=3), max_size=5).map("*".join)


@given(GLOBS, LETTERS)
@example("a*a", "a")
@example("ab*ba", "aba")
@example("**", "")
@example("*a*a*a", "aa")
@example("a**b", "ab")
@example("", "")
def test_a_glob_means_what_the_oracle_says(glob: str, text: str) -> None:
    assert matches_glob(glob, text) == _oracle(glob, text)


@given(st.text(st.sampled_from("ab*"), max_size=7), st.text(st.sampled_from("ab"), max_size=9))
def test_a_glob_over_two_letters(glob: str, text: str) -> None:
    assert matches_glob(glob, text) == _oracle(glob, text)


@pytest.mark.parametrize(
    ("glob", "text", "answer"),
    [
        ("ML-*", "ML-Model", True),
        ("ML-*", "ML-", True),
        ("ML-*", "ml-Model", False),
        ("ML-*", "XML-Model", False),
        ("ML", "ML-Model", False),
        ("*", "", True),
        ("a?c", "abc", False),
        ("a[b]c", "abc", False),
        ("caf\u00e9", "cafe\u0301", False),
        ("*", "a\nb", True),
        ("\\*", "*", False),
        ("*", "*", True),
    ],
)
def test_globs_of_the_specification(glob: str, text: str, answer: bool) -> None:
    assert matches_glob(glob, text) is answer


def test_a_hostile_glob_costs_little() -> None:
    """Attacker: writes a glob on which a backtracking matcher takes for ever. It does not."""
    begun = time.perf_counter()
    assert not matches_glob("a*" * 63 + "b", "a" * 128)
    assert not matches_glob("*a" * 63 + "*b", "a" * 128)
    assert time.perf_counter() - begun < 1


def test_a_role_covers_what_one_glob_of_each_list_matches() -> None:
    role = Role(keys={}, threshold=1, artifacts=("a-*", "b"), targets=("x", "y-*"))
    assert covers(role, artifact="a-1", target="y-2")
    assert covers(role, artifact="b", target="x")
    assert not covers(role, artifact="a-1", target="a-1")
    assert not covers(role, artifact="c", target="x")
