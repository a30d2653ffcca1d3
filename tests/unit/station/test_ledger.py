"""The ledger: chained, locked, and whole after any crash."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from signkit.errors import FileError, MalformedError
from signkit.station.ledger import EMPTY_HEAD, Appended, Entry, Ledger, open_ledger
from signkit.verify.digest import Sha256, compute_digest
from signkit.verify.encoding import encode_json

ROOT = Path(__file__).parents[3]


def entry(**changes: Any) -> Entry:
    said = {
        "time": "2026-01-31T12:00:00Z",
        "event": "signed",
        "request": Sha256(b"\xab" * 32),
        "item_count": 2,
        "signed_count": 1,
        "keyids": ("cd" * 32,),
        "reason": None,
    }
    return Entry(**{**said, **changes})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


def append(path: Path, *entries: Entry) -> list[Appended]:
    with open_ledger(path) as ledger:
        return [ledger.append(each) for each in entries]


def refused(path: Path, said: str) -> None:
    before = path.read_bytes()
    with pytest.raises(MalformedError, match=said) as caught, open_ledger(path):
        pass
    assert "was changed; keep it as it is and find out why before you sign" in str(
        caught.value.hint
    )
    assert path.read_bytes() == before


def test_a_new_ledger_is_empty_and_private(path: Path) -> None:
    with open_ledger(path) as ledger:
        assert (ledger.found.sequence, ledger.found.head, ledger.found.torn) == (0, EMPTY_HEAD, 0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == b""


def test_a_line_is_written_as_its_page_says(path: Path) -> None:
    append(path, entry(reason="why\nnot", keyids=()))
    line = path.read_bytes()
    assert line == (
        b'{"sequence":1,"previous":{"sha256":"' + b"00" * 32 + b'"},'
        b'"time":"2026-01-31T12:00:00Z","event":"signed","request":{"sha256":"'
        + b"ab" * 32
        + b'"},"item_count":2,"signed_count":1,"keyids":[],"reason":"why\\nnot"}\n'
    )


def test_lines_follow_one_another(path: Path) -> None:
    first, second = append(path, entry(), entry(event="declined", reason="no"))
    (third,) = append(path, entry(event="refused", reason="why"))
    lines = path.read_bytes().splitlines()
    heads = [EMPTY_HEAD, *map(compute_digest, lines)]
    assert [each.sequence for each in (first, second, third)] == [1, 2, 3]
    assert [each.before for each in (first, second, third)] == heads[:3]
    assert [each.after for each in (first, second, third)] == heads[1:]
    assert [json.loads(line)["previous"]["sha256"] for line in lines] == [
        head.hex() for head in heads[:3]
    ]
    with open_ledger(path) as ledger:
        assert (ledger.found.sequence, ledger.found.head) == (3, heads[3])


@pytest.fixture
def four(path: Path) -> Path:
    append(path, *[entry(item_count=count) for count in range(4)])
    return path


def test_every_torn_last_line_is_cut_and_counted(four: Path) -> None:
    data = four.read_bytes()
    whole = b"".join(data.splitlines(keepends=True)[:3])
    for length in range(len(whole) + 1, len(data)):
        four.write_bytes(data[:length])
        with open_ledger(four) as ledger:
            assert (ledger.found.sequence, ledger.found.torn) == (3, length - len(whole))
        assert four.read_bytes() == whole
        assert append(four, entry())[0].sequence == 4


def test_a_tail_of_zeros_is_a_torn_line(four: Path) -> None:
    """What ext4 and FAT leave after a power cut: the right length, and nothing in it."""
    data = four.read_bytes()
    four.write_bytes(data + bytes(300))
    with open_ledger(four) as ledger:
        assert (ledger.found.sequence, ledger.found.torn) == (4, 300)
    assert four.read_bytes() == data


def test_a_torn_first_line(path: Path) -> None:
    path.write_bytes(b'{"sequence":1')
    with open_ledger(path) as ledger:
        assert (ledger.found.sequence, ledger.found.torn) == (0, 13)
    assert path.read_bytes() == b""


@pytest.mark.parametrize("number", [1, 2, 3])
def test_every_edited_byte_is_noticed(four: Path, number: int) -> None:
    """Attacker: may write to the station's disk. Move: edits what was signed. Named by its line."""
    lines = four.read_bytes().splitlines(keepends=True)
    for place in range(len(lines[number - 1]) - 1):
        edited = bytearray(lines[number - 1])
        edited[place] ^= 1
        if edited[place] == 0x0A:
            continue  # one line becomes two
        four.write_bytes(b"".join([*lines[: number - 1], edited, *lines[number:]]))
        with (
            pytest.raises(MalformedError, match=rf"ledger line ({number}|{number + 1})\b"),
            open_ledger(four),
        ):
            pass


