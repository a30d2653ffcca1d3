"""Backup, restore and verify between the footings: a folder, and PostgreSQL with a store."""

from __future__ import annotations

import shutil
import time
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import text

from signkit.errors import RegistryDamagedError, RegistryError
from signkit.registry.backup import Hooks, back_up
from signkit.registry.backup_folder import open_backup
from signkit.registry.database import Database
from signkit.registry.footing_file import load_footing_file
from signkit.registry.inspection import Inspection
from signkit.registry.restore import restore_registry
from signkit.registry.s3_store import S3Store, object_name
from signkit.registry.sources import source_of
from signkit.registry.store import ContentKey
from signkit.registry.verification import verify_backup, verify_source
from tests.support.registry import running_registry, running_worker
from tests.support.registry_api import calling
from tests.support.registry_copies import change_records, killed_at, registry_command
from tests.support.submission import Submitter, make_signed

pytestmark = pytest.mark.folder  # it has both footings itself

MIB = 1024 * 1024
LARGE = sha256(b"large").digest() * (6 * MIB // 32)
PARTS = (b"small, ", LARGE, b"and the last")
HALF = b"of this only a part has come"


def nothing(_value):
    return None


def hooks(**changes):
    values = {"now": lambda: "2026-01-31T12:00:00Z", "version": "0.1.0"}
    return Hooks(**{**values, "say": nothing, "advance": nothing, **changes})


def shape(counts):
    return {name: counts[name] for name in ("keys", "signatures", "statements", "bundles")}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder's backup: a release, a bundle, empty content, a verdict to come, half an upload."""
    folder = tmp_path_factory.mktemp("made")
    with running_registry(folder) as registry, calling(registry) as api:
        submitter = Submitter(registry.url, registry.token, folder)
        submitter.one(make_signed(folder))
        submitter.http.close()
        signed = api.signed(*PARTS)
        api.ask("POST", "/bundles", {"name": "all", "binaries": [{"prn": signed["prn"]}]})
        api.signable()
        waits = api.signable(b"its verdict is to come")["prn"].rpartition(":")[2]
        half = api.binary(HALF)
        api.send(api.declare(half, 1, HALF[:5])["presigned_upload_url"], HALF[:5])
    records = registry.data / "registry.sqlite3"
    statement = "UPDATE binaries SET state = 'hashing' WHERE id = ?"
    change_records(records, statement, waits.replace("-", ""))
    back_up(source_of(registry.data), folder / "backup", hooks=hooks())
    return folder


@pytest.fixture(scope="module")
def moved(made, shared_footing, tmp_path_factory):
    """The footing file of a registry that this backup was restored to."""
    folder = tmp_path_factory.mktemp("moved")
    data = shared_footing.make(folder)
    assert restore_registry(made / "backup", data, advance=nothing).faults == ()
    shutil.copy(made / "registry.token", folder)
    return data


@pytest.fixture
def empty(shared_footing, tmp_path):
    return shared_footing.make(tmp_path)


def store_of(data: Path) -> S3Store:
    return S3Store(load_footing_file(data).bucket)


def contents(data: Path) -> list[ContentKey]:
    return [key for page in store_of(data).list_contents() for key in page]


def is_made(data: Path) -> bool:
    database = Database(load_footing_file(data).database)
    try:
        with database.read() as session:
            return session.scalar(text("SELECT to_regclass('organizations')")) is not None
    finally:
        database.close()


def test_a_folder_moves_to_many_machines_and_back(made, moved, tmp_path):
    before = verify_backup(made / "backup", advance=nothing).counts
    found = verify_source(source_of(moved), advance=nothing)
    assert (shape(found.counts), found.faults) == (shape(before), ())
    assert found.counts["bytes"] == before["bytes"] - 5  # half an upload
    record, _ = back_up(source_of(moved), tmp_path / "backup", hooks=hooks())
    assert record.step == open_backup(made / "backup")[0].step
    again = restore_registry(tmp_path / "backup", tmp_path / "registry", advance=nothing)
    assert (again.counts, again.faults) == (found.counts, ())


@pytest.mark.sweep
def test_what_was_moved_is_served_and_goes_on(moved, tmp_path):
    for command in (("backup", "backup", "--data", moved), ("restore", "backup", "--data", "back")):
        ran = registry_command(tmp_path, *command, "--json")
        assert ran.code == 0, ran.err
    (tmp_path / "back").rename(tmp_path / "registry")
    shutil.copy(moved.parent / "registry.token", tmp_path)
    with running_registry(tmp_path) as registry, calling(registry) as api:
        check_served(api)
    with (
        running_registry(moved.parent, data=moved) as registry,
        running_worker(moved),
        calling(registry) as api,
    ):
        check_served(api)
        again = api.signed(b"made afterwards")
        assert api.send_back(again) == b"made afterwards"
        bundle = {"name": "later", "binaries": [{"prn": again["prn"]}]}
        assert api.ask("POST", "/bundles", bundle)["name"] == "later"
    out = tmp_path / "audit.jsonl"
    assert registry_command(tmp_path, "audit", "export", "--data", moved, "--out", out).code == 0
    found = verify_source(source_of(moved), advance=nothing)
    assert (found.counts["bundles"], found.faults) == (2, ())


def check_served(api):
    """See that all content is there, and that what was begun comes to its end."""
    binaries = {value["size"]: value for value in api.ask_list("/binaries")}
    whole = b"".join(PARTS)
    assert api.send_back(binaries[len(whole)]) == whole
    assert api.send_back(binaries[0]) == b""
    assert api.settled(binaries[len(b"its verdict is to come")])["state"] == "signable"
    half = binaries[len(HALF)]
    assert (half["state"], api.parts(half)) in [("uploadable", []), ("signable", api.parts(half))]
    if half["state"] == "uploadable":
        api.upload(half, HALF)
        assert api.hashed(half)["state"] == "signable"


@pytest.mark.sweep
def test_content_that_is_not_whole_yet(shared_footing, tmp_path):
    """No worker: one binary waits for its verdict, of another a part has come."""
    data = shared_footing.make(tmp_path)
    with running_registry(tmp_path, data=data) as registry, calling(registry) as api:
        waiting, half = api.binary(LARGE + b"end"), api.binary(LARGE + b"more")
        for index, part in enumerate((LARGE, b"end"), 1):
            api.send(api.declare(waiting, index, part)["presigned_upload_url"], part)
        api.send(api.declare(half, 1, LARGE)["presigned_upload_url"], LARGE)
        assert [part["state"] for part in api.parts(half)] == ["valid"]
        for state in ("hashable", "hashing"):
            assert api.move(waiting, state).status_code == 200
        back_up(source_of(data), tmp_path / "backup", hooks=hooks())
        assert api.read(half)["state"] == "uploadable"
        assert [part["state"] for part in api.parts(half)] == ["valid"]  # here nothing changed
    found = verify_backup(tmp_path / "backup", advance=nothing)
    assert (found.counts["parts"], found.counts["bytes"]) == (2, len(LARGE + b"end"))
    assert found.faults == ()
    (tmp_path / "new").mkdir()
    shutil.copy(tmp_path / "registry.token", tmp_path / "new")
    restore_registry(tmp_path / "backup", tmp_path / "new" / "registry", advance=nothing)
    with running_registry(tmp_path / "new") as registry, calling(registry) as api:
        assert api.settled(waiting)["state"] == "signable"
        assert (api.read(half)["state"], api.parts(half)) == ("uploadable", [])


def test_content_that_is_lost_or_cut_short_ends_the_backup(made, empty, tmp_path):
    restore_registry(made / "backup", empty, advance=nothing)
    store, sizes = store_of(empty), {}
    for key in contents(empty):
        sizes[store.size(key)] = key
    lost, cut = sizes[len(b"its verdict is to come")], sizes[len(b"".join(PARTS))]
    store.discard(lost)
    bucket = {"Bucket": load_footing_file(empty).bucket.name, "Key": object_name(cut)}
    store.client.put_object(**bucket, Body=LARGE)
    with pytest.raises(RegistryDamagedError) as caught:
        back_up(source_of(empty), tmp_path / "backup", hooks=hooks())
    for key in (lost, cut):
        assert str(key.binary) in str(caught.value)
    with pytest.raises(RegistryError, match="was not finished"):
        open_backup(tmp_path / "backup")
    problems = {fault.problem for fault in verify_source(source_of(empty), advance=nothing).faults}
    assert "it is not there" in problems
    assert any("expected 7 bytes with SHA-256" in each for each in problems)


@pytest.mark.sweep
def test_a_store_that_does_not_answer(moved, tmp_path):
    path = tmp_path / "registry.toml"
    lines = moved.read_text().splitlines()
    away = ['endpoint = "http://127.0.0.1:9"' if "endpoint" in line else line for line in lines]
    path.write_text("\n".join(away))
    with pytest.raises(RegistryError, match="the store does not answer"):
        back_up(source_of(path), tmp_path / "backup", hooks=hooks())


def test_nothing_is_restored_onto_another_registry(made, moved, empty, shared_footing):
    with pytest.raises(RegistryError, match="there is a registry already in the database"):
        restore_registry(made / "backup", moved, advance=nothing)
    bucket = load_footing_file(moved).bucket.name
    other = contents(moved)
    foreign = ContentKey(
        organization=other[0].organization, binary=other[0].organization, revision=0
    )
    store_of(moved).client.put_object(Bucket=bucket, Key=object_name(foreign), Body=b"x")
    folder = empty.parent / "other"
    folder.mkdir()
    mixed = shared_footing.make(folder, bucket=bucket)
    with pytest.raises(RegistryError, match="holds content of another registry"):
        restore_registry(made / "backup", mixed, advance=nothing)
    assert not is_made(mixed)
    assert set(other) < set(contents(moved))
    store_of(moved).discard(foreign)


def test_a_damaged_backup_is_not_restored(made, empty, tmp_path):
    copy = shutil.copytree(made / "backup", tmp_path / "backup")
    digest = sha256(PARTS[-1]).hexdigest()
    path = copy / "objects" / digest[:2] / digest
    for damage in (lambda: path.write_bytes(b"x" * path.stat().st_size), path.unlink):
        damage()
        with pytest.raises(RegistryDamagedError, match="lost or damaged"):
            restore_registry(copy, empty, advance=nothing)
        assert not is_made(empty)
    shutil.copy(made / "backup" / "objects" / digest[:2] / digest, path)
    assert restore_registry(copy, empty, advance=nothing).faults == ()
    assert uploads(empty) == []


def uploads(data: Path) -> list[str]:
    bucket = load_footing_file(data).bucket.name
    listed = store_of(data).client.list_multipart_uploads(Bucket=bucket)
    return [upload["Key"] for upload in listed.get("Uploads", ())]


def test_an_empty_database_holds_no_registry(empty, tmp_path):
    with pytest.raises(RegistryError, match="there is no registry in the database"):
        back_up(source_of(empty), tmp_path / "backup", hooks=hooks())
    assert not is_made(empty)


@pytest.mark.sweep
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_killed_at_some_moment(made, moved, shared_footing, tmp_path):
    assert check_restore_killed(made, shared_footing, tmp_path / "restore", 60)
    assert check_backup_killed(moved, tmp_path / "backup", 4)


@pytest.mark.sweep
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_restore_killed_at_many_moments(made, shared_footing, tmp_path):
    number = 1
    while check_restore_killed(made, shared_footing, tmp_path / str(number), number):
        number += 7


@pytest.mark.sweep
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_backup_killed_at_every_moment(moved, tmp_path):
    number = 1
    while check_backup_killed(moved, tmp_path / str(number), number):
        number += 1


def check_restore_killed(made: Path, shared_footing, folder: Path, number: int) -> bool:
    """Kill once, at something that is sent: nobody serves half of it, and the same comes to its end."""
    folder.mkdir()
    data = shared_footing.make(folder)
    killed = killed_at("sendto", number, "restore", made / "backup", "--data", data)
    if not is_made(data):
        assert killed
        assert restore_again(made / "backup", data).faults == ()
    found = verify_source(source_of(data), advance=nothing)
    assert (found.counts["statements"], found.faults) == (1, ())
    assert uploads(data) == []
    store_of(data).client.delete_bucket(Bucket=load_footing_file(data).bucket.name)  # for its room
    return killed


def restore_again(backup: Path, data: Path) -> Inspection:
    """Restore, as soon as PostgreSQL has seen that whoever was killed has gone."""
    until = time.monotonic() + 60
    while True:
        try:
            return restore_registry(backup, data, advance=nothing)
        except RegistryError as error:
            if "another process restores" not in str(error) or time.monotonic() > until:
                raise
        time.sleep(0.05)


def check_backup_killed(moved: Path, folder: Path, number: int) -> bool:
    folder.mkdir()
    arguments = ("backup", folder / "backup", "--data", moved)
    killed = killed_at("rename", number, *arguments)
    if not (folder / "backup" / "backup.json").exists():
        assert killed
        assert registry_command(folder, *arguments).code == 0
    assert verify_backup(folder / "backup", advance=nothing).faults == ()
    return killed
