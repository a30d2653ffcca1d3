"""Attacker: holds everything that was ever signed, and offers what is old, foreign or mixed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.device import NOW, Device
from tests.support.documents import CONTENT, trust_value
from tests.support.keys import SPARE, STRANGER

OTHER = b"Goodbye, Binary\n"
LATER = "2027-01-01T00:00:00Z"


def test_an_old_release_on_a_device_that_has_seen_a_newer_one(device: Device) -> None:
    """Move: downgrades to an authentic release with a known hole (P06). 16."""
    assert device.offer(device.release(2)) == 0
    assert device.offer(device.release(1, content=OTHER)) == 16
    assert "expected sequence 2 or more, got 1" in device.err
    assert device.offer(device.release(2)) == 0  # the same one again is no downgrade
    assert device.state.floors == {("ML-Model", "aarch64-unknown-linux"): 2}


def test_the_right_signature_for_another_target(device: Device) -> None:
    """Move: offers a release of another board (P09). 4."""
    device.release(target="aarch64-other")
    assert device.offer("model.bin", "--target", "aarch64-unknown-linux") == 4
    device.release(target="x86_64")
    assert device.offer("model.bin") == 4  # outside the scope of the keys
    assert device.state.floors == {}


def test_the_statement_of_one_release_with_the_content_of_another(device: Device) -> None:
    """Move: mixes and matches (P05, F79). 10, and the device remembers neither."""
    device.release(1)
    device.release(2, "b.bin", OTHER)
    (device.folder / "model.bin").write_bytes(OTHER)
    assert device.offer("model.bin") == 10
    assert device.offer("b.bin", "--statement", "model.bin.statement.json") == 10
    assert device.offer("model.bin", "b.bin") == 10
    assert device.state.floors == {}


def test_an_expired_root(device: Device) -> None:
    """Move: uses keys that were given up by letting their root expire (P27). 15."""
    root = device.root(2, issued="2026-02-01T00:00:00Z", expires=LATER)
    assert device.offer(root, "--update") == 0
    assert device.offer(device.release(1)) == 0
    assert device.offer(device.release(2), now=LATER) == 15
    assert device.err.startswith(f"error: the trust root expired at {LATER}")


def test_an_expired_root_with_the_clock_at_1970(device: Device) -> None:
    """Move: resets the clock, so that it lives again (P04, F31): the newest signed time tells. 15."""
    value = trust_value(version=2, issued="2026-01-02T00:00:00Z", expires="2026-01-15T00:00:00Z")
    device.root(**{key: value[key] for key in ("version", "issued", "expires")})
    assert device.offer("2.root.json", "--update", now="1970-01-01T00:00:00Z") == 0
    # Sequence 1 was issued at 2026-01-31: after the root had expired.
    assert device.offer(device.release(1), now="1970-01-01T00:00:00Z") == 0
    assert device.state.newest == "2026-01-31T12:00:00Z"
    for clock in ("1970-01-01T00:00:00Z", "none"):
        assert device.offer(device.release(2), now=clock) == 15
        assert "the trust root expired at 2026-01-15T00:00:00Z; it is now 2026-01-31" in device.err


def test_an_expired_statement_with_the_clock_set_back(device: Device) -> None:
    """Move: freezes the device at a release that was withdrawn by letting it expire (P04). 15."""
    assert device.offer(device.release(1, "newer.bin", OTHER, target="aarch64-b")) == 0
    old = device.release(1, expires="2026-01-31T12:00:01Z")
    assert device.offer(old, now="1970-01-01T00:00:00Z") == 0
    assert device.offer(old) == 15


def test_each_target_has_a_floor_of_its_own(device: Device) -> None:
    assert device.offer(device.release(9, target="aarch64-a")) == 0
    assert device.offer(device.release(1, target="aarch64-b")) == 0
    assert device.offer(device.release(8, target="aarch64-a")) == 16


def test_the_floor_given_by_hand_counts_as_well(device: Device) -> None:
    assert device.offer(device.release(3), "--floor", "4") == 16
    assert device.offer("model.bin", "--floor", "3") == 0
    assert device.offer(device.release(2), "--floor", "1") == 16


def test_a_verdict_that_is_only_asked_for_changes_nothing(device: Device) -> None:
    before = (device.folder / "state").read_bytes()
    assert device.offer(device.release(5), "--keep-floor") == 0
    assert (device.folder / "state").read_bytes() == before
    assert device.offer("model.bin") == 0
    assert device.offer(device.release(4), "--keep-floor") == 16


def test_a_refused_release_raises_nothing(device: Device) -> None:
    """Move: raises the floor with a release that is refused, to lock honest ones out."""
    device.release(99)
    (device.folder / "model.bin").write_bytes(OTHER)
    assert device.offer("model.bin") == 10
    assert device.offer(device.release(99, signer=STRANGER)) == 11
    assert device.offer(device.release(1)) == 0


# Roots that follow


def test_roots_are_followed_in_their_order(device: Device) -> None:
    roots = [device.root(2), device.root(3), device.root(4)]
    assert device.offer(*roots, "--update") == 0
    assert device.state.trust.version == 4
    assert (device.state.revision, device.out.split()[:2]) == (2, ["revision", "2"])


@pytest.mark.parametrize(
    ("versions", "code"), [((3,), 14), ((1,), 16), ((2, 4), 14), ((2, 2), 16), ((2, 1), 16)]
)
def test_roots_in_another_order(device: Device, versions: tuple[int, ...], code: int) -> None:
    """Move: leaves one out, repeats one, or goes back: all of them are refused (P06)."""
    before = (device.folder / "state").read_bytes()
    assert device.offer(*map(device.root, versions), "--update") == code
    assert (device.folder / "state").read_bytes() == before


def test_the_root_that_is_held_already(device: Device) -> None:
    """Move: feeds version N again, byte by byte the same or not."""
    assert device.offer("1.root.json", "--update") == 16
    assert device.offer(device.root(1, issued="2026-01-02T00:00:00Z"), "--update") == 16


def test_a_chain_may_pass_through_an_expired_root_and_not_end_there(device: Device) -> None:
    past = {"issued": "2026-01-02T00:00:00Z", "expires": "2026-01-03T00:00:00Z"}
    assert device.offer(device.root(2, **past), "--update") == 15
    assert device.state.trust.version == 1
    assert device.offer(device.root(2, **past), device.root(3), "--update") == 0
    assert device.state.trust.version == 3


def test_a_revoked_key_is_refused_at_once(device: Device) -> None:
    """Move: signs with a stolen key after it was revoked."""
    device.release(1, signer=SPARE)
    assert device.offer("model.bin", "--keep-floor") == 0
    value = trust_value(version=2)
    del value["keys"][SPARE.public_key.keyid]
    value["roles"]["release"]["keys"].remove(SPARE.public_key.keyid)
    assert device.offer(device.root(**value), "--update") == 0
    assert device.offer("model.bin") == 11


# Several at once


def test_all_or_nothing(device: Device) -> None:
    """F84: a thousand files, one of them bad. None is used, and the message names it."""
    names = [
        device.release(1, f"{place:03}.bin", b"%d" % place, target=f"aarch64-{place}")
        for place in range(1000)
    ]
    device.write("list", "\n".join(names).encode())
    (device.folder / "617.bin").write_bytes(b"618")
    arguments = ["--files-from", "list", "--output", "out"]
    before = (device.folder / "state").read_bytes()
    assert device.offer(*arguments) == 10
    assert device.err.startswith("error: 617.bin is not what was signed")
    assert device.out == ""
    assert not (device.folder / "out").exists()
    assert not list(device.folder.glob(".out*"))
    assert (device.folder / "state").read_bytes() == before
    device.write("617.bin", b"617")
    assert device.offer(*arguments) == 0
    assert sorted(path.name for path in (device.folder / "out").iterdir()) == names
    assert (device.folder / "out" / "999.bin").read_bytes() == b"999"
    assert len(device.state.floors) == 1000
    assert device.state.revision == 2  # written once


def test_the_message_names_the_bad_one(device: Device) -> None:
    device.release(1, "a.bin", CONTENT)
    device.release(1, "b.bin", OTHER, signer=STRANGER)
    assert device.offer("a.bin", "b.bin") == 11
    assert device.err.startswith("error: b.bin: the statement is signed by ")


# Permits


def test_a_permit_lets_one_older_release_in(device: Device) -> None:
    assert device.offer(device.release(5, content=OTHER)) == 0
    device.release(1)
    assert device.offer("model.bin") == 16
    before = (device.folder / "state").read_bytes()
    assert device.offer("model.bin", "--allow-downgrade", device.permit()) == 0
    assert (device.folder / "state").read_bytes() == before  # the floor stays
    assert device.offer("model.bin") == 16  # and the permit is needed again


PERMITS: dict[str, dict[str, Any]] = {
    "of another key": {"signer": STRANGER},
    "for another artifact": {"artifact": "Docs"},
    "for another target": {"target": "aarch64-b"},
    "for another sequence": {"sequence": 2},
    "for other content": {"digest": {"sha256": "ab" * 32}},
    "expired": {"expires": NOW},
    "without an end": {"expires": None},
    "of another shape": {"x": 1},
}


@pytest.mark.parametrize("case", PERMITS)
def test_a_permit_that_is_none(device: Device, case: str) -> None:
    """Move: downgrades with a permit of his own, for something else, or from long ago. 16."""
    assert device.offer(device.release(5, content=OTHER)) == 0
    device.release(1)
    assert device.offer("model.bin", "--allow-downgrade", device.permit(**PERMITS[case])) == 16
    assert "the permit is refused: " in device.err
    assert device.offer("model.bin", "--allow-downgrade", "1.root.json") == 16
    assert device.offer("model.bin", "--allow-downgrade", "none") == 8
    second = device.permit(name="good.json")
    both = ("--allow-downgrade", "permit.json", "--allow-downgrade", second)
    assert device.offer("model.bin", *both) == 0


def test_a_permit_needs_a_time(device: Device) -> None:
    """Move: uses an expired permit on a device that knows no time."""
    device.release(1)
    options = ["--key", "public.pem", "--floor", "2", "--allow-downgrade", device.permit()]
    assert device.run("model.bin", *options, "--now", "none") == 16
    assert "it is now a time unknown" in device.err
    assert device.run("model.bin", *options, "--now", NOW) == 0


def test_a_permit_opens_nothing_else(device: Device) -> None:
    """Move: has a permit accepted where a statement is asked for, and the other way (F70)."""
    permit = device.permit()
    device.release(5)
    assert device.offer("model.bin", "--statement", permit) == 11
    assert device.offer("model.bin") == 0
    device.release(1)
    assert device.offer("model.bin", "--allow-downgrade", "model.bin.statement.json") == 16