def test_a_deleted_line(four: Path) -> None:
    lines = four.read_bytes().splitlines(keepends=True)
    four.write_bytes(b"".join([lines[0], *lines[2:]]))
    refused(four, r"^ledger line 2.sequence: expected 2 to 2, got 3$")


def test_two_lines_in_another_order(four: Path) -> None:
    lines = four.read_bytes().splitlines(keepends=True)
    four.write_bytes(b"".join([lines[0], lines[2], lines[1], lines[3]]))
    refused(four, r"^ledger line 2.sequence: expected 2 to 2, got 3$")


def test_a_line_put_in_with_its_number(four: Path) -> None:
    lines = four.read_bytes().splitlines(keepends=True)
    value = json.loads(lines[1]) | {"item_count": 9}
    four.write_bytes(lines[0] + encode_json(value) + b"\n" + lines[2] + lines[3])
    refused(four, r"^ledger line 3 does not follow the line before it$")


def test_another_ledger_put_in_its_place_starts_elsewhere(four: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    append(other, entry(item_count=7), entry())
    mine, theirs = four.read_bytes().splitlines(True), other.read_bytes().splitlines(True)
    four.write_bytes(theirs[0] + b"".join(mine[1:]))
    refused(four, r"^ledger line 2 does not follow the line before it$")


def last_line(path: Path, **changes: Any) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    value = json.loads(lines[-1])
    for name, change in changes.items():
        if change is ...:
            del value[name]
        else:
            value[name] = change
    path.write_bytes(b"".join(lines[:-1]) + encode_json(value) + b"\n")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"event": "erased"}, r"line 4.event: expected one of declined, refused, signed, got 'era"),
        ({"event": ...}, r"line 4: the field 'event' is missing$"),
        ({"time": "now"}, r"line 4.time: expected a UTC time"),
        ({"request": None}, r"line 4.request: expected a digest"),
        ({"item_count": -1}, r"line 4.item_count: expected 0 to"),
        ({"signed_count": "1"}, r"line 4.signed_count: expected an integer, got a text$"),
        ({"keyids": ["AB" * 32]}, r"line 4.keyids: expected 64 lower-case hex digits"),
        ({"keyids": [7]}, r"line 4.keyids: expected keyids$"),
        ({"keyids": None}, r"line 4.keyids: expected an array, got null$"),
        ({"reason": 7}, r"line 4.reason: expected a text, got a number$"),
        ({"note": "x"}, r"line 4: unknown field 'note'$"),
        ({"previous": {"sha256": "00" * 32}}, r"line 4 does not follow the line before it$"),
    ],
)
def test_a_last_line_of_another_shape(four: Path, changes: dict[str, Any], said: str) -> None:
    last_line(four, **changes)
    refused(four, said)


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b"null\n", b"\xff\n", b"\0" * 80 + b"\n", b"{\n"])
def test_a_line_that_is_none(four: Path, line: bytes) -> None:
    data = four.read_bytes()
    four.write_bytes(data + line)
    refused(four, r"^ledger line 5")


def test_a_second_spelling_of_a_line(four: Path) -> None:
    lines = four.read_bytes().splitlines(keepends=True)
    four.write_bytes(b"".join(lines[:3]) + lines[3].replace(b'":', b'": ', 1))
    refused(four, r"^ledger line 4 is not spelled as a writer spells it$")


def test_a_line_too_long_is_no_torn_one(four: Path) -> None:
    """Attacker: may write to the disk. Move: makes a line so long that the rest seems torn off."""
    lines = four.read_bytes().splitlines(keepends=True)
    long = lines[1][:-2] + b" " * (1 << 20) + b"}\n"
    four.write_bytes(lines[0] + long + lines[2] + lines[3])
    refused(four, r"^ledger line 2 is too long$")


