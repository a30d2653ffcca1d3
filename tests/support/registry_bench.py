"""What the number of binaries on record costs: for `scripts/bench registry-read` and `registry-flat`.

    python -m tests.support.registry_bench read|flat [--count N]

Prints one JSON object a line: what was measured, its seconds, those that it may take, and the rest
in words.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from signkit.registry.prn import Kind
from tests.support.registry import RunningRegistry, running_registry
from tests.support.registry_api import Api, calling
from tests.support.scale_load import cpu_seconds
from tests.support.seeded_registry import SIZE, TARGETS, content_hash, named, seed_folder

READERS = 32
REQUESTS = 8000
BOUND_SECONDS = 0.05
PACED = 0.7
LIVES, READS, TURNS = 100, 1000, 5
WORDS = {"lives": "the whole life of a binary", "reads": "reading a binary"}
FEW = 1000
_READERS = Path(__file__).with_name("readers.py")

Kinds = Mapping[str, Sequence[str]]


@contextmanager
def seeded(count: int) -> Iterator[tuple[RunningRegistry, Api]]:
    """Run the registry on a folder with so many binaries."""
    with tempfile.TemporaryDirectory(prefix="signkit-records-") as name, ExitStack() as stack:
        seed_folder(Path(name) / "registry", count)
        registry = stack.enter_context(running_registry(Path(name), fresh=True))
        yield registry, stack.enter_context(calling(registry))


class Asked:
    """The requests of readers, as text that is sent as it is."""

    def __init__(self, registry: RunningRegistry, api: Api, count: int) -> None:
        address = urlsplit(registry.url).netloc
        self._head = (
            f" HTTP/1.1\r\nHost: {address}\r\nAuthorization: Token {registry.token}"
            "\r\nX-API-Version: 2\r\nAccept: */*\r\n\r\n"
        )
        self._api = api
        (oldest,) = api.call("GET", "/binaries?limit=1&order=asc").json()["binaries"]
        self._organization = oldest["organization_prn"].rpartition(":")[2]
        middle = datetime.fromisoformat(oldest["inserted_at"]) + timedelta(seconds=count // 4)
        self._times = [
            (middle + timedelta(seconds=more)).strftime("%Y-%m-%dT%H:%M:%SZ") for more in (0, 60)
        ]
        # Seeded, so that each run asks for the same.
        chance = random.Random(1)
        self._places = [chance.randrange(count) for _ in range(500)]
        self._count = count

    def kinds(self) -> Kinds:
        """Return what readers ask for: one resource, pages, and every form of search in use."""
        places, (begin, end) = self._places, self._times
        binaries = [self._prn(Kind.BINARY, place) for place in places]
        versions = [self._prn(Kind.ARTIFACT_VERSION, place // TARGETS) for place in places]
        return {
            "get a binary": [self._get(f"/binaries/{prn}") for prn in binaries],
            "get a version": [self._get(f"/artifact_versions/{prn}") for prn in versions],
            "list, 10": [self._get("/binaries")],
            "list, 100": [self._get("/binaries?limit=100")],
            "list, 10 from the middle": [self._get(f"/binaries?page={self._middle()}")],
            "search by hash": [self._search(f"hash:'{content_hash(place)}'") for place in places],
            "search by version": [
                self._search(f"artifact_version_prn:'{prn}'") for prn in versions
            ],
            "search by version and target": [
                self._search(f"artifact_version_prn:'{prn}' and target:'target-{place % TARGETS}'")
                for prn, place in zip(versions, places, strict=True)
            ],
            "search by prn": [self._search(f"prn:'{prn}'") for prn in binaries],
            "search by state": [self._search("state:'signable'"), self._search("state:'signed'")],
            "search by state, none there": [self._search("state:'destroyed'")],
            "search by time": [self._search(f"inserted_at>='{begin}' and inserted_at<'{end}'")],
            "search by state and size": [self._search(f"state:'signed' and size>{SIZE}")],
            "search signatures of a binary": [
                self._search(f"binary_prn:'{prn}'", "/binary_signatures") for prn in binaries
            ],
        }

    def scans(self) -> Kinds:
        """Return searches that no index narrows and that find nothing: they look at everything."""
        return {
            "search a part of a text, none there": [self._search("description~'nowhere'")],
            "search by state and size, none there": [self._search("state:'signed' and size<5")],
            "search by a size, none there": [self._search("size:1")],
        }

    def _middle(self) -> str:
        """Walk to the middle and return its cursor; half way at most 100 pages."""
        cursor: str | None = None
        for _ in range(min(100, max(1, self._count // 200))):
            more = {} if cursor is None else {"page": cursor}
            answer = self._api.call("GET", "/binaries", params={"limit": 100, **more})
            cursor = answer.json()["next_page"]
        return cursor or ""

    def _prn(self, kind: Kind, place: int) -> str:
        return f"prn:1:{self._organization}:{kind}:{named(kind, place)}"

    def _search(self, text: str, path: str = "/binaries") -> str:
        return self._get(f"{path}?search={quote(text)}")

    def _get(self, path: str) -> str:
        return f"GET {path}{self._head}"


def ask(
    registry: RunningRegistry,
    kinds: Kinds,
    *,
    requests: int,
    rate: float = 0,
    readers: int = READERS,
) -> dict[str, Any]:
    """Have readers ask, in a process of their own."""
    address = urlsplit(registry.url)
    asked = {"host": address.hostname, "port": address.port, "kinds": kinds, "rate": rate}
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(_READERS)],
        input=json.dumps({**asked, "requests": requests, "readers": readers}),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    answered: dict[str, Any] = json.loads(done.stdout)
    return answered


def measure_reads(count: int) -> Iterator[dict[str, object]]:
    """Read with 32 readers that never pause, then at a rate that leaves the server some room."""
    with seeded(count) as (registry, api):
        asked = Asked(registry, api, count)
        kinds = asked.kinds()
        ask(registry, kinds, requests=REQUESTS // 8)
        before = cpu_seconds(registry.process.pid)
        closed = ask(registry, kinds, requests=REQUESTS)
        cost = (cpu_seconds(registry.process.pid) - before) / REQUESTS * 1000
        rate = REQUESTS / closed["seconds"]
        words = f"{rate:.0f} a second, {cost:.2f} ms of processor each"
        yield from _figures(f"{READERS} readers without a pause", closed["kinds"], words)
        paced = ask(registry, kinds, requests=REQUESTS, rate=PACED * rate)
        words = f"{PACED * rate:.0f} a second"
        yield from _figures(f"{READERS} readers, paced", paced["kinds"], words, bound=False)
        alone = ask(registry, asked.scans(), requests=200, readers=1)
        yield from _figures("1 reader", alone["kinds"], "looks at every record", bound=False)


def _figures(
    how: str, kinds: Mapping[str, Sequence[float]], words: str, *, bound: bool = True
) -> Iterator[dict[str, object]]:
    every = [one for each in kinds.values() for one in each]
    for name, took in {"all of it": every, **kinds}.items():
        middle, high = statistics.median(took), _p99(took)
        said = f"p50 {middle:.1f}, p99 {high:.1f}, max {max(took):.1f} ms"
        yield {
            "work": f"{how}: {name}",
            "ours": [high / 1000],
            "theirs": [BOUND_SECONDS],
            "bound": 1.0 if bound else None,
            "words": f"{said}; {words}" if name == "all of it" else said,
        }


def _p99(took: Sequence[float]) -> float:
    return sorted(took)[int(len(took) * 0.99)]


def measure_flat(count: int) -> Iterator[dict[str, object]]:
    """Compare what one binary costs the server among few and among many, in turn."""
    with seeded(FEW) as few, seeded(count) as many:
        sides = [_Side(*few, FEW), _Side(*many, count)]
        for side in sides:
            side.measure()  # warms up
        for _ in range(TURNS):
            for side in sides:
                side.measure()
    for name in ("lives", "reads"):
        among_few, among_many = (getattr(side, name)[1:] for side in sides)
        yield {
            "work": f"{WORDS[name]}, {count} on record",
            "ours": among_many,
            "theirs": among_few,
            "bound": 1.25,
            "words": "processor of the server for each",
        }


class _Side:
    """A registry, and what a binary costs it, in seconds of processor."""

    def __init__(self, registry: RunningRegistry, api: Api, count: int) -> None:
        self.lives: list[float] = []
        self.reads: list[float] = []
        self._registry, self._api = registry, api
        self._kinds = {"get": Asked(registry, api, count).kinds()["get a binary"]}

    def measure(self) -> None:
        """Measure both, once."""
        with self._counting(LIVES, self.lives):
            for _ in range(LIVES):
                assert self._api.signed(os.urandom(4096))["state"] == "signed"
        with self._counting(READS, self.reads):
            ask(self._registry, self._kinds, requests=READS, readers=4)

    @contextmanager
    def _counting(self, number: int, into: list[float]) -> Iterator[None]:
        before = cpu_seconds(self._registry.process.pid)
        yield
        into.append((cpu_seconds(self._registry.process.pid) - before) / number)


def main() -> int:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=("read", "flat"))
    parser.add_argument("--count", type=int, default=100_000, help="binaries, a multiple of 100")
    options = parser.parse_args()
    measure = measure_reads if options.work == "read" else measure_flat
    for line in measure(options.count):
        print(json.dumps(line), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
