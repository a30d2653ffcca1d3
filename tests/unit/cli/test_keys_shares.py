"""`keys split` and `keys recover`, as people run them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from signkit.custody.sheet_folder import read_share_file
from tests.support.commands import PASSPHRASE, Machine
from tests.support.terminal import Terminal

ROOT = Path(__file__).resolve().parents[3]
PW = ("--passphrase-file", "pw")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine with the key prod, split three of five into `set`."""
    made = Machine(tmp_path_factory.mktemp("station"))
    made.new_key()
    made.ok("keys", "split", "prod", "--threshold", 3, "--shares", 5, "--out", "set", *PW)
    return made


def sheet(machine: Machine, number: int) -> Path:
    return machine.folder / "set" / f"share-{number}" / "sheet.html"


def words(machine: Machine, number: int) -> list[str]:
    return list(read_share_file(sheet(machine, number)).words)


def with_shares(machine: Machine, *numbers: int) -> list[object]:
    return [part for number in numbers for part in ("--share", sheet(machine, number))]


def keyid_of(machine: Machine) -> str:
    keyid = machine.ok("keys", "show", "prod")["keyid"]
    assert isinstance(keyid, str)
    return keyid


def at_terminal(machine: Machine, *arguments: object) -> Terminal:
    start = f"import os, sys; os.chdir({str(machine.folder)!r}); from signkit.cli.start import main"
    environment = machine.environment(TERM="dumb", PYTHONPATH=str(ROOT))
    return Terminal(["-c", f"{start}; sys.exit(main())", *map(str, arguments)], environment)


def test_a_split_shows_no_word_of_a_share(machine: Machine) -> None:
    ran = machine.run(
        "keys", "split", "prod", "--threshold", 2, "--shares", 2, "--out", "quiet", *PW
    )
    assert ran.code == 0, ran.err
    made = read_share_file(machine.folder / "quiet" / "share-1" / "sheet.html")
    assert " ".join(made.words[2:5]) not in ran.out + ran.err
    assert "destroy the folder" in ran.err


def test_to_the_terminal_no_file_is_written(machine: Machine) -> None:
    before = sorted(machine.folder.rglob("*"))
    options = ("--threshold", 2, "--shares", 3, "--to-terminal", *PW)
    shown = machine.run("keys", "split", "prod", *options)
    assert shown.out.count("any 2 needed") == 3
    assert len(machine.ok("keys", "split", "prod", *options)["shares"]) == 3
    assert sorted(machine.folder.rglob("*")) == before


def test_any_three_of_five_restore_and_no_two_do(machine: Machine) -> None:
    keyid = keyid_of(machine)
    for chosen in list(combinations(range(1, 6), 3))[::3]:
        drilled = machine.ok("keys", "recover", "prod", "--drill", *with_shares(machine, *chosen))
        assert drilled == {"keyid": keyid, "source": "3 shares", "written": None}
    for pair in list(combinations(range(1, 6), 2))[::4]:
        ran = machine.run(
            "keys", "recover", "prod", "--drill", *with_shares(machine, *pair), "--json"
        )
        assert ran.code == 5
        assert ran.error["error"] == "not enough shares: 1 more share"


def test_a_key_comes_back_and_signs(machine: Machine, tmp_path: Path) -> None:
    other = Machine(tmp_path)
    other.write("new", "another passphrase\n", mode=0o600)
    keyid = keyid_of(machine)
    arguments = ("keys", "recover", "prod", "--passphrase-file", "new", "--keyid", keyid)
    written = other.ok(*arguments, *with_shares(machine, 1, 2, 5))
    assert written["written"] == str(other.home / "keys" / "prod.pem")
    assert keyid_of(other) == keyid
    again = other.run(*arguments, *with_shares(machine, 1, 2, 5), "--json")
    assert again.code == 8
    assert "never overwritten" in again.error["error"]


def test_another_key_is_never_restored(machine: Machine, tmp_path: Path) -> None:
    other = Machine(tmp_path)
    other.new_key("prod")
    (other.home / "keys" / "prod.pem").unlink()
    ran = other.run("keys", "recover", "prod", *PW, *with_shares(machine, 1, 2, 3), "--json")
    assert ran.code == 5
    assert "another key than the expected" in ran.error["error"]
    assert not (other.home / "keys" / "prod.pem").exists()


