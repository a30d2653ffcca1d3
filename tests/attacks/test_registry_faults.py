"""A disk that lost something, a database that is held, a defect: refused cleanly, nothing destroyed."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from signkit.errors import RegistryError
from signkit.registry.app import create_app
from signkit.registry.folder import open_data_folder
from signkit.registry.folder_store import FolderStore
from signkit.registry.footing import open_parts
from signkit.registry.log import Log
from signkit.registry.records import open_database
from signkit.registry.search import parse_search
from signkit.registry.settings import Settings
from signkit.registry.store import ContentKey, PartKey
from signkit.registry.views import format_time
from signkit.verify.encoding import check_time
from tests.support.forked import run_signkit
from tests.support.registry import running_registry
from tests.support.registry_api import calling

DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _data: b"",
    "zeros": lambda data: bytes(len(data)),
    "half": lambda data: data[: len(data) // 2],
    "noise": lambda data: os.urandom(len(data)),
}


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    """A folder in which a registry has kept something, and what it is."""
    folder = tmp_path_factory.mktemp("used")
    with running_registry(folder) as registry, calling(registry) as api:
        binary = api.signed(b"kept")
    for path in (registry.data / "registry.sqlite3-wal", registry.data / "registry.sqlite3-shm"):
        path.unlink(missing_ok=True)  # the last one to leave has written it all back
    return registry.data, binary


def content(data: Path) -> list[bytes]:
    return [path.read_bytes() for path in (data / "content").rglob("*") if path.is_file()]


CASES = [(name, damage) for name in ("registry.sqlite3", "secret") for damage in DAMAGE]
# One secret is as good as another: what was presigned with the one before does not count any more.
CASES.remove(("secret", "noise"))


def start(data: Path) -> None:
    """Open a data folder as `registry serve` does before it listens."""
    open_database(open_data_folder(data)).close()


@pytest.mark.parametrize(("name", "damage"), CASES)
def test_f08_a_damaged_state_file_is_never_an_empty_one(used, name, damage):
    """A block of the disk came back otherwise: the start is refused, and the content stays."""
    data, _ = used
    path = data / name
    before = path.read_bytes()
    path.write_bytes(DAMAGE[damage](before))
    try:
        with pytest.raises(RegistryError) as caught:
            start(data)
    finally:
        path.write_bytes(before)
    assert caught.value.hint
    assert content(data) == [b"kept"]


def test_f08_records_that_are_gone_remove_no_content(used):
    data, binary = used
    path = data / "registry.sqlite3"
    path.rename(data / "aside")
    try:
        with pytest.raises(RegistryError, match="gone, but their content is there"):
            start(data)
    finally:
        (data / "aside").replace(path)
    assert content(data) == [b"kept"]
    with running_registry(data.parent) as registry, calling(registry) as api:
        assert api.read(binary) == binary


class Reluctant:
    """A file that takes three bytes at a time."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, data: memoryview) -> int:
        written: int = self._file.write(data[:3])
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Any:
        return self._file.__enter__()

    def __exit__(self, *what: object) -> None:
        self._file.__exit__(*what)


def test_f11_a_write_that_takes_a_few_bytes_at_a_time(tmp_path):
    store = FolderStore(tmp_path / "content")
    place = ContentKey(organization=UUID(int=1), binary=UUID(int=2), revision=0)
    key = PartKey(content=place, index=1, digest="0" * 64)
    writer: Any = store.begin(key)
    writer._file = Reluctant(writer._file)
    writer.write([b"seven bytes and more", b"", b"to come"])
    writer.keep()
    with store.open(key) as file:
        assert file.read() == b"seven bytes and moreto come"


@pytest.mark.parametrize("year", [1970, 2038, 2099, 9999])
def test_f31_times_far_from_ours_are_written_and_read(year):
    """What a wrong clock puts on record is sent and asked for like any other time."""
    moment = datetime(year, 1, 19, 3, 14, 8, 1, tzinfo=UTC)
    microseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert format_time(microseconds) == f"{year}-01-19T03:14:08.000001Z"
    (clause,) = parse_search(f"inserted_at<='{year}-01-19T03:14:08Z'")
    assert check_time(str(clause.value), what="inserted_at")


@pytest.mark.sweep
def test_f60_a_database_that_somebody_holds(tmp_path):
    """Another process holds the database for longer than a writer waits."""
    with running_registry(tmp_path) as registry, calling(registry) as api:
        held = sqlite3.connect(registry.data / "registry.sqlite3", isolation_level=None)
        held.execute("BEGIN EXCLUSIVE")
        answer = api.call("POST", "/artifacts", {"name": "waits"})
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert api.call("GET", "/artifacts").json()["artifacts"] == []  # reading goes on
        held.close()
        assert api.call("POST", "/artifacts", {"name": "waits"}).status_code == 201


@pytest.mark.sweep
def test_f60_a_folder_that_cannot_be_written(tmp_path):
    with running_registry(tmp_path) as registry:
        data = registry.data
    mounted = subprocess.run(
        ["mount", "--bind", "-o", "ro", str(data), str(data)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        done = run_signkit("registry", "serve", "--data", data, "--port", "0")
    finally:
        subprocess.run(["umount", str(data)], check=True)
    assert done.returncode not in {0, 1}
    assert done.stderr.startswith("error: data folder ")
    assert "ead-only" in done.stderr


def test_a_defect_is_one_sentence_with_an_id_and_no_more(tmp_path):
    with open_parts(Settings(data=tmp_path / "registry")) as parts:
        app = create_app(parts, Log(None))

        @app.get("/defect")
        def defect() -> None:
            message = "a secret of the inside"
            raise ValueError(message)

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                return await client.get("/defect")

        answer = asyncio.run(ask())
        parts.database.close()
    assert answer.status_code == 500
    assert answer.json() == {"errors": {"detail": "a defect of the registry; its log says more"}}
    assert len(answer.headers["peridio-request-id"]) == 20
    assert answer.headers["cache-control"] == "no-store"
