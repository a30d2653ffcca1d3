"""`sign --media`: the one request on a stick, or the one that is named; then safe to remove."""

from __future__ import annotations

import os
import shutil
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from signkit.formats.words import encode_words
from tests.support.commands import PASSPHRASE, Machine, Ran
from tests.support.documents import item_value, request_file, request_value
from tests.support.terminal import Terminal

REQUEST = request_file()
OTHER = request_file(request_value(item_value(name="other.bin", target="other")))
MAIN = "import sys; from signkit.cli.start import main; sys.exit(main())"
HOSTILE = "\x1b[2J\u202egpj.\n.request.json"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A station with a key; each test gets a copy of it."""
    made = Machine(tmp_path_factory.mktemp("station"))
    made.new_key()
    return made


@pytest.fixture
def station(tmp_path: Path, home: Machine) -> Machine:
    shutil.copytree(home.folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "stick").mkdir()
    return Machine(tmp_path)


def sign(station: Machine, *more: object, request: bytes = REQUEST) -> Ran:
    options = ("--key", "prod", "--passphrase-file", "pw", "--yes-to", sha256(request).hexdigest())
    return station.run("sign", "--media", "stick", *options, *more)


def test_one_request_is_found_and_answered(station: Machine) -> None:
    station.write("stick/model.request.json", REQUEST)
    station.write("stick/autorun.inf", "[autorun]")
    ran = sign(station)
    assert ran.code == 0, ran.err
    assert "safe to remove after: umount stick" in ran.err
    assert station.ok("show", "stick/model.response.json")["response"]["items"][0]["signatures"]


def test_an_answered_request_is_answered_again(station: Machine) -> None:
    station.write("stick/model.request.json", REQUEST)
    assert sign(station).code == 0
    again = sign(station)
    assert again.code == 0
    assert "answers this very request already" in again.err


def test_none_is_said_with_what_was_passed_over(station: Machine) -> None:
    (station.folder / "stick" / "x.request.json").symlink_to("../pw")
    os.mkfifo(station.folder / "stick" / "y.request.json")
    ran = sign(station, "--json")
    assert (ran.code, ran.error["code"]) == (8, "file")
    assert "no request on stick" in ran.error["error"]
    assert "2 entries were passed over" in ran.error["hint"]


def test_several_are_listed_and_none_is_guessed(station: Machine) -> None:
    for name in ("a.request.json", "b.request.json", "b.response.json", HOSTILE):
        station.write(f"stick/{name}", REQUEST)
    ran = sign(station)
    assert (ran.code, ran.out) == (2, "")
    rows = [line.split() for line in ran.err.splitlines()]
    assert ["2", "a.request.json", str(len(REQUEST)), "B", "-"] in rows
    assert ["3", "b.request.json", str(len(REQUEST)), "B", "beside", "it"] in rows
    assert "3 requests on stick: expected to be told which" in ran.err
    assert not {"\x1b", "\u202e"} & set(ran.err)
    assert sorted(path.name for path in (station.folder / "stick").glob("*.response.json")) == [
        "b.response.json"
    ]


@pytest.mark.parametrize(("typed", "code"), [("2", 0), ("3", 2), ("0", 2), ("", 2), ("b", 2)])
def test_the_operator_names_one_at_the_terminal(station: Machine, typed: str, code: int) -> None:
    station.write("stick/a.request.json", REQUEST)
    station.write("stick/b.request.json", OTHER)
    options = ["--key", "prod", "--passphrase-file", str(station.folder / "pw")]
    terminal = Terminal(
        ["-c", MAIN, "sign", "--media", str(station.folder / "stick"), *options],
        station.environment(PYTHONPATH=os.pathsep.join(sys.path)),
    )
    terminal.answer("number of the request", typed)
    if code == 0:
        terminal.answer("words: ", " ".join(encode_words(sha256(OTHER).digest()[:4])))
    assert terminal.wait() == code, terminal.shown
    made = sorted(path.name for path in (station.folder / "stick").glob("*.response.json"))
    assert made == (["b.response.json"] if code == 0 else [])


@pytest.mark.parametrize("arguments", [(), ("model.request.json", "--media", "stick")])
def test_expects_a_request_or_a_stick(station: Machine, arguments: tuple[str, ...]) -> None:
    ran = station.run("sign", *arguments, "--key", "prod", "--json")
    assert (ran.code, ran.error["code"]) == (2, "usage")
    assert "exactly one of the two" in ran.error["error"]


@pytest.mark.parametrize("stick", ["none", "pw"])
def test_a_stick_that_is_no_folder(station: Machine, stick: str) -> None:
    ran = station.run("sign", "--media", stick, "--key", "prod", "--json")
    assert (ran.code, ran.error["code"]) == (8, "file")
    assert "findmnt" in ran.error["hint"]


def test_a_hostile_name_is_never_shown_raw(station: Machine) -> None:
    """Attacker: names the one request so that it rewrites the screen."""
    station.write(f"stick/{HOSTILE}", REQUEST)
    for ran in (sign(station), sign(station), sign(station, request=b"")):
        assert not {"\x1b", "\u202e"} & set(ran.out + ran.err), ran
    station.write(f"stick/{HOSTILE}", REQUEST[:-1])
    damaged = sign(station)
    assert damaged.code == 12
    assert not {"\x1b", "\u202e"} & set(damaged.err)


def test_a_link_that_takes_the_place_of_a_request(
    station: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacker: swaps the listed file for a link to what only the station can read."""
    from signkit.cli.gate import open_gate
    from signkit.cli.media import choose_request
    from signkit.errors import FileError

    station.write("stick/model.request.json", REQUEST)
    path = choose_request(None, station.folder / "stick")
    path.unlink()
    path.symlink_to(station.folder / "pw")
    with pytest.raises(FileError, match="symbolic link"):
        open_gate(None, path, follow=False)


@pytest.mark.parametrize("damage", [REQUEST[:-200], REQUEST.replace(b"A", b"B", 1), b""])
def test_a_damaged_request_is_named_with_its_words(station: Machine, damage: bytes) -> None:
    station.write("stick/model.request.json", damage)
    ran = sign(station)
    assert ran.code == 12, ran.err
    words = " ".join(encode_words(sha256(damage).digest()[:4]))
    assert f"stick/model.request.json has {len(damage)} bytes here" in ran.err
    assert words in ran.err
    assert PASSPHRASE not in ran.err
