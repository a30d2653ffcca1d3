"""Every difference between two trust roots is said, and nothing else."""

from __future__ import annotations

from signkit.trust.changes import Change, change_table, change_values, list_changes
from signkit.trust.edit import (
    RoleChange,
    add_key,
    next_version,
    remove_key,
    remove_role,
    set_expiry,
    set_role,
)
from signkit.verify.trust import Trust
from tests.support.keys import SPARE
from tests.support.trust_roots import ALICE, FRANK, ISSUED, first

NOW = "2026-06-01T00:00:00Z"


def said(old: Trust, new: Trust) -> dict[str, tuple[str, str]]:
    return {each.what: (each.before, each.after) for each in list_changes(old, new)}


def test_nothing() -> None:
    assert list_changes(first(), first()) == ()
    assert change_table(()) == "nothing changes"


def test_version_expiry_and_keys() -> None:
    new = set_expiry(next_version(first(), issued=NOW), NOW)
    new = remove_key(add_key(new, FRANK.public_key, name="frank", roles=["root"]), ALICE.public_key)
    assert said(first(), new) == {
        "version": ("1", "2"),
        "expires": ("never", NOW),
        f"key {ALICE.public_key.keyid}": ("alice", "-"),
        f"key {FRANK.public_key.keyid}": ("-", "frank"),
        "role root: keys": ("alice, bob, carol, dave, erin", "bob, carol, dave, erin, frank"),
    }


def test_a_role_in_every_field() -> None:
    change = RoleChange(
        threshold=2, artifacts=["a", "b"], targets=["*"], window={"not_before": ISSUED}
    )
    assert said(first(), set_role(first(), "release", change)) == {
        "role release: threshold": ("1 of 2", "2 of 2"),
        "role release: artifacts": ("ML-*", "a, b"),
        "role release: targets": ("aarch64-*", "*"),
        "role release: not_before": ("always", ISSUED),
    }


def test_a_role_that_comes_or_goes() -> None:
    new = set_role(first(), "beta", RoleChange(keys={"spare": SPARE.public_key}))
    came = {
        "role beta: keys": ("-", "spare"),
        "role beta: threshold": ("-", "1 of 1"),
        "role beta: artifacts": ("-", "*"),
        "role beta: targets": ("-", "*"),
        "role beta: not_before": ("-", "always"),
        "role beta: not_after": ("-", "never"),
    }
    assert said(first(), new) == came
    assert said(new, remove_role(new, "beta")) == {
        what: (after, before) for what, (before, after) in came.items()
    }


def test_as_a_table_nothing_is_unescaped() -> None:
    table = change_table((Change(what="role \x1b: keys", before="\u202e", after="x"),))
    assert table.splitlines() == [
        "WHAT               BEFORE    AFTER",
        "role \\u{1b}: keys  \\u{202e}  x",
    ]
    assert change_values((Change(what="a", before="b", after="c"),)) == [
        {"what": "a", "before": "b", "after": "c"}
    ]
