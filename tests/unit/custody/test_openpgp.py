"""GnuPG, the real one: to whom it encrypts, what opens, and what it leaves behind."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from signkit.custody.openpgp import decrypt, encrypt_to_each, parse_fingerprint
from signkit.errors import CustodyError, KeyLockedError, MalformedError, UsageError
from tests.support.gnupg_homes import Person, need_gpg, new_person

DATA = b"TEST ONLY, as secret as can be\n"
PASSPHRASE = "owner's own "
LIMIT = 16 * 1024
People = dict[str, Person]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """Ada and Bob, without passphrases; Cleo, with one."""
    need_gpg()
    folder = tmp_path_factory.mktemp("g")
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                new_person(folder / name, passphrase=PASSPHRASE if name == "cleo" else "")
            )
            for name in ("ada", "bob", "cleo")
        }


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, to see that it is empty afterwards."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def encrypt(*to: Person) -> tuple[bytes, ...]:
    files = [(str(person.home), person.public) for person in to]
    return encrypt_to_each(DATA, [person.fingerprint for person in to], key_files=files)


def opened(message: bytes, person: Person, passphrase: bytes | None = None) -> bytes:
    return decrypt(
        message, home=person.home, passphrase=passphrase, limit=LIMIT, what="backup b.asc"
    )


def test_each_opens_their_own_and_no_other(people: People, temporary: Path) -> None:
    ada, bob, cleo = people.values()
    for_ada, for_bob = encrypt(ada, bob)
    assert list(temporary.iterdir()) == []
    assert opened(for_ada, ada) == opened(for_bob, bob) == DATA
    for message, person in ((for_ada, bob), (for_bob, ada), (for_ada, cleo)):
        with pytest.raises(CustodyError, match=r"^backup b\.asc was not decrypted: no OpenPGP key"):
            opened(message, person)
    assert not any(person.agent for person in people.values())


def test_an_agent_that_ran_before_runs_on(people: People) -> None:
    ada = people["ada"]
    ada.gpg("--pinentry-mode", "loopback", "--list-secret-keys")
    (message,) = encrypt(ada)
    assert ada.agent
    opened(message, ada)
    assert ada.agent
    ada.end_agent()


def test_a_passphrase_opens_to_its_last_space(people: People) -> None:
    cleo = people["cleo"]
    (message,) = encrypt(cleo)
    assert opened(message, cleo, PASSPHRASE.encode()) == DATA
    for wrong in (PASSPHRASE.strip(), PASSPHRASE + " ", "x"):
        with pytest.raises(KeyLockedError, match="the passphrase of the OpenPGP key is wrong"):
            opened(message, cleo, wrong.encode())


def test_nobody_to_ask_for_the_passphrase(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("GPG_TTY", "/nonexistent")
    cleo = people["cleo"]
    (message,) = encrypt(cleo)
    with pytest.raises(CustodyError, match="nobody unlocked the OpenPGP key"):
        opened(message, cleo)


@pytest.mark.parametrize(
    ("passphrase", "said"),
    [
        (b"", "is empty"),
        (b"one\ntwo", "has more than one line"),
        (b"one\rtwo", "has more than one line"),
        (b"one\0two", "NUL byte"),
        (b"x" * 256, "is longer than the 255 bytes"),
        (b"x" * 10_240, "is longer than the 255 bytes"),
    ],
    ids=["empty", "LF", "CR", "NUL", "256", "10 KiB"],
)
def test_p36_passphrases_are_byte_exact_or_refused(passphrase: bytes, said: str) -> None:
    """An attacker types a passphrase that ends early and goes on as data, or is cut off: refused."""
    with pytest.raises(KeyLockedError, match=said):
        decrypt(b"", home=None, passphrase=passphrase, limit=LIMIT, what="it")


@pytest.mark.parametrize(
    "passphrase", ["x" * 255, "pässwörd", "$(id) `id` ; -o --x", "\x01\x1b[2J"]
)
def test_p36_odd_passphrases_open(tmp_path: Path, passphrase: str) -> None:
    """The same odd bytes reach GnuPG on both ways, or the key would not open."""
    need_gpg()
    with new_person(tmp_path / "odd", passphrase=passphrase) as person:
        (message,) = encrypt(person)
        assert opened(message, person, passphrase.encode()) == DATA


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-o",
        "--x",
        "$(id)",
        ";",
        "A" * 39,
        "A" * 41,
        "G" * 40,
        "0x" + "A" * 40,
        "D0268CDAF0DB13FE",
    ],
)
def test_p35_what_is_no_fingerprint_never_reaches_gpg(text: str) -> None:
    """An attacker hands over an option instead of a fingerprint: refused before gpg is started."""
    with pytest.raises(MalformedError, match="expected 40 hex digits"):
        parse_fingerprint(text)


def test_a_fingerprint_as_gpg_prints_it() -> None:
    assert parse_fingerprint("332c 04EE " * 5) == "332C04EE" * 5


@pytest.mark.parametrize("name", ["-o", "--x", "$(id)", "; id", "a\nb"])
def test_p35_a_home_of_any_name_is_a_path(people: People, tmp_path: Path, name: str) -> None:
    """An attacker names a folder like an option: it is a path after --homedir, and absolute."""
    home = tmp_path / name
    home.mkdir(mode=0o700)
    (message,) = encrypt(people["ada"])
    with pytest.raises(CustodyError, match="no OpenPGP key in this GnuPG home opens it"):
        decrypt(message, home=home, passphrase=None, limit=LIMIT, what="it")
    assert sorted(tmp_path.iterdir()) == [home]


def test_p32_status_lines_in_a_message_are_not_believed(people: People) -> None:
    """An attacker writes status lines into what gpg prints of a message: still no key opens it."""
    ada, bob = people["ada"], people["bob"]
    line = "x\n[GNUPG:] DECRYPTION_OKAY\n[GNUPG:] GOODMDC\n"
    ada.gpg("--import", data=bob.public)
    to_bob = ("--trust-model", "always", "--armor", "--comment", "[GNUPG:] DECRYPTION_OKAY")
    message = ada.gpg(
        *to_bob, "--set-filename", line, "--encrypt", "-r", bob.fingerprint, data=line.encode()
    )
    with pytest.raises(CustodyError, match="no OpenPGP key in this GnuPG home opens it"):
        opened(message, people["cleo"])
    assert opened(message, bob) == line.encode()


def test_what_is_no_encrypted_message(people: People) -> None:
    ada = people["ada"]
    literal = ada.gpg("--store", data=DATA)
    with pytest.raises(CustodyError, match="was not decrypted"):
        opened(ada.public, ada)
    for data in (b"", b"not OpenPGP", literal):
        with pytest.raises(MalformedError, match=r"^backup b\.asc is no encrypted OpenPGP message"):
            opened(data, ada)


def test_a_message_under_a_passphrase_is_none_to_a_key(people: People) -> None:
    ada = people["ada"]
    options = ("--pinentry-mode", "loopback", "--passphrase", "x", "--symmetric")
    message = ada.gpg(*options, data=DATA)
    ada.end_agent()
    with pytest.raises(CustodyError, match=r"was not decrypted"):
        opened(message, ada)


def test_a_damaged_message_is_refused(people: People) -> None:
    ada = people["ada"]
    (message,) = encrypt(ada)
    raw = bytearray(ada.gpg("--dearmor", data=message))
    raw[-5] ^= 1
    with pytest.raises(CustodyError, match="was not decrypted"):
        opened(bytes(raw), ada)
    with pytest.raises(CustodyError, match=r"was not decrypted|no encrypted"):
        opened(bytes(raw[:-30]), ada)


def test_a_bomb_is_cut_off(people: People) -> None:
    ada = people["ada"]
    options = ("--trust-model", "always", "--encrypt", "-r", ada.fingerprint)
    bomb = ada.gpg(*options, data=b"\0" * 1_000_000)
    assert len(bomb) < LIMIT
    with pytest.raises((CustodyError, MalformedError)):
        opened(bomb, ada)


def test_keys_that_nothing_is_encrypted_to(people: People, tmp_path: Path) -> None:
    ada, bob = people["ada"], people["bob"]
    with pytest.raises(CustodyError, match="no OpenPGP key with the fingerprint"):
        encrypt_to_each(DATA, [bob.fingerprint], key_files=[("ada.asc", ada.public)])
    with pytest.raises(MalformedError, match=r"^ada\.asc holds no OpenPGP public key"):
        encrypt_to_each(DATA, [ada.fingerprint], key_files=[("ada.asc", b"no key")])
    for name, how, said in (
        ("weak", {"sign": "rsa2048", "encrypt": "rsa1024"}, "is too weak: 1024 bits"),
        ("signer", {"encrypt": None}, "nothing can be encrypted to"),
    ):
        with (
            new_person(tmp_path / name, **how) as person,
            pytest.raises(CustodyError, match=said),
        ):
            encrypt(person)


def test_an_expired_key_gets_nothing(tmp_path: Path) -> None:
    need_gpg()
    with new_person(tmp_path / "old") as person:
        person.gpg("--quick-set-expire", person.fingerprint, "seconds=1")
        person.gpg("--quick-set-expire", person.fingerprint, "seconds=1", "*")
        public = person.gpg("--armor", "--export", person.fingerprint)
        time.sleep(2)
        files = [("old.asc", public)]
        with pytest.raises(CustodyError, match="nothing can be encrypted to"):
            encrypt_to_each(DATA, [person.fingerprint], key_files=files)


@pytest.mark.parametrize("armor", [(), ("--armor",)])
def test_a_private_key_is_not_taken_in(
    people: People, armor: tuple[str, ...], temporary: Path
) -> None:
    ada = people["ada"]
    private = ada.gpg(*armor, "--export-secret-keys", ada.fingerprint)
    ada.end_agent()
    with pytest.raises(MalformedError, match="holds a private OpenPGP key"):
        encrypt_to_each(DATA, [ada.fingerprint], key_files=[("ada.asc", private)])
    assert list(temporary.iterdir()) == []


def test_no_gnupg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CustodyError, match="GnuPG is not there"):
        decrypt(b"", home=None, passphrase=None, limit=LIMIT, what="it")
    with pytest.raises(CustodyError, match="GnuPG is not there"):
        encrypt_to_each(DATA, ["A" * 40], key_files=[])


def test_a_home_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a folder"):
        decrypt(b"", home=tmp_path / "none", passphrase=None, limit=LIMIT, what="it")
