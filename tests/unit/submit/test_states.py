from __future__ import annotations

from itertools import islice

import pytest

from signkit.errors import (
    DeadlineError,
    PartConflictError,
    ReceiptMismatchError,
    StateError,
    StatusError,
)
from signkit.submit import states
from tests.support.hostile_registry import Answer, edited, json_answer
from tests.support.submission import make_signed


def set_state(state: str):
    """A rule: the binary is said to be in a state; lists of parts stay as they are."""

    def edit(value):
        if "binary" in value:
            value["binary"]["state"] = state

    return edited(edit)


@pytest.mark.parametrize("state", ["hashable", "hashing", "signable", "signed"])
def test_goes_on_from_every_state(registry, submitter, signed, state):
    """An earlier run got that far and was killed; nothing is sent twice."""
    submitter.one(signed)
    before = len(registry.made("PUT", "/upload/"))
    registry.binary.update(state=state, signatures=[])
    assert submitter.one(signed).binary.state == "signed"
    assert len(registry.made("PUT", "/upload/")) == before
    assert submitter.advanced == 2 * 14


def test_a_verdict_that_nobody_waits_for_is_asked_for_again(registry, submitter, signed):
    """An earlier run asked and was killed; the registry gave up on its disk meanwhile."""
    submitter.one(signed)
    registry.binary.update(state="hashing", signatures=[])
    assert submitter.one(signed).binary.state == "signed"
    assert b'"state":"hashing"' in registry.made("PATCH")[-2].body


@pytest.mark.parametrize("status", [409, 422])
def test_a_registry_that_takes_no_question_twice_is_polled(registry, submitter, signed, status):
    submitter.one(signed)
    registry.binary.update(state="hashing", signatures=[])
    states_told = iter(["hashing", "hashing", "signable"])

    def refuse(call, answer):
        if b"hashing" not in call.body:
            return answer
        registry.binary["state"] = "hashing"
        return json_answer({"errors": {"detail": "it is hashing"}}, status)

    def tell(_call, _answer):
        registry.binary["state"] = next(states_told, registry.binary["state"])
        return json_answer({"binary": registry.binary})

    registry.bend("PATCH", "/binaries/", refuse)
    registry.bend("GET", "/binaries/prn", tell)
    assert submitter.one(signed).binary.state == "signed"
    assert len(registry.made("PUT", "/upload/")) == 3


