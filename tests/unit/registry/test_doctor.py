"""What is wrong with a footing is said by name; that of a shared one on real services."""

from __future__ import annotations

import json
import os

import pytest
from sqlalchemy import text, update

from signkit.registry.database import Database
from signkit.registry.doctor import Check, Health, TroubleError, _run_all, examine, refuse_unhealthy
from signkit.registry.folder import open_data_folder, server_lock
from signkit.registry.records import open_database
from signkit.registry.tables import Artifact, ArtifactVersion, Binary, Organization
from tests.support.forked import run_signkit


def health_of(data):
    return {finding.check: finding.health for finding in examine(data)}


def only(data, health=Health.FAILED):
    """Return the one finding that is not well."""
    (found,) = [finding for finding in examine(data) if finding.health is not Health.OK]
    assert found.health is health
    return found


@pytest.fixture
def data(tmp_path):
    folder = open_data_folder(tmp_path / "registry")
    open_database(folder).close()
    return folder.path


def test_a_folder_that_is_not_there_yet(tmp_path):
    data = tmp_path / "later"
    found = only(data, Health.WARNING)
    assert (found.check, found.detail) == ("folder", f"there is no registry in {data} yet")
    assert found.hint == "signkit registry serve makes one"
    refuse_unhealthy(examine(data))  # nothing keeps it from serving
    assert not data.exists()
    data.mkdir(mode=0o700)
    assert only(data, Health.WARNING) == found


def test_a_folder_as_serve_makes_it(data):
    before = sorted(data.iterdir())
    assert set(health_of(data).values()) == {Health.OK}
    assert sorted(path for path in data.iterdir() if path.name != "lock") == [
        path for path in before if path.name != "lock"
    ]


def test_a_server_that_runs_is_no_trouble(data):
    with server_lock(data):
        (found,) = [finding for finding in examine(data) if finding.check == "server"]
        assert (found.health, found.detail) == (Health.OK, "one runs")


def test_a_folder_that_others_can_read(data):
    data.chmod(0o750)
    found = only(data)
    assert (found.check, found.detail) == ("folder", f"{data} has mode 0750, expected 0700")
    assert found.hint == f"chmod 700 {data}"


def test_a_secret_that_others_can_read(data):
    (data / "secret").chmod(0o640)
    assert only(data).detail == f"{data / 'secret'} has mode 0640, expected 0600"


def test_a_secret_that_is_damaged(data):
    (data / "secret").write_bytes(b"short")
    assert only(data).detail == f"{data / 'secret'} has 5 bytes, expected 32"


def test_records_that_are_none(data):
    (data / "registry.sqlite3").write_bytes(b"no database, " * 1000)
    found = {finding.check: finding for finding in examine(data)}
    assert found["records"].detail == "file is not a database"
    assert found["schema"].health is found["clock"].health is Health.SKIPPED


@pytest.mark.parametrize(
    ("step", "health", "detail"),
    [
        ("0002", Health.WARNING, "at step 0002, expected "),
        ("9999", Health.FAILED, "the database is at step 9999, which this signkit does not know"),
    ],
)
def test_a_schema_of_another_signkit(data, step, health, detail):
    database = Database(data / "registry.sqlite3")
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :step"), {"step": step})
    database.close()
    found = {finding.check: finding for finding in examine(data)}["schema"]
    assert found.health is health
    assert found.detail.startswith(detail)


def test_a_clock_that_went_back(data):
    database = Database(data / "registry.sqlite3")
    with database.write() as session:
        organization = Organization(name="o")
        session.add(organization)
        session.flush()
        owner = {"organization_row": organization.row}
        version = ArtifactVersion(artifact=Artifact(name="a", **owner), version="1", **owner)
        binary = Binary(
            organization=organization, artifact_version=version, target="t", hash="0", size=1
        )
        session.add(binary)
        session.flush()
        session.execute(update(Binary).values(updated_at=Binary.updated_at + 3_600_000_000))
    database.close()
    assert "s ahead of this clock" in only(data).detail


def test_a_folder_of_somebody_else(data, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert only(data).check == "folder"


def test_what_hangs_on_what_failed_is_not_looked_at():
    def fail():
        raise TroubleError("broken", "mend it")

    def warn():
        raise TroubleError("odd", is_fatal=False)

    checks = [
        Check(name="a", run=fail),
        Check(name="b", run=lambda: "never", needs="a"),
        Check(name="c", run=lambda: "never", needs="b"),
        Check(name="d", run=warn),
        Check(name="e", run=lambda: "fine", needs="d"),
    ]
    assert [finding.health for finding in _run_all(checks)] == [
        Health.FAILED,
        Health.SKIPPED,
        Health.SKIPPED,
        Health.WARNING,
        Health.OK,
    ]


def run(data):
    done = run_signkit("registry", "doctor", "--data", data, "--json")
    checks = {check["check"]: check for check in json.loads(done.stdout)["checks"]}
    return done, checks


def test_a_shared_footing(shared_footing, tmp_path):
    done, checks = run(shared_footing.make(tmp_path))
    assert done.returncode == 0, done.stderr
    # The tests' own server does not sync.
    assert [name for name, check in checks.items() if check["health"] != "ok"] == ["database"]
    assert checks["checksums"]["detail"].endswith("refused with 400")
    assert checks["lengths"]["detail"].endswith("refused with 403")
    assert checks["privacy"]["detail"].startswith("refused with 403")


def test_a_shared_footing_that_is_not_there(shared_footing, tmp_path):
    nowhere = "postgresql://signkit:secret@127.0.0.1:1/nowhere"
    data = shared_footing.make(tmp_path, bucket="no-such-bucket", database=nowhere)
    data.chmod(0o644)
    done, checks = run(data)
    assert done.returncode == 9
    assert "the footing cannot serve: file, database, bucket" in done.stderr
    assert "secret" not in done.stdout + done.stderr
    assert checks["file"]["detail"].endswith("has mode 0644, expected 0600")
    assert checks["database"]["detail"].startswith("connection failed: ")
    assert checks["bucket"]["detail"] == "there is no bucket no-such-bucket"
    assert checks["multipart"]["health"] == checks["removal"]["health"] == "skipped"
