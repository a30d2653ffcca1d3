"""The command as a process of its own: closed and full outputs, locales, signals, start-up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from signkit.verify import limits
from tests.support.documents import trust_file
from tests.support.verifier import ROOT, Place

COMMAND = [sys.executable, "-m", "signkit.verify", "model.bin", "--key", "public.pem"]
SIGNKIT = [sys.executable, "-m", "signkit.cli", "verify", *COMMAND[3:]]


@pytest.fixture
def place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Place:
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, capsys)


def test_as_a_module(place: Place) -> None:
    done = place.process(COMMAND)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("verified: model.bin\n")


@pytest.mark.parametrize("redirect", [">&-", ">/dev/full"])
def test_a_verdict_that_nobody_gets_is_none(place: Place, redirect: str) -> None:
    done = place.process(COMMAND, redirect=redirect)
    assert done.returncode == 8
    assert done.stderr.startswith("error: the verdict cannot be written: ")
    assert done.stderr.count("\n") == 2


def test_a_verdict_into_a_closed_pipe(place: Place) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        COMMAND,
        cwd=place.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=writing,
        stderr=subprocess.PIPE,
    ) as running:
        os.close(writing)
        _out, err = running.communicate(timeout=60)
    assert running.returncode == 8
    assert err.startswith(b"error: the verdict cannot be written: Broken pipe\n")


@pytest.mark.parametrize("redirect", ["2>&-", "2>/dev/full", "2>&- >&-"])
def test_a_refusal_that_nobody_reads_keeps_its_exit_code(place: Place, redirect: str) -> None:
    for option in ([], ["--json"]):
        done = place.process([*COMMAND, "--floor", "2", *option], redirect=redirect)
        assert (done.returncode, done.stdout, done.stderr) == (16, "", "")


@pytest.mark.parametrize(
    "environment", [{"LC_ALL": "C", "LANG": "C"}, {"PYTHONIOENCODING": "ascii"}, {"TERM": "dumb"}]
)
def test_any_locale(place: Place, environment: dict[str, str]) -> None:
    place.statement(artifact="ключ")
    command = [*COMMAND, "--statement", "other.json"]
    done = place.process(command, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    refused = place.process([*command, "--artifact", "модель"], **environment)
    assert refused.returncode == 4
    assert refused.stderr.startswith("error: the statement is for another artifact: expected '")
    assert "Traceback" not in refused.stderr


def test_no_terminal_and_no_input(place: Place) -> None:
    assert place.process(COMMAND, redirect="<&-").returncode == 0


def test_memory_that_runs_out_is_a_refusal(place: Place) -> None:
    """Attacker: hands over a response that needs more memory than there is. Could not check: 4."""
    with open("response.json", "wb") as file:
        file.truncate(limits.RESPONSE_SIZE)
    limited = ["bash", "-c", 'ulimit -v 200000; exec "$@"', "bash"]
    done = place.process([*limited, *SIGNKIT, "--response", "response.json"])
    assert (done.returncode, done.stderr) == (4, "error: could not check: out of memory\n")


def test_interrupted(place: Place) -> None:
    code = (
        "import signal, sys, threading\n"
        "from signkit.device import main\n"
        "main.judge_files = lambda *a, **k: signal.raise_signal(signal.SIGINT)\n"
        "sys.exit(main.main())\n"
    )
    done = place.process([sys.executable, "-c", code, *COMMAND[3:]])
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


# Each costs a device more than a verdict on a small file; or is a network.
NEVER_LOADED = {
    "asyncio",
    "cryptography",
    "dataclasses",
    "hashlib",
    "http",
    "inspect",
    "logging",
    "nacl.signing",
    "pathlib",
    "pydantic",
    "queue",
    "random",
    "shutil",
    "signkit.model",
    "signkit.verify.foreign",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "typer",
    "typing",
    "urllib",
}


def loaded(place: Place, *arguments: str) -> set[str]:
    code = (
        "import sys\nbefore = set(sys.modules)\nfrom signkit.device.main import run\n"
        f"code = run({list(arguments)!r}, program='p')\n"
        "print(code, *set(sys.modules) - before, file=sys.stderr)"
    )
    done = place.process([sys.executable, "-c", code])
    status, *modules = done.stderr.splitlines()[-1].split()
    assert status == "0", done.stderr
    return set(modules)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--key", "public.pem"],
        ["--key", "public.pem", "--json"],
        ["--trust", "trust.json"],
    ],
)
def test_a_verdict_starts_with_little(place: Place, arguments: list[str]) -> None:
    place.write("trust.json", trust_file())
    assert not loaded(place, "model.bin", *arguments) & NEVER_LOADED
