"""The custody register: chained, signed, and whole after any crash; never believed once changed."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import tempfile
from base64 import b64decode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.custody.keeping import ADOPTED, Act, Enrolment, change_state, enrol
from signkit.custody.life import NEXT, NO_REGISTER, Register
from signkit.custody.register import follow_lines, open_register, read_register
from signkit.errors import (
    CustodyError,
    FileError,
    KeyStateError,
    MalformedError,
    SignatureInvalidError,
    SignkitError,
    TooLargeError,
)
from signkit.formats.chain import read_chain
from signkit.formats.custody_register import register_shape
from signkit.model.custody import NewKey, State, Transition
from tests.support import custody_lines
from tests.support.custody_lines import FOLDER, KEYID, LIFE, NEW, NEXT_KEYID, transition
from tests.support.keys import STATION

ROOT = Path(__file__).parents[3]
EXPECT: dict[str, str] = json.loads((FOLDER / "EXPECT.json").read_text())
ACT = Act(time="2026-01-31T12:00:00Z", who="ana@station", reason="why")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def write(home: Path, *said: Transition) -> Register:
    with open_register(home) as register:
        for each in said:
            register.append(each)
        return register.said


@pytest.fixture
def lived(home: Path) -> Path:
    write(home, *LIFE)
    return home


def test_the_vectors_are_those_that_are_stored() -> None:
    stored = {
        str(path.relative_to(FOLDER)): path.read_bytes() for path in sorted(FOLDER.rglob("*.jsonl"))
    }
    assert stored == {name: data for name, (data, _code) in custody_lines.vectors().items()}


@pytest.mark.parametrize("name", EXPECT)
def test_vector(name: str) -> None:
    said, message = "accept", "custody register line"
    try:
        lines, _end = read_chain(FOLDER / name, register_shape(STATION.public_key))
        follow_lines(lines)
    except SignkitError as error:
        said, message = error.code, str(error)
    assert said == EXPECT[name]
    assert message.startswith("custody register line")


def test_a_home_without_a_register(home: Path) -> None:
    assert read_register(home) is NO_REGISTER
    assert not home.exists()


def test_a_home_that_cannot_be_looked_at_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for home in (tmp_path / "file" / "home", tmp_path / ("x" * 300)):
        with pytest.raises(FileError, match=r"custody-register.jsonl cannot be looked at: "):
            read_register(home)


def test_what_was_written_is_read(lived: Path) -> None:
    said = read_register(lived)
    assert list(said.lives) == [KEYID, NEXT_KEYID]
    life = said.lives[KEYID]
    assert life.history == tuple(each for each in LIFE if each.keyid == KEYID)
    assert (life.state, life.since, life.key) == (
        State.COMPROMISED,
        "2027-03-03T00:00:00Z",
        NEW,
    )
    assert life.ends == "2028-02-01T00:00:00Z"  # from when it was first active
    successor = said.successor(KEYID)
    assert successor is not None
    assert successor.key.name == "prod-2"


def test_its_files_are_private(lived: Path) -> None:
    for name in ("custody-register.jsonl", "custody-register.head.json"):
        assert stat.S_IMODE((lived / name).stat().st_mode) == 0o600


def test_the_payload_says_its_place(lived: Path) -> None:
    lines = (lived / "custody-register.jsonl").read_bytes().splitlines()
    for line in lines:
        value = json.loads(line)
        payload = json.loads(b64decode(value["signed"]["payload"]))
        assert (payload["sequence"], payload["previous"]) == (value["sequence"], value["previous"])
    assert b"public_key" not in b"".join(lines)


@pytest.mark.parametrize("number", range(1, 9))
def test_every_edited_byte_is_noticed(lived: Path, number: int) -> None:
    """Attacker: may write to the station's disk. Move: edits a line. It is named, or the next one."""
    path = lived / "custody-register.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    for place in range(0, len(lines[number - 1]) - 1, 7):
        edited = bytearray(lines[number - 1])
        edited[place] ^= 1
        if edited[place] == 0x0A:
            continue  # one line becomes two
        path.write_bytes(b"".join([*lines[: number - 1], edited, *lines[number:]]))
        with pytest.raises(
            (MalformedError, SignatureInvalidError),
            match=rf"^custody register line ({number}|{number + 1})\b",
        ):
            read_register(lived)


