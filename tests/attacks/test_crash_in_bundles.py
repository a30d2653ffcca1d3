"""Push, pull and verify --from killed at any moment: run again they end as if nothing had happened."""

from __future__ import annotations

import io
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from signkit.bundles.archive import read_archive
from tests.support.bundle_world import TARGET, make_bundle, make_release
from tests.support.keys import PROD
from tests.support.registry import COMMAND, RunningRegistry, running_registry
from tests.support.registry_api import Value, calling

pytestmark = [pytest.mark.server, pytest.mark.sweep]

CHANCE = random.Random(6)
CONTENTS = [CHANCE.randbytes(size) for size in (30_000_000, 14, 20_000_000)]
TARGETS = (TARGET, "second", "third")
MOMENTS = [round(0.2 + 0.15 * step, 2) for step in range(12)]


class World:
    """A bundle, and a copy of its registry's folder from before there was one."""

    def __init__(self, folder: Path, registry: RunningRegistry, bundle: Value) -> None:
        self.folder, self.registry, self.bundle = folder, registry, bundle


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A registry with a bundle of 50 MB."""
    folder = tmp_path_factory.mktemp("world")
    with running_registry(folder / "first") as first:
        with calling(first) as api:
            api.key()
        first.stop()
    shutil.copytree(folder / "first", folder / "empty")
    with running_registry(folder / "first") as here, calling(here) as api:
        binaries = [
            make_release(api, content, target=target)
            for content, target in zip(CONTENTS, TARGETS, strict=True)
        ]
        yield World(folder, here, make_bundle(api, *binaries))


def start(folder: Path, token: str, *arguments: str) -> subprocess.Popen[bytes]:
    (folder / "token").write_text(token)
    (folder / "token").chmod(0o600)
    return subprocess.Popen(
        [*COMMAND, "registry", "bundles", *arguments, "--token-file", "token"],
        cwd=folder,
        env={**os.environ, "SIGNKIT_HOME": str(folder / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def kill_after(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Kill a process after so long."""
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def finish(process: subprocess.Popen[bytes]) -> None:
    _out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_pull_that_is_killed(moment: float, world: World, tmp_path: Path) -> None:
    options = ("pull", world.bundle["prn"], "--registry", world.registry.url, "-o", "b.cpio.zst")
    kill_after(start(tmp_path, world.registry.token, *options), moment)
    archive = tmp_path / "b.cpio.zst"
    finish(start(tmp_path, world.registry.token, *options))
    index = read_archive(io.BytesIO(archive.read_bytes())).index
    assert index.hash == world.bundle["hash"]
    left = {path.name for path in tmp_path.iterdir()} - {"b.cpio.zst", "token", "home"}
    assert all(name.startswith(".signkit-") for name in left), left


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_push_that_is_killed(moment: float, world: World, tmp_path: Path) -> None:
    pulled = world.folder / "b.cpio.zst"
    if not pulled.exists():
        options = ("pull", world.bundle["prn"], "--registry", world.registry.url)
        finish(start(world.folder, world.registry.token, *options, "-o", "b.cpio.zst"))
    shutil.copytree(world.folder / "empty", tmp_path / "twin")
    with running_registry(tmp_path / "twin") as twin, calling(twin) as api:
        options = ("push", str(pulled), "--registry", twin.url)
        kill_after(start(tmp_path, twin.token, *options), moment)
        finish(start(tmp_path, twin.token, *options))
        bundle = api.ask("GET", f"/bundles/{world.bundle['prn']}")
        assert bundle["hash"] == world.bundle["hash"]
        kept = api.call("GET", f"/bundles/{bundle['prn']}/signatures").json()["signatures"]
        assert len(kept) == 1
        records = [api.read({"prn": each["prn"]}) for each in bundle["binaries"]]
        assert [each["state"] for each in records] == ["signed"] * 3
        assert [len(each["signatures"]) for each in records] == [1] * 3
        assert [each["size"] for each in records] == [len(content) for content in CONTENTS]


@pytest.mark.parametrize("round_number", range(3))
def test_two_pushes_at_once(round_number: int, world: World, tmp_path: Path) -> None:
    pulled = world.folder / "b.cpio.zst"
    if not pulled.exists():
        options = ("pull", world.bundle["prn"], "--registry", world.registry.url)
        finish(start(world.folder, world.registry.token, *options, "-o", "b.cpio.zst"))
    shutil.copytree(world.folder / "empty", tmp_path / "twin")
    with running_registry(tmp_path / "twin") as twin, calling(twin) as api:
        options = ("push", str(pulled), "--registry", twin.url)
        pushes = [start(tmp_path, twin.token, *options) for _ in range(2)]
        for each in pushes:
            finish(each)
        bundles = api.call("GET", "/bundles").json()["bundles"]
        assert [each["hash"] for each in bundles] == [world.bundle["hash"]]
        kept = api.call("GET", "/binary_signatures").json()["binary_signatures"]
        assert len(kept) == len(CONTENTS)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_verify_from_that_is_killed(moment: float, world: World, tmp_path: Path) -> None:
    (tmp_path / "prod.pem").write_text(PROD.public_key.raw.hex())
    (tmp_path / "token").write_text(world.registry.token)
    (tmp_path / "token").chmod(0o600)
    url = f"{world.registry.url}/bundles/{world.bundle['prn']}/manifest?target={TARGET}"
    command = [*COMMAND, "verify", "--from", url, "--token-file", "token", "--key", "prod.pem"]

    def begin() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*command, "--output", "m", "--force"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    kill_after(begin(), moment / 2)
    path = tmp_path / "m"
    assert not path.exists() or path.read_bytes() == CONTENTS[0]
    finish(begin())
    assert path.read_bytes() == CONTENTS[0]
    assert not (tmp_path / ".m.from").exists()
