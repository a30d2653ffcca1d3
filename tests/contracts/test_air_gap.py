"""The air gap holds: a whole ceremony loads no network library and asks the kernel for no socket."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from signkit.formats.response import open_response
from signkit.formats.words import encode_words
from signkit.verify.digest import compute_digest
from signkit.verify.pem import encode_pem
from tests.support.documents import CONTENT, item_value, request_file, request_value
from tests.support.keys import PROD
from tests.support.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
# typer and python-gnupg load `socket` by themselves: that it is loaded proves nothing.
NEVER_LOADED = {
    "_ssl",
    "asyncio",
    "ftplib",
    "http.client",
    "http.server",
    "httpcore",
    "httpx",
    "smtplib",
    "ssl",
    "urllib.request",
    "signkit.client",
    "signkit.registry",
    "signkit.submit",
    "signkit.bundles",
}
# Runs the command as its entry point does, and then says what was loaded.
LOADED = """
import sys
from signkit.cli.start import main
sys.argv = ["signkit", *sys.argv[1:]]
try:
    code = main()
except SystemExit as ended:
    code = ended.code
print("loaded", code, *sys.modules, file=sys.stderr)
"""
PRIVATE_PREFIX = bytes.fromhex("302e020100300506032b657004220420")
SIGN = ["sign", "model.request.json", "--key", "prod.pem", "--content", ".", "--json"]


@pytest.fixture
def station(tmp_path: Path) -> Path:
    """A folder as it lies on a stick: a request, its content, and a key file."""
    items = [item_value(), item_value(name="gone.bin", target="other")]
    (tmp_path / "model.request.json").write_bytes(request_file(request_value(*items)))
    (tmp_path / "model.bin").write_bytes(CONTENT)
    key = tmp_path / "prod.pem"
    key.touch(mode=0o600)
    key.write_bytes(encode_pem("PRIVATE KEY", PRIVATE_PREFIX + PROD.seed))
    return tmp_path


def ceremony(
    folder: Path, command: list[str], *, home: bool = True
) -> subprocess.CompletedProcess[str]:
    """Sign in a process of its own, with nothing in its environment but what it needs."""
    digest = compute_digest((folder / "model.request.json").read_bytes()).hex()
    # Without HOME the interpreter itself asks the system's name service where its user lives.
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    if not home:
        environment["SIGNKIT_HOME"] = str(folder / "home")
    return subprocess.run(
        [*command, *SIGN, "--yes-to", digest],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def signed(folder: Path) -> tuple[int, int]:
    """Count what the response holds: items signed, items refused."""
    response = open_response((folder / "model.response.json").read_bytes()).response
    errors = sum(item.error is not None for item in response.items)
    return len(response.items) - errors, errors


def test_a_ceremony_loads_no_network(station: Path) -> None:
    done = ceremony(station, [sys.executable, "-c", LOADED])
    assert signed(station) == (1, 1), done.stderr
    last = done.stderr.splitlines()[-1].split()
    assert last[:2] == ["loaded", "8"]  # one file is not there
    assert not set(last) & NEVER_LOADED


MAIN = "import sys; from signkit.cli.start import main; sys.exit(main())"
TRACE = ["strace", "-f", "-e", "trace=network", "-e", "signal=none", "-o", "calls"]
CALL = re.compile(r"^(?:\[pid +\d+\] |\d+ +)?([a-z_0-9]+)\(", re.MULTILINE)


@pytest.fixture
def traced(station: Path) -> Path:
    """The same folder, in which `calls` will hold every network call that a trace saw."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    probe = [*TRACE, sys.executable, "-c", "import socket; socket.socket(socket.AF_UNIX)"]
    tried = subprocess.run(probe, cwd=station, capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"strace cannot trace here: {tried.stderr.strip()}")
    assert "socket" in calls(station)  # it would show one
    return station


def calls(folder: Path) -> list[str]:
    return CALL.findall((folder / "calls").read_text())


@pytest.mark.parametrize("home", [True, False], ids=["HOME", "SIGNKIT_HOME"])
def test_a_ceremony_makes_no_network_call(traced: Path, home: bool) -> None:
    done = ceremony(traced, [*TRACE, sys.executable, "-c", MAIN], home=home)
    assert signed(traced) == (1, 1), done.stderr
    assert calls(traced) == []


def at_a_terminal(folder: Path, words: tuple[str, ...]) -> tuple[int, str]:
    """Sign at a terminal, typing words; returns the exit code and what was shown."""
    command = [
        *TRACE,
        sys.executable,
        "-c",
        MAIN,
        "sign",
        "model.request.json",
        "--key",
        "prod.pem",
    ]
    start = f"import os; os.chdir({str(folder)!r}); os.execvp('strace', {command!r})"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    terminal = Terminal(["-c", start], {**environment, "TERM": "xterm"})
    terminal.answer("words: ", " ".join(words))
    return terminal.wait(), terminal.shown


def test_a_ceremony_at_a_terminal_makes_no_network_call(traced: Path) -> None:
    words = encode_words(compute_digest((traced / "model.request.json").read_bytes())[:4])
    code, shown = at_a_terminal(traced, words)
    assert (code, signed(traced)) == (0, (2, 0)), shown
    assert calls(traced) == []


def test_other_words_sign_nothing(traced: Path) -> None:
    code, shown = at_a_terminal(traced, encode_words(b"\0\0\0\0"))
    assert code == 18, shown
    assert "the words are not those of this request; nothing was signed" in shown
    assert not (traced / "model.response.json").exists()
    assert calls(traced) == []


def test_a_ceremony_that_reaches_for_the_network_ends(station: Path) -> None:
    """Something in the process opens a socket while items are signed: nothing is written."""
    code = (
        "import socket, sys\n"
        "from signkit.station import ceremony\n"
        "sign_items = ceremony.sign_items\n"
        "ceremony.sign_items = lambda *a, **k: (socket.socket(), sign_items(*a, **k))[1]\n" + MAIN
    )
    done = ceremony(station, [sys.executable, "-c", code])
    assert done.returncode == 19, done.stderr
    assert "SK-AIRGAP" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (station / "model.response.json").exists()
