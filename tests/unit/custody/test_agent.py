"""The conversation with GnuPG's agent: a real one, and ones that do not keep to the protocol."""

from __future__ import annotations

import shutil
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.custody.agent import Agent, escape_data, unescape_data
from signkit.errors import BackendUnavailableError


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that puts a program in the place of gpg-agent."""

    def put(code: str) -> None:
        path = tmp_path / "bin" / "gpg-agent"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!{sys.executable}\nimport sys\nsay = sys.stdout.write\n{code}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(path.parent))

    return put


GREETS = "say('OK here\\n'); sys.stdout.flush(); line = sys.stdin.readline()\n"


def test_a_real_agent(tmp_path: Path) -> None:
    if not shutil.which("gpg-agent"):
        pytest.skip("needs gpg-agent (Debian: gpg-agent)")
    before = threading.active_count()
    agent = Agent(tmp_path)
    version = agent.ask("GETINFO version")
    assert (version.code, version.data[:1]) == (0, b"2")
    unknown = agent.ask("KEYINFO " + "0" * 40)
    assert (unknown.code, unknown.data) == (27, b"")
    assert agent.ask("NONSENSE").code != 0
    process = agent._process
    del agent
    assert process.poll() == 0  # it ended by itself, and no daemon is left
    assert not list(tmp_path.glob("S.gpg-agent*"))
    assert threading.active_count() == before


def test_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackendUnavailableError, match="cannot be run"):
        Agent(None)


def test_it_asks_back(play) -> None:
    code = """
say('INQUIRE PLEASE now\\n'); sys.stdout.flush()
lines = [sys.stdin.readline() for _ in range(3)]
say('# a remark\\nS GOT a  b\\nD ' + repr(lines).replace('%', '%25') + '\\nD %41%0a\\nOK\\n')
sys.stdout.flush()
say('INQUIRE OTHER\\n'); sys.stdout.flush(); sys.stdin.readline()
say('ERR 67109141 ' + sys.stdin.readline())
"""
    play(GREETS + code)
    agent = Agent(None)
    said = agent.ask("ASK", {"PLEASE": b"x%\n" + b"y" * 300})
    lines = ["D x%25%0A" + "y" * 297 + "\n", "D yyy\n", "END\n"]
    assert said.data.decode() == repr(lines) + "A\n"
    assert (said.code, said.status) == (0, {"GOT": "a  b"})
    cancelled = agent.ask("AGAIN")
    assert (cancelled.code, cancelled.text) == (277, "CAN")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("", "it ended"),
        ("say('ERR 1 no\\n')", "does not greet"),
        ("say('<html>\\n')", "no answer"),
        ("say('\\0' * 5000)", "does not end"),
        ("say('OK without an end')", "it ended"),
        (GREETS, "it ended"),
        (GREETS + "say('D %4')", "it ended"),
        (GREETS + "say('D %4\\nOK\\n')", "cannot be read"),
        (GREETS + "say('D % 4\\nOK\\n')", "cannot be read"),
        (GREETS + "say('ERR\\n')", "without a number"),
        (GREETS + "say('ERR two\\n')", "without a number"),
        (
            GREETS + "say('D ' + 'x' * 900 + '\\n')\nwhile True: say('D ' + 'x' * 900 + '\\n')",
            "end",
        ),
        ("say('OK\\n'); sys.stdout.close(); sys.exit()", "it ended"),
    ],
)
def test_an_agent_that_does_not_keep_to_it(play, code: str, said: str) -> None:
    """Attacker: a program in the place of the agent. It gets an error, and no more of the secret."""
    play(code)
    with pytest.raises(BackendUnavailableError, match=said):
        Agent(None).ask("ASK")


@pytest.mark.parametrize("number", ["0", "65536", "9" * 300])
def test_a_refusal_is_one_whatever_its_number(play, number: str) -> None:
    play(GREETS + f"say('ERR {number} no\\n')")
    assert Agent(None).ask("ASK").code != 0


@given(st.binary())
def test_data_lines(data: bytes) -> None:
    line = escape_data(data)
    assert b"\n" not in line
    assert b"\r" not in line
    assert unescape_data(line) == data
