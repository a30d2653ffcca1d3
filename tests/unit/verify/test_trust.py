"""The trust root: opened under its own root role, and exact about who may sign what."""

from __future__ import annotations

import json
import re
import time
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signkit.errors import (
    FormatError,
    KeyRefusedError,
    MalformedError,
    RollbackError,
    TooLargeError,
    TrustError,
)
from signkit.formats.envelope import envelope_value, sign_payload
from signkit.verify import limits
from signkit.verify.encoding import encode_base64, encode_json
from signkit.verify.trust import (
    PAYLOAD_TYPE,
    Role,
    Trust,
    covering_roles,
    covers,
    follow_trust,
    holds_at,
    load_trust,
    matches_glob,
    parse_trust,
)
from tests.support.documents import trust_file, trust_value
from tests.support.keys import PROD, PUBLISHED, ROOT, SPARE, STRANGER, KeyOfTest
from tests.support.vectors import FOLDER


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


def duty(**changes: Any) -> Role:
    whole: dict[str, Any] = {
        "name": "x",
        "keys": {},
        "threshold": 1,
        "artifacts": ("*",),
        "targets": ("*",),
        "not_before": None,
        "not_after": None,
    }
    return Role(**whole | changes)


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
    assert list(trust.roles) == ["release"]
    release = trust.roles["release"]
    assert (trust.root.name, release.name) == ("root", "release")
    assert (trust.root.threshold, release.threshold) == (1, 1)
    assert set(release.keys.values()) == {PROD.public_key, SPARE.public_key}
    assert (release.artifacts, release.targets) == (("ML-*",), ("aarch64-*",))
    assert (release.not_before, release.not_after) == (None, None)


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
    refused(trust_file(value), reason, f"^trust root.roles.release.{field} ")


@pytest.mark.parametrize("count", [1, limits.KEY_COUNT, limits.KEY_COUNT + 1])
def test_as_many_globs_as_there_may_be(count: int) -> None:
    value = trust_value()
    value["roles"]["release"]["targets"] = [f"t{number}" for number in range(count)]
    if count > limits.KEY_COUNT:
        refused(trust_file(value), "too-large", "at most 1024 members, got 1025$")
    else:
        assert len(load_trust(trust_file(value)).roles["release"].targets) == count


def test_a_role_that_names_what_is_no_keyid() -> None:
    for bad in (None, 7, ["x"], {"x": "y" * 1000}, PROD.public_key.keyid.upper()):
        value = trust_value()
        value["roles"]["release"]["keys"] = [bad]
        refused(trust_file(value), "malformed", "the key .{1,80} is unknown or named twice")


ROLES = "^trust root.roles: expected an object of 2 to 64 roles, 'root' among them$"
WINDOW = {"not_before": "2026-06-01T00:00:00Z", "not_after": "2026-06-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 0}, r"^trust root.version: expected 1 to 9\d+, got 0$"),
        ({"issued": None}, r"^trust root.issued: expected a text, got null$"),
        ({"expires": 1}, r"^trust root.expires: expected a text, got a"),
        ({"keys": {"ab" * 50: {}}}, f"^trust root.keys.{'ab' * 32}: expected 64 lower-case hex"),
        ({"roles": ["root", "release"]}, ROLES),
        ({"roles": {"root": {}}}, ROLES),
        ({"roles": {"a": {}, "b": {}}}, ROLES),
        ({"x": 1}, r"^trust root: unknown field 'x'$"),
    ],
)
def test_a_trust_root_of_another_shape(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(FormatError, match=said):
        parse_trust(encode_json(trust_value(**changes)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"keys": []}, r"\.keys: expected at least 1 members, got 0$"),
        ({"threshold": 0}, r"\.threshold: expected 1 to 2, got 0$"),
        ({"threshold": 3}, r"\.threshold: expected 1 to 2, got 3$"),
        ({"artifacts": []}, r"\.artifacts: expected at least 1 members, got 0$"),
        ({"not_before": 1}, r"\.not_before: expected a text, got a"),
        (
            WINDOW,
            f": not_before {WINDOW['not_before']} is not before not_after {WINDOW['not_after']}$",
        ),
        ({"x": 1}, r": unknown field 'x'$"),
    ],
)
def test_a_role_of_another_shape(changes: dict[str, Any], said: str) -> None:
    value = trust_value()
    value["roles"]["release"] |= changes
    with pytest.raises(FormatError, match=f"^trust root.roles.release{said}"):
        parse_trust(encode_json(value))