def test_a_share_passphrase_must_be_the_same_to_its_last_space(machine: Machine) -> None:
    machine.write("share-pw", "ceremony of two \n", mode=0o600)
    machine.write("other-pw", "ceremony of two\n", mode=0o600)
    plan = ("--threshold", 2, "--shares", 2, "--share-passphrase-file", "share-pw")
    made = machine.ok("keys", "split", "prod", *plan, "--out", "locked", *PW)
    shares = [part for row in made["sheets"] for part in ("--share", row["path"])]
    arguments = ("keys", "recover", "prod", "--drill", *shares)
    assert machine.ok(*arguments, "--share-passphrase-file", "share-pw")["keyid"]
    for wrong in ((), ("--share-passphrase-file", "other-pw")):
        ran = machine.run(*arguments, *wrong, "--json")
        assert ran.code == 5
        assert "another key" in ran.error["error"]


def test_groups_with_holders(machine: Machine) -> None:
    groups = ("--group", "board=2/2", "--group", "team=2/3", "--group-threshold", 2)
    holders = [part for name in "ABCDE" for part in ("--holder", f"Holder {name}")]
    made = machine.ok("keys", "split", "prod", *groups, *holders, "--out", "groups", *PW)
    assert [row["holder"] for row in made["sheets"]][-1] == "Holder E"
    paths = [row["path"] for row in made["sheets"]]
    enough = [part for place in (0, 1, 2, 4) for part in ("--share", paths[place])]
    machine.ok("keys", "recover", "prod", "--drill", *enough)
    ran = machine.run("keys", "recover", "prod", "--drill", *enough[2:], "--json")
    assert ran.error["error"] == "not enough shares: 1 more share of group 1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--threshold", 3, "--shares", 5), "where the shares go"),
        (("--threshold", 3, "--out", "x"), "who must come together"),
        (("--out", "x"), "who must come together"),
        (("--threshold", 3, "--shares", 5, "--group", "2/3", "--out", "x"), "who must come"),
        (("--group", "2/3", "--group", "2/3", "--out", "x"), "expected --group-threshold"),
        (("--threshold", 1, "--shares", 1, "--out", "x"), "one share alone would be the key"),
        (("--threshold", 2, "--shares", 2, "--holder", "a", "--out", "x"), "1 holders for 2"),
    ],
)
def test_plans_that_are_refused(machine: Machine, arguments: tuple[Any, ...], said: str) -> None:
    ran = machine.run("keys", "split", "prod", *arguments, *PW, "--json")
    assert ran.code == 2
    assert said in ran.error["error"]
    assert not (machine.folder / "x").exists()


def test_each_fault_has_its_sentence(machine: Machine) -> None:
    one = words(machine, 1)
    machine.write("typo", " ".join([*one[:6], "acadmic", *one[7:]]))
    machine.write("misread", " ".join([*one[:9], "zero", *one[10:]]))
    machine.write("short", " ".join(one[:-1]))
    machine.ok("keys", "split", "prod", "--threshold", 3, "--shares", 5, "--out", "later", *PW)
    foreign = machine.folder / "later" / "share-2" / "sheet.html"
    two = sheet(machine, 2)
    for files, said in (
        (("typo",), "share typo: word 7 is not on the SLIP-39 word list"),
        (("misread",), "share misread: word 10 is wrong"),
        (("short",), "share short: expected 33 words, got 32"),
        ((two, two), f"share {two} is share {two} again"),
        ((two, foreign), f"share {foreign} is not of the same set as share {two}"),
        (("missing",), "share missing cannot be read: no such file or directory"),
    ):
        named = [part for file in files for part in ("--share", file)]
        ran = machine.run("keys", "recover", "prod", "--drill", *named, "--json")
        assert ran.error["error"].startswith(said)


def test_one_sheet_checks_itself(machine: Machine) -> None:
    register = (machine.folder / "set" / "register.txt").read_text()
    found = machine.ok("keys", "recover", "--check", "--share", sheet(machine, 4))
    assert re.search(rf"share-4 +1 +4 +{found['check_words']} ", register)
    both = machine.run("keys", "recover", "--check", *with_shares(machine, 1, 2))
    assert "--check takes one share, got 2" in both.err


def test_no_name_and_no_terminal(machine: Machine) -> None:
    assert "no NAME to restore the key under" in machine.run("keys", "recover").err
    ran = subprocess.run(
        [sys.executable, "-m", "signkit.cli", "keys", "recover", "prod", "--drill"],
        env=machine.environment(),
        cwd=machine.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
    )
    assert ran.returncode == 5
    assert "no words: there is no terminal" in ran.stderr


