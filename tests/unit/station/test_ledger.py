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
from signkit.formats.chain import EMPTY_HEAD
from signkit.model.response import ItemError
from signkit.station.ledger import Entry, LedgerLine, open_ledger
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_json
from tests.support.ledgers import KEYID, declined_entry, ledger_entry, ledger_item

ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


def append(path: Path, *entries: Entry) -> list[LedgerLine]:
    with open_ledger(path) as ledger:
        return [ledger.append(each) for each in entries]


def refused(path: Path, said: str) -> None:
    before = path.read_bytes()
    with pytest.raises(MalformedError, match=said) as caught, open_ledger(path):
        pass
    assert "was changed; keep it as it is and find out why before you go on" in str(
        caught.value.hint
    )
    assert path.read_bytes() == before


def test_a_new_ledger_is_empty_and_private(path: Path) -> None:
    with open_ledger(path) as ledger:
        assert (ledger.found.sequence, ledger.found.head, ledger.found.torn) == (0, EMPTY_HEAD, 0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == b""


def test_a_line_is_written_as_its_page_says(path: Path) -> None:
    error = ItemError(code="file", message="is missing")
    missing = ledger_item(content_hashed=False, schemes=(), error=error)
    append(path, ledger_entry(ledger_item(), missing, reason="why\nnot"))
    item = (
        b'{"name":"model.bin","artifact":"ML-Model","version":"1.0.0",'
        b'"target":"aarch64-unknown-linux","sequence":1,"size":14,"digest":{"sha256":"'
        + compute_digest(b"Hello, Binary\n").hex().encode()
        + b'"},"expires":null,"roles":["release"],"content":'
    )
    assert path.read_bytes() == (
        b'{"sequence":1,"previous":{"sha256":"' + b"00" * 32 + b'"},'
        b'"time":"2026-01-31T13:00:00Z","event":"signed","request":{"sha256":"'
        + b"ab" * 32
        + b'"},"requester":"'
        + b"ba" * 32
        + b'","key":{"name":"prod","keyid":"'
        + KEYID.encode()
        + b'"},"items":['
        + item
        + b'"hashed","schemes":["peridio","statement"]},'
        + item
        + b'"digest-only","error":{"code":"file","message":"is missing"}}],"reason":"why\\nnot",'
        b'"transcript":{"station":"vault-1","signkit":"0.1.0","python":"3.11.7","pynacl":"1.6.2",'
        b'"openssl":"OpenSSL 4","installation":{"sha256":"' + b"00" * 32 + b'"},"policy":null,'
        b'"began":"2026-01-31T12:58:00Z","confirmed":[{"operator":"olga","how":"words",'
        b'"time":"2026-01-31T12:59:00Z"}],"controls":[{"control":"SK-SIGN-CONFIRM",'
        b'"result":"held"}]}}\n'
    )


def test_lines_follow_one_another(path: Path) -> None:
    first, second = append(path, ledger_entry(), declined_entry())
    (third,) = append(path, declined_entry(event="refused"))
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
    append(path, *[ledger_entry(ledger_item(size=count)) for count in range(4)])
    return path


def test_every_torn_last_line_is_cut_and_counted(four: Path) -> None:
    data = four.read_bytes()
    whole = b"".join(data.splitlines(keepends=True)[:3])
    for length in range(len(whole) + 1, len(data)):
        four.write_bytes(data[:length])
        with open_ledger(four) as ledger:
            assert (ledger.found.sequence, ledger.found.torn) == (3, length - len(whole))
        assert four.read_bytes() == whole
        assert append(four, ledger_entry())[0].sequence == 4


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
    value = json.loads(lines[1]) | {"reason": "another"}
    four.write_bytes(lines[0] + encode_json(value) + b"\n" + lines[2] + lines[3])
    refused(four, r"^ledger line 3 does not follow the line before it$")


def test_another_ledger_put_in_its_place_starts_elsewhere(four: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    append(other, ledger_entry(ledger_item(size=7)), ledger_entry())
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
        ({"event": "erased"}, r"line 4.event: expected one of signed, refused, declined, repeated"),
        ({"event": ...}, r"line 4: the field 'event' is missing$"),
        ({"time": "now"}, r"line 4.time: expected a UTC time"),
        ({"request": None}, r"line 4.request: expected a digest"),
        ({"key": 7}, r"line 4.key: expected an object, got a number$"),
        ({"key": {"name": "", "keyid": KEYID}}, r"line 4.key.name is empty$"),
        ({"key": {"name": "a", "keyid": "AB" * 32}}, r"line 4.key.keyid: expected 64 lower-case"),
        ({"key": {"name": "a", "keyid": KEYID, "x": 1}}, r"line 4.key: unknown field 'x'$"),
        ({"key": None}, r"line 4.key: expected a key where items were signed, and nowhere else$"),
        ({"items": []}, r"line 4.key: expected a key where items were signed, and nowhere else$"),
        ({"items": {}}, r"line 4.items: expected an array, got an object$"),
        ({"reason": ""}, r"line 4.reason is empty$"),
        ({"transcript": None}, r"line 4.transcript: expected an object, got null$"),
        ({"reason": 7}, r"line 4.reason: expected a text, got a number$"),
        ({"note": "x"}, r"line 4: unknown field 'note'$"),
        ({"previous": {"sha256": "00" * 32}}, r"line 4 does not follow the line before it$"),
    ],
)
def test_a_last_line_of_another_shape(four: Path, changes: dict[str, Any], said: str) -> None:
    last_line(four, **changes)
    refused(four, said)


