"""What a request changes: one test for each finding, and for what is no finding."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import FileError
from signkit.station.ceremony import HashedContents
from signkit.station.delta import Risk, compare_versions, compute_delta
from signkit.verify.digest import Sha256, compute_digest
from tests.support.documents import request_of, request_value
from tests.support.keys import SPARE
from tests.support.reviews import KEYID, TARGET, asked, history, last, review_of

OLD_DIGEST = {"sha256": compute_digest(b"old 0").hex()}
HIDDEN = "a\u202eb"


def findings(item: dict[str, Any], **changes: Any) -> list[tuple[str, str]]:
    """Return what is found of one item, whose last is sensor 0's with changes."""
    known = {("sensor-000", TARGET): last(0, **changes)}
    (change,) = review_of(item, known=known).delta.changes
    return [(each.risk.value, each.text) for each in change.findings]


@pytest.mark.parametrize(
    ("item", "was", "found"),
    [
        (asked(), {}, []),
        (asked(sequence=4), {}, [("not-newer", "sequence 4 again")]),
        (asked(sequence=3), {}, [("not-newer", "sequence 4 -> 3")]),
        (asked(version="1.3.9"), {}, [("not-newer", "version 1.4.0 -> 1.3.9")]),
        (asked(version="b"), {"version": "a"}, []),
        (asked(version="1.4.0"), {}, [("changed", "same version, other content")]),
        (asked(digest=OLD_DIGEST), {}, [("changed", "same content, other version")]),
        (asked(digest=OLD_DIGEST, version="1.4.0"), {}, []),
        (asked(), {"keyids": (SPARE.public_key.keyid,)}, [("key", "not the key of last time")]),
        (asked(), {"keyids": (SPARE.public_key.keyid, KEYID)}, []),
        (asked(size=1999), {}, []),
        (asked(size=2000), {}, [("size", "size 1000 B -> 2.0 KiB")]),
        (asked(size=501), {}, []),
        (asked(size=500), {}, [("size", "size 1000 B -> 500 B")]),
        (asked(size=1), {"size": 0}, [("size", "size 0 B -> 1 B")]),
        (asked(size=0), {"size": 0}, []),
        (asked(), {"content_hashed": True}, [("blind", "hashed here last time, not now")]),
        (asked(artifact="Sensor-000"), {}, [("name", "looks like sensor-000 (artifact)")]),
        (asked(target="aarch64_unknown_linux"), {}, [("name", f"looks like {TARGET} (target)")]),
        (asked(name=HIDDEN), {}, [("name", "name hides characters")]),
        (asked(version=HIDDEN), {}, [("name", "version hides characters")]),
        (asked(name="sensоr"), {}, [("name", "name mixes Cyrillic and Latin")]),  # noqa: RUF001
    ],
)
def test_findings(item: dict[str, Any], was: dict[str, Any], found: list[tuple[str, str]]) -> None:
    new = [("new", each.text) for each in _new(item)]
    assert findings(item, **was) == found + new


def _new(item: dict[str, Any]) -> list[Any]:
    """Return what is said of an item because its name is another."""
    (change,) = review_of(item, known={("sensor-000", TARGET): last(0)}).delta.changes
    return [each for each in change.findings if each.risk is Risk.NEW]


def test_new_artifacts_and_new_targets() -> None:
    assert findings(asked(artifact="pump")) == [("new", "a new artifact")]
    assert findings(asked(target="riscv64")) == [("new", "a new target")]


def test_without_history_nothing_is_new() -> None:
    delta = review_of(asked(), asked(1)).delta
    assert (delta.compared, delta.groups[Risk.PLAIN], delta.missing) == (False, (0, 1), ())


def test_content_that_was_hashed_is_not_blind() -> None:
    known = {("sensor-000", TARGET): last(0, content_hashed=True)}
    hashed = HashedContents(matching=frozenset({0}), refused={})
    assert review_of(asked(), known=known, contents=hashed).delta.groups[Risk.PLAIN] == (0,)


def test_refused_content_comes_first() -> None:
    refused = HashedContents(matching=frozenset(), refused={1: FileError("gone")})
    delta = review_of(asked(sequence=1), asked(1), known=history(2), contents=refused).delta
    assert delta.order[:2] == (Risk.REFUSED, Risk.NOT_NEWER)
    assert delta.groups[Risk.REFUSED] == (1,)
    assert delta.changes[1].findings[0].text == "REFUSED: its content is another"


def test_nothing_is_signed_so_no_key_is_another() -> None:
    known = {("sensor-000", TARGET): last(0, keyids=(), content_hashed=True)}
    delta = compute_delta(request_of(request_value(asked())), history=known)
    assert delta.groups[Risk.PLAIN] == (0,)


def test_terms_unlike_most() -> None:
    items = [asked(number, expires="2027-01-01T00:00:00Z") for number in range(4)]
    items[1]["expires"] = None
    items[2]["expires"] = "2026-06-01T00:00:00Z"
    items[3]["wanted"] = [{"scheme": "statement", "role": "backup"}]
    items += [asked(number, expires="2027-01-01T00:00:00Z") for number in range(4, 6)]
    changes = review_of(*items).delta.changes
    assert [[each.text for each in change.findings] for change in changes] == [
        [],
        ["never expires, unlike most"],
        ["expires 2026-06-01T00:00:00Z, unlike most"],
        ["schemes or roles unlike most"],
        [],
        [],
    ]


