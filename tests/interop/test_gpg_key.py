"""Keys of GnuPG: the real gpg and its real agent, in homes made on the spot."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from signkit.custody.gpg_key import GpgKey, open_gpg_key
from signkit.errors import (
    BackendUnavailableError,
    CustodyError,
    KeyLockedError,
    KeyNotFoundError,
    SignkitError,
)
from signkit.formats.response import open_response
from signkit.verify.ed25519 import verify_signature
from tests.support.commands import Machine
from tests.support.gnupg_homes import Person, agent_version, need_gpg, need_new_gpg, new_person

WORD = "a word of GnuPG's 100%"


@pytest.fixture
def homes(tmp_path: Path) -> Path:
    """A folder for the homes of several people."""
    need_gpg()
    return tmp_path


@pytest.fixture
def owner(homes: Path) -> Iterator[Person]:
    """Somebody whose key has a passphrase."""
    with new_signer(homes / "owner", passphrase=WORD) as person:
        yield person


def new_signer(home: Path, *, passphrase: str = "", kind: str = "ed25519"):
    return new_person(home, passphrase=passphrase, sign=kind, encrypt=None, use="sign")


def opened(person: Person, secret: bytes = WORD.encode()) -> GpgKey:
    return open_gpg_key(person.fingerprint, home=person.home, secrets=lambda _what: secret)


def refusal(person: Person, fingerprint: str = "") -> SignkitError:
    """Why a key is refused, before anybody is asked for a secret."""

    def never(what: str) -> bytes:
        raise AssertionError(what)

    with pytest.raises(SignkitError) as caught:
        open_gpg_key(fingerprint or person.fingerprint, home=person.home, secrets=never)
    return caught.value


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("rsa2048", "is RSA: expected Ed25519"),
        ("nistp256", "is on the curve nistp256: expected Ed25519"),
        ("brainpoolP256r1", "is on the curve brainpoolP256r1: expected Ed25519"),
    ],
)
def test_keys_of_other_kinds_are_refused_by_name(homes: Path, kind: str, said: str) -> None:
    with new_signer(homes / "other", kind=kind) as person:
        assert said in str(refusal(person))


def test_keys_that_are_no_more_are_refused(homes: Path) -> None:
    with new_signer(homes / "old") as person:
        then = ("--faked-system-time", "20200101T000000", "--pinentry-mode", "loopback")
        old = ("--passphrase", "", "--quick-gen-key", "old <old@example.com>", "ed25519", "sign")
        person.gpg(*then, *old, "2020-02-02")
        listed = person.gpg("--with-colons", "--list-keys", "old@example.com").decode()
        line = next(line for line in listed.splitlines() if line.startswith("fpr"))
        assert "expired" in str(refusal(person, line.split(":")[9]))
    with new_signer(homes / "revoked") as person:
        certificate = person.home / "openpgp-revocs.d" / f"{person.fingerprint}.rev"
        text = certificate.read_text().replace("\n:-----BEGIN", "\n-----BEGIN")
        person.gpg("--import", data=text.encode())
        assert "was revoked" in str(refusal(person))


def test_what_is_not_there(homes: Path) -> None:
    with new_signer(homes / "owner") as person:
        found = refusal(person, "AB" * 20)
        assert isinstance(found, KeyNotFoundError)
        assert refusal(person, person.fingerprint[-16:]).code == "malformed"
        public = person.gpg("--export", person.fingerprint)
    with new_signer(homes / "stranger") as stranger:
        stranger.gpg("--import", data=public)
        need_new_gpg()
        assert "only the public half" in str(refusal(stranger, person.fingerprint))


def test_an_older_gnupg_is_refused_with_its_version(owner: Person) -> None:
    if agent_version() >= (2, 4):
        pytest.skip("needs a GnuPG before 2.4")
    found = refusal(owner)
    assert isinstance(found, BackendUnavailableError)
    assert "signs hashes only, and no message as it is: expected 2.4 or newer" in str(found)
    assert "PKCS#11" in str(found.hint)


def test_it_signs_bytes_as_they_are(owner: Person) -> None:
    need_new_gpg()
    key = opened(owner)
    for size in (0, 1, 64, 65, 2048):
        message = b"%\r\n\0" * (size // 4) + b"x" * (size % 4)
        verify_signature(key.public_key, message, key.sign(message))
    with pytest.raises(BackendUnavailableError, match="at most 2048 bytes as they are, got 2049"):
        key.sign(bytes(2049))
    verify_signature(key.public_key, b"still there", key.sign(b"still there"))
    assert not owner.agent  # no daemon was started


def test_many_signatures_of_a_key_without_a_passphrase(homes: Path) -> None:
    """Also those whose halves begin with a zero byte, which a number would lose."""
    need_new_gpg()
    with new_signer(homes / "open") as person:
        key = opened(person)
        signatures = [(n.to_bytes(2, "big"), key.sign(n.to_bytes(2, "big"))) for n in range(1500)]
    assert any(0 in (signature[0], signature[32]) for _message, signature in signatures)
    for message, signature in signatures:
        verify_signature(key.public_key, message, signature)


def test_a_subkey(owner: Person) -> None:
    need_new_gpg()
    made = ("--pinentry-mode", "loopback", "--passphrase", WORD)
    owner.gpg(*made, "--quick-add-key", owner.fingerprint, "ed25519", "sign", "0")
    owner.gpg(*made, "--quick-add-key", owner.fingerprint, "cv25519", "encr", "0")
    listed = owner.gpg("--with-colons", "--with-subkey-fingerprint", "--list-keys").decode()
    lines = [line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr")]
    subkey = Person(home=owner.home, fingerprint=lines[1], public=b"")
    assert opened(subkey).public_key != opened(owner).public_key
    assert "is on the curve cv25519" in str(refusal(owner, lines[2]))


def test_a_wrong_passphrase(owner: Person) -> None:
    need_new_gpg()
    with pytest.raises(KeyLockedError, match="does not open the key gpg:"):
        opened(owner, b"wrong")
    with pytest.raises(KeyLockedError, match="more than one line"):
        opened(owner, b"two\nlines")


def test_an_agent_that_dies_in_the_middle(owner: Person) -> None:
    need_new_gpg()
    key = opened(owner)
    key._agent._process.kill()
    key._agent._process.wait()
    with pytest.raises(BackendUnavailableError):
        key.sign(b"x")
    with pytest.raises(BackendUnavailableError, match="it failed before"):
        key.sign(b"x")


# Passes everything on to the real agent, but for which key's public half is asked for.
IMPOSTOR = """#!{python}
import subprocess, sys
real = subprocess.Popen([{agent!r}, *sys.argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
def relay():
    word = b""
    while word not in (b"OK", b"ERR", b"INQUIRE"):
        line = real.stdout.readline()
        word = line.split()[0]
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
relay()
for line in sys.stdin.buffer:
    real.stdin.write(line.replace(b"READKEY {asked}", b"READKEY {given}"))
    real.stdin.flush()
    if not line.startswith(b"D "):
        relay()
"""


def test_an_agent_that_shows_another_public_key(
    owner: Person, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacker: altered the key folder. GnuPG signs with a key, and says that it is another one."""
    need_new_gpg()
    with new_signer(homes / "mallory") as mallory:
        for file in (mallory.home / "private-keys-v1.d").iterdir():
            shutil.copy(file, owner.home / "private-keys-v1.d")
        code = IMPOSTOR.format(
            python=sys.executable,
            agent=shutil.which("gpg-agent"),
            asked=grip_of(owner),
            given=grip_of(mallory),
        )
    path = homes / "bin" / "gpg-agent"
    path.parent.mkdir()
    path.write_text(code)
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(path.parent), prepend=":")
    with pytest.raises(CustodyError, match="not for the public key"):
        opened(owner)


def grip_of(person: Person) -> str:
    listed = person.gpg("--with-colons", "--with-keygrip", "--list-keys").decode()
    return next(line for line in listed.splitlines() if line.startswith("grp")).split(":")[9]


def test_a_ceremony(owner: Person, tmp_path: Path) -> None:
    need_new_gpg()
    machine = Machine(tmp_path)
    machine.write("model.bin", b"Hello, Binary\n")
    machine.write("word", WORD + "\n", mode=0o600)
    machine.prepare()
    ran = machine.sign(
        "model.request.json",
        *("--key", f"gpg:{owner.fingerprint}", "--gnupg-home", owner.home),
        *("--passphrase-file", "word"),
    )
    assert (ran.code, ran.json["signed_count"]) == (0, 1), ran.err
    response = open_response((tmp_path / "model.response.json").read_bytes()).response
    assert {each.scheme for each in response.items[0].signatures} == {"peridio", "statement"}
    assert not owner.agent


def test_its_public_key_needs_no_passphrase(owner: Person, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    home = {"GNUPGHOME": str(owner.home)}
    key = f"gpg:{owner.fingerprint}"
    machine.write("exported", owner.public)
    wanted = machine.run("keys", "convert", "exported", "--to", "pem").out
    shown = machine.run("keys", "convert", key, "--public", "--to", "pem", env=home)
    assert (shown.code, shown.out) == (0, wanted), shown.err
    refused = machine.run("keys", "convert", key, "--to", "hex", "--reveal-private", env=home)
    assert (refused.code, refused.out) == (5, "")
    assert "stays where it is" in refused.err
