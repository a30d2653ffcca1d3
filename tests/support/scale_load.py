"""What each kind of request costs on the shared footing, in processor time, one at a time and eight."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import ExitStack
from hashlib import sha256
from itertools import count
from pathlib import Path
from statistics import quantiles

import httpx
import psycopg

from signkit.registry.footing_file import load_footing_file
from tests.support.registry import running_registry, running_worker
from tests.support.registry_api import Api, Value
from tests.support.shared_footing import running_footing

REQUESTS = 1200
SENDERS = 8
LARGE = 64 * 1024 * 1024
PART = 8 * 1024 * 1024
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def run(call: Callable[[httpx.Client, int], None], api: Api, number: int) -> list[float]:
    """Do something so many times from several threads, and return how long each took."""
    turns, seconds = count(), []

    def work() -> None:
        with httpx.Client(base_url=api.url, headers=api.http.headers, timeout=60) as client:
            while (turn := next(turns)) < number:
                began = time.perf_counter()
                call(client, turn)
                seconds.append(time.perf_counter() - began)

    threads = [threading.Thread(target=work) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seconds) == number
    return seconds


class Load:
    """A registry, and the table that grows."""

    def __init__(self, api: Api, server: int, worker: int) -> None:
        self.api, self.server, self.worker = api, server, worker
        self.rows: list[tuple[str, ...]] = []

    def measure(self, name: str, number: int, call: Callable[[httpx.Client, int], None]) -> None:
        """Measure one kind of request."""
        before, began = cpu_seconds(self.server), time.monotonic()
        seconds = run(call, self.api, number)
        took = time.monotonic() - began
        cost = (cpu_seconds(self.server) - before) / number * 1000
        *_, high = quantiles(seconds, n=100)
        row = (name, f"{cost:.2f}", f"{1000 / cost:.0f}", f"{number / took:.0f}")
        self.rows.append((*row, f"{high * 1000:.0f}"))

    def reads(self, binary: Value) -> None:
        """Measure what readers and devices ask for."""

        def get(client: httpx.Client, _turn: int) -> None:
            assert client.get(f"/binaries/{binary['prn']}").status_code == 200

        def find(client: httpx.Client, _turn: int) -> None:
            search = {"search": f"target:'any' and hash:'{binary['hash']}'"}
            assert client.get("/binaries", params=search).status_code == 200

        def url(client: httpx.Client, _turn: int) -> None:
            path = f"/binaries/{binary['prn']}/download_url"
            assert client.get(path).status_code == 200

        self.measure("GET a binary", REQUESTS, get)
        self.measure("search for one", REQUESTS, find)
        self.measure("download_url, signed for the store", REQUESTS, url)

    def writes(self) -> None:
        """Measure what a submission asks for."""
        version = self.api.version()
        made = count()

        def create(client: httpx.Client, _turn: int) -> None:
            body = {"artifact_version_prn": version, "hash": "0" * 64, "size": 1}
            body["target"] = f"device-{next(made)}"
            assert client.post("/binaries", json=body).status_code == 201

        binary = self.api.binary(b"", size=PART * 2000, hash="0" * 64)

        def declare(client: httpx.Client, turn: int) -> None:
            body = {"hash": "1" * 64, "size": PART, "expected_binary_size": binary["size"]}
            path = f"/binaries/{binary['prn']}/parts/{turn + 1}"
            assert client.put(path, json=body).status_code == 201

        self.measure("POST a binary", REQUESTS // 2, create)
        self.measure("declare a part, signed for the store", REQUESTS // 2, declare)

    def verdict(self) -> str:
        """Measure what hashing costs a worker."""
        pieces = [os.urandom(PART) for _ in range(LARGE // PART)]
        binary = self.api.binary(b"".join(pieces))
        for index, data in enumerate(pieces, 1):
            url = self.api.declare(binary, index, data)["presigned_upload_url"]
            checksum = b64encode(sha256(data).digest()).decode()
            assert httpx.put(
                url, content=data, headers={"x-amz-checksum-sha256": checksum}, timeout=60
            ).is_success
        before = cpu_seconds(self.worker)
        assert self.api.hashed(binary)["state"] == "signable"
        return f"{LARGE / (cpu_seconds(self.worker) - before) / 1e6:.0f} MB a second"


def row_sizes(data: Path) -> str:
    """Return what a row of the two largest tables takes, indexes included."""
    url = str(load_footing_file(data).database.render_as_string(hide_password=False))
    sizes = []
    with psycopg.connect(url) as connection:
        for table in ("binaries", "binary_parts"):
            query = f"SELECT pg_total_relation_size('{table}'), count(*) FROM {table}"  # noqa: S608
            taken, rows = connection.execute(query.encode()).fetchone() or (0, 1)
            sizes.append(f"{table} {taken // rows} bytes ({rows} rows)")
    return ", ".join(sizes)


def main() -> int:
    """Run it and print the table."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="scale-load-")))
        data = stack.enter_context(running_footing(folder / "services")).make(folder)
        server = stack.enter_context(running_registry(folder, data=data, fresh=True))
        worker = stack.enter_context(running_worker(data, fresh=True))
        api = Api(server.url, server.token, is_shared=True)
        load = Load(api, server.process.pid, worker.pid)
        load.reads(api.signable(b"x" * 1000))
        load.writes()
        speed = load.verdict()
        sizes = row_sizes(data)
    head = ("request", "ms of processor", "a core a second", "seen a second", "p99 ms")
    rows = [head, *load.rows]
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)))
    print(f"a verdict reads and hashes {speed} of processor")
    print(f"a row with its indexes takes: {sizes}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