def refused(home: Path, said: str, kind: type[SignkitError] = MalformedError) -> None:
    before = (home / "custody-register.jsonl").read_bytes()
    with pytest.raises(kind, match=said) as caught:
        read_register(home)
    with pytest.raises(kind, match=said), open_register(home):
        pass
    assert caught.value.hint
    assert (home / "custody-register.jsonl").read_bytes() == before


def test_lines_in_another_order(lived: Path) -> None:
    path = lived / "custody-register.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[2], lines[1], *lines[3:]]))
    refused(lived, r"^custody register line 2.sequence: expected 2 to 2, got 3$")


@pytest.mark.parametrize("left", range(8))
def test_an_end_that_was_cut_off(lived: Path, left: int) -> None:
    """Attacker: may write to the disk. Move: takes away the lines that retired a key."""
    path = lived / "custody-register.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:left]))
    refused(lived, rf"^custody register line {left + 1} is gone: expected 8 lines$")


def test_a_register_that_was_taken_away(lived: Path) -> None:
    (lived / "custody-register.jsonl").unlink()
    with pytest.raises(CustodyError, match=r"custody-register.jsonl is gone: .* there was one$"):
        read_register(lived)
    with pytest.raises(CustodyError, match=r"is gone"), open_register(lived):
        pass


def test_a_head_that_was_taken_away(lived: Path) -> None:
    (lived / "custody-register.head.json").unlink()
    refused(lived, r"^custody-register.head.json is gone", CustodyError)


def test_a_register_of_another_home(lived: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write(other, *LIFE)
    (lived / "custody-register.jsonl").write_bytes((other / "custody-register.jsonl").read_bytes())
    refused(
        lived,
        r"^custody register line 1 is not signed by the station's key of this home",
        SignatureInvalidError,
    )


def test_another_genuine_register_of_this_home(lived: Path) -> None:
    """Attacker: kept an older copy of both files. Move: puts back the one with the chain only."""
    path, head = lived / "custody-register.jsonl", lived / "custody-register.head.json"
    kept = head.read_bytes()
    path.unlink()
    head.unlink()
    write(
        lived, *[transition("active", NEW), *[transition(s) for s in ("suspended", "active") * 4]]
    )
    head.write_bytes(kept)
    refused(lived, r"^custody register line 8 is not the one that custody-register.head.json says$")


def test_a_station_key_that_is_gone(lived: Path) -> None:
    (lived / "station.pem").unlink()
    refused(lived, r"station.pem is gone, whose key signed the custody register$", CustodyError)
    assert not (lived / "station.pem").exists()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", MalformedError),
        (b"{}", MalformedError),
        (b'{"sequence":1,"head":{"sha256":"00"}}', SignkitError),
        (b'{"sequence":8,"head":{"sha256":"' + b"00" * 32 + b'"}}', MalformedError),
        (b'{"sequence":0,"head":{"sha256":"' + b"11" * 32 + b'"}}', MalformedError),
        (b'{"sequence":1,"head":{"sha256":"' + b"00" * 32 + b'"},"x":1}', MalformedError),
        (b" " * 5000, TooLargeError),
    ],
)
def test_a_head_that_is_none(lived: Path, data: bytes, kind: type[SignkitError]) -> None:
    (lived / "custody-register.head.json").write_bytes(data)
    with pytest.raises(kind):
        read_register(lived)


def test_a_torn_last_line_is_passed_over_and_cut_by_the_next_writer(home: Path) -> None:
    write(home, *LIFE[:2])
    path, head = home / "custody-register.jsonl", home / "custody-register.head.json"
    whole, at_two = path.read_bytes(), head.read_bytes()
    write(home, LIFE[2])
    grown = path.read_bytes()
    for length in range(len(whole) + 1, len(grown), 50):
        path.write_bytes(grown[:length])
        head.write_bytes(at_two)
        assert read_register(home).lives[KEYID].state is State.ACTIVE
        assert write(home).lives[KEYID].state is State.ACTIVE
        assert path.read_bytes() == whole


def test_a_crash_between_line_and_head(home: Path) -> None:
    write(home, *LIFE[:2])
    head = home / "custody-register.head.json"
    at_two = head.read_bytes()
    write(home, LIFE[2])
    head.write_bytes(at_two)
    assert read_register(home).lives[KEYID].state is State.SUSPENDED
    write(home)
    assert json.loads(head.read_text())["sequence"] == 3


