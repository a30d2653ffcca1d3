"""Measure signkit against the tools that people compare it with, in pairs, in one run.

Each work and its yardstick run in turn, A B A B ..., after one warm-up; the figure is the median of
the ratios of the pairs, because seconds drift on a shared machine and ratios do not. Peak memory is
that of the largest process of a command, as the system says it.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from hashlib import file_digest, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

KIB, MIB, GIB = 1024, 1024**2, 1024**3
BIN = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parents[1]
PART = 16 * MIB
TARGET = "aarch64-unknown-linux"
_LIBRARY = "softhsm/libsofthsm2.so"
SOFTHSM = (Path("/usr/lib", _LIBRARY), Path("/usr/lib/x86_64-linux-gnu", _LIBRARY))

Command = Sequence[str | os.PathLike[str]]


@dataclass
class Figure:
    """One line of the table."""

    work: str
    yardstick: str
    ratios: list[float]
    ours: list[float]
    theirs: list[float]
    bound: float | None
    memory: int
    memory_bound: int | None
    extra: str = ""
    extra_kept: bool = True

    @property
    def ratio(self) -> float:
        """The median of the pairs."""
        return statistics.median(self.ratios)

    @property
    def kept(self) -> bool:
        """Whether every bound is kept."""
        fast = self.bound is None or self.ratio <= self.bound
        small = self.memory_bound is None or self.memory <= self.memory_bound
        return fast and small and self.extra_kept


# A process's peak memory counts that of whoever started it, up to the moment it became another
# program. So every command is started by this small process, not by the bench with its lists.
LAUNCHER = """
import json, os, subprocess, sys, tempfile, time

for line in sys.stdin:
    command, source, environment = json.loads(line)
    with open(source, "rb") as file, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=file, stdout=subprocess.DEVNULL, stderr=errors, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        errors.seek(max(0, errors.tell() - 4096))
        said = errors.read().decode(errors="replace")
    process.returncode = os.waitstatus_to_exitcode(status)
    print(json.dumps([seconds, usage.ru_maxrss, process.returncode, said]), flush=True)