def last_item(path: Path, **changes: Any) -> None:
    item = json.loads(path.read_bytes().splitlines()[-1])["items"][0]
    for name, change in changes.items():
        item[name] = change
        if change is ...:
            del item[name]
    last_line(path, items=[item])


ERROR = {"code": "file", "message": "is missing"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "a/b"}, r"\.name: expected a plain file name"),
        ({"artifact": "\x1b"}, r"\.artifact holds the control character"),
        ({"sequence": 0}, r"\.sequence: expected 1 to"),
        ({"size": -1}, r"\.size: expected 0 to"),
        ({"digest": "ab"}, r"\.digest: expected a digest"),
        ({"expires": "never"}, r"\.expires: expected a UTC time"),
        ({"expires": ...}, r": the field 'expires' is missing$"),
        ({"roles": []}, r"\.roles: expected at least 1 members"),
        ({"roles": ["b", "a"]}, r"\.roles: expected them sorted$"),
        ({"roles": ["a", "a"]}, r"\.roles: expected labels, none of them twice$"),
        ({"content": "seen"}, r"\.content: expected one of hashed, digest-only, got 'seen'$"),
        ({"schemes": []}, r"\.schemes: expected at least 1 members"),
        ({"schemes": ...}, r": the field 'schemes' is missing$"),
        (
            {"schemes": ["peridio"] * 2},
            r"\.schemes: expected labels, none of them twice$",
        ),
        ({"schemes": [7]}, r"\.schemes: expected labels, none of them twice$"),
        ({"schemes": [""]}, r"\.schemes is empty$"),
        ({"error": ERROR}, r": unknown field 'schemes'$"),
        ({"schemes": ..., "error": {"code": "file"}}, r"\.error: the field 'message' is missing"),
        ({"note": 1}, r": unknown field 'note'$"),
    ],
)
def test_an_item_of_another_shape(four: Path, changes: dict[str, Any], said: str) -> None:
    last_item(four, **changes)
    refused(four, r"^ledger line 4.items\[0\]" + said)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"station": ""}, r"\.station is empty$"),
        ({"pynacl": 1}, r"\.pynacl: expected a text"),
        ({"installation": None}, r"\.installation: expected a digest"),
        ({"policy": "none"}, r"\.policy: expected a digest"),
        ({"began": None}, r"\.began: expected a text"),
        ({"confirmed": [{}]}, r"\.confirmed\[0\]: the field 'operator' is missing$"),
        (
            {"controls": [{"control": "SK-X", "result": "ok"}]},
            r"\.controls\[0\].result: expected one",
        ),
        ({"more": 1}, r": unknown field 'more'$"),
    ],
)
def test_a_transcript_of_another_shape(four: Path, changes: dict[str, Any], said: str) -> None:
    transcript = json.loads(four.read_bytes().splitlines()[-1])["transcript"]
    last_line(four, transcript={**transcript, **changes})
    refused(four, r"^ledger line 4.transcript" + said)


