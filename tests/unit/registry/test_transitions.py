"""Every way through the state machine, asked for over the wire."""

from __future__ import annotations

from itertools import product

import pytest

from signkit.registry.states import BinaryState, Step, plan_transition
from tests.support.keys import SPARE
from tests.unit.registry.test_states import ILLEGAL, LEGAL

DATA = b"content of one part"
QUIET = sorted(
    way for way, step in LEGAL.items() if step is Step.STAY and way[0] == way[1] != "hashing"
)


def bring(api, state):
    """Make a binary and bring it to a state."""
    binary = api.binary(DATA)
    if state == "uploadable":
        return binary
    api.upload(binary, DATA)
    assert api.move(binary, "hashable").status_code == 200
    if state == "hashable":
        return binary
    assert api.move(binary, "hashing").status_code == 200
    api.settled(binary)
    if state in {"signed", "destroyed"}:
        assert api.sign(binary).status_code == 201
    if state == "destroyed":
        assert api.move(binary, "destroyed").status_code == 200
    return binary


@pytest.mark.parametrize(("current", "wanted"), [way for way in ILLEGAL if way[0] != "hashing"])
def test_illegal_ways_change_nothing(api, current, wanted):
    binary = bring(api, current)
    before = api.read(binary)
    answer = api.move(binary, wanted)
    assert answer.status_code == 409
    assert f"that is {current} cannot become {wanted}" in answer.json()["errors"]["detail"]
    assert api.read(binary) == before


@pytest.mark.parametrize(("current", "wanted"), QUIET)
def test_asking_for_the_state_it_has_changes_nothing(api, current, wanted):
    binary = bring(api, current)
    before = api.read(binary)
    assert api.move(binary, wanted).json()["binary"] == before
    assert api.read(binary) == before


@pytest.mark.parametrize("state", ["uploadable", "hashable", "signable"])
def test_reset_removes_parts_and_counts_up(api, registry, state):
    binary = bring(api, state)
    api.upload(binary, DATA) if state == "uploadable" else None
    url = api.declare(binary, 1, DATA)["presigned_upload_url"] if state == "uploadable" else ""
    now = api.move(binary, "uploadable").json()["binary"]
    assert (now["state"], now["revision"]) == ("uploadable", 1)
    assert api.parts(binary) == []
    assert stored(registry, binary) == []
    if url:
        assert api.send(url, DATA).status_code in {404, 409}
    api.upload(binary, DATA)
    assert api.hashed(binary)["state"] == "signable"


def stored(registry, binary):
    """Return the files that hold a binary's content."""
    identity = binary["prn"].rpartition(":")[2]
    return list((registry.data / "content").glob(f"*/{identity}/*/*"))


def test_asked_for_hashing_again_when_the_verdict_is_there(api):
    binary = bring(api, "signable")
    answer = api.move(binary, "hashing")
    assert (answer.status_code, answer.json()["binary"]["state"]) == (200, "signable")


def test_signed_needs_a_signature(api):
    answer = api.move(bring(api, "signable"), "signed")
    assert (answer.status_code, answer.json()["errors"]["detail"]) == (
        422,
        "the binary has no signature yet",
    )


@pytest.mark.folder
@pytest.mark.parametrize("state", ["signable", "signed"])
def test_destroyed_keeps_the_record_and_loses_the_content(api, registry, state):
    binary = bring(api, state)
    url = api.ask("GET", f"/binaries/{binary['prn']}/download_url")
    assert api.move(binary, "destroyed").json()["binary"]["state"] == "destroyed"
    assert stored(registry, binary) == []
    assert api.parts(binary) == []
    assert len(api.read(binary)["signatures"]) == (state == "signed")
    assert api.bare.get(url).status_code == 409
    assert api.call("GET", f"/binaries/{binary['prn']}/download_url").status_code == 409
    assert api.sign(binary, SPARE).status_code == 409
    # The target is free again.
    again = api.ask(
        "POST",
        "/binaries",
        {name: binary[name] for name in ("artifact_version_prn", "hash", "size", "target")},
    )
    assert again["prn"] != binary["prn"]


def test_no_word_outside_the_machine(api):
    answer = api.move(bring(api, "uploadable"), "failed")
    assert answer.status_code == 422
    assert "state" in answer.json()["errors"]


def test_the_table_and_the_words_agree():
    for current, wanted in product(BinaryState, BinaryState):
        if (current, wanted) in LEGAL:
            assert plan_transition(current, wanted) is LEGAL[current, wanted]


class TestHashable:
    """What has to be there before the content counts as uploaded."""

    def refused(self, api, binary):
        answer = api.move(binary, "hashable")
        assert answer.status_code == 422
        assert api.read(binary)["state"] == "uploadable"
        return answer.json()["errors"]["detail"]

    def test_nothing(self, api):
        assert self.refused(api, api.binary(DATA)) == (
            f"the parts have 0 bytes together, expected {len(DATA)}"
        )

    @pytest.mark.folder
    def test_a_gap(self, api):
        binary = api.binary(DATA)
        for index, data in ((1, DATA[:4]), (3, DATA[4:])):
            assert api.send(api.declare(binary, index, data)["presigned_upload_url"], data)
        assert self.refused(api, binary) == "part 2 is missing"

    def test_not_sent(self, api):
        binary = api.binary(DATA)
        api.declare(binary, 1, DATA)
        assert self.refused(api, binary) == "part 1 is uploadable, expected valid"

    @pytest.mark.folder
    def test_too_little(self, api):
        binary = api.binary(DATA)
        api.upload(binary, DATA[:-1])
        expected = f"the parts have {len(DATA) - 1} bytes together, expected {len(DATA)}"
        assert self.refused(api, binary) == expected

    @pytest.mark.folder
    def test_too_much(self, api):
        binary = api.binary(DATA)
        api.upload(binary, DATA, DATA[:1])
        assert "together, expected" in self.refused(api, binary)


def test_other_content_than_declared(api, registry):
    """Parts that are each valid and together are other content: refused, and begun anew."""
    binary = api.binary(DATA)
    api.upload(binary, DATA[::-1])
    assert api.move(binary, "hashable").status_code == 200
    answer = api.move(binary, "hashing")
    assert answer.status_code == 422
    assert "does not have the declared hash" in answer.json()["errors"]["detail"]
    now = api.read(binary)
    assert (now["state"], now["revision"]) == ("uploadable", 1)
    assert api.parts(binary) == stored(registry, binary) == []
    api.upload(binary, DATA)
    assert api.hashed(binary)["state"] == "signable"