def test_where_half_differ_nobody_is_unlike_most() -> None:
    items = [asked(0), asked(1, expires="2027-01-01T00:00:00Z")]
    assert review_of(*items).delta.groups[Risk.PLAIN] == (0, 1)


SOON, LATER = "2026-06-01T00:00:00Z", "2027-01-01T00:00:00Z"
STATEMENT = {"scheme": "statement", "role": "release"}


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"expires": SOON}, {"expires": LATER}, None),
        ({"expires": SOON}, {"expires": SOON}, None),
        ({"expires": LATER}, {"expires": SOON}, f"expires {LATER} -> {SOON}"),
        ({"expires": LATER}, {"expires": None}, f"expires {LATER} -> never"),
        ({"expires": None}, {"expires": LATER}, f"expires never -> {LATER}"),
        ({"roles": ("backup", "release")}, {}, "role backup, release -> release"),
        ({"roles": ("\x1b",)}, {}, "role \\u{1b} -> release"),
        ({}, {"wanted": [STATEMENT]}, "schemes peridio, statement -> statement"),
        ({"schemes": ("statement",)}, {"wanted": [STATEMENT]}, None),
    ],
)
def test_terms_unlike_last_time(
    before: dict[str, Any], now: dict[str, Any], said: str | None
) -> None:
    known = {("sensor-000", TARGET): last(0, **before)}
    (change,) = review_of(asked(**now), known=known).delta.changes
    assert change.findings == (() if said is None else ((Risk.TERMS, said),))


def test_two_new_names_that_look_alike_name_one_another() -> None:
    changes = review_of(asked(artifact="pump-l"), asked(artifact="pump-1")).delta.changes
    assert changes[0].findings[0].text == "looks like pump-1 (artifact)"
    assert changes[1].findings[0].text == "looks like pump-l (artifact)"


def test_names_that_were_signed_before_look_like_nothing() -> None:
    known = {("pump-l", TARGET): last(0), ("pump-1", TARGET): last(0)}
    (change,) = review_of(asked(artifact="pump-l"), known=known).delta.changes
    assert change.findings == ()


def test_missing_is_what_the_newest_common_request_had_besides() -> None:
    """Older releases, and what was signed on its own since, are not missed."""
    older, newer, own = (Sha256(bytes([byte]) * 32) for byte in (1, 2, 3))
    known = {
        ("old", "t"): last(request=older, ceremony=1),
        ("old-besides", "t"): last(request=older, ceremony=1),
        ("new", "t"): last(request=newer, ceremony=2),
        ("new-besides", "t"): last(request=newer, ceremony=2),
        ("alone", "t"): last(request=own, ceremony=3),
    }
    items = [asked(artifact=name, target="t") for name in ("old", "new")]
    missing = review_of(*items, known=known).delta.missing
    assert [each.place for each in missing] == [("new-besides", "t")]
    assert review_of(asked(artifact="other"), known=known).delta.missing == ()


def test_what_most_share_is_said_last() -> None:
    """A replaced key is true of all, and does not hide the one whose sequence went back."""
    known = {place: last(n, keyids=()) for n, place in enumerate(history(9))}
    items = [asked(number) for number in range(9)]
    items[4]["size"] = 9000
    delta = review_of(*items, known=known).delta
    assert delta.groups[Risk.SIZE] == (4,)
    assert delta.groups[Risk.KEY] == (0, 1, 2, 3, 5, 6, 7, 8)
    assert delta.count(Risk.KEY) == 9
    assert delta.order[-2:] == (Risk.KEY, Risk.PLAIN)


@pytest.mark.parametrize(
    ("old", "new", "compared"),
    [
        ("1.2.3", "1.2.3", "same"),
        ("1.9", "1.10", "up"),
        ("1.10", "1.9", "down"),
        ("2", "1.99.99", "down"),
        ("1.0", "1.0.1", "up"),
        ("1.0", "1.0.0", "other"),
        ("1.0", "01.0", "other"),
        ("v1", "v2", "other"),
        ("1.0-rc1", "1.0", "other"),
        ("1.0", "1.٠", "other"),  # noqa: RUF001
        ("1..0", "1.1", "other"),
    ],
)
def test_versions_are_compared_only_where_that_is_certain(
    old: str, new: str, compared: str
) -> None:
    assert compare_versions(old, new) == compared


@given(st.lists(st.integers(0, 3), min_size=1), st.lists(st.integers(0, 3), min_size=1))
def test_versions_compare_both_ways(one: list[int], other: list[int]) -> None:
    turned = {"up": "down", "down": "up", "same": "same", "other": "other"}
    texts = [".".join(map(str, each)) for each in (one, other)]
    assert compare_versions(*reversed(texts)) == turned[compare_versions(*texts)]