HOLD = """
import sys
from pathlib import Path
from signkit.custody.register import open_register
with open_register(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_writer_at_a_time_and_any_number_of_readers(lived: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lived)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert read_register(lived).lives[KEYID].state is State.COMPROMISED
        with pytest.raises(FileError, match=r"is in use by another"), open_register(lived):
            pass
        holder.communicate("")
    assert write(lived).exists


def test_an_illegal_transition_writes_nothing(lived: Path) -> None:
    before = (lived / "custody-register.jsonl").read_bytes()
    with open_register(lived) as register, pytest.raises(KeyStateError):
        register.append(transition("active"))
    assert (lived / "custody-register.jsonl").read_bytes() == before


@pytest.mark.parametrize("changes", [{"reason": ""}, {"who": "x" * 129}, {"time": "now"}])
def test_what_no_reader_takes_is_not_written(home: Path, changes: dict[str, str]) -> None:
    with (
        open_register(home) as register,
        pytest.raises((MalformedError, TooLargeError)),
    ):
        register.append(transition("active", NEW, **changes))
    assert (home / "custody-register.jsonl").read_bytes() == b""
    assert read_register(home).lives == {}


def test_a_key_without_a_line_is_adopted_at_its_first_transition(home: Path) -> None:
    with open_register(home) as register:
        life = change_state(register, KEYID, name="prod", state=State.SUSPENDED, act=ACT)
    assert [(each.state, each.reason) for each in life.history] == [
        (State.ACTIVE, ADOPTED),
        (State.SUSPENDED, "why"),
    ]
    assert (life.key.name, life.ends) == ("prod", None)


def test_a_key_that_is_adopted_as_what_it_is(home: Path) -> None:
    with open_register(home) as register:
        life = change_state(register, KEYID, name="prod", state=State.ACTIVE, act=ACT)
        assert [each.state for each in life.history] == [State.ACTIVE]
        again = Enrolment(act=ACT, pre_active=True)
        assert enrol(register, KEYID, name="other", enrolment=again) == life


KEYIDS = tuple(f"{number:064x}" for number in range(3))


@st.composite
def lives(draw: st.DrawFn) -> list[Transition]:
    """Any legal register of three keys."""
    said: list[Transition] = []
    states: dict[str, State] = {}
    for keyid in draw(st.lists(st.sampled_from(KEYIDS), max_size=12)):
        known = states.get(keyid)
        legal = NEXT[known] if known else (State.PRE_ACTIVE, State.ACTIVE)
        states[keyid] = draw(st.sampled_from(legal))
        name = draw(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=9))
        days = draw(st.none() | st.integers(1, 36_500))
        key = None if known else NewKey(name=name, cryptoperiod_days=days)
        said.append(transition(states[keyid], key, keyid=keyid, reason=name + "\n"))
    return said


@given(lives())
def test_any_legal_lives_are_read_as_they_were_written(said: list[Transition]) -> None:
    data = custody_lines.joined(custody_lines.lines_of(*said))
    histories = [life.history for life in _read(data).lives.values()]
    assert sorted(len(each) for each in histories) == sorted(
        sum(each.keyid == keyid for each in said) for keyid in {each.keyid for each in said}
    )
    assert [each for each in said if each.keyid == KEYIDS[0]] == [
        each for history in histories for each in history if each.keyid == KEYIDS[0]
    ]


@given(lives(), st.data())
def test_no_shorter_reordered_or_edited_chain_passes_for_the_whole(
    said: list[Transition], data: st.DataObject
) -> None:
    """Only a beginning of the whole is a chain; that it is no end, the head's file says."""
    lines = custody_lines.lines_of(*said)
    changed = data.draw(st.lists(st.sampled_from(range(max(1, len(lines)))), unique=True))
    picked = [lines[place] for place in changed if lines]
    if picked == lines[: len(picked)]:
        assert len(_read(custody_lines.joined(picked)).lives) <= len(KEYIDS)
    else:
        with pytest.raises(MalformedError, match=r"^custody register line \d+"):
            _read(custody_lines.joined(picked))


def _read(data: bytes) -> Register:
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(data)
        lines, _end = read_chain(Path(file.name), register_shape(STATION.public_key))
    return follow_lines(lines)