def test_w22_polls_soon_and_ever_less_often(registry, submitter, signed, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr(submitter.client.retrier, "pause", waits.append)
    registry.bend("GET", "/binaries/prn", set_state("hashing"), times=8)
    registry.bend("PATCH", "/binaries/", _still_hashing, times=3)
    submitter.one(signed)
    assert waits == list(islice(states.poll_waits(), len(waits)))
    assert waits[:3] == pytest.approx([0.05, 0.08, 0.128])
    assert max(islice(states.poll_waits(), 99)) == 2.0


def _still_hashing(call, answer):
    return set_state("hashing")(call, answer) if b"hashing" in call.body else answer


def test_w22_a_registry_that_hashes_for_ever(registry, submitter, signed, monkeypatch):
    monkeypatch.setattr(submitter.client.retrier, "pause", lambda _seconds: None)
    registry.bend("GET", "/binaries/prn", set_state("hashing"))
    registry.bend("PATCH", "/binaries/", _still_hashing)
    with pytest.raises(DeadlineError, match="still hashing"):
        submitter.one(signed)


def test_w22_a_verdict_of_other_bytes_ends_it(registry, submitter, signed):
    registry.bend("PATCH", "/binaries/", _still_hashing)
    registry.bend("GET", "/binaries/prn", set_state("uploadable"))
    with pytest.raises(ReceiptMismatchError, match="hashed other bytes"):
        submitter.one(signed)
    assert registry.made("POST", "/binary_signatures") == []


@pytest.mark.parametrize("status", [200, 422])
def test_w22_a_verdict_of_other_bytes_at_once_ends_it(registry, submitter, signed, status):
    """The answer to `hashing` is the verdict, as the embedded registry gives it: asked once."""
    registry.bend("PATCH", "/binaries/", _other_bytes(registry, status))
    with pytest.raises(ReceiptMismatchError, match="hashed other bytes") as caught:
        submitter.one(signed)
    assert "run the command again" in (caught.value.hint or "")
    assert len(registry.made("PUT", "/upload/")) == 3
    assert registry.made("POST", "/binary_signatures") == []
    registry._rules.clear()
    assert submitter.one(signed).binary.state == "signed"


def _other_bytes(registry, status):
    def rule(call, answer):
        if b"hashing" not in call.body:
            return answer
        registry.binary["state"] = "uploadable"
        registry.parts[registry.binary["prn"]].clear()
        if status == 200:
            return json_answer({"binary": registry.binary})
        return json_answer({"errors": {"detail": "not the declared hash"}}, status)

    return rule


def test_a_reset_before_the_verdict_was_asked_is_not_one(registry, submitter, signed):
    """409 says that hashing was never begun: the way goes on, and only what is lost is sent."""
    registry.bend("PATCH", "/binaries/", _other_bytes(registry, 409), times=2)
    assert submitter.one(signed).binary.state == "signed"
    assert len(registry.made("PUT", "/upload/")) == 6
    assert submitter.advanced == 14


def test_w22_destroyed_is_the_end(registry, submitter, signed):
    registry.bend("PATCH", "/binaries/", set_state("destroyed"))
    with pytest.raises(StateError, match="was destroyed"):
        submitter.one(signed)


def test_another_submitter_moved_it_meanwhile(registry, submitter, signed):
    def faster(call, answer):
        registry.binary["state"] = "signable"
        return json_answer({"errors": {"state": ["is signable"]}}, 422)

    registry.bend("PATCH", "/binaries/", faster, times=1)
    assert submitter.one(signed).binary.state == "signed"


def test_a_refused_move_is_an_error_when_nothing_moved(registry, submitter, signed):
    no = json_answer({"errors": {"state": ["no"]}}, 422)
    registry.bend("PATCH", "/binaries/", lambda *_: no)
    registry.bend("GET", "/binaries/prn", set_state("uploadable"))
    with pytest.raises(StatusError, match="state: no"):
        submitter.one(signed)


def test_another_submitter_reset_it_to_other_content(registry, submitter, signed):
    registry.bend(
        "PATCH", "/binaries/", edited(lambda value: value["binary"].update(hash="00" * 32))
    )
    with pytest.raises(ReceiptMismatchError, match="other content than was signed"):
        submitter.one(signed)
    assert registry.made("POST", "/binary_signatures") == []


def test_a_reset_while_it_was_uploaded(registry, submitter, signed):
    registry.bend("PATCH", "/binaries/", set_state("uploadable"), times=1)
    assert submitter.one(signed).binary.state == "signed"
    assert submitter.advanced == 14


def test_f50_another_submitter_is_done_first(registry, submitter, signed):
    """The binary is signed while this side still declares its parts."""

    def finish(_call, _answer):
        registry.binary["state"] = "signed"
        return json_answer({"errors": {"detail": "the binary is signed"}}, 409)

    registry.bend("PUT", "/parts/3", finish)
    assert submitter.one(signed).binary.state == "signed"
    assert submitter.advanced == 14


def test_f50_another_submitter_declares_a_part_anew(registry, submitter, signed):
    """A part that was there is not when the parts are listed, and is sent once more."""

    def declare(_call, answer):
        registry.parts[registry.binary["prn"]][2]["state"] = "uploadable"
        return answer

    registry.bend("PUT", "/upload/", declare, times=3)
    assert submitter.one(signed).binary.state == "signed"
    assert submitter.advanced == 14


def test_a_binary_that_does_not_come_to_rest(registry, submitter, signed):
    def stuck(_call, _answer):
        return json_answer({"binary": {**registry.binary, "state": "hashable"}})

    registry.bend("PATCH", "/binaries/", stuck)
    with pytest.raises(StateError, match="does not come to rest"):
        submitter.one(signed)


def test_w08_parts_that_were_taken_and_are_not_there(registry, submitter, signed):
    """The store answers 200 to everything, and keeps nothing."""
    registry.bend("PUT", f"/{2}", lambda call, answer: _forget(registry, call, answer))
    with pytest.raises(PartConflictError, match=r"does not hold 1 of the parts .*\(2\)"):
        submitter.one(signed)
    (journal,) = (signed.folder / "home" / "journal").iterdir()
    assert b"part-conflict" in journal.read_bytes()


def _forget(registry, call, answer):
    if call.path.startswith("/upload/"):
        registry.parts[registry.binary["prn"]][2]["state"] = "uploadable"
        return Answer()
    return answer


def test_empty_content_has_no_parts(registry, submitter, tmp_path):
    assert submitter.one(make_signed(tmp_path, content=b"")).binary.state == "signed"
    assert registry.made("PUT") == []


def test_a_single_part_needs_no_journal(registry, submitter, tmp_path, monkeypatch):
    monkeypatch.setattr(states, "open_journal", None)
    submitter.one(make_signed(tmp_path, part_size=100))


def test_what_is_there_is_said_and_not_sent(registry, submitter, signed):
    refused = Answer(status=407)
    registry.bend("PUT", "/upload/", lambda c, a: refused if c.path.endswith("/3") else a, times=9)
    with pytest.raises(StatusError):
        submitter.one(signed)
    registry._rules.clear()
    there = sum(
        part["state"] == "valid" for part in registry.parts[registry.binary["prn"]].values()
    )
    submitter.one(signed)
    assert f"model.bin: {there} of 3 parts are there already; parts to send:" in "\n".join(
        submitter.said
    )
    assert "going on with the upload of" in "\n".join(submitter.said)
    assert list((signed.folder / "home" / "journal").iterdir()) == []


def test_without_a_journal_it_is_uploaded_all_the_same(submitter, signed):
    """The home is on a disk that is full or read-only; nothing depends on a note."""
    (signed.folder / "home").write_bytes(b"no folder")
    assert submitter.one(signed).binary.state == "signed"
    assert "cannot be made" in "\n".join(submitter.said)
    assert "the upload does without" in "\n".join(submitter.said)


def test_a_journal_that_fails_hides_no_error(registry, submitter, signed):
    def harm(_call, _answer):
        (journal,) = (signed.folder / "home" / "journal").iterdir()
        journal.unlink()
        journal.mkdir()
        return Answer(status=407)

    registry.bend("PUT", "/upload/", harm, times=1)
    with pytest.raises(StatusError, match="407"):
        submitter.one(signed)
    assert "is a folder" in "\n".join(submitter.said)
