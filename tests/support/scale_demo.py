"""Show 3: one release, two hosts, two servers, two workers, and one of each killed in the middle."""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import func, select

from signkit.formats.content import hash_content
from signkit.model.plan import PlannedItem
from signkit.model.request import Item, Wanted
from signkit.registry.clean_up import SHARDS, sweep
from signkit.registry.content import content_key
from signkit.registry.database import Database
from signkit.registry.footing_file import load_footing_file
from signkit.registry.s3_store import S3Store, object_name
from signkit.registry.tables import Artifact, ArtifactVersion, Binary, BinarySignature
from signkit.verify.digest import compute_digest
from tests.support.balancer import balancing
from tests.support.documents import RELEASE_SCHEMES
from tests.support.keys import PROD
from tests.support.registry import COMMAND, RunningRegistry, running_registry, running_worker
from tests.support.shared_footing import running_footing
from tests.support.submission import sign_items

MIB = 1024 * 1024
PART_SIZE = 5 * MIB
ROUNDS = 4
SECONDS = 900


@dataclass(kw_only=True)
class Demo:
    """What is there while it runs, and what was counted."""

    folder: Path
    count: int
    database: Database
    store: S3Store
    figures: dict[str, object] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def expect(self, name: str, found: object, expected: object) -> None:
        """Note a figure, and whether it is what it has to be."""
        self.figures[name] = found
        if found != expected:
            self.wrong.append(f"{name}: expected {expected}, got {found}")

    def signed(self) -> int:
        """Return how many binaries are signed."""
        with self.database.read() as session:
            query = select(func.count()).select_from(Binary).where(Binary.state == "signed")
            return session.scalar(query) or 0


def make_release(folder: Path, count: int) -> Path:
    """Make a release of small binaries, every tenth of three parts, and sign it."""
    chance = random.Random(1)
    items, planned = [], []
    for place in range(count):
        size = 11 * MIB if place % 10 == 0 else chance.randrange(MIB // 16, MIB)
        content = chance.randbytes(size)
        path = folder / f"model-{place:03}.bin"
        path.write_bytes(content)
        # A file that was changed just now might be changed again without a trace.
        os.utime(path, ns=(1_700_000_000_000_000_000, 1_700_000_000_123_456_789))
        digest, identity = hash_content(str(path), advance=lambda _count: None)
        pieces = [content[at : at + PART_SIZE] for at in range(0, size, PART_SIZE)]
        planned.append(
            PlannedItem(
                path=str(path),
                identity=identity,
                digest=digest,
                part_size=PART_SIZE,
                parts=tuple(compute_digest(piece) for piece in pieces),
            )
        )
        items.append(
            Item(
                name=path.name,
                size=size,
                digest=digest,
                artifact="ML-Model",
                version="1.0.0",
                target=f"device-{place:03}",
                sequence=1,
                expires=None,
                custom_metadata={"peridiod": {"installer": "file"}},
                wanted=tuple(Wanted(scheme=scheme, role="release") for scheme in RELEASE_SCHEMES),
            )
        )
    return sign_items(folder, items, planned, (PROD,)).response_path


def submit(host: Path, response: Path, url: str, token: Path, store: str) -> subprocess.Popen[str]:
    """Begin to submit as a host of its own."""
    host.mkdir(exist_ok=True)
    command = [*COMMAND, "submit", str(response), "--registry", url, "--token-file", str(token)]
    command += ["--upload-host", store, "--concurrency", "4", "--json"]
    with (host / "submit.log").open("a") as log:
        return subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            text=True,
            env={**os.environ, "SIGNKIT_HOME": str(host / "home")},
        )


