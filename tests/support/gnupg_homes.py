"""GnuPG homes with keys made on the spot, TEST ONLY, for tests that talk to the real gpg."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Person:
    """Somebody with an OpenPGP key.

    Attributes:
        home: Their GnuPG home.
        fingerprint: Of their primary key.
        public: Their public key, armored.
    """

    home: Path
    fingerprint: str
    public: bytes

    def gpg(self, *arguments: str, data: bytes = b"", code: int = 0) -> bytes:
        """Run gpg in their home."""
        done = subprocess.run(
            ["gpg", "--homedir", str(self.home), "--batch", "--no-tty", *arguments],
            input=data,
            capture_output=True,
            check=False,
        )
        assert done.returncode == code, done.stderr.decode()
        return done.stdout

    def end_agent(self) -> None:
        """End their gpg-agent, which forgets what it knew."""
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], check=True)

    @property
    def agent(self) -> bool:
        """Whether their gpg-agent runs."""
        return os.path.exists(self.home / "S.gpg-agent")


def with_signing_key(person: Person) -> Person:
    """Return somebody who has a signing subkey as well; its passphrase is empty."""
    made = ("--pinentry-mode", "loopback", "--passphrase", "")
    person.gpg(*made, "--quick-add-key", person.fingerprint, "ed25519", "sign", "0")
    public = person.gpg("--armor", "--export", person.fingerprint)
    person.end_agent()
    return replace(person, public=public)


def need_gpg() -> None:
    """Skip where there is no gpg."""
    if not shutil.which("gpg") or not shutil.which("gpgconf"):
        pytest.skip("needs gpg and gpgconf (Debian: gnupg)")


def agent_version() -> tuple[int, ...]:
    """The first two numbers of GnuPG's version; skip where there is none."""
    need_gpg()
    if not shutil.which("gpg-agent"):
        pytest.skip("needs gpg-agent (Debian: gpg-agent)")
    said = subprocess.run(["gpg-agent", "--version"], capture_output=True, text=True, check=True)
    return tuple(int(each) for each in said.stdout.split("\n")[0].split()[-1].split(".")[:2])


def need_new_gpg() -> None:
    """Skip where GnuPG signs hashes only."""
    if agent_version() < (2, 4):
        pytest.skip("needs GnuPG 2.4, whose agent signs messages as they are (SETHASH --inquire)")


@contextmanager
def new_person(
    home: Path,
    *,
    passphrase: str = "",
    sign: str = "ed25519",
    use: str = "cert",
    encrypt: str | None = "cv25519",
) -> Iterator[Person]:
    """Make somebody with a key in a new home; their agent is ended after the body."""
    home.mkdir(mode=0o700)
    # Without it every agent that is started measures for a while how fast the machine is.
    (home / "gpg-agent.conf").write_text("s2k-count 65536\n")
    person = Person(home=home, fingerprint="", public=b"")
    made = ("--pinentry-mode", "loopback", "--passphrase", passphrase)
    try:
        person.gpg(*made, "--quick-gen-key", f"{home.name} <test@example.com>", sign, use, "0")
        listed = person.gpg("--with-colons", "--list-keys").decode()
        fingerprint = next(line for line in listed.splitlines() if line.startswith("fpr"))
        fingerprint = fingerprint.split(":")[9]
        if encrypt:
            person.gpg(*made, "--quick-add-key", fingerprint, encrypt, "encr", "0")
        public = person.gpg("--armor", "--export", fingerprint)
        person.end_agent()
        yield Person(home=home, fingerprint=fingerprint, public=public)
    finally:
        person.end_agent()
