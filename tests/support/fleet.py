"""A fleet of a thousand: release after release, prepared, reviewed at a terminal, and signed.

`scripts/review-demo` prints what the operator sees and what it costs the machine; the tests look at
the same screens.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from signkit.formats.checkpoint import advance_checkpoint
from signkit.formats.response import open_response
from signkit.formats.words import encode_words
from signkit.verify.digest import compute_digest
from tests.support.commands import PASSPHRASE, Machine
from tests.support.terminal import Terminal

TARGET = "aarch64-unknown-linux"
ENTRY = '[[item]]\npath = "{name}.bin"\n{rest}\n'


@dataclass(frozen=True, kw_only=True)
class Ceremony:
    """What one ceremony showed and cost.

    Attributes:
        screen: The first screen with its prompt, as the terminal got it.
        signature_count: Signatures in the response.
        processor_seconds: User and system time of `signkit sign`, all of it.
        seconds: From its start to its end, the words typed at once.
    """

    screen: str
    signature_count: int
    processor_seconds: float
    seconds: float


def write_release(
    machine: Machine, version: str, names: list[str], odd: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write contents and a release list.

    Args:
        machine: Where.
        version: Of every item that does not say otherwise.
        names: One item for each; the names of artifacts.
        odd: By name, what an item says otherwise; `content` is its bytes.
    """
    lines = [f'[defaults]\nartifact = "{{stem}}"\nversion = "{version}"\ntarget = "{TARGET}"\n']
    for name in names:
        said = dict(odd.get(name, {}))
        content = said.pop("content", f"{name} {version}".encode() * 100)
        machine.write(f"{name}.bin", content)
        rest = "\n".join(f"{key} = {json.dumps(value)}" for key, value in said.items())
        lines.append(ENTRY.format(name=name, rest=rest))
    machine.write("fleet.toml", "\n".join(lines))


def hold_ceremony(machine: Machine, *, environment: Mapping[str, str]) -> Ceremony:
    """Prepare the release list, sign the request at a terminal, and take the response in."""
    reason = ("--reason", "the weekly release of the fleet")
    machine.ok("prepare", "--list", "fleet.toml", "--force", *reason)
    request = machine.folder / "fleet.request.json"
    words = " ".join(encode_words(sha256(request.read_bytes()).digest()[:4]))
    options = ["--key", "prod", "--passphrase-file", "pw", "--content", ".", "--force"]
    command = ["-m", "signkit.cli", "sign", "fleet.request.json", *options]
    change = f"import os, sys; os.chdir({str(machine.folder)!r})"
    start = f"{change}; os.execv(sys.executable, [sys.executable, *{command!r}])"
    before, began = _children(), time.monotonic()
    terminal = Terminal(["-c", start], machine.environment(**environment))
    terminal.answer("words: ", words)
    screen = terminal.shown
    code = terminal.wait()
    if code:
        message = f"signkit sign ended with {code}: {terminal.shown}"
        raise RuntimeError(message)
    ended, after = time.monotonic(), _children()
    return Ceremony(
        screen=screen[screen.index("REQUEST ") :].replace("\r\n", "\n"),
        signature_count=_take_in(machine),
        processor_seconds=after - before,
        seconds=ended - began,
    )


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _take_in(machine: Machine) -> int:
    """Do what `submit` does when all is attached: remember the response. Counts its signatures."""
    data = (machine.folder / "fleet.response.json").read_bytes()
    response = open_response(data).response
    items = machine.ok("show", "fleet.request.json")["request"]["items"]
    sequences = {(each["artifact"], each["target"]): each["sequence"] for each in items}
    advance_checkpoint(machine.home / "checkpoint.json", compute_digest(data), sequences)
    return sum(len(result.signatures) for result in response.items)


NAMES = [f"sensor-{number:03}" for number in range(990)]
NEW = [f"valve-{number}" for number in range(7)]
ADDED = [*NEW, "sens0r-012", "pump", "Sensor-044"]
ODD: Mapping[str, Mapping[str, Any]] = {
    "sensor-011": {"sequence": 1},
    "sensor-044": {"version": "1.0.9"},
    "sensor-123": {"version": "1.1.0", "content": b"other content of the same version"},
    "sensor-200": {"content": b"sensor-200 1.1.0" * 100},
    "sensor-333": {"content": b"x" * 64_000},
    "sensor-456": {"expires": "2027-01-01T00:00:00Z"},
    "sensor-501": {"content": b""},
    "valve-3": {"target": "x86_64-unknown-linux"},
    "va1ve-4": {},
}


def releases(machine: Machine, *, environment: Mapping[str, str]) -> tuple[Ceremony, ...]:
    """Hold three ceremonies: 990 items, then 1,000, then 1,000 of which some are odd."""
    machine.write("pw", PASSPHRASE + "\n", mode=0o600)
    machine.new_key()
    third = ["va1ve-4" if name == "valve-4" else name for name in [*NAMES, *ADDED]]
    held = []
    for version, names, odd in (
        ("1.0.0", NAMES, {}),
        ("1.1.0", [*NAMES, *ADDED], {}),
        ("1.2.0", third, ODD),
    ):
        write_release(machine, version, names, odd)
        held.append(hold_ceremony(machine, environment=environment))
    return tuple(held)


def main() -> None:
    """Print the screens and the figures."""
    with tempfile.TemporaryDirectory(prefix="signkit-review-") as folder:
        held = releases(Machine(Path(folder)), environment={"TERM": "dumb"})
    titles = (
        "990 items, the first",
        "1,000 items after them",
        "1,000 again, nine of them odd and two missing",
    )
    for title, each in zip(titles, held, strict=True):
        print(f"== {title}\n\n{each.screen}\n")
        print(
            f"   {each.signature_count:,} signatures, one approval: {each.processor_seconds:.2f} s"
            f" of processor time, {each.seconds:.2f} s in all\n"
        )


if __name__ == "__main__":
    main()
