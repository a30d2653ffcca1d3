"""Walk the whole road over a real file, in a folder of its own, and say each step in one line.

Everything runs as a user would run it: the `signkit` command, the embedded registry as a process,
a submit that is killed with SIGKILL and run again, a device that has only public things.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024
BIN = Path(sys.executable).parent
REFUSED_CONTENT = 10


def say(step: str, text: str) -> None:
    """Say one step in one line."""
    print(f"{step:<9} {text}", flush=True)


def signkit(*arguments: object, expect: int = 0) -> dict[str, Any]:
    """Run one command with --json and return what it printed."""
    command = [str(BIN / "signkit"), *map(str, arguments), "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != expect:
        sys.exit(f"{' '.join(command)} ended with {run.returncode}:\n{run.stderr}{run.stdout}")
    text = run.stdout if expect == 0 else run.stderr.strip().splitlines()[-1]
    return json.loads(text)


def write_content(path: Path, size: int) -> None:
    """Write random bytes, as incompressible as a real model."""
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(os.urandom(MIB))


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """Run the embedded registry on a free port and yield its URL."""
    command = [BIN / "signkit", "registry", "serve", "--data", folder, "--port", "0"]
    options = ["--log-file", folder.parent / "registry.log", "--json"]
    server = subprocess.Popen(
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=(folder.parent / "registry.err").open("w"),
        text=True,
    )
    try:
        line = server.stdout.readline() if server.stdout else ""
        if not line:
            sys.exit((folder.parent / "registry.err").read_text())
        yield json.loads(line)["url"]
    finally:
        server.terminate()
        server.wait(timeout=30)


def parts_sent(log: Path) -> int:
    """Count the parts that the registry took, from its log."""
    if not log.exists():
        return 0
    lines = log.read_text().splitlines()
    return sum(1 for line in lines if '"path": "/upload/' in line and '"status": 200' in line)


def submit_and_kill(command: list[str], log: Path, *, after: int) -> int:
    """Start a submit, kill it once the registry took some parts; returns how many."""
    process = subprocess.Popen(
        [str(BIN / "signkit"), *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while parts_sent(log) < after and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return parts_sent(log)


def walk(folder: Path, size: int) -> None:
    """Walk the road."""
    networked, stick, device = (folder / name for name in ("networked", "stick", "device"))
    for each in (networked, stick, device):
        each.mkdir()
    model, passphrase = networked / "model.bin", folder / "passphrase"
    passphrase.write_text("correct horse battery staple\n")
    write_content(model, size)
    say("content", f"{model} of {size // MIB} MiB, random bytes")

    key = signkit("keys", "new", "prod", "--passphrase-file", passphrase)
    say("keys", f"made prod, encrypted; keyid {key['keyid']}")

    named = ("--artifact", "ML-Model", "--version", "1.0.0", "--target", "aarch64-unknown-linux")
    made = signkit("prepare", model, *named, "--reason", "the demo")
    say("prepare", f"hashed once, wrote {made['request']}; the plan stays")

    shutil.copy(made["request"], stick)
    request = stick / "model.request.json"
    confirm = ("--yes-to", made["sha256"], "--passphrase-file", passphrase)
    signed = signkit("sign", request, "--key", "prod", "--content", networked, *confirm)
    say("sign", f"content hashed again, both schemes signed and verified: {signed['response']}")
    response = shutil.copy(signed["response"], networked)

    with registry(folder / "registry") as url:
        token = signkit("registry", "token", "new", "--data", folder / "registry")["token"]
        (folder / "token").write_text(token + "\n")
        (folder / "token").chmod(0o600)
        say("registry", f"embedded, empty, at {url}")
        item = submit(response, url, folder)

    shutil.copy(model, device)
    shutil.copy(key["public_path"], device / "public.pem")
    signkit("extract", response, "--out", device)
    verify(device)
    say("keyid", key["keyid"])
    say("binary", f"{item['binary_prn']}, state {item['state']}")


def submit(response: str, url: str, folder: Path) -> dict[str, Any]:
    """Submit, cut in the middle, submit again."""
    log = folder / "registry.log"
    command = ["submit", response, "--registry", url, "--token-file", str(folder / "token")]
    first = submit_and_kill(command, log, after=4)
    say("cut", f"submit killed with SIGKILL after {first} parts had arrived")
    item = signkit(*command)["items"][0]["result"]
    total = parts_sent(log)
    say(
        "submit",
        f"run again: sent the missing {total - first} parts, none twice; attached, read back",
    )
    return item


def verify(device: Path) -> None:
    """Verify on the device, and show a tampered copy being refused."""
    model, public = device / "model.bin", device / "public.pem"
    verdict = signkit("verify", model, "--key", public)
    tampered = device / "tampered.bin"
    shutil.copy(model, tampered)
    with tampered.open("r+b") as file:
        file.seek(tampered.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
    statement = device / "model.bin.statement.json"
    refusal = signkit(
        "verify", tampered, "--statement", statement, "--key", public, expect=REFUSED_CONTENT
    )
    say("refused", f"one bit flipped: exit {REFUSED_CONTENT}, {refusal['error']}")
    say("verified", f"{model} is {verdict['artifact']} {verdict['version']}")


def main() -> None:
    """Run the demo in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=300, help="MiB of content (default 300)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="signkit-demo-") as name:
        os.environ["SIGNKIT_HOME"] = str(Path(name) / "home")
        walk(Path(name), options.size * MIB)


if __name__ == "__main__":
    main()
