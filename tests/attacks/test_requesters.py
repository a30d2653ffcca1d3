"""Somebody who is not a requester, or not the one they say, asks the station."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from signkit.custody.openpgp import _read_verdict, sign_detached, verify_detached
from signkit.errors import CustodyError, MalformedError, SignatureInvalidError, UsageError
from tests.support.gnupg_homes import Person, need_gpg, new_person, with_signing_key

DATA = b"TEST ONLY: the bytes of a request"
People = dict[str, Person]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """Ada, whom the policy names; Eve, whom it does not; both can sign."""
    need_gpg()
    folder = tmp_path_factory.mktemp("g")
    with ExitStack() as stack:
        yield {
            name: with_signing_key(stack.enter_context(new_person(folder / name, encrypt=None)))
            for name in ("ada", "eve")
        }


def signed(person: Person, *options: str, data: bytes = DATA) -> bytes:
    return person.gpg(*options, "--local-user", person.fingerprint, "--detach-sign", data=data)


def verify(signature: bytes, *known: Person, data: bytes = DATA) -> str:
    return verify_detached(data, signature, keys={each.fingerprint: each.public for each in known})


def test_a_person_signs_and_is_known(people: People) -> None:
    ada, eve = people.values()
    ada.end_agent()
    made = sign_detached(DATA, fingerprint=ada.fingerprint, home=ada.home, passphrase=None)
    assert made.startswith(b"-----BEGIN PGP SIGNATURE-----")
    assert not ada.agent
    for signature in (made, signed(ada), signed(ada, "--armor")):
        assert verify(signature, ada, eve) == ada.fingerprint


def test_other_bytes(people: People) -> None:
    """Attacker: changes one bit of the request on its way."""
    ada = people["ada"]
    with pytest.raises(SignatureInvalidError, match="of other bytes"):
        verify(signed(ada), ada, data=DATA[:-1] + b"u")


def test_a_key_that_the_policy_does_not_name(people: People) -> None:
    """Attacker: signs with a key of their own, under the same name."""
    ada, eve = people.values()
    with pytest.raises(SignatureInvalidError, match="a key that the policy does not name"):
        verify(signed(eve), ada)


def test_a_key_that_rides_along(people: People) -> None:
    """Attacker: has a second key in the block that is pasted into the policy."""
    ada, eve = people.values()
    for block in (ada.public + eve.public, eve.public):
        with pytest.raises(CustodyError, match="is another"):
            verify_detached(DATA, signed(eve), keys={ada.fingerprint: block})


def test_two_signatures(people: People) -> None:
    """Attacker: adds a signature to a good one, so that two readers may pick different ones."""
    ada, eve = people.values()
    for both in (signed(ada) * 2, signed(ada) + signed(eve), signed(eve) + signed(ada)):
        with pytest.raises(SignatureInvalidError):
            verify(both, ada)
        with pytest.raises(SignatureInvalidError, match="exactly one"):
            verify(both, ada, eve)


def test_a_signature_that_brings_its_own_content(people: People) -> None:
    """Attacker: puts a whole signed message there, of bytes that Ada did sign once."""
    ada = people["ada"]
    for option in ("--sign", "--clear-sign"):
        whole = ada.gpg("--local-user", ada.fingerprint, option, data=b"another request")
        with pytest.raises(SignatureInvalidError):
            verify(whole, ada)


@pytest.mark.parametrize(
    "options",
    [("--digest-algo", "SHA1", "--allow-weak-digest-algos"), ("--textmode",)],
    ids=["sha1", "text"],
)
def test_a_weak_or_foreign_kind_of_signature(people: People, options: tuple[str, ...]) -> None:
    """Attacker: found a collision, or counts on line ends that count for nothing."""
    ada = people["ada"]
    with pytest.raises(SignatureInvalidError, match="class 00 under SHA-256"):
        verify(signed(ada, *options), ada)


def test_what_has_expired_or_was_revoked(tmp_path: Path) -> None:
    """Attacker: keeps an old signature, or stole a key that its owner has given up."""
    need_gpg()
    with new_person(tmp_path / "bob", encrypt=None) as made:
        bob = with_signing_key(made)
        good, short = signed(bob), signed(bob, "--default-sig-expire", "seconds=1")
        bob.gpg("--quick-set-expire", bob.fingerprint, "seconds=1")
        ended = bob.gpg("--armor", "--export", bob.fingerprint)
        bob.gpg("--quick-set-expire", bob.fingerprint, "0")
        revocation = (bob.home / "openpgp-revocs.d" / f"{bob.fingerprint}.rev").read_bytes()
        bob.gpg("--import", data=revocation.replace(b":-----BEGIN", b"-----BEGIN"))
        revoked = bob.gpg("--armor", "--export", bob.fingerprint)
        time.sleep(2)
        for signature, key, why in (
            (short, bob.public, "it has expired"),
            (good, ended, "its key has expired"),
            (good, revoked, "its key was revoked"),
        ):
            with pytest.raises(SignatureInvalidError, match=f"^{why}$"):
                verify_detached(DATA, signature, keys={bob.fingerprint: key})
        assert verify(good, bob) == bob.fingerprint


@pytest.mark.parametrize("signature", [b"", b"garbage", b"-----BEGIN PGP SIGNATURE-----\n\nAAAA\n"])
def test_no_signature_at_all(people: People, signature: bytes) -> None:
    with pytest.raises(SignatureInvalidError, match="exactly one"):
        verify(signature, people["ada"])


def test_every_truncation(people: People) -> None:
    ada = people["ada"]
    whole = signed(ada)
    for length in range(1, len(whole), 9):
        with pytest.raises(SignatureInvalidError):
            verify(whole[:length], ada)


def test_text_that_passes_for_a_status_line(people: People) -> None:
    """Attacker (CVE-2018-12020, CVE-2022-34903): has gpg print lines that look like a verdict."""
    ada, eve = people.values()
    fake = f"[GNUPG:] VALIDSIG {ada.fingerprint} 2026-01-01 1 0 4 0 22 8 00 {ada.fingerprint}"
    forged = signed(eve, "--sig-notation", f"x@y.z={fake}", "--set-filename", fake)
    with pytest.raises(SignatureInvalidError, match="a key that the policy does not name"):
        verify(forged, ada)
    assert verify(forged, ada, eve) == eve.fingerprint


@pytest.mark.parametrize(
    "said",
    [
        "NEWSIG\nERRSIG 0\nNEWSIG\nGOODSIG 0 x\nVALIDSIG F d t 0 4 0 22 8 00 F",
        "NEWSIG\nGOODSIG 0 x\nVALIDSIG F d t 0 4 0 22 8 00",
        "NEWSIG\nGOODSIG 0 x\nVALIDSIG F d t 0 4 0 22 8 00 F\nVALIDSIG E d t 0 4 0 22 8 00 E",
        "GOODSIG 0 x\nVALIDSIG F d t 0 4 0 22 8 00 F",
        "NEWSIG\nVALIDSIG F d t 0 4 0 22 8 00 F",
        "NEWSIG\nREVKEYSIG 0 x\nVALIDSIG F d t 0 4 0 22 8 00 F",
        "",
    ],
)
def test_status_lines_that_say_anything_else(said: str) -> None:
    """Attacker: found a gpg that can be made to print lines of their own beside its own."""
    status = "\n".join(f"[GNUPG:] {line}" for line in said.split("\n"))
    with pytest.raises(SignatureInvalidError):
        _read_verdict(status, ended_well=True)


def test_status_lines_of_a_gpg_that_failed() -> None:
    good = "[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 0 x\n[GNUPG:] VALIDSIG F d t 0 4 0 22 8 00 F\n"
    assert _read_verdict(good, ended_well=True) == "F"
    with pytest.raises(SignatureInvalidError):
        _read_verdict(good, ended_well=False)


def test_a_key_that_is_none_or_private(people: People) -> None:
    ada = people["ada"]
    private = ada.gpg("--armor", "--export-secret-keys", ada.fingerprint)
    for block, message in ((b"garbage", "holds no"), (private, "holds a private")):
        with pytest.raises(MalformedError, match=message):
            verify_detached(DATA, signed(ada), keys={ada.fingerprint: block})


def test_nobody_to_sign(people: People, tmp_path: Path) -> None:
    ada, eve = people.values()
    with pytest.raises(CustodyError, match=f"nothing was signed with .* {eve.fingerprint}"):
        sign_detached(DATA, fingerprint=eve.fingerprint, home=ada.home, passphrase=None)
    with pytest.raises(UsageError, match="expected a folder"):
        sign_detached(DATA, fingerprint=ada.fingerprint, home=tmp_path / "x", passphrase=None)


def test_verifying_leaves_nothing(
    people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ada = people["ada"]
    signature = signed(ada)
    ada.end_agent()
    verify(signature, ada)
    assert list(tmp_path.iterdir()) == []
    assert not ada.agent
