"""Backup, restore and verify: by the command, beside a server that serves."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from signkit.errors import FileError, MalformedError, RegistryDamagedError, RegistryError
from signkit.registry.backup import Hooks, back_up
from signkit.registry.backup_folder import open_backup
from signkit.registry.restore import restore_registry
from signkit.registry.sources import source_of
from signkit.registry.verification import verify_backup, verify_source
from tests.support.keys import PROD
from tests.support.registry import running_registry
from tests.support.registry_api import calling
from tests.support.registry_copies import (
    change_records,
    killed_at,
    lay_first_release,
    registry_command,
)
from tests.support.submission import Submitter, make_signed

NOW = "2026-01-31T12:00:00Z"
PARTS = (b"hello, ", b"hello, ", b"world")
COUNTS = {
    "keys": 1,
    "binaries": 4,
    "parts": 8,
    "bytes": 19 + 14 + 10 + 4,
    "signatures": 3,
    "statements": 1,
    "bundles": 1,
    "foreign_statements": 0,
}


def nothing(_value):
    return None


def hooks(**changes):
    return Hooks(
        **{"now": lambda: NOW, "version": "0.1.0", "say": nothing, "advance": nothing, **changes}
    )


def fill(registry, api, folder):
    """Make one of everything: a release, a bundle, what is signable, half an upload."""
    submitter = Submitter(registry.url, registry.token, folder)
    submitter.one(make_signed(folder))
    submitter.http.close()
    signed = api.signed(*PARTS)
    bundle = api.ask("POST", "/bundles", {"name": "all", "binaries": [{"prn": signed["prn"]}]})
    signature = PROD.sign(bundle["hash"].encode()).hex()
    key = api.key()["prn"]
    body = {"bundle_prn": bundle["prn"], "signing_key_prn": key, "signature": signature}
    api.ask("POST", "/bundle_signatures", body)
    api.signable(b"not signed")
    half = api.binary(b"half of it")
    api.send(api.declare(half, 1, b"half")["presigned_upload_url"], b"half")
    return signed


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A registry that holds one of everything, stopped, and a backup of when it served."""
    folder = tmp_path_factory.mktemp("made")
    with running_registry(folder) as registry, calling(registry) as api:
        fill(registry, api, folder)
        ran = registry_command(folder, "backup", "backup", "--data", registry.data, "--json")
        assert ran.code == 0, ran.err
    return folder


@pytest.fixture
def copy(made, tmp_path):
    """The backup, to be damaged."""
    return shutil.copytree(made / "backup", tmp_path / "backup")


def content_of(data):
    root = data / "content"
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and "incoming" not in path.parts
    }


def dump(path):
    with closing(sqlite3.connect(path)) as records:
        return list(records.iterdump())


