"""Editing trust roots: each change keeps the rules of the format, or says why it cannot."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import FormatError, KeyNotFoundError, SignkitError, UsageError
from signkit.formats.trust import encode_trust
from signkit.trust.edit import (
    RoleChange,
    add_key,
    find_key,
    first_trust,
    next_version,
    remove_key,
    remove_role,
    replace_key,
    set_expiry,
    set_role,
)
from signkit.verify.trust import Trust, parse_trust
from tests.support.keys import PROD, SPARE, STRANGER, KeyOfTest
from tests.support.trust_roots import ALICE, FRANK, ISSUED, first

TRUST = first()
PUBLIC = FRANK.public_key


def test_version_1() -> None:
    assert (TRUST.version, TRUST.issued, TRUST.expires) == (1, ISSUED, None)
    assert (TRUST.root.threshold, len(TRUST.root.keys)) == (3, 5)
    assert TRUST.roles["release"].artifacts == ("ML-*",)


def test_one_key_may_have_both_roles() -> None:
    both = RoleChange(keys={"both": PROD.public_key}, threshold=1)
    trust = first_trust(issued=ISSUED, expires=None, root=both, release=both)
    assert trust.root.keys == trust.roles["release"].keys
    assert trust.roles["release"].artifacts == ("*",)


def test_a_key_more() -> None:
    trust = add_key(next_version(TRUST, issued=ISSUED), PUBLIC, name="frank", roles=["root"])
    assert trust.version == 2
    assert PUBLIC.keyid in trust.root.keys
    assert PUBLIC.keyid not in trust.roles["release"].keys
    again = add_key(trust, PUBLIC, name="frank", roles=["release"])
    assert PUBLIC.keyid in again.roles["release"].keys


def test_a_key_less() -> None:
    trust = remove_key(TRUST, SPARE.public_key)
    assert SPARE.public_key.keyid not in trust.names
    assert list(trust.roles["release"].keys) == [PROD.public_key.keyid]


def test_a_key_in_the_place_of_another() -> None:
    trust = replace_key(TRUST, ALICE.public_key, PUBLIC, name="frank")
    assert ALICE.public_key.keyid not in trust.names
    assert (trust.root.threshold, len(trust.root.keys)) == (3, 5)
    assert PUBLIC.keyid in trust.root.keys
    assert PUBLIC.keyid not in trust.roles["release"].keys


def test_a_key_less_in_one_role_only() -> None:
    trust = add_key(TRUST, PROD.public_key, name="prod", roles=["root"])
    assert remove_key(trust, PROD.public_key, roles=["root"]) == TRUST


def test_a_new_role() -> None:
    change = RoleChange(keys={"frank": PUBLIC}, targets=["x86-*"], window={"not_after": ISSUED})
    role = set_role(TRUST, "beta", change).roles["beta"]
    assert (role.artifacts, role.targets, role.threshold) == (("*",), ("x86-*",), 1)
    assert (role.not_before, role.not_after) == (None, ISSUED)


def test_what_is_not_named_of_a_role_stays() -> None:
    trust = set_role(TRUST, "release", RoleChange(threshold=2))
    assert trust.roles["release"].artifacts == ("ML-*",)
    open_again = set_role(trust, "release", RoleChange(window={"not_before": ISSUED}))
    closed = set_role(open_again, "release", RoleChange(window={"not_before": None}))
    assert closed == trust


def test_a_role_less_takes_its_keys_along() -> None:
    trust = set_role(TRUST, "beta", RoleChange(keys={"frank": PUBLIC, "prod": PROD.public_key}))
    assert remove_role(trust, "beta") == TRUST


def test_until_when_it_holds() -> None:
    assert set_expiry(TRUST, ISSUED).expires == ISSUED
    assert set_expiry(TRUST, None) == TRUST


def test_a_key_is_found_by_keyid_or_name() -> None:
    assert find_key(TRUST, "alice") == find_key(TRUST, ALICE.public_key.keyid) == ALICE.public_key
    with pytest.raises(KeyNotFoundError, match="no key is named 'nobody' in the trust root"):
        find_key(TRUST, "nobody")


EDITS: dict[str, Callable[[Trust], Trust]] = {
    "add frank to root": lambda t: add_key(t, PUBLIC, name="frank", roles=["root"]),
    "add frank to all": lambda t: add_key(t, PUBLIC, name="frank", roles=["root", "release"]),
    "remove frank": lambda t: remove_key(t, PUBLIC),
    "remove alice": lambda t: remove_key(t, ALICE.public_key),
    "remove prod": lambda t: remove_key(t, PROD.public_key),
    "beta": lambda t: set_role(t, "beta", RoleChange(keys={"frank": PUBLIC}, targets=["\u2028*"])),
    "no beta": lambda t: remove_role(t, "beta"),
    "no release": lambda t: remove_role(t, "release"),
    "one root": lambda t: set_role(t, "root", RoleChange(threshold=1)),
    "window": lambda t: set_role(t, "beta", RoleChange(window={"not_after": ISSUED})),
    "expiry": lambda t: set_expiry(t, ISSUED),
    "next": lambda t: next_version(t, issued=ISSUED),
}


def _add(trust: Trust, key: object = PUBLIC, name: str = "frank", role: str = "root") -> Trust:
    return add_key(trust, key, name=name, roles=[role])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("edit", "kind", "said"),
    [
        (lambda t: _add(t, role="nope"), UsageError, "no role 'nope': it has root, release"),
        (lambda t: _add(t, name="alice"), UsageError, "'alice' is the name of two keys"),
        (lambda t: _add(t, ALICE.public_key, "al"), UsageError, "there already, and named 'alice'"),
        (lambda t: _add(t, ALICE.public_key, "alice"), UsageError, "nothing would change"),
        (lambda t: _add(t, name=""), FormatError, "name is empty"),
        (lambda t: remove_key(t, STRANGER.public_key), UsageError, "nothing would change"),
        (
            lambda t: remove_key(set_role(t, "release", RoleChange(threshold=2)), PROD.public_key),
            UsageError,
            "'release' takes 2 keys, and 1 would be left",
        ),
        (
            lambda t: set_role(t, "root", RoleChange(artifacts=["*"])),
            UsageError,
            "the root role has no artifacts",
        ),
        (lambda t: set_role(t, "new", RoleChange(threshold=1)), UsageError, "a new one needs keys"),
        (lambda t: set_role(t, "release", RoleChange()), UsageError, "nothing would change"),
        (lambda t: set_role(t, "release", RoleChange(threshold=3)), FormatError, "1 to 2, got 3"),
        (lambda t: set_role(t, "release", RoleChange(threshold=0)), FormatError, "1 to 2, got 0"),
        (lambda t: set_role(t, "release", RoleChange(targets=[])), FormatError, "at least 1"),
        (lambda t: set_role(t, "release", RoleChange(keys={})), FormatError, "at least 1"),
        (
            lambda t: set_role(t, "release", RoleChange(targets=["\x1b"])),
            FormatError,
            "control character",
        ),
        (lambda t: remove_role(t, "nope"), UsageError, "no role 'nope'"),
        (lambda t: remove_role(t, "root"), UsageError, "cannot be removed"),
        (lambda t: remove_role(t, "release"), UsageError, "cannot be removed"),
        (lambda t: set_expiry(t, "never"), FormatError, "expected a UTC time"),
    ],
)
def test_what_cannot_be_changed(
    edit: Callable[[Trust], Trust], kind: type[SignkitError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        edit(TRUST)


@given(st.lists(st.sampled_from(sorted(EDITS)), max_size=12))
def test_any_edits_give_a_trust_root_that_is_read_as_it_was_written(names: list[str]) -> None:
    trust = TRUST
    for name in names:
        with suppress(UsageError):
            trust = EDITS[name](trust)
    payload = encode_trust(trust)
    assert parse_trust(payload) == trust
    assert encode_trust(parse_trust(payload)) == payload


@pytest.mark.parametrize("threshold", [32, 33])
def test_both_root_roles_fit_into_an_envelope(threshold: int) -> None:
    keys = {f"k{place}": KeyOfTest("k", 0x80 + place).public_key for place in range(40)}
    change = RoleChange(keys=keys, threshold=threshold)
    if threshold == 32:
        assert set_role(TRUST, "root", change).root.threshold == 32
        return
    with pytest.raises(UsageError, match="takes 33 keys: expected 32 at most"):
        set_role(TRUST, "root", change)


def test_version_1_keeps_the_rules() -> None:
    root, release = RoleChange(keys={"a": ALICE.public_key}), RoleChange(keys={"p": PUBLIC})
    for broken in (RoleChange(keys={}), RoleChange(keys=root.keys, threshold=2)):
        with pytest.raises(FormatError, match="root"):
            first_trust(issued=ISSUED, expires=None, root=broken, release=release)
    same = RoleChange(keys={"a": PUBLIC})
    with pytest.raises(UsageError, match="'a' is the name of two keys"):
        first_trust(issued=ISSUED, expires=None, root=root, release=same)
