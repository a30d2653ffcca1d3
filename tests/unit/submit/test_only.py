"""The two halves of a submission: content before the ceremony, signatures after it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from signkit.errors import JournalError, ReceiptMismatchError, StateError
from tests.support.hostile_registry import edited
from tests.support.submission import make_signed


def only(outcomes):
    (outcome,) = outcomes
    if outcome.error is not None:
        raise outcome.error
    return outcome


@pytest.fixture
def upload(submitter, signed):
    return lambda: only(submitter.submit(signed.release()))


@pytest.fixture
def attach(submitter, signed):
    return lambda: only(submitter.submit(signed.open(), only_attach=True))


def test_content_first_and_signatures_later(registry, submitter, upload, attach):
    uploaded = upload()
    assert (uploaded.binary.state, uploaded.keyids) == ("signable", ())
    assert registry.binary["custom_metadata"] == {"peridiod": {"installer": "file"}}
    assert registry.made("POST", "/binary_signatures") == []
    sent = len(registry.made("PUT"))
    attached = attach()
    assert attached.binary.state == "signed"
    assert set(registry.binary["custom_metadata"]) == {"peridiod", "signkit"}
    assert len(registry.made("PUT")) == sent
    assert submitter.advanced == 2 * 14


def test_attaching_needs_no_content(signed, upload, attach):
    upload()
    signed.content.unlink()
    assert attach().binary.state == "signed"


def test_both_may_be_done_again(registry, upload, attach):
    upload()
    attach()
    before = len(registry.calls)
    assert upload().binary.state == "signed"
    assert attach().binary.state == "signed"
    assert {call.method for call in registry.calls[before:]} == {"GET"}


def test_the_whole_goes_on_from_either(registry, submitter, signed, upload):
    upload()
    sent = len(registry.made("PUT", "/upload/"))
    assert submitter.one(signed).binary.state == "signed"
    assert len(registry.made("PUT", "/upload/")) == sent


def test_an_upload_goes_on_where_the_whole_was_cut(registry, submitter, signed, upload):
    """The statement that is in the metadata by then is left where it is."""
    submitter.one(signed)
    metadata = registry.binary["custom_metadata"]
    registry.binary.update(state="uploadable", signatures=[])
    assert upload().binary.state == "signable"
    assert registry.binary["custom_metadata"] == metadata


@pytest.mark.parametrize("held", [{}, {"artifact": 1}, {"artifact": 1, "version": 1}])
def test_attaching_makes_no_record(registry, attach, held):
    if "artifact" in held:
        registry.hold("artifact", name="ML-Model")
    if "version" in held:
        (artifact,) = registry.records["artifact"]
        registry.hold("artifact_version", artifact_prn=artifact, version="1.0.0")
    with pytest.raises(StateError, match="is not there: expected its content uploaded") as caught:
        attach()
    assert "--only-attach" in str(caught.value.hint)
    assert registry.made("POST") == []


def test_attaching_to_half_an_upload(registry, upload, attach):
    upload()
    registry.binary["state"] = "uploadable"
    with pytest.raises(StateError, match="does not have all of its content"):
        attach()
    assert registry.made("POST", "/binary_signatures") == []


def test_attaching_goes_on_where_nobody_asked_for_the_verdict(registry, upload, attach):
    upload()
    registry.binary["state"] = "hashable"
    assert attach().binary.state == "signed"


def test_attaching_to_other_content(registry, upload, attach):
    """What was uploaded is not what was signed: the local digest decides, and nothing is reset."""
    upload()
    registry.binary["hash"] = "00" * 32
    with pytest.raises(StateError, match="there with other content"):
        attach()
    assert registry.made("POST", "/binary_signatures") == []
    assert registry.binary["state"] == "signable"


def test_uploading_what_is_signed_with_other_content(submitter, signed, upload):
    submitter.one(signed)
    other = make_signed(signed.folder, content=b"other")
    with pytest.raises(StateError, match="signed already, with other content"):
        only(submitter.submit(other.release()))


def test_uploading_compares_the_metadata_beside_the_statement(registry, upload):
    change = edited(lambda value: value["binary"].update(custom_metadata={"peridiod": {}}))
    registry.bend("PATCH", "/binaries", change)
    with pytest.raises(ReceiptMismatchError, match="other custom metadata"):
        upload()


def test_before_the_ceremony_nothing_is_said_to_be_signed(registry, upload):
    """The registry tells another digest, and then that it hashed other bytes."""
    spoil = edited(lambda value: value["binary"].update(hash="00" * 32))
    registry.bend("POST", "/binaries", spoil, times=1)
    with pytest.raises(ReceiptMismatchError, match="other content than was prepared:"):
        upload()
    spoil_verdict = edited(lambda value: value["binary"].update(state="uploadable"))
    registry.bend("PATCH", "/binaries", lambda *it: spoil_verdict(*it) if hashes(it[0]) else it[1])
    with pytest.raises(ReceiptMismatchError, match="other bytes than were prepared,"):
        upload()


def hashes(call):
    return b'"hashing"' in call.body


def test_a_plan_of_another_request(submitter, signed):
    other = replace(signed, plan=replace(signed.plan, request=signed.plan.items[0].digest))
    with pytest.raises(JournalError, match="of another request"):
        other.release()


def test_the_outline_of_an_upload(submitter, signed, upload):
    assert submitter.outline(signed.release()).part_count == 3
    upload()
    outline = submitter.outline(signed.release())
    assert (outline.state, outline.part_count, outline.error) == ("signable", 0, None)
