"""A real PostgreSQL and a real SeaweedFS on the loopback address, for one run of tests."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psycopg

from signkit.registry.footing_file import Bucket
from signkit.registry.s3_store import S3Store

KEY, SECRET = "signkit-key", "signkit-secret-of-tests"
_SECONDS = 60
_NOBODY = 65534
_INITDB = ("-A", "trust", "-U", "signkit", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
_names = count(1)


@dataclass(frozen=True, kw_only=True)
class SharedFooting:
    """Services that accept connections, and what they are told by."""

    postgres_port: int
    s3_port: int

    def database_url(self, name: str) -> str:
        """Return the address of a database."""
        return f"postgresql://signkit@127.0.0.1:{self.postgres_port}/{name}"

    @property
    def endpoint(self) -> str:
        """Return the address of the store."""
        return f"http://127.0.0.1:{self.s3_port}"

    def make(self, folder: Path, **changes: str) -> Path:
        """Make an empty database and an empty bucket, and return a footing file for both."""
        name = f"signkit{os.getpid()}x{next(_names)}"
        with psycopg.connect(self.database_url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        values = {
            "database": self.database_url(name),
            "bucket": name,
            "endpoint": self.endpoint,
            **changes,
        }
        if values["bucket"] == name:
            self.store(name).client.create_bucket(Bucket=name)
        path = folder / "registry.toml"
        path.write_text("".join(f"{key} = {json.dumps(text)}\n" for key, text in values.items()))
        path.chmod(0o600)
        return path

    def store(self, bucket: str) -> S3Store:
        """Return the store over a bucket."""
        return S3Store(Bucket(name=bucket, endpoint=self.endpoint))


@contextmanager
def running_footing(folder: Path) -> Iterator[SharedFooting]:
    """Run both services while the body runs."""
    before = {name: os.environ.get(name) for name in _environment()}
    os.environ.update(_environment())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _running_postgres(folder) as postgres, _running_s3(folder / "s3") as s3:
            yield SharedFooting(postgres_port=postgres, s3_port=s3)
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


def _environment() -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        # Nothing of this machine's own.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _postgres_programs() -> Path:
    """Return where PostgreSQL's programs are: the package of the tests, or the system's."""
    spec = find_spec("pgserver")
    for place in spec.submodule_search_locations or () if spec else ():
        return Path(place) / "pginstall" / "bin"
    (*_, latest) = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return latest


@contextmanager
def _running_postgres(folder: Path) -> Iterator[int]:
    """Run PostgreSQL; its data lies beside the folder, its log in it."""
    log_path = folder / "postgres.log"
    # Not in the folder: another user cannot pass through those of pytest.
    place = tempfile.TemporaryDirectory(prefix="signkit-postgres-")
    with place as name, _serving(Path(name), log_path) as port:
        yield port


@contextmanager
def _serving(place: Path, log_path: Path) -> Iterator[int]:
    programs, port = _postgres_programs(), free_port()
    # PostgreSQL refuses to run as root.
    user = _NOBODY if os.getuid() == 0 else None
    if user is not None:
        os.chown(place, user, user)
    data = place / "data"
    made = subprocess.run(
        [programs / "initdb", "-D", data, *_INITDB],
        check=False,
        user=user,
        group=user,
        cwd="/",
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
    options |= {"fsync": "off", "max_connections": 300}
    settings = [f"--{name}={value}" for name, value in options.items()]
    with log_path.open("wb") as log:
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, *settings],
            user=user,
            group=user,
            cwd="/",
            stdout=log,
            stderr=log,
        )
    try:
        _wait_until(lambda: _answers_postgres(port), server)
        yield port
    finally:
        server.terminate()
        server.wait(_SECONDS)


def _answers_postgres(port: int) -> bool:
    try:
        psycopg.connect(f"postgresql://signkit@127.0.0.1:{port}/postgres").close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def _running_s3(folder: Path) -> Iterator[int]:
    folder.mkdir(parents=True)
    identity = {
        "name": "signkit",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    ports = {name: free_port() for name in ("s3", "master", "volume", "filer")}
    # Each service opens a second port 10000 above, unless it is told otherwise.
    options = [f"-{name}.port={port}" for name, port in ports.items()]
    options += [f"-{name}.port.grpc={free_port()}" for name in ports]
    options += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]
    weed = shutil.which("weed", path=str(Path(sys.executable).parent)) or "weed"
    command = [weed, "server", f"-dir={folder}", "-ip=127.0.0.1", "-s3", f"-s3.config={config}"]
    command += ["-master.volumeSizeLimitMB=256", "-volume.max=0", *options]
    with (folder.parent / "s3.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        _wait_until(lambda: _answers_s3(ports["s3"]), server)
        yield ports["s3"]
    finally:
        server.kill()  # told to stop, it takes ten seconds
        server.wait(_SECONDS)


def _answers_s3(port: int) -> bool:
    """Say whether the store takes objects, not only connections."""
    try:
        urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
    except (URLError, OSError):
        return False
    return True


def _wait_until(true, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _SECONDS
    while not true():
        assert server.poll() is None, f"{server.args!r} ended with {server.returncode}"
        assert time.monotonic() < until, f"{server.args!r} does not answer"
        time.sleep(0.05)
