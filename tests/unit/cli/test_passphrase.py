"""Where passphrases come from, and what cannot be one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from signkit.cli.passphrase import PassphraseOptions
from signkit.errors import FileError, KeyLockedError, SignkitError, TooLargeError, UsageError
from tests.support.terminal import Terminal

ASK = (
    "import sys; from signkit.cli.passphrase import PassphraseOptions as P;"
    "print('got', getattr(P(), sys.argv[1])()('passphrase of prod'))"
)


def secret_file(folder: Path, data: bytes, mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_bytes(data)
    path.chmod(mode)
    return path


def descriptor(data: bytes) -> int:
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    return reading


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"correct horse", b"correct horse"),
        (b"correct horse\n", b"correct horse"),
        (b"correct horse\r\n", b"correct horse"),
        (b" correct horse ", b" correct horse "),
        (b"\xff\xfe not utf-8", b"\xff\xfe not utf-8"),
        (b"x" * 1024 + b"\n", b"x" * 1024),
    ],
)
def test_one_line_end_is_not_part_of_it(tmp_path: Path, data: bytes, expected: bytes) -> None:
    from_file = PassphraseOptions(file=secret_file(tmp_path, data))
    from_fd = PassphraseOptions(fd=descriptor(data))
    for options in (from_file, from_fd):
        assert options.existing()("passphrase of prod") == expected
        assert options.new()("passphrase of prod") == expected


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"correct\0horse", "holds a NUL byte"),
        (b"correct horse\n\n", "has more than one line"),
        (b"correct\rhorse", "has more than one line"),
        (b"x" * 1025, "is longer than 1024 bytes"),
    ],
)
def test_what_cannot_be_a_passphrase(tmp_path: Path, data: bytes, said: str) -> None:
    path = secret_file(tmp_path, data)
    with pytest.raises(UsageError, match=f"--passphrase-file {path}: the passphrase {said}"):
        PassphraseOptions(file=path).existing()("passphrase")
    reading = descriptor(data)
    with pytest.raises(UsageError, match=f"--passphrase-fd {reading}: the passphrase {said}"):
        PassphraseOptions(fd=reading).new()("passphrase")


def test_a_descriptor_without_end_is_not_read_for_ever() -> None:
    with open("/dev/zero", "rb") as zeros, pytest.raises(UsageError, match="longer than 1024"):
        PassphraseOptions(fd=zeros.fileno()).existing()("passphrase")


def test_new_ones_have_eight_characters(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too short: expected 8 characters or more") as caught:
        PassphraseOptions(file=secret_file(tmp_path, b"1234567")).new()("passphrase")
    assert "random words" in (caught.value.hint or "")
    umlauts = secret_file(tmp_path, "äöüäöüä".encode())
    with pytest.raises(UsageError, match="too short"):
        PassphraseOptions(file=umlauts).new()("passphrase")
    assert PassphraseOptions(file=umlauts).existing()("passphrase") == "äöüäöüä".encode()


def test_a_descriptor_serves_all_keys_of_a_command() -> None:
    ask = PassphraseOptions(fd=descriptor(b"correct horse")).existing()
    assert [ask("passphrase of a"), ask("passphrase of b")] == [b"correct horse"] * 2


def test_the_environment_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PASS", "correct horse")
    assert PassphraseOptions(env="PASS").existing()("passphrase of prod") == b"correct horse"
    said = capsys.readouterr().err
    assert said.startswith("warning: the passphrase of prod comes from the environment")
    with pytest.raises(UsageError, match="variable NONE is not set"):
        PassphraseOptions(env="NONE").existing()("passphrase")


def test_a_file_open_to_others_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = secret_file(tmp_path, b"correct horse", 0o644)
    assert PassphraseOptions(file=path).existing()("passphrase") == b"correct horse"
    assert "is open to others: chmod 600" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (PassphraseOptions(file=Path("/none")), FileError),
        (PassphraseOptions(file=Path("/dev/null")), FileError),
        (PassphraseOptions(file=Path("/etc/services")), TooLargeError),
        (PassphraseOptions(fd=987), UsageError),
    ],
)
def test_a_place_that_cannot_be_read(options: PassphraseOptions, kind: type[SignkitError]) -> None:
    with pytest.raises(kind):
        options.existing()("passphrase")


def test_only_one_place_may_be_named() -> None:
    with pytest.raises(UsageError, match="more than one of --new-file, --new-fd, --new-env"):
        PassphraseOptions(fd=3, env="X", option="--new")


def test_never_shown(tmp_path: Path) -> None:
    options = PassphraseOptions(fd=descriptor(b"correct horse"))
    options.existing()("passphrase")
    assert "correct" not in repr(options)


@pytest.mark.parametrize("way", ["existing", "new"])
def test_without_a_terminal_it_is_refused(way: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK, way],
        input=b"correct horse\ncorrect horse\n",
        capture_output=True,
        start_new_session=True,
        check=False,
    )
    assert b"no passphrase: there is no terminal to ask on" in done.stderr
    assert b"got" not in done.stdout


def test_typed_on_the_terminal_without_echo() -> None:
    terminal = Terminal(["-c", ASK, "existing"], dict(os.environ))
    terminal.answer("Passphrase of prod: ", "hors\u00e9")
    assert terminal.wait() == 0
    assert terminal.shown.count("hors") == 1  # only what the program itself prints
    assert "got b'hors\\xc3\\xa9'" in terminal.shown


def test_new_ones_are_typed_twice() -> None:
    terminal = Terminal(["-c", ASK, "new"], dict(os.environ))
    terminal.answer("New passphrase of prod: ", "correct horse")
    terminal.answer("The same again: ", "correct horse")
    assert terminal.wait() == 0
    assert "got b'correct horse'" in terminal.shown


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["correct horse", "correct house"], "the two passphrases differ"),
        (["short"], "too short"),
        ([""], "the passphrase is empty"),
        (["\x04"], "no passphrase was typed"),
    ],
)
def test_what_is_typed_wrongly_is_said(lines: list[str], said: str) -> None:
    terminal = Terminal(["-c", ASK, "new"], dict(os.environ))
    for prompt, line in zip(["New passphrase of prod: ", "again: "], lines, strict=False):
        terminal.answer(prompt, line)
    assert terminal.wait() == 1
    assert said in terminal.shown
    assert "got" not in terminal.shown


def test_an_empty_line_does_not_open_a_key() -> None:
    terminal = Terminal(["-c", ASK, "existing"], dict(os.environ))
    terminal.answer("Passphrase of prod: ", "")
    assert terminal.wait() == 1
    assert "the terminal: the passphrase is empty" in terminal.shown


def test_a_passphrase_that_is_not_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def garble(_prompt: str) -> str:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    monkeypatch.setattr("signkit.cli.passphrase.getpass", garble)
    monkeypatch.setattr("signkit.cli.passphrase.os.open", lambda *_args: os.dup(0))
    with pytest.raises(KeyLockedError, match="no passphrase was typed"):
        PassphraseOptions().existing()("passphrase")