"""


@cache
def launcher() -> subprocess.Popen[str]:
    """Start the process that starts the others."""
    command = [sys.executable, "-I", "-S", "-c", LAUNCHER]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def run(command: Command, *, stdin: Path | None = None) -> tuple[float, int]:
    """Run a command to its end; returns wall seconds and peak memory in bytes."""
    process = launcher()
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the launcher has no pipes")
    asked = [list(map(os.fspath, command)), str(stdin or os.devnull), dict(os.environ)]
    process.stdin.write(json.dumps(asked) + "\n")
    process.stdin.flush()
    seconds, peak, code, error = json.loads(process.stdout.readline())
    if code:
        sys.exit(f"{command} ended with {code}: {error}")
    return seconds, peak * KIB


def measure(
    work: str,
    yardstick: str,
    ours: Callable[[], tuple[float, int]],
    theirs: Callable[[], tuple[float, int]],
    *,
    rounds: int,
    bound: float | None,
    memory_bound: int | None = None,
) -> Figure:
    """Run a pair of works in turn."""
    theirs()
    ours()
    figure = Figure(work, yardstick, [], [], [], bound, 0, memory_bound)
    for _ in range(rounds):
        other, _memory = theirs()
        own, memory = ours()
        figure.theirs.append(other)
        figure.ours.append(own)
        figure.ratios.append(own / other)
        figure.memory = max(figure.memory, memory)
    return figure


def signkit(*arguments: object) -> list[str]:
    """Return the command line of a signkit command."""
    return [str(BIN / "signkit"), *map(str, arguments)]


def signkit_json(*arguments: object) -> dict[str, str]:
    """Run a signkit command and return its JSON."""
    text = subprocess.run(
        [*signkit(*arguments), "--json"], check=True, capture_output=True, text=True
    ).stdout
    return json.loads(text)


class Bench:
    """The works, in one folder of their own."""

    def __init__(self, folder: Path, *, rounds: int, quick: bool) -> None:
        self.folder, self.rounds = folder, rounds
        self.big_size = 256 * MIB if quick else 4 * GIB
        self.small_count = 2_000 if quick else 100_000
        self.item_count = 500 if quick else 10_000
        self.record_count = 2_000 if quick else 100_000
        self.release_count = 100 if quick else 1_000
        os.environ["SIGNKIT_HOME"] = str(folder / "home")
        self.key, self.public = folder / "k.pem", folder / "public.pem"
        subprocess.run(
            ["openssl", "genpkey", "-algorithm", "Ed25519", "-out", self.key], check=True
        )
        subprocess.run(
            ["openssl", "pkey", "-in", self.key, "-pubout", "-out", self.public], check=True
        )

    # Material

    def big(self) -> Path:
        """Return a big file of random bytes, in the page cache."""
        path = self.folder / "big.bin"
        if not path.exists():
            with path.open("wb") as file:
                for _ in range(self.big_size // MIB):
                    file.write(os.urandom(MIB))
            os.sync()
        run(["cat", path])
        return path

    def small(self) -> Path:
        """Return a folder of many files of 1 KiB."""
        folder = self.folder / "small"
        if not folder.exists():
            for place in range(self.small_count):
                path = folder / f"{place // 1000:03}" / f"{place:06}.bin"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(os.urandom(KIB))
            paths = sorted(folder.rglob("*.bin"))
            (self.folder / "small.list").write_text("".join(f"{path}\n" for path in paths))
            os.sync()
        return folder

    def request(self, name: str, *arguments: object) -> Path:
        """Prepare a request and return its path."""
        path = self.folder / f"{name}.request.json"
        subprocess.run(
            signkit("prepare", *arguments, "--out", path, "--force"),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return path

    def signed(self, request: Path) -> Path:
        """Sign a request and return the response's path."""
        subprocess.run(
            self.sign_command(request),
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return request.with_name(request.name.replace(".request.", ".response."))

    def sign_command(self, request: Path) -> list[str]:
        """Return the command that signs a request."""
        with request.open("rb") as file:  # not read whole: a child starts with our peak as its own
            digest = file_digest(file, "sha256").hexdigest()
        return signkit("sign", request, "--key", self.key, "--yes-to", digest)

    def sign_anew(self, request: Path, *more: str) -> tuple[float, int]:
        """Sign a request as if for the first time: a station gives a response out again."""
        (self.folder / "home" / "ledger.jsonl").unlink(missing_ok=True)
        shutil.rmtree(self.folder / "home" / "responses", ignore_errors=True)
        response = request.name.replace(".request.", ".response.")
        request.with_name(response).unlink(missing_ok=True)
        return run([*self.sign_command(request), *more])

    def name(self, version: object = "1.0.0", artifact: str = "ML-Model") -> list[object]:
        """Return the options that name a release."""
        return ["--artifact", artifact, "--version", version, "--target", TARGET]

    # Works

    def prepare_big(self) -> Figure:
        """Whole and part digests of a big file."""
        big = self.big()
        out = self.folder / "bench.request.json"
        command = signkit("prepare", big, *self.name(), "--out", out, "--force")
        return measure(
            f"prepare {self.big_size // MIB} MiB, whole and part digests",
            "openssl dgst -sha256",
            lambda: run(command),
            lambda: run(["openssl", "dgst", "-sha256", big]),
            rounds=self.rounds,
            bound=1.1,
            memory_bound=100 * MIB,
        )

    def prepare_small(self) -> Figure:
        """Many small files, one request."""
        small = self.small()
        out = self.folder / "small.request.json"
        listed = self.folder / "small.list"
        named = ["--artifact", "{stem}", "--version", "1", "--target", TARGET]
        command = signkit("prepare", "--files-from", listed, *named, "--out", out, "--force")
        pipeline = f"find {small} -type f | xargs -P2 -n500 sha256sum"
        return measure(
            f"prepare {self.small_count} files of 1 KiB, one request",
            "find | xargs -P2 -n500 sha256sum",
            lambda: run(command),
            lambda: run(["sh", "-c", pipeline]),
            rounds=self.rounds,
            bound=2.5,
        )

    def sign(self) -> Figure:
        """Many items, both schemes, own output verified."""
        request = self.many_items()
        loop = [sys.executable, __file__, "--bare-loop", str(request), str(self.key)]
        return measure(
            f"sign {self.item_count} items, both schemes, verified",
            "bare loop of the same primitive calls",
            lambda: self.sign_anew(request),
            lambda: run(loop),
            rounds=self.rounds,
            bound=2.0,
        )

    def sign_pkcs11(self) -> Figure | Sequence[Figure]:
        """The same with the key on a token, SoftHSM2, and one PIN: against the key in a file."""
        module = next((path for path in SOFTHSM if path.exists()), None)
        if module is None or not shutil.which("softhsm2-util"):
            print("sign-pkcs11 is left out: apt-get install softhsm2", file=sys.stderr)
            return ()
        request = self.many_items()
        on_token = self.token_options(module)
        figure = measure(
            f"sign {self.item_count} items on SoftHSM2, one PIN",
            "the same with a key file",
            lambda: self.sign_anew(request, *on_token),
            lambda: self.sign_anew(request),
            rounds=self.rounds,
            bound=None,
        )
        rates = [self.item_count / statistics.median(each) for each in (figure.ours, figure.theirs)]
        figure.extra = "{:.0f} items a second on the token, {:.0f} from the file".format(*rates)
        return figure

    def token_options(self, module: Path) -> list[str]:
        """Put the key on a token of its own, and return what names it there instead."""
        tokens = self.folder / "tokens"
        tokens.mkdir()
        config = self.folder / "softhsm2.conf"
        config.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\n")
        os.environ["SOFTHSM2_CONF"] = str(config)
        pin = self.folder / "pin"
        pin.touch(mode=0o600)
        pin.write_text("123456\n")
        token = ["--label", "bench", "--pin", "123456", "--so-pin", "12345678"]
        key = ["--token", "bench", "--label", "k", "--id", "01", "--pin", "123456"]
        for options in (["--init-token", "--free", *token], ["--import", str(self.key), *key]):
            subprocess.run(["softhsm2-util", *options], check=True, stdout=subprocess.DEVNULL)
        named = ["--key", "pkcs11:token=bench;object=k", "--pkcs11-module", str(module)]
        return [*named, "--passphrase-file", str(pin)]

    def many_items(self) -> Path:
        """Return a request of many items, the same one for every work."""
        made = self.folder / "items.request.json"
        if made.exists():
            return made
        self.small()
        listed = self.folder / "items.list"
        lines = (self.folder / "small.list").read_text().splitlines()[: self.item_count]
        while len(lines) < self.item_count:
            lines *= 2
        listed.write_text("".join(f"{line}\n" for line in lines[: self.item_count]))
        return self.request("items", "--files-from", listed, *self.name(artifact="{stem}"))

    def verify_big(self) -> Figure:
        """One verdict on a big file."""
        big = self.big()
        response = self.signed(self.request("big", big, *self.name()))
        subprocess.run(
            signkit("extract", response, "--out", self.folder),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        command = signkit("verify", big, "--key", self.public)
        return measure(
            f"verify {self.big_size // MIB} MiB",
            "openssl dgst -sha256",
            lambda: run(command),
            lambda: run(["openssl", "dgst", "-sha256", big]),
            rounds=self.rounds,
            bound=0.9,
            memory_bound=40 * MIB,
        )

    def verify_small(self) -> Figure:
        """Many small files, their statements beside them, one verdict under one trust root."""
        small = self.small()
        listed = self.folder / "small.list"
        named = ["--artifact", "{stem}", "--version", "1", "--target", TARGET]
        request = self.request("many", "--files-from", listed, *named, "--scheme", "statement")
        made = self.folder / "statements"
        made.mkdir()
        subprocess.run(
            signkit("extract", self.signed(request), "--out", made),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        for path in listed.read_text().splitlines():
            name = f"{os.path.basename(path)}.statement.json"
            (made / name).rename(f"{path}.statement.json")
        made.rmdir()
        command = signkit("verify", "--files-from", listed, "--trust", self.trust())
        loop = [sys.executable, __file__, "--bare-verdicts", str(listed), str(self.key)]
        figure = measure(
            f"verify {self.small_count} files of 1 KiB, one trust root",
            "bare loop of digest and verification",
            lambda: run(command),
            lambda: run(loop),
            rounds=self.rounds,
            bound=3.0,
        )
        shutil.rmtree(small)  # no other work expects statements there
        return figure

    def trust(self) -> Path:
        """Return a trust root under which the key may release anything."""
        path = self.folder / "trust.json"
        options = ["--root", self.key, "--release", self.public, "--out", path]
        subprocess.run(signkit("trust", "init", *options), check=True, stdout=subprocess.DEVNULL)
        return path

    def start_up(self) -> Iterator[Figure]:
        """A verdict on 1 KiB: what starting costs."""
        content = self.folder / "tiny.bin"
        content.write_bytes(os.urandom(KIB))
        response = self.signed(self.request("tiny", content, *self.name()))
        subprocess.run(
            signkit("extract", response, "--out", self.folder),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        options = [str(content), "--key", str(self.public)]
        pyz = [sys.executable, str(ROOT / "dist" / "signkit-verify.pyz"), *options]
        for work, command, bound in (
            ("signkit verify of 1 KiB", signkit("verify", *options), None),
            ("signkit-verify.pyz of 1 KiB", pyz, 2.0),
        ):
            yield measure(
                work,
                "python3 -c pass",
                lambda command=command: run(command),
                lambda: run([sys.executable, "-c", "pass"]),
                rounds=max(21, self.rounds),
                bound=bound,
            )

    def submit(self) -> Figure:
        """A big file to the embedded registry, against curl to the same one."""
        big = self.big()
        parts = self.split(big)
        with self.registry() as server:
            responses = iter(
                [
                    self.signed(self.request(f"v{n}", big, *self.name(n)))
                    for n in range(self.rounds + 1)
                ]
            )
            figure = measure(
                f"submit {self.big_size // MIB} MiB, every digest checked",
                "curl PUT of the same parts",
                lambda: run(self.submit_command(next(responses), server)),
                lambda: server.curl(parts),
                rounds=self.rounds,
                bound=1.4,
                memory_bound=150 * MIB,
            )
            return self.with_server(figure, server)

    def submit_nginx(self) -> Iterator[Figure]:
        """The same big file, against curl to nginx with WebDAV on the same disk, which checks nothing.

        Nor does it sync: what it took is in memory when it answers. So it is measured with a sync
        at the end as well, which is what the registry's answers promise. Every run begins with
        nothing there and nothing left to write: a file put in place of another one is slower.
        """
        nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        if nginx is None:
            print("submit-nginx is left out: apt-get install nginx-light", file=sys.stderr)
            return
        big = self.big()
        parts = self.split(big)
        with self.registry() as server, self.webdav(nginx) as url:
            ways: dict[str, tuple[Callable[[], tuple[float, int]], float | None]] = {
                yardstick: (lambda put=put: self.put_anew(put), 1 / 0.85)
                for yardstick, put in self.puts(parts, url).items()
            }
            bare = "bare loop of the same primitive calls, nothing synced or on record"
            ways[bare] = (lambda: self.put_to_bare_server(parts), None)
            for place, (yardstick, (put, bound)) in enumerate(ways.items()):
                responses = iter(
                    self.signed(self.request(name, big, *self.name(name)))
                    for name in (f"n{place}-{n}" for n in range(self.rounds + 1))
                )
                figure = measure(
                    f"submit {self.big_size // MIB} MiB, every digest checked and synced",
                    yardstick,
                    lambda responses=responses: self.submit_and_destroy(next(responses), server),
                    put,
                    rounds=self.rounds,
                    bound=bound,
                    memory_bound=150 * MIB,
                )
                yield self.with_server(figure, server)

    def puts(self, parts: Sequence[Path], url: str) -> dict[str, str]:
        """Return the ways to PUT files with curl, as shell commands."""
        config = self.folder / "curl.config"
        blocks = [
            f'url = "{url}/{path.name}"\nupload-file = "{path}"\noutput = "/dev/null"\n'
            for path in parts
        ]
        config.write_text("next\n".join(blocks))
        each = f'for part in {parts[0].parent}/*; do curl -sS --fail -o /dev/null -T "$part" {url}/'
        at_once = f"curl -sS --fail -Z --parallel-max 4 -K {config}"
        return {
            "curl PUT to nginx, a curl for each part": f"set -e; {each}; done",
            "one curl for all parts": f"curl -sS --fail -K {config}",
            "one curl, four parts at once": at_once,
            "one curl, four parts at once, then sync": f"{at_once} && sync -f {self.folder}",
        }

    def put_anew(self, put: str) -> tuple[float, int]:
        """PUT files where none are."""
        for path in (self.folder / "nginx" / "files").iterdir():
            path.unlink()
        os.sync()
        return run(["sh", "-c", put])

    @contextmanager
    def webdav(self, nginx: str) -> Iterator[str]:
        """Run nginx with WebDAV in a folder of its own, as the embedded registry is run."""
        root = self.folder / "nginx"
        (root / "files").mkdir(parents=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        (root / "nginx.conf").write_text(
            f"{'user root; ' if os.geteuid() == 0 else ''}daemon off; pid {root}/pid;"
            f" error_log {root}/error.log; worker_processes 2; events {{}} http {{ access_log off;"
            + "".join(
                f" {name}_temp_path {root}/{name};"
                for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
            )
            + f" client_max_body_size 0; server {{ listen 127.0.0.1:{port}; root {root}/files;"
            " location / { dav_methods PUT; } } }"
        )
        command = [nginx, "-p", root, "-e", root / "error.log", "-c", root / "nginx.conf"]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            while process.poll() is None:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.05)
            else:
                sys.exit(f"nginx does not start: {(root / 'error.log').read_text()}")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()
            shutil.rmtree(root, ignore_errors=True)

    def put_to_bare_server(self, parts: Sequence[Path]) -> tuple[float, int]:
        """PUT files to what only receives, hashes and writes them, until the whole is hashed."""
        folder = self.folder / "bare"
        folder.mkdir()
        command = [sys.executable, __file__, "--bare-server", str(folder), str(len(parts))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            if process.stdout is None:
                raise RuntimeError("the bare server has no pipe")
            try:
                ways = self.puts(parts, f"http://127.0.0.1:{process.stdout.readline().strip()}")
                os.sync()
                start = time.perf_counter()
                _, memory = run(["sh", "-c", ways["one curl, four parts at once"]])
                process.stdout.readline()
                seconds = time.perf_counter() - start
            finally:
                process.kill()
        shutil.rmtree(folder)
        return seconds, memory

    def submit_small(self) -> Figure:
        """Many binaries of 1 MiB, signed, to the embedded registry: how many a second."""
        count = self.release_count
        folder = self.folder / "release"
        folder.mkdir()
        paths = [folder / f"{place:04}.bin" for place in range(count)]
        for path in paths:
            path.write_bytes(os.urandom(MIB))
        listed = self.folder / "release.list"
        listed.write_text("".join(f"{path}\n" for path in paths))
        os.sync()
        responses = iter(
            self.signed(
                self.request(
                    f"r{n}",
                    *("--files-from", listed, "--artifact", "Model", "--version", n),
                    *("--target", "{stem}"),
                )
            )
            for n in range(self.rounds + 1)
        )
        with self.registry() as server:
            figure = measure(
                f"submit {count} binaries of 1 MiB with signatures",
                "50 a second",
                lambda: self.submit_and_destroy(next(responses), server),
                lambda: (count / 50, 0),
                rounds=self.rounds,
                bound=1.0,
                memory_bound=150 * MIB,
            )
            figure = self.with_server(figure, server)
        figure.extra += f", {count / statistics.median(figure.ours):.0f} a second"
        return figure

    def with_server(self, figure: Figure, server: Server) -> Figure:
        """Add the server's memory, which has a bound too."""
        memory = server.peak_memory()
        figure.extra = f"server {memory // MIB} MiB (at most 200)"
        figure.extra_kept = memory <= 200 * MIB
        return figure

    def registry_read(self) -> Iterator[Figure]:
        """Lists, searches and single records with many binaries on record, 32 readers at once."""
        return self.records("read")

    def registry_flat(self) -> Iterator[Figure]:
        """What one binary costs the server among many, against the same among 1,000."""
        return self.records("flat")

    def records(self, work: str) -> Iterator[Figure]:
        """Measure a registry that is filled beforehand."""
        command = [sys.executable, "-m", "tests.support.registry_bench", work]
        done = subprocess.run(
            [*command, "--count", str(self.record_count)],
            check=True,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        against = "50 ms" if work == "read" else "the same with 1,000 on record"
        for line in map(json.loads, done.stdout.splitlines()):
            ours, theirs = line["ours"], line["theirs"]
            ratios = [own / other for own, other in zip(ours, theirs, strict=True)]
            bound = line["bound"]
            yield Figure(line["work"], against, ratios, ours, theirs, bound, 0, None, line["words"])

    def submit_command(self, response: Path, server: Server) -> list[str]:
        """Return the command that submits a response."""
        return signkit("submit", response, "--registry", server.url, "--token-file", server.token)

    def submit_and_destroy(self, response: Path, server: Server) -> tuple[float, int]:
        """Submit, then remove the content: each round begins with the same memory and disk."""
        os.sync()
        measured = run(self.submit_command(response, server))
        signed = "/binaries?limit=100&search=" + quote("state:'signed'")
        while binaries := server.call("GET", signed)["binaries"]:
            for binary in binaries:
                server.call("PATCH", f"/binaries/{binary['prn']}", {"state": "destroyed"})
        return measured

    def split(self, big: Path) -> list[Path]:
        """Return the parts of a file as files, for curl."""
        folder = self.folder / "parts"
        folder.mkdir(exist_ok=True)
        paths = []
        with big.open("rb") as file:
            while data := file.read(PART):
                path = folder / f"{len(paths) + 1:04}"
                path.write_bytes(data)
                paths.append(path)
        os.sync()
        return paths

    @contextmanager
    def registry(self) -> Iterator[Server]:
        """Run the embedded registry on a free port."""
        data = self.folder / "registry"
        process = subprocess.Popen(
            [*signkit("registry", "serve", "--data", data, "--port", "0"), "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            line = process.stdout.readline() if process.stdout else ""
            token = self.folder / "token"
            token.write_text(signkit_json("registry", "token", "new", "--data", data)["token"])
            token.chmod(0o600)
            yield Server(json.loads(line)["url"], token, process.pid, self.folder)
        finally:
            process.terminate()
            process.wait()
            shutil.rmtree(data, ignore_errors=True)


class Server:
    """A running registry."""

    def __init__(self, url: str, token: Path, pid: int, folder: Path) -> None:
        self.url, self.token, self.pid, self.folder = url, token, pid, folder
        self.count = 0

    def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  (JSON)
        """Call the API."""
        request = urllib.request.Request(  # noqa: S310  (loopback)
            self.url.rstrip("/") + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "authorization": f"Token {self.token.read_text()}",
                "x-api-version": "2",
                "content-type": "application/json",
            },
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return json.loads(answer.read())

    def curl(self, parts: Sequence[Path]) -> tuple[float, int]:
        """Declare a binary and its parts, then PUT them with one curl, four at a time."""
        self.count += 1
        artifact = self.call("POST", "/artifacts", {"name": f"curl {self.count}"})["artifact"]
        version = self.call(
            "POST", "/artifact_versions", {"artifact_prn": artifact["prn"], "version": "1"}
        )["artifact_version"]
        size = sum(path.stat().st_size for path in parts)
        binary = self.call(
            "POST",
            "/binaries",
            {
                "artifact_version_prn": version["prn"],
                "hash": "00" * 32,
                "size": size,
                "target": "any",
            },
        )["binary"]
        config = self.folder / "curl.config"
        blocks = [self._block(binary["prn"], n + 1, path, size) for n, path in enumerate(parts)]
        config.write_text("next\n".join(blocks))
        return run(["curl", "-sS", "-Z", "--parallel-max", "4", "--fail", "-K", config])

    def _block(self, prn: str, index: int, path: Path, size: int) -> str:
        data = path.read_bytes()
        digest = sha256(data)
        body = {"expected_binary_size": size, "hash": digest.hexdigest(), "size": len(data)}
        part = self.call("PUT", f"/binaries/{prn}/parts/{index}", body)["binary_part"]
        checksum = base64.b64encode(digest.digest()).decode()
        return (
            f'url = "{part["presigned_upload_url"]}"\nupload-file = "{path}"\n'
            f'header = "x-amz-checksum-sha256: {checksum}"\n'
            'header = "content-type: application/octet-stream"\noutput = "/dev/null"\n'
        )

    def peak_memory(self) -> int:
        """Return the largest resident size the server ever had, in bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * KIB
        return 0


def bare_loop(request: Path, key: Path) -> None:
    """Make the primitive calls of `sign` and nothing else: two signatures, two verifications."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )
    from nacl.bindings import crypto_sign_open

    private = load_pem_private_key(key.read_bytes(), None)
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    payload = base64.b64decode(json.loads(request.read_bytes())["payload"])
    digests = [item["digest"]["sha256"].encode() for item in json.loads(payload)["items"]]
    statement = b"x" * 500
    for digest in digests:
        for message in (digest, statement):
            crypto_sign_open(private.sign(message) + message, public)


def bare_verdicts(listed: Path, key: Path) -> None:
    """Make the primitive calls of `verify` on many files: a digest and a verification each."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )
    from nacl.bindings import crypto_sign_open

    private = load_pem_private_key(key.read_bytes(), None)
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    statement = b"x" * 500
    signed = private.sign(statement) + statement
    for path in listed.read_text().splitlines():
        with open(path, "rb", buffering=0) as file:
            sha256(file.read()).digest()
        crypto_sign_open(signed, public)


def bare_server(folder: Path, count: int) -> None:
    """Make the primitive calls of a registry on a folder: receive, hash, write, hash all in order.

    Says on standard output which port it has, and then the digest of all parts.
    """
    arrived = [threading.Event() for _ in range(count)]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_PUT(self) -> None:
            name, left = Path(self.path).name, int(self.headers["content-length"])
            state, view = sha256(), memoryview(bytearray(MIB))
            with (folder / name).open("wb", buffering=0) as file:
                while left:
                    piece = view[: self.rfile.readinto(view[: min(left, MIB)])]  # type: ignore[attr-defined]
                    state.update(piece)
                    file.write(piece)
                    left -= len(piece)
            arrived[int(name) - 1].set()
            self.send_response(201)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    whole, view = sha256(), memoryview(bytearray(MIB))
    for place, event in enumerate(arrived, 1):
        event.wait()
        with (folder / f"{place:04}").open("rb", buffering=0) as file:
            while size := file.readinto(view):
                whole.update(view[:size])
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    print(whole.hexdigest(), flush=True)
    threading.Event().wait()


def _verdict(each: Figure) -> str:
    judged = each.bound is not None or each.memory_bound is not None
    return ("kept" if each.kept else "NOT KEPT") if judged else ""


def _row(each: Figure) -> tuple[str, ...]:
    return (
        each.work,
        each.yardstick,
        f"{each.ratio:.2f} ({min(each.ratios):.2f}-{max(each.ratios):.2f})",
        "" if each.bound is None else f"{each.bound:.2f}",
        f"{statistics.median(each.ours):.3f}",
        f"{statistics.median(each.theirs):.3f}",
        f"{each.memory // MIB} MiB",
        "" if each.memory_bound is None else f"{each.memory_bound // MIB} MiB",
        "; ".join(filter(None, (_verdict(each), each.extra))),
    )


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as text."""
    header = ("work", "against", "ratio", "bound", "s", "s", "peak", "bound", "")
    rows = [header, *(_row(each) for each in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


WORKS = (
    "prepare-big",
    "prepare-small",
    "sign",
    "sign-pkcs11",
    "verify-big",
    "verify-small",
    "start-up",
    "submit",
    "submit-nginx",
    "submit-small",
    "registry-read",
    "registry-flat",
)


def main() -> int:
    """Measure what was asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"of {', '.join(WORKS)}")
    parser.add_argument("--rounds", type=int, default=3, help="pairs to measure (default 3)")
    parser.add_argument("--quick", action="store_true", help="small material: does it run at all?")
    parser.add_argument("--folder", type=Path, help="where the material goes (default: temporary)")
    parser.add_argument("--bare-loop", nargs=2, metavar=("REQUEST", "KEY"), help=argparse.SUPPRESS)
    parser.add_argument("--bare-verdicts", nargs=2, metavar=("LIST", "KEY"), help=argparse.SUPPRESS)
    parser.add_argument("--bare-server", nargs=2, metavar=("FOLDER", "N"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare_loop:
        bare_loop(*map(Path, options.bare_loop))
        return 0
    if options.bare_verdicts:
        bare_verdicts(*map(Path, options.bare_verdicts))
        return 0
    if options.bare_server:
        bare_server(Path(options.bare_server[0]), int(options.bare_server[1]))
        return 0
    unknown = set(options.works) - set(WORKS)
    if unknown:
        parser.error(f"unknown work {min(unknown)}: expected {', '.join(WORKS)}")
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="signkit-bench-", dir=options.folder) as name:
        bench = Bench(Path(name), rounds=options.rounds, quick=options.quick)
        for work in options.works or WORKS:
            print(f"measuring {work}", file=sys.stderr, flush=True)
            made = getattr(bench, work.replace("-", "_"))()
            figures += [made] if isinstance(made, Figure) else list(made)
    print(table(figures))
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