def test_a_role_that_is_none_or_has_no_name() -> None:
    roles = trust_value()["roles"]
    for name, role, said in (
        ("", roles["release"], r"^trust root.roles: a name is empty"),
        ("x", [], r"^trust root.roles.x: expected an object, got an array$"),
    ):
        with pytest.raises(MalformedError, match=said):
            parse_trust(encode_json(trust_value(roles=roles | {name: role})))


def test_one_key_may_have_every_role() -> None:
    value = rooted(1, PROD) | {"keys": named(PROD)}
    value["roles"]["release"]["keys"] = [PROD.public_key.keyid]
    assert parse_trust(encode_json(value)).root.keys == {PROD.public_key.keyid: PROD.public_key}


def test_it_is_bounded() -> None:
    with pytest.raises(TooLargeError, match=r"^trust root is too large"):
        parse_trust(b" " * (limits.TRUST_SIZE + 1))


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


GLOB_TABLE = json.loads((FOLDER / "trust" / "globs.json").read_text())


@pytest.mark.parametrize("row", GLOB_TABLE)
def test_globs_of_the_specification(row: dict[str, Any]) -> None:
    assert matches_glob(row["glob"], row["text"]) is row["matches"]
    assert _oracle(row["glob"], row["text"]) is row["matches"]


def test_a_hostile_glob_costs_little() -> None:
    """Attacker: writes a glob on which a backtracking matcher takes for ever. It does not."""
    begun = time.process_time()
    assert not matches_glob("a*" * 63 + "b", "a" * 128)
    assert not matches_glob("*a" * 63 + "*b", "a" * 128)
    assert time.process_time() - begun < 1


def test_a_role_covers_what_one_glob_of_each_list_matches() -> None:
    role = duty(artifacts=("a-*", "b"), targets=("x", "y-*"))
    assert covers(role, artifact="a-1", target="y-2")
    assert covers(role, artifact="b", target="x")
    assert not covers(role, artifact="a-1", target="a-1")
    assert not covers(role, artifact="c", target="x")


def test_the_roles_that_cover_a_release() -> None:
    """The root role covers nothing, and any role that covers is there, in the file's order."""
    value = trust_value()
    release = value["roles"]["release"]
    value["roles"] |= {
        "wide": release | {"artifacts": ["*"], "targets": ["*"]},
        "other": release | {"artifacts": ["other"]},
    }
    trust = load_trust(trust_file(value))
    assert _covering(trust, artifact="ML-1", target="aarch64-x") == ["release", "wide"]
    assert _covering(trust, artifact="other", target="aarch64-x") == ["wide", "other"]
    del value["roles"]["wide"]
    assert _covering(load_trust(trust_file(value)), artifact="x", target="aarch64-x") == []


def _covering(trust: Trust, *, artifact: str, target: str) -> list[str]:
    return [role.name for role in covering_roles(trust, artifact=artifact, target=target)]


@pytest.mark.parametrize(
    ("bounds", "now", "answer"),
    [
        ((None, None), "0001-01-01T00:00:00Z", True),
        (("2026-06-01T00:00:00Z", None), "2026-05-31T23:59:59Z", False),
        (("2026-06-01T00:00:00Z", None), "2026-06-01T00:00:00Z", True),
        ((None, "2026-06-01T00:00:00Z"), "2026-05-31T23:59:59Z", True),
        ((None, "2026-06-01T00:00:00Z"), "2026-06-01T00:00:00Z", False),
        (("2026-06-01T00:00:00Z", "2026-06-01T00:00:01Z"), "2026-06-01T00:00:00Z", True),
        (("2026-06-01T00:00:00Z", "2026-06-01T00:00:01Z"), "2026-06-01T00:00:01Z", False),
    ],
)
def test_a_window_at_its_bounds(
    bounds: tuple[str | None, str | None], now: str, answer: bool
) -> None:
    role = duty(not_before=bounds[0], not_after=bounds[1])
    assert holds_at(role, now) is answer