def test_how_somebody_confirmed(four: Path) -> None:
    confirmed = {"operator": "olga", "how": "nodded", "time": "2026-01-31T12:59:00Z"}
    transcript = json.loads(four.read_bytes().splitlines()[-1])["transcript"]
    last_line(four, transcript={**transcript, "confirmed": [confirmed]})
    refused(four, r"confirmed\[0\].how: expected one of words, digest, got 'nodded'$")


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b"null\n", b"\xff\n", b"\0" * 80 + b"\n", b"{\n"])
def test_a_line_that_is_none(four: Path, line: bytes) -> None:
    data = four.read_bytes()
    four.write_bytes(data + line)
    refused(four, r"^ledger line 5")


def test_a_second_spelling_of_a_line(four: Path) -> None:
    lines = four.read_bytes().splitlines(keepends=True)
    four.write_bytes(b"".join(lines[:3]) + lines[3].replace(b'":', b'": ', 1))
    refused(four, r"^ledger line 4 is not spelled as a writer spells it$")


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
        append(path, ledger_entry())


@pytest.mark.parametrize("device", ["/dev/null", "/dev/full", "/dev/zero"])
def test_a_device_is_no_ledger(device: str) -> None:
    with pytest.raises(FileError, match=rf"^the ledger {device} is not a regular file$"):
        append(Path(device), ledger_entry())


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
        with pytest.raises(FileError, match=r"is in use by another signkit$"):
            append(four, ledger_entry())
        holder.communicate("")
    assert append(four, ledger_entry())[0].sequence == 5


LOOP = """
import sys
from pathlib import Path
from tests.support.ledgers import ledger_entry
from signkit.station.ledger import open_ledger
with open_ledger(Path(sys.argv[1])) as ledger:
    while True:
        print(ledger.append(ledger_entry()).sequence, flush=True)
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
    assert append(path, ledger_entry())[0].sequence == said + 1


LIMITED = """
import resource, signal, sys
from pathlib import Path
from signkit.errors import FileError
from signkit.station.ledger import open_ledger
from tests.support.ledgers import ledger_entry
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])
with open_ledger(path) as ledger:
    most = path.stat().st_size + 100
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    try:
        ledger.append(ledger_entry())
    except FileError as error:
        print(error, "|", error.hint)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    print(ledger.append(ledger_entry(reason="the disk was full")).sequence)
"""


def test_a_disk_that_is_full(four: Path) -> None:
    """Half a line was written: it is gone before the next one follows it."""
    with process(LIMITED, str(four)) as limited:
        out, _err = limited.communicate(timeout=60)
    refusal, sequence = out.splitlines()
    assert refusal == (
        f"the ledger {four} cannot be written: File too large"
        " | nothing was done; make room and run again"
    )
    assert sequence == "5"
    with open_ledger(four) as ledger:
        assert (ledger.found.sequence, ledger.found.torn) == (5, 0)


def test_a_ledger_that_somebody_else_wrote_to(four: Path) -> None:
    with open_ledger(four) as ledger:
        four.write_bytes(four.read_bytes() + b"{")  # the lock is only a convention
        with pytest.raises(FileError, match=r"was changed while it was in use here$"):
            ledger.append(ledger_entry())
    with open_ledger(four) as ledger:
        assert (ledger.found.sequence, ledger.found.torn) == (4, 1)