def run_hosts(demo: Demo, response: Path, url: str, server: RunningRegistry, worker) -> None:
    """Submit from both hosts; kill a server and a worker once a third is signed."""
    token = demo.folder / "token"
    token.write_text(server.token)
    token.chmod(0o600)
    store = urlsplit(demo.store.client.meta.endpoint_url).netloc
    hosts = [demo.folder / name for name in ("host-a", "host-b")]
    killed_at = None
    codes: dict[str, list[int]] = {host.name: [] for host in hosts}
    for _ in range(ROUNDS):
        waiting = [host for host in hosts if codes[host.name][-1:] != [0]]
        running = {host.name: submit(host, response, url, token, store) for host in waiting}
        until = time.monotonic() + SECONDS
        while any(process.poll() is None for process in running.values()):
            if killed_at is None and demo.signed() >= demo.count // 3:
                killed_at = demo.signed()
                server.process.kill()
                worker.kill()
            if time.monotonic() > until:
                break
            time.sleep(0.1)
        for name, process in running.items():
            process.kill()
            codes[name].append(process.wait())
        if all(code[-1] == 0 for code in codes.values()):
            break
    demo.figures["signed when a server and a worker were killed"] = killed_at
    demo.figures["exit codes of host a, host b, by round"] = list(codes.values())
    if killed_at is None:
        demo.wrong.append("nothing was killed")
    if any(code[-1] for code in codes.values()):
        demo.wrong.append("a host did not finish")


def judge(demo: Demo) -> None:
    """Compare what is on record and in the store with what there has to be."""
    with demo.database.read() as session:
        binaries = list(session.scalars(select(Binary)))
        signatures = Counter(session.scalars(select(BinarySignature.binary_row)))
        for table, expected in ((Artifact, 1), (ArtifactVersion, 1), (Binary, demo.count)):
            found = session.scalar(select(func.count()).select_from(table))
            demo.expect(f"{table.__tablename__} on record", found, expected)
    demo.expect("binaries signed", demo.signed(), demo.count)
    demo.expect("signatures of each binary", sorted(set(signatures.values())), [1])
    demo.expect("binaries with a signature", len(signatures), demo.count)
    bucket = {"Bucket": demo.store._bucket}
    demo.figures["contents that clean-up removed"] = sum(
        sweep(demo.database, demo.store, shard, before=time.time() + 3600)
        for shard in range(SHARDS)
    )
    uploads = demo.store.client.list_multipart_uploads(**bucket).get("Uploads", ())
    demo.expect("uploads left after clean-up", len(uploads), 0)
    pages = demo.store.client.get_paginator("list_objects_v2").paginate(**bucket)
    names = {item["Key"] for page in pages for item in page.get("Contents", ())}
    spoken_of = {object_name(content_key(binary)) for binary in binaries}
    demo.expect("objects that no record speaks of", len(names - spoken_of), 0)
    right = 0
    for binary in binaries:
        pieces = demo.store.read(content_key(binary), (), start=0, end=binary.size)
        state = sha256()
        for piece in pieces:
            state.update(piece)
        right += state.hexdigest() == binary.hash
    demo.expect("digests read back from the store and right", right, demo.count)


def main() -> int:
    """Run it, print the figures, and return 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", type=int, default=200)
    count = parser.parse_args().binaries
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="scale-demo-")))
        shared = stack.enter_context(running_footing(folder / "services"))
        data = shared.make(folder)
        footing = load_footing_file(data)
        servers: list[RunningRegistry] = []
        for name in ("server-1", "server-2"):
            (folder / name).mkdir()
            if servers:
                (folder / name / "registry.token").write_text(servers[0].token)
            servers.append(
                stack.enter_context(running_registry(folder / name, data=data, fresh=True))
            )
        workers = [stack.enter_context(running_worker(data, fresh=True)) for _ in range(2)]
        url = stack.enter_context(balancing([urlsplit(server.url).port or 0 for server in servers]))
        demo = Demo(
            folder=folder,
            count=count,
            database=Database(footing.database),
            store=S3Store(footing.bucket),
        )
        stack.callback(demo.database.close)
        release = folder / "release"
        release.mkdir()
        response = make_release(release, count)
        size = sum(path.stat().st_size for path in release.glob("*.bin"))
        began = time.monotonic()
        run_hosts(demo, response, url, servers[0], workers[0])
        demo.figures["seconds"] = round(time.monotonic() - began, 1)
        demo.figures["MiB of content"] = size // MIB
        judge(demo)
        for name in ("host-a", "host-b"):
            if demo.wrong:
                print((folder / name / "submit.log").read_text()[-3000:], file=sys.stderr)
    width = max(map(len, demo.figures))
    for name, value in demo.figures.items():
        print(f"{name:{width}}  {json.dumps(value)}")
    for line in demo.wrong:
        print(f"WRONG: {line}")
    return 1 if demo.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