def test_a_sealed_key_comes_back_without_its_purpose(machine: Machine) -> None:
    machine.ok("keys", "new", "narrow", "--sealed", *PW)
    options = ("--threshold", 2, "--shares", 2, "--out", "narrow", *PW)
    ran = machine.run("keys", "split", "narrow", *options)
    assert ran.code == 0, ran.err
    assert "warning: the purpose of a sealed key does not go along" in ran.err
    sheets = [part for n in (1, 2) for part in ("--share", f"narrow/share-{n}/sheet.html")]
    machine.ok("keys", "recover", "narrow", "--drill", *sheets)


def test_without_the_extra_it_says_so(machine: Machine) -> None:
    code = (
        "import sys; sys.modules['shamir_mnemonic'] = None;"
        "from signkit.cli.app import run_app; sys.exit(run_app(sys.argv[1:]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, "keys", "recover", "--check", "--share", "x"],
        env=machine.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 5
    assert "error: shares need the library shamir-mnemonic" in ran.stderr
    assert "hint: install signkit[shares]" in ran.stderr


def test_words_typed_at_a_terminal(machine: Machine) -> None:
    """Unseen, some a line; a wrong word is named by its place, and what stood before is kept."""
    first, second, third = (words(machine, number) for number in (2, 3, 5))
    terminal = at_terminal(machine, "keys", "recover", "prod", "--drill")
    terminal.answer("Share 1, words from 1 of 33: ", " ".join([*first[:6], "acadmic", "zero"]))
    terminal.answer("words from 7 of 33: ", " ".join(first[6:]).upper())
    terminal.answer("Share 2, words from 1 of 33: ", " ".join(first))
    terminal.answer("Share 2, words from 1 of 33: ", " ".join(second))
    misread = [*third[:20], "zero" if third[20] != "zero" else "acid", *third[21:]]
    terminal.answer("Share 3, words from 1 of 33: ", " ".join(misread))
    terminal.answer("Share 3, words from 1 of 33: ", " ".join(third))
    assert terminal.wait() == 0, terminal.shown
    for said in (
        "share 1: word 7 is not on the SLIP-39 word list",
        "similar words of the list: academic",
        "share 2 is share 1 again",
        "share 3: word 21 is wrong",
        "still missing: 1 more share",
        "the key comes back from 3 shares",
    ):
        assert said in terminal.shown
    assert " ".join(first[:3]) not in terminal.shown


def test_words_are_shown_where_that_is_asked(machine: Machine) -> None:
    terminal = at_terminal(machine, "keys", "recover", "--check", "--show-words")
    terminal.answer("words from 1 of 33: ", " ".join(words(machine, 1)))
    assert terminal.wait() == 0, terminal.shown
    assert "share 1 of group 1 is whole" in terminal.shown
    assert words(machine, 1)[8] in terminal.shown


def test_a_drill_writes_nothing_outside_the_terminal(machine: Machine) -> None:
    """Every call that could leave something in the file system, seen by strace."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    calls = machine.folder.parent / "calls"
    command = ["strace", "-f", "-e", "trace=file,write,pwrite64,writev", "-o", str(calls)]
    drill = ["-m", "signkit.cli", "keys", "recover", "prod", "--drill"]
    command += [sys.executable, *drill, *map(str, with_shares(machine, 1, 2, 3))]
    environment = machine.environment(PYTHONDONTWRITEBYTECODE="1")
    before = sorted(os.walk(machine.folder))
    done = subprocess.run(
        command, cwd=machine.folder, env=environment, capture_output=True, text=True, check=False
    )
    if "attach" in done.stderr or "ptrace" in done.stderr:
        pytest.skip(f"strace cannot trace here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert "nothing was written" in done.stdout
    traced = calls.read_text()
    assert "openat(" in traced  # it would show one
    made = r"O_(WRONLY|RDWR|CREAT|TRUNC)|mkdir|rename|(?<!read)link|chmod|chown|mknod|truncate"
    assert not [line for line in traced.splitlines() if re.search(made, line)]
    assert not re.findall(r"p?write(?:v|64)?\((?!1,|2,)\d+", traced)
    assert sorted(os.walk(machine.folder)) == before


def test_passphrases_stay_where_they_belong(machine: Machine) -> None:
    """The store's passphrase is on no sheet and in no register."""
    for path in (machine.folder / "set").rglob("*.*"):
        if path.is_file():
            assert PASSPHRASE not in path.read_text()
