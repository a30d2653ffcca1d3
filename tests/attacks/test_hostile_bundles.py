"""A registry that lies while a bundle is pushed or pulled, and records that are in the way.

The registry is real; its answers are bent on their way into the client.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from signkit.bundles.archive import Archive, read_archive, write_archive
from signkit.bundles.index import Index, IndexSignature, Member, Named
from signkit.bundles.plan import Plan, plan_push
from signkit.bundles.pull import find_bundle, pull_bundle, read_bundle
from signkit.bundles.push import Hooks, Pushed, push_bundle
from signkit.bundles.signed import Demands, KnownKey, compute_hash, enrol_keys, verify_index
from signkit.client.address import Address, make_reach
from signkit.client.bundles import BundleRegistry
from signkit.client.http import Http, Reply
from signkit.client.protocol import RegistryClient
from signkit.client.retry import Patience, Retrier
from signkit.errors import (
    DeadlineError,
    DigestMismatchError,
    MalformedError,
    ReceiptMismatchError,
    SignkitError,
    StateError,
    StatusError,
    SubmissionError,
    TooLargeError,
    UnknownKeyError,
)
from signkit.verify import limits
from signkit.verify.digest import compute_digest
from tests.support.keys import PROD, SPARE
from tests.support.registry import RunningRegistry, running_registry
from tests.support.registry_api import Api, calling

pytestmark = pytest.mark.server

NOW = "2026-01-31T12:00:00Z"
QUICK = Patience(attempts=3, first_wait=0.01, longest_wait=0.02, total=1.0)
Edit = Callable[[Any], object]


@dataclass
class BentHttp(Http):
    """Connections whose answers pass through rules: method, part of the path, edit of the JSON."""

    rules: list[tuple[str, str, Edit]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def send(self, method: str, address: Address, **more: Any) -> Reply:
        reply = super().send(method, address, **more)
        for wanted, path, edit in self.rules:
            if method == wanted and path in address.path and reply.status < 300:
                value = json.loads(reply.body)
                edit(value)
                reply = replace(reply, body=json.dumps(value).encode())
        return reply


class Desk:
    """A client of the registry, an index and an archive of it."""

    def __init__(self, api: Api, folder: Path, *contents: bytes) -> None:
        self.api, self.folder = api, folder
        self.http = BentHttp()
        reach = make_reach(api.url)
        self.client = RegistryClient(
            self.http,
            reach,
            token=api.http.headers["authorization"].partition(" ")[2],
            retrier=Retrier(QUICK),
        )
        self.registry = BundleRegistry(self.client)
        self.index = make_index(self.registry.organization, *(contents or (b"one", b"two")))
        self.contents = dict(
            zip((m.id for m in self.index.members), contents or (b"one", b"two"), strict=True)
        )

    def bend(self, method: str, path: str, edit: Edit) -> None:
        self.http.rules.append((method, path, edit))

    def push(self, index: Index | None = None) -> Pushed:
        archive, sink, keys = self._packed(index or self.index)
        hooks = Hooks(say=lambda _text: None, advance=lambda _count: None)
        return push_bundle(self.registry, archive, sink, keys=keys, new_hash=False, hooks=hooks)

    def plan(self, index: Index | None = None) -> Plan:
        archive, sink, keys = self._packed(index or self.index)
        return plan_push(self.registry, archive, sink, keys=keys, new_hash=False)

    def _packed(self, index: Index) -> tuple[Archive, io.BytesIO, dict[str, KnownKey]]:
        """An archive that was verified, as the command has it."""
        sink = io.BytesIO()
        write_archive(sink.write, index, lambda member: [self.contents[member.id]])
        sink.seek(0)
        archive = read_archive(sink)
        keys = enrol_keys(self.client.list_keys())
        verify_index(archive.index, keys, Demands(pins=None, trust=None, now=NOW))
        sink.seek(0)
        return archive, sink, keys

    def pull(self, prn: str) -> Index:
        keys = enrol_keys(self.client.list_keys())
        index = read_bundle(self.registry, prn, keys)
        verify_index(index, keys, Demands(pins=None, trust=None, now=NOW))
        path = self.folder / "b.cpio.zst"
        pull_bundle(self.registry, index, path, progress=lambda _what, _size: nullcontext(print))
        return index

    def prn(self, kind: str, identity: str) -> str:
        return f"prn:1:{self.registry.organization}:{kind}:{identity}"


def make_index(organization: str, *contents: bytes) -> Index:
    """A bundle with ids of its own, signed for an organization."""
    artifact = Named(id=str(uuid4()), name=uuid4().hex, description=None)
    version = Named(id=str(uuid4()), name="1.0.0", description="d")
    members = tuple(
        Member(
            artifact=artifact,
            version=version,
            id=str(uuid4()),
            description=None,
            target=f"target-{place}",
            digest=compute_digest(content),
            size=len(content),
            custom_metadata={"place": place} if place else {},
            signatures=(signature(compute_digest(content).hex()),),
        )
        for place, content in enumerate(contents)
    )
    index = Index(id=str(uuid4()), name=None, hash="", signatures=(), members=members)
    hashed = compute_hash(index, organization)
    return replace(index, hash=hashed, signatures=(signature(hashed),))


def signature(text: str) -> IndexSignature:
    return IndexSignature(
        keyid=PROD.public_key.keyid, signature=PROD.sign(text.encode()).hex().upper()
    )


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """The honest registry."""
    with running_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="module")
def api(registry: RunningRegistry) -> Iterator[Api]:
    """It knows PROD's key."""
    with calling(registry) as api:
        api.key()
        yield api