def test_a_line_feed_that_was_lost(four: Path) -> None:
    lines = four.read_bytes().splitlines(keepends=True)
    four.write_bytes(lines[0] + lines[1][:-1] + lines[2] + lines[3])
    refused(four, r"^ledger line 2 is not JSON: extra data")


@pytest.mark.parametrize("kind", ["folder", "fifo", "link", "missing folder", "nul"])
def test_what_is_no_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "ledger.jsonl"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        (tmp_path / "elsewhere").touch()
        path.symlink_to("elsewhere")
    else:
        path = tmp_path / ("none/ledger" if kind == "missing folder" else "x" * 300)
    with pytest.raises(FileError, match=r"^the ledger .* (cannot be opened: |is not a regular f)"):
        append(path, entry())


@pytest.mark.parametrize("device", ["/dev/null", "/dev/full", "/dev/zero"])
def test_a_device_is_no_ledger(device: str) -> None:
    with pytest.raises(FileError, match=rf"^the ledger {device} is not a regular file$"):
        append(Path(device), entry())


def process(code: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


HOLD = """
import sys
from pathlib import Path
from signkit.station.ledger import open_ledger
with open_ledger(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_ceremony_at_a_time(four: Path) -> None:
    with process(HOLD, str(four)) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(FileError, match=r"is in use by another ceremony$"):
            append(four, entry())
        holder.communicate("")
    assert append(four, entry())[0].sequence == 5


LOOP = """
import sys
from pathlib import Path
from tests.unit.station.test_ledger import entry
from signkit.station.ledger import open_ledger
with open_ledger(Path(sys.argv[1])) as ledger:
    while True:
        print(ledger.append(entry()).sequence, flush=True)
"""


def test_killed_at_any_instant(path: Path) -> None:
    said = 0
    for attempt in range(6):
        with process(LOOP, str(path)) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.003 * attempt)
            os.kill(writer.pid, signal.SIGKILL)
            lines = writer.stdout.read().split()
        said = max(said, *map(int, lines or ["1"]))
        with open_ledger(path) as ledger:
            assert ledger.found.sequence >= said  # what was said to be written is there
            said = ledger.found.sequence
    assert append(path, entry())[0].sequence == said + 1


LIMITED = """
import resource, signal, sys
from pathlib import Path
from signkit.errors import FileError
from signkit.station.ledger import open_ledger
from tests.unit.station.test_ledger import entry
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])
with open_ledger(path) as ledger:
    most = path.stat().st_size + 100
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    try:
        ledger.append(entry())
    except FileError as error:
        print(error, "|", error.hint)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    print(ledger.append(entry(event="refused", reason="the disk was full")).sequence)
"""


def test_a_disk_that_is_full(four: Path) -> None:
    """Half a line was written: it is gone before the next one follows it."""
    with process(LIMITED, str(four)) as limited:
        out, _err = limited.communicate(timeout=60)
    refusal, sequence = out.splitlines()
    assert refusal == (
        f"the ledger {four} cannot be written: File too large"
        " | nothing was signed; make room and run again"
    )
    assert sequence == "5"
    with open_ledger(four) as ledger:
        assert (ledger.found.sequence, ledger.found.torn) == (5, 0)


def test_a_disk_that_fails(four: Path) -> None:
    """A descriptor that cannot be written stands in for a disk that cannot be."""
    before = four.read_bytes()
    descriptor = os.open(four, os.O_RDONLY)
    try:
        ledger = Ledger(descriptor, four)
        with pytest.raises(FileError, match=r"cannot be written: Bad file descriptor$"):
            ledger.append(entry())
    finally:
        os.close(descriptor)
    assert four.read_bytes() == before


def test_a_disk_that_cannot_be_read(four: Path) -> None:
    descriptor = os.open(four, os.O_WRONLY)
    try:
        with pytest.raises(FileError, match=r"cannot be read: Bad file descriptor$"):
            Ledger(descriptor, four)
    finally:
        os.close(descriptor)


def test_a_ledger_that_somebody_else_wrote_to(four: Path) -> None:
    with open_ledger(four) as ledger:
        four.write_bytes(four.read_bytes() + b"x")  # the lock is only a convention
        with pytest.raises(FileError, match=r"was changed while this ceremony had it open$"):
            ledger.append(entry())
    with open_ledger(four) as ledger:
        assert (ledger.found.sequence, ledger.found.torn) == (4, 1)
