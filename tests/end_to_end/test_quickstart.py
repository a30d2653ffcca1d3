"""Every command of docs/quickstart.md, and of the road in the README, as a newcomer types them."""

from __future__ import annotations

import shlex
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.commands import PASSPHRASE, Machine
from tests.support.registry import running_registry

pytestmark = pytest.mark.server

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text().partition("## The road")[2].partition("* **prepare**")[0]
QUICKSTART = (ROOT / "docs/quickstart.md").read_text()
# What asks a person, and what stays in the foreground: given otherwise here.
SECRET = ["--passphrase-file", "pw"]
ASKS = {"keys new": SECRET, "trust init": SECRET, "sign": SECRET}
ELSEWHERE = ("registry serve", "registry token", "prepare --list")


def commands(page: str) -> list[list[str]]:
    lines = (line.strip().removeprefix("$ ") for line in page.splitlines() if line[:4] == "    ")
    found = [shlex.split(line, comments=True) for line in lines if line.startswith("signkit ")]
    return [words[1:] for words in found if not " ".join(words[1:]).startswith(ELSEWHERE)]


def answers(words: list[str], folder: Path, url: str) -> list[str]:
    """Say what a person would be asked, and where the registry is this time; the last one counts."""
    said = " ".join(words)
    more = [option for start, asked in ASKS.items() if said.startswith(start) for option in asked]
    if words[0] == "sign":
        more += ["--yes-to", sha256((folder / "model.request.json").read_bytes()).hexdigest()]
    return [*more, "--registry", url] if "--registry" in words else more


@pytest.mark.parametrize(
    ("page", "count"), [(QUICKSTART, 11), (README, 9)], ids=["quickstart", "readme"]
)
def test_every_command_of_the_page(tmp_path: Path, page: str, count: int) -> None:
    machine = Machine(tmp_path)
    machine.write("pw", PASSPHRASE + "\n", mode=0o600)
    machine.write("model.bin", b"weights " * 10_000)
    found = commands(page)
    with running_registry(tmp_path / "registry") as registry:
        machine.home.mkdir()
        machine.write("home/token", registry.token, mode=0o600)
        for words in found:
            ran = machine.run(*words, *answers(words, tmp_path, registry.url))
            assert ran.code == 0, (words, ran.err)
    assert len(found) == count