@pytest.fixture
def desk(api: Api, tmp_path: Path) -> Iterator[Desk]:
    """A desk with an archive of two contents."""
    made = Desk(api, tmp_path)
    yield made
    made.http.close()


def refused(kind: type[SignkitError], call: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


def test_honestly(desk: Desk) -> None:
    pushed = desk.push()
    assert (pushed.created, len(pushed.sent), pushed.hash) == (True, 2, desk.index.hash)
    assert desk.push() == replace(pushed, created=False, sent=())
    assert desk.pull(pushed.prn) == desk.index
    assert desk.pull(pushed.prn) == desk.index


def test_w04_another_hash_of_the_bundle(desk: Desk) -> None:
    """Attacker: makes another bundle than it was told to."""
    desk.bend("POST", "/bundles", lambda v: v["bundle"].update(hash="ab" * 32))
    assert "expected hash" in refused(StateError, desk.push)


def test_another_record(desk: Desk) -> None:
    """Attacker: answers for another artifact, so that contents get its name."""
    other = desk.prn("artifact", str(uuid4()))
    desk.bend("POST", "/artifacts", lambda v: v["artifact"].update(prn=other))
    assert "answers for another record" in refused(ReceiptMismatchError, desk.push)


def test_signatures_that_are_not_given_back(desk: Desk) -> None:
    """Attacker: takes a signature and forgets it."""
    desk.bend("GET", "/binaries/", lambda v: v.get("binary", {}).update(signatures=[]))
    assert "does not give back the signature" in refused(ReceiptMismatchError, desk.push)


def test_w04_another_signature_of_the_bundle(desk: Desk) -> None:
    desk.bend(
        "POST",
        "/bundle_signatures",
        lambda v: v["bundle_signature"].update(signature="AB" * 64),
    )
    assert "another signature than was sent" in refused(ReceiptMismatchError, desk.push)


def test_a_verdict_that_never_comes(desk: Desk) -> None:
    hashing: Edit = lambda v: v.get("binary", {}).update(state="hashing")  # noqa: E731
    desk.bend("PATCH", "/binaries/", hashing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("signkit.bundles.push.allowed_seconds", lambda _size, _total: 0.2)
        desk.bend("GET", "/binaries/", _hashing_once_uploaded)
        assert "still hashes after" in refused(DeadlineError, desk.push)


def _hashing_once_uploaded(value: Any) -> None:
    if value.get("binary", {}).get("state") in {"signable", "hashing", "signed"}:
        value["binary"]["state"] = "hashing"


def test_a_verdict_on_other_bytes(desk: Desk) -> None:
    """Attacker, or a disk: what was stored is not what was sent."""
    desk.bend("PATCH", "/binaries/", _back_to_uploadable)
    desk.bend("GET", "/binaries/", _back_to_uploadable)
    assert "hashed other bytes" in refused(ReceiptMismatchError, desk.push)


def _back_to_uploadable(value: Any) -> None:
    if value.get("binary", {}).get("state") in {"signable", "hashing"}:
        value["binary"]["state"] = "uploadable"


@pytest.mark.parametrize("change", ["name", "version", "target"])
def test_what_stands_under_an_id_and_is_another(change: str, desk: Desk) -> None:
    desk.push()
    (first, second) = desk.index.members
    if change == "target":
        changed: tuple[Member, ...] = (replace(first, target="another"), second)
    elif change == "name":
        named = replace(first.artifact, name="another")
        changed = tuple(replace(each, artifact=named) for each in (first, second))
    else:
        named = replace(first.version, name="2.0.0")
        changed = tuple(replace(each, version=named) for each in (first, second))
    index = replace(desk.index, id=str(uuid4()), members=changed)
    hashed = compute_hash(index, desk.registry.organization)
    index = replace(index, hash=hashed, signatures=())
    message = refused(StateError, lambda: desk.push(index))
    assert f"expected {change} " in message
    assert refused(StateError, lambda: desk.plan(index)) == message


def test_content_of_a_signed_binary_is_never_replaced(desk: Desk) -> None:
    desk.push()
    (first, second) = desk.index.members
    other = replace(
        first,
        digest=compute_digest(b"other"),
        size=5,
        signatures=(signature(compute_digest(b"other").hex()),),
    )
    index = replace(desk.index, id=str(uuid4()), members=(other, second))
    hashed = compute_hash(index, desk.registry.organization)
    desk.contents[first.id] = b"other"
    index = replace(index, hash=hashed, signatures=())
    assert "expected hash" in refused(StateError, lambda: desk.push(index))
    assert desk.api.read({"prn": desk.prn("binary", first.id)})["hash"] == first.digest.hex()


def test_a_destroyed_binary_does_not_come_back(desk: Desk) -> None:
    desk.push()
    first = desk.index.members[0]
    desk.api.move({"prn": desk.prn("binary", first.id)}, "destroyed")
    assert "was destroyed" in refused(StateError, desk.push)
    assert "was destroyed" in refused(StateError, desk.plan)


def test_other_content_that_was_begun_is_begun_anew(desk: Desk) -> None:
    """An earlier push was cut off, with other content and other parts."""
    first = desk.index.members[0]
    desk.api.ask("POST", "/artifacts", {"name": first.artifact.name, "id": first.artifact.id})
    version = {"artifact_prn": desk.prn("artifact", first.artifact.id), "version": "1.0.0"}
    desk.api.ask("POST", "/artifact_versions", {**version, "id": first.version.id})
    body = {
        "artifact_version_prn": desk.prn("artifact_version", first.version.id),
        "hash": compute_digest(b"abc").hex(),
        "size": 3,
        "target": first.target,
        "id": first.id,
    }
    binary = desk.api.ask("POST", "/binaries", body)
    desk.api.upload(binary, b"a", b"b")
    assert desk.push().created


def test_parts_of_another_cut_are_thrown_away(desk: Desk) -> None:
    first = desk.index.members[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("signkit.bundles.parts.Target.send", _fail)
        refused(StatusError, desk.push)
    desk.api.upload({"prn": desk.prn("binary", first.id), "size": 3}, b"o", b"n", b"e")
    assert desk.push().created


def _fail(*_arguments: object) -> None:
    raise StatusError("x", status=500)


def test_a_plan_counts_what_is_missing_and_changes_nothing(desk: Desk) -> None:
    plan = desk.plan()
    assert [each.missing for each in plan.members] == [("artifact", "version", "binary")] * 2
    assert [(each.part_count, each.signature_count) for each in plan.members] == [(1, 1), (1, 1)]
    assert (plan.created, plan.signature_count) == (True, 1)
    prn = desk.prn("artifact", desk.index.members[0].artifact.id)
    assert desk.api.call("GET", f"/artifacts/{prn}").status_code == 404
    pushed = desk.push()
    plan = desk.plan()
    assert (plan.prn, plan.hash, plan.created) == (pushed.prn, pushed.hash, False)
    assert (plan.signature_count, {each.missing for each in plan.members}) == (0, {()})
    assert {(each.state, each.size, each.signature_count) for each in plan.members} == {
        ("signed", 0, 0)
    }


def test_a_plan_knows_the_parts_that_are_there(desk: Desk) -> None:
    first, second = desk.index.members
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("signkit.bundles.parts.Target.send", _fail)
        refused(StatusError, desk.push)
    for content in (b"none of it", desk.contents[first.id]):
        desk.api.move({"prn": desk.prn("binary", first.id)}, "uploadable")
        part = content[: first.size]
        desk.api.upload({"prn": desk.prn("binary", first.id), "size": first.size}, part)
        plan = desk.plan()
        assert [each.missing for each in plan.members] == [(), ()]
        sizes = [0 if content == desk.contents[first.id] else first.size, second.size]
        assert [each.size for each in plan.members] == sizes


def test_two_bundles_of_one_name(desk: Desk) -> None:
    """A registry that lists two of one name: nobody guesses which is meant."""
    name = f"release {uuid4()}"
    prn = desk.push(replace(desk.index, name=name)).prn
    assert find_bundle(desk.registry, name) == prn
    other = desk.prn("bundle", str(uuid4()))
    desk.bend("GET", "/bundles", lambda v: v["bundles"].append({**v["bundles"][0], "prn": other}))
    with pytest.raises(StateError, match="has 2 bundles of the name") as caught:
        find_bundle(desk.registry, name)
    assert other in str(caught.value.hint)


def test_w15_two_binaries_of_the_same_content(api: Api, tmp_path: Path) -> None:
    desk = Desk(api, tmp_path, b"same", b"same", b"other")
    pushed = desk.push()
    assert len(pushed.sent) == 3
    assert desk.pull(pushed.prn) == desk.index
    desk.http.close()


def test_a_part_that_is_refused(desk: Desk) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("signkit.bundles.parts.compute_digest", lambda _data: compute_digest(b"x"))
        assert "part 1 of" in refused(StatusError, desk.push)
    assert desk.push().created


def pushed(desk: Desk) -> str:
    return desk.push().prn


@pytest.mark.parametrize(
    ("path", "edit", "kind", "text"),
    [
        ("/bundles/", lambda v: _bundle(v, hash="ab" * 32), ReceiptMismatchError, "the hash"),
        ("/bundles/", lambda v: _bundle(v, name="a\x1b"), MalformedError, "control character"),
        ("/binaries/", lambda v: _binary(v, state="signable"), StateError, "expected signed"),
        ("/binaries/", lambda v: _binary(v, size=None), StateError, "no hash or size"),
        (
            "/binaries/",
            lambda v: _binary(v, size=limits.BUNDLE_CONTENT_SIZE + 1),
            TooLargeError,
            "cannot stand in an archive",
        ),
        ("/binaries/", lambda v: _binary(v, target="other"), ReceiptMismatchError, "the hash"),
        ("/binaries/", lambda v: _binary(v, signatures=[]), UnknownKeyError, "no signature"),
    ],
    ids=["hash", "name", "state", "no size", "size", "target", "signatures"],
)
def test_records_that_lie(
    path: str, edit: Edit, kind: type[SignkitError], text: str, desk: Desk
) -> None:
    """Attacker: says something else of a bundle than was signed."""
    prn = pushed(desk)
    desk.bend("GET", path, edit)
    assert text in refused(kind, lambda: desk.pull(prn))
    assert list(desk.folder.iterdir()) == []


def _bundle(value: Any, **changes: object) -> None:
    value.get("bundle", {}).update(changes)


def _binary(value: Any, **changes: object) -> None:
    value.get("binary", {}).update(changes)


def test_a_record_that_is_missing(desk: Desk) -> None:
    prn = pushed(desk)
    gone = desk.prn("binary", str(uuid4()))
    desk.bend("GET", "/bundles/", lambda v: _first_member(v, gone))
    assert "which the bundle needs" in refused(StateError, lambda: desk.pull(prn))


def _first_member(value: Any, prn: str) -> None:
    if "bundle" in value:
        value["bundle"]["binaries"][0]["prn"] = prn


def test_a_signature_by_a_key_that_is_not_listed(desk: Desk) -> None:
    prn = pushed(desk)
    desk.bend("GET", "/signing_keys", lambda v: v.update(signing_keys=[]))
    assert "no key that may be used here" in refused(UnknownKeyError, lambda: desk.pull(prn))


def test_a_key_of_another_name(desk: Desk) -> None:
    """Attacker: says that the key of a signature is another one."""
    prn = pushed(desk)
    desk.api.key(SPARE)
    spare = desk.client.find_keys(SPARE.public_key.raw)[0].value
    desk.bend(
        "GET", "/signing_keys", lambda v: [each.update(value=spare) for each in v["signing_keys"]]
    )
    assert "no registry signature verifies" in refused(SignkitError, lambda: desk.pull(prn))


def test_keys_that_are_none_are_left_out(desk: Desk) -> None:
    prn = pushed(desk)

    def edit(value: Any) -> None:
        strange = dict(value["signing_keys"][0])
        value["signing_keys"] += [{**strange, "value": text} for text in ("x", "A" * 43 + "=")]
        value["signing_keys"].append({**strange, "value": None})

    desk.bend("GET", "/signing_keys", edit)
    assert desk.pull(prn) == desk.index


def test_content_from_elsewhere(desk: Desk) -> None:
    """Attacker: sends the client to a host inside of its network."""
    prn = pushed(desk)
    desk.bend("GET", "/download_url", lambda v: v.update(download_url="http://127.0.0.2:1/x"))
    assert "another host" in refused(SubmissionError, lambda: desk.pull(prn))
    assert not (desk.folder / "b.cpio.zst").exists()


def test_other_content(desk: Desk) -> None:
    """Attacker: gives the content of one binary for another of the same size."""
    prn = pushed(desk)
    two = desk.prn("binary", desk.index.members[1].id)
    url = desk.client.get(f"/binaries/{two}/download_url", "download_url", str)
    desk.bend("GET", "/download_url", lambda v: v.update(download_url=url))
    message = refused(DigestMismatchError, lambda: desk.pull(prn))
    assert "is not what was asked for" in message
    assert not (desk.folder / "b.cpio.zst").exists()


def test_w16_content_that_changes_in_the_folder(desk: Desk) -> None:
    """Attacker: writes into the folder between two runs. The next run fetches it again."""
    prn = pushed(desk)
    folder = desk.folder / ".b.cpio.zst.pull"
    folder.mkdir()
    (folder / desk.index.members[0].digest.hex()).write_bytes(b"0ne")
    refused(DigestMismatchError, lambda: desk.pull(prn))
    assert list(desk.folder.iterdir()) == []
    assert desk.pull(prn) == desk.index


def test_a_folder_that_cannot_be_made(desk: Desk) -> None:
    prn = pushed(desk)
    (desk.folder / ".b.cpio.zst.pull").write_bytes(b"")
    assert "cannot be made" in refused(SignkitError, lambda: desk.pull(prn))