def test_what_is_restored_is_what_was_there(made, tmp_path):
    ran = registry_command(tmp_path, "restore", made / "backup", "--data", "registry", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["counts"] == COUNTS
    assert "works again: revoke it again" in ran.err
    data = tmp_path / "registry"
    assert dump(data / "registry.sqlite3") == dump(made / "registry" / "registry.sqlite3")
    assert content_of(data) == content_of(made / "registry")
    assert {path.stat().st_mode & 0o077 for path in [data, *data.rglob("*")]} == {0}
    shutil.copy(made / "registry.token", tmp_path)
    with running_registry(tmp_path) as registry, calling(registry) as api:
        (binary,) = api.call(
            "GET", "/binaries", params={"search": "state:'signed' and size:19"}
        ).json()["binaries"]
        url = api.ask("GET", f"/binaries/{binary['prn']}/download_url")
        assert api.bare.get(url).content == b"".join(PARTS)


def test_another_tool_checks_a_backup(copy):
    check = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    assert subprocess.run(check, cwd=copy, check=False).returncode == 0
    next(copy.glob("objects/*/*")).write_bytes(b"other")
    assert subprocess.run(check, cwd=copy, capture_output=True, check=False).returncode == 1


def test_equal_parts_are_kept_once(made):
    record, sums = open_backup(made / "backup")
    assert record.object_count == len(sums.objects) == 7
    assert {path.name for path in (made / "backup").iterdir()} == {
        *("backup.json", "SHA256SUMS", "objects", "registry.sqlite3")
    }


def test_verify_counts_everything(made):
    assert verify_backup(made / "backup", advance=nothing).counts == COUNTS
    found = verify_source(source_of(made / "registry"), advance=nothing)
    assert (found.counts, found.faults) == (COUNTS, ())


def one_object(backup, data):
    digest = sha256(data).hexdigest()
    return backup / "objects" / digest[:2] / digest


DEFECTS = {
    "an object is gone": (lambda b: one_object(b, b"world").unlink(), "it is not there"),
    "an object is another": (lambda b: one_object(b, b"world").write_bytes(b"w0rld"), "got 5 with"),
    "the records are cut": (
        lambda b: (b / "registry.sqlite3").write_bytes((b / "registry.sqlite3").read_bytes()[:-1]),
        "nothing else was looked at",
    ),
    "a file is added": (lambda b: (b / "objects" / "more").write_bytes(b""), "does not belong"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_damaged_backup_is_named(copy, name):
    damage, said = DEFECTS[name]
    damage(copy)
    (fault,) = verify_backup(copy, advance=nothing).faults
    assert said in f"{fault.place}: {fault.problem}"


def test_the_command_ends_with_a_code_of_its_own(copy, tmp_path):
    next(copy.glob("objects/*/*")).unlink()
    ran = registry_command(tmp_path, "verify", copy, "--json")
    assert (ran.code, ran.error["code"]) == (21, "registry-damaged")
    assert [fault["problem"] for fault in ran.json["faults"]] == ["it is not there"]


@pytest.mark.parametrize("name", list(DEFECTS)[:3])
def test_a_damaged_backup_is_not_restored(copy, tmp_path, name):
    DEFECTS[name][0](copy)
    with pytest.raises(RegistryDamagedError, match="lost or damaged"):
        restore_registry(copy, tmp_path / "registry", advance=nothing)
    assert not (tmp_path / "registry").exists()


def test_a_backup_without_its_end_is_refused(copy, tmp_path):
    (copy / "backup.json").unlink()
    for attempt in (
        lambda: verify_backup(copy, advance=nothing),
        lambda: restore_registry(copy, tmp_path / "registry", advance=nothing),
    ):
        with pytest.raises(RegistryError, match="was not finished"):
            attempt()


def test_the_list_of_another_backup_is_refused(copy):
    lines = (copy / "SHA256SUMS").read_text().splitlines(keepends=True)
    (copy / "SHA256SUMS").write_text("".join(lines[1:]))
    with pytest.raises(RegistryDamagedError, match="is not the list that belongs to"):
        open_backup(copy)


def test_the_records_of_a_newer_signkit_are_refused(made, tmp_path):
    data = shutil.copytree(made / "registry", tmp_path / "newer")
    change_records(data / "registry.sqlite3", "UPDATE alembic_version SET version_num = '9999'")
    back_up(source_of(data), tmp_path / "backup", hooks=hooks())
    with pytest.raises(RegistryError, match="at step 9999, which this signkit does not know"):
        restore_registry(tmp_path / "backup", tmp_path / "registry", advance=nothing)
    assert not (tmp_path / "registry").exists()


def test_nothing_is_restored_into_what_is_there(made, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileError, match="is there already"):
        restore_registry(made / "backup", tmp_path, advance=nothing)
    with pytest.raises(MalformedError, match="expected the key 'database'"):
        restore_registry(made / "backup", tmp_path / "file", advance=nothing)
    (tmp_path / "empty").mkdir()
    assert restore_registry(made / "backup", tmp_path / "empty", advance=nothing).faults == ()


def test_nothing_is_backed_up_over_what_is_there(made, tmp_path):
    (tmp_path / "mine").write_bytes(b"")
    source = source_of(made / "registry")
    with pytest.raises(FileError, match="holds something else"):
        back_up(source, tmp_path, hooks=hooks())
    with pytest.raises(FileError, match="is never overwritten"):
        back_up(source, made / "backup", hooks=hooks())
    with pytest.raises(RegistryError, match="there is no registry in"):
        source_of(tmp_path)
    with pytest.raises(MalformedError, match="expected the key 'database'"):
        source_of(tmp_path / "mine")


SIGNATURE = "UPDATE binary_signatures SET signature = ? WHERE row = 1"
RECORDS = {
    "a signature": (SIGNATURE, ("00" * 64,), "does not verify under key"),
    "a signature that is no hex": (SIGNATURE, ("zz" * 64,), "non-hexadecimal"),
    "a key": ("UPDATE signing_keys SET value = ?", ("AAAA",), "signing key"),
    "a keyid": ("UPDATE signing_keys SET keyid = ?", ("00" * 32,), "expected keyid"),
    "a hash": ("UPDATE binaries SET hash = ? WHERE row = 2", ("00" * 32,), "expected 19 bytes"),
    "a part": (
        'DELETE FROM binary_parts WHERE binary_row = 2 AND "index" = 1',
        (),
        "without a gap",
    ),
    "a bundle": ("UPDATE bundles SET hash = ?", ("00" * 32,), "bundle all: expected hash"),
    "a target": ("UPDATE binaries SET target = 'x' WHERE row = 1", (), "for another target"),
    "a version": ("UPDATE artifact_versions SET version = '9'", (), "for another version"),
    "metadata": (
        "UPDATE binaries SET custom_metadata = replace(custom_metadata, 'file', 'exec')",
        (),
        "is not what was signed",
    ),
    "a reference": ("UPDATE tokens SET user_row = 99", (), "refers to no users"),
}


@pytest.mark.parametrize("name", RECORDS)
def test_changed_records_are_named(made, tmp_path, name):
    statement, values, said = RECORDS[name]
    data = shutil.copytree(made / "registry", tmp_path / "registry")
    change_records(data / "registry.sqlite3", statement, *values)
    faults = verify_source(source_of(data), advance=nothing).faults
    assert any(said in f"{fault.place}: {fault.problem}" for fault in faults), faults


def test_a_statement_by_a_key_that_is_not_enrolled_is_counted(made, tmp_path):
    data = shutil.copytree(made / "registry", tmp_path / "registry")
    for statement in (
        "DELETE FROM binary_signatures",
        "DELETE FROM bundle_signatures",
        "DELETE FROM signing_keys",
    ):
        change_records(data / "registry.sqlite3", statement)
    found = verify_source(source_of(data), advance=nothing)
    assert found.faults == ()
    assert (found.counts["statements"], found.counts["foreign_statements"]) == (0, 1)


def test_content_that_is_removed_meanwhile(tmp_path):
    """A binary is destroyed while its parts are copied: the backup holds a moment after that."""
    said: list[str] = []
    with running_registry(tmp_path) as registry, calling(registry) as api:
        first, second = (api.signed(name * 40_000) for name in (b"1", b"2"))

        def advance(_count):
            if api.read(second)["state"] == "signed":
                assert api.move(second, "destroyed").status_code == 200

        source = source_of(registry.data)
        back_up(source, tmp_path / "backup", hooks=hooks(say=said.append, advance=advance))
        assert verify_source(source, advance=nothing).faults == ()
    assert said == ["parts removed meanwhile: 1; the records are copied anew"]
    found = verify_backup(tmp_path / "backup", advance=nothing)
    assert (found.counts["bytes"], found.faults) == (40_000, ())
    assert one_object(tmp_path / "backup", b"1" * 40_000).exists()
    assert first["state"] == "signed"


def test_a_part_that_is_lost_or_damaged_ends_the_backup(made, tmp_path):
    data = shutil.copytree(made / "registry", tmp_path / "registry")
    lost, damaged = (
        next((data / "content").rglob(f"*-{sha256(part).hexdigest()}"))
        for part in (b"world", b"not signed")
    )
    lost.unlink()
    damaged.write_bytes(b"x" * damaged.stat().st_size)
    with pytest.raises(RegistryDamagedError) as caught:
        back_up(source_of(data), tmp_path / "backup", hooks=hooks())
    for path in (lost, damaged):
        assert path.parent.parent.name in str(caught.value)
    with pytest.raises(RegistryError, match="was not finished"):
        open_backup(tmp_path / "backup")


def test_one_writer_at_a_time(made, tmp_path):
    source = source_of(made / "registry")

    def again(_count):
        with pytest.raises(FileError, match="another process writes the backup"):
            back_up(source, tmp_path / "backup", hooks=hooks())

    back_up(source, tmp_path / "backup", hooks=hooks(advance=again))


def test_records_of_the_first_release_are_backed_up_as_they_are(tmp_path):
    lay_first_release(tmp_path / "registry")
    record, _ = back_up(source_of(tmp_path / "registry"), tmp_path / "backup", hooks=hooks())
    assert record.step == "0001"
    assert verify_backup(tmp_path / "backup", advance=nothing).faults == ()
    restore_registry(tmp_path / "backup", tmp_path / "new", advance=nothing)
    assert verify_source(source_of(tmp_path / "new"), advance=nothing).counts["statements"] == 1


KILLS = {"backup": ("rename", 4), "restore": ("pwrite64", 3)}


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("command", KILLS)
def test_killed_at_some_moment(made, tmp_path, command):
    assert check_kill(made, tmp_path / "killed", command, *KILLS[command])


@pytest.mark.sweep
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize(
    "call", ["rename", "fsync", "write", "link", "pwrite64", "mkdir", "unlink"]
)
@pytest.mark.parametrize("command", KILLS)
def test_killed_at_every_moment(made, tmp_path, command, call):
    number = 1
    while check_kill(made, tmp_path / str(number), command, call, number):
        number += 1


def check_kill(made: Path, folder: Path, command: str, call: str, number: int) -> bool:
    """Kill once; what is there is refused or whole, and the same command again comes to its end."""
    folder.mkdir()
    backup, data = made / "backup", made / "registry"
    target = folder / "target"
    arguments = {
        "backup": ("backup", target, "--data", data),
        "restore": ("restore", backup, "--data", target),
    }[command]
    killed = killed_at(call, number, *arguments)
    done = (target / "backup.json").exists() if command == "backup" else target.exists()
    if not done:
        assert killed
        assert registry_command(folder, *arguments).code == 0
    if command == "backup":
        found = verify_backup(target, advance=nothing)
    else:
        found = verify_source(source_of(target), advance=nothing)
    assert found.faults == ()
    assert found.counts["statements"] == 1
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
    return killed