FIRST = load_trust(trust_file())


def test_the_next_version() -> None:
    value = rooted(1, STRANGER) | {"version": 2}
    trust = follow_trust(FIRST, signed(value, ROOT, STRANGER))
    assert (trust.version, list(trust.root.keys)) == (2, [STRANGER.public_key.keyid])


@pytest.mark.parametrize(
    ("signers", "reason", "said"),
    [
        ((ROOT,), "unknown-key", "under the root role of version 2 is signed by .* none of"),
        ((STRANGER,), "unknown-key", "under the root role of version 1 is signed by .* none of"),
        ((PROD, SPARE), "unknown-key", "under the root role of version 1"),
    ],
)
def test_it_takes_the_root_roles_of_both_versions(
    signers: tuple[KeyOfTest, ...], reason: str, said: str
) -> None:
    value = rooted(1, STRANGER) | {"version": 2}
    _not_followed(signed(value, *signers), reason, said)


def _not_followed(data: bytes, reason: str, said: str) -> None:
    with pytest.raises(TrustError, match=said) as caught:
        follow_trust(FIRST, data)
    assert caught.value.reason == reason


def test_the_threshold_of_the_next_version_counts() -> None:
    value = rooted(2, ROOT, STRANGER) | {"version": 2}
    _not_followed(signed(value, ROOT), "threshold", "of version 2: expected .* 2 distinct keys")
    assert follow_trust(FIRST, signed(value, ROOT, STRANGER)).root.threshold == 2


@pytest.mark.parametrize("version", [1, 2])
def test_never_backwards_nor_the_same_again(version: int) -> None:
    second = follow_trust(FIRST, trust_file(trust_value(version=2)))
    with pytest.raises(RollbackError, match=f"expected version 3, got {version}$") as caught:
        follow_trust(second, trust_file(trust_value(version=version)))
    assert (caught.value.floor, caught.value.offered) == (3, version)


def test_a_gap_names_the_missing_version() -> None:
    value = rooted(1, STRANGER) | {"version": 3}
    _not_followed(signed(value, STRANGER), "version-gap", "version 2 is missing: got version 3 fi")


def test_an_expired_version_between_is_followed() -> None:
    """TUF 5.3.10: only the last one must not have expired, and the verdict asks that."""
    second = follow_trust(FIRST, trust_file(trust_value(version=2, expires="2000-01-01T00:00:00Z")))
    assert follow_trust(second, trust_file(trust_value(version=3))).version == 3


@pytest.mark.parametrize("data", [b"", b"{}", trust_file()[:-1]])
def test_what_follows_must_be_a_trust_root(data: bytes) -> None:
    _not_followed(data, "malformed", "^trust root")


def test_a_next_version_with_a_published_key_follows_only_where_it_is_said() -> None:
    data = signed({**rooted(1, ROOT, PUBLISHED), "version": 2}, ROOT)
    with pytest.raises(TrustError) as caught:
        follow_trust(FIRST, data)
    assert caught.value.reason == "key-refused"
    assert follow_trust(FIRST, data, allow_test_keys=True).version == 2


def test_a_published_key_is_trusted_only_where_it_is_said() -> None:
    value = rooted(1, ROOT, PUBLISHED)
    with pytest.raises(TrustError, match="published"):
        load_trust(signed(value, ROOT))
    with pytest.raises(KeyRefusedError):
        parse_trust(encode_json(value))
    assert load_trust(signed(value, ROOT), allow_test_keys=True).version == 1
