"""Kill client and registry at random moments of an upload: `scripts/kill-sweep`.

`signkit submit` uploads to a registry in a folder. At random moments one of the two, or both, get
SIGKILL. After each kill the records pass SQLite's integrity check and `registry verify`, and every
part that was acknowledged to the client is on record as valid, with its bytes. A registry is
started again, and submit is run again, until it is done; then there is one record, it is signed
once, and its content is what was submitted.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from signkit.registry.sources import source_of
from signkit.registry.verification import verify_source
from tests.support.commands import Machine
from tests.support.recording_proxy import RecordingProxy
from tests.support.registry import COMMAND, RunningRegistry, running_registry
from tests.support.registry_api import calling
from tests.support.submission import make_signed

PART_SIZE = 16 * 1024
PARTS_A_KILL = 30  # parts that an upload has for each kill, so that the kills fall within it
_PATIENCE = 120.0
_PAUSE = 0.002
_VICTIMS = ("client", "registry", "both")
_SELECT_VALID = """
SELECT binaries.id, binary_parts."index" FROM binary_parts JOIN binaries
ON binaries.row = binary_parts.binary_row WHERE binary_parts.state = 'valid'
"""


class KillSweep:
    """A machine that submits, a registry, and chance.

    Args:
        folder: Empty.
        kills: How many.
        seed: Of chance.
        say: Told each step.

    Attributes:
        counts: Kills by victim; `runs` of submit, `uploads` that came to their end, `verified`
            parts over all looks, `acknowledged` parts.
    """

    def __init__(self, folder: Path, *, kills: int, seed: int, say: Callable[[str], None]) -> None:
        self.counts: Counter[str] = Counter()
        self._folder = folder
        self._left = kills
        self._parts = PARTS_A_KILL * kills
        self._chance = random.Random(seed)
        self._say = say
        self._machine = Machine(folder)
        self._proxy = RecordingProxy()
        self._registry: RunningRegistry
        self._stack = ExitStack()

    def run(self) -> None:
        """Kill as often as asked; every upload that was begun is finished and checked.

        Raises:
            AssertionError: something acknowledged was lost, or something is damaged or there twice.
        """
        self._machine.home.mkdir()
        with self._stack:
            self._stack.callback(self._proxy.close)
            self._start_registry()
            self._machine.write("home/token", self._registry.token, mode=0o600)
            while self._left:
                self._upload()
        self.counts["acknowledged"] = len(self._proxy.acknowledged)

    def _upload(self) -> None:
        """Submit one release, killed again and again, to its end."""
        number = self.counts["uploads"] + 1
        content = self._chance.randbytes(PART_SIZE * self._parts - 5)
        signed = make_signed(
            self._folder, content=content, part_size=PART_SIZE, artifact=f"upload-{number}"
        )
        client = self._start_client()
        while self._left and self._wait_for_moment(client):
            victim = self._chance.choice(_VICTIMS)
            self._kill(victim, client)
            if client.poll() is not None:
                client = self._start_client()
        _out, said = client.communicate(timeout=_PATIENCE)
        if client.returncode != 0:  # the registry was gone for longer than it had patience
            ran = self._machine.run(*self._command())
            self.counts["runs"] += 1
            assert ran.code == 0, (said, ran.err)
        self.counts["uploads"] += 1
        self._check_end(f"upload-{number}", signed.content.read_bytes())

    def _wait_for_moment(self, client: subprocess.Popen[bytes]) -> bool:
        """Wait for some more parts, or only for some time; say whether the client still runs."""
        if self._chance.random() < 0.25:  # also before the first part of a run
            wanted, until = 10**9, time.monotonic() + self._chance.uniform(0.2, 2.0)
        else:
            more = self._chance.randint(1, PARTS_A_KILL)
            wanted, until = len(self._proxy.acknowledged) + more, time.monotonic() + _PATIENCE
        while len(self._proxy.acknowledged) < wanted and time.monotonic() < until:
            if client.poll() is not None:
                return False
            time.sleep(_PAUSE)
        time.sleep(self._chance.uniform(0, 0.02))
        return client.poll() is None

    def _kill(self, victim: str, client: subprocess.Popen[bytes]) -> None:
        if victim in {"client", "both"}:
            client.kill()
        if victim in {"registry", "both"}:
            self._registry.kill()
        if victim in {"client", "both"}:
            client.communicate()
        # What was acknowledged by now; a registry that lives goes on with what it has received.
        acknowledged = set(self._proxy.acknowledged)
        self._check(acknowledged)
        if victim in {"registry", "both"}:
            self._start_registry()
        self._left -= 1
        self.counts[victim] += 1
        self._say(f"killed {victim:8}  acknowledged {len(acknowledged):5}, none lost")

    def _check(self, acknowledged: set[tuple[str, int]]) -> None:
        """Check that everything is whole, and that everything acknowledged is there."""
        with closing(sqlite3.connect(self._registry.data / "registry.sqlite3")) as records:
            assert records.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            rows = records.execute(_SELECT_VALID).fetchall()
        valid = {(str(UUID(identity)), index) for identity, index in rows}
        assert acknowledged <= valid, f"lost: {sorted(acknowledged - valid)}"
        found = verify_source(source_of(self._registry.data), advance=lambda _count: None)
        assert found.faults == ()
        assert found.counts["parts"] >= len(acknowledged)
        self.counts["verified"] += found.counts["parts"]

    def _check_end(self, artifact: str, content: bytes) -> None:
        """Check that there is one record of each kind, signed once, with the content."""
        with calling(self._registry) as api:

            def only(kind: str, search: str) -> dict[str, Any]:
                (found,) = api.call("GET", f"/{kind}", params={"search": search}).json()[kind]
                return dict(found)

            prn = only("artifacts", f"name:'{artifact}'")["prn"]
            version = only("artifact_versions", f"artifact_prn:'{prn}'")["prn"]
            binary = only("binaries", f"artifact_version_prn:'{version}'")
            assert (binary["state"], len(binary["signatures"])) == ("signed", 1)
            url = api.ask("GET", f"/binaries/{binary['prn']}/download_url")
            assert api.bare.get(url).content == content
        self._check(set(self._proxy.acknowledged))
        self._say(f"{artifact}: one record, signed once, its content read back")

    def _start_registry(self) -> None:
        self._registry = self._stack.enter_context(running_registry(self._folder, fresh=True))
        port = urlsplit(self._registry.url).port
        assert port
        self._proxy.target = port

    def _start_client(self) -> subprocess.Popen[bytes]:
        self.counts["runs"] += 1
        return subprocess.Popen(
            [*COMMAND, *self._command()],
            cwd=self._folder,
            env=self._machine.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def _command(self) -> tuple[str, ...]:
        url = f"http://127.0.0.1:{self._proxy.port}"
        return ("submit", "model.response.json", "--registry", url)


def main() -> int:
    """Sweep, and print the counts."""
    parser = argparse.ArgumentParser(prog="scripts/kill-sweep", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="how many; 50 when not given")
    parser.add_argument("--seed", type=int, help="of chance; printed, and a new one when not given")
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if arguments.seed is None else arguments.seed
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        sweep = KillSweep(
            Path(folder), kills=arguments.kills, seed=seed, say=lambda text: print(text, flush=True)
        )
        sweep.run()
    counts = sweep.counts
    print(
        f"{arguments.kills} kills in {time.monotonic() - started:.0f} s, seed {seed}:"
        f" client {counts['client']}, registry {counts['registry']}, both {counts['both']};"
        f" submit was run {counts['runs']} times for {counts['uploads']} uploads"
    )
    print(
        f"{counts['acknowledged']} parts were acknowledged, 0 lost; {counts['verified']} looks at a"
        " part, 0 damaged; integrity check ok after every kill; one record for each upload"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
