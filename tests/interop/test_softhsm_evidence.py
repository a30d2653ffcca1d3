"""keys attest: what SoftHSM2 says about its keys, kept, shown and checked by somebody else."""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.commands import Machine, Ran
from tests.support.key_files import openssl
from tests.support.softhsm import PIN, SoftHsm, make_softhsm

MADE, BROUGHT = "pkcs11:token=vault;object=made", "pkcs11:token=vault;object=brought"
CHALLENGE = "5a" * 32


@pytest.fixture
def hsm(tmp_path: Path) -> SoftHsm:
    """The token "vault", with one key that it made and one that was brought in."""
    hsm = make_softhsm(tmp_path / "hsm")
    pem = tmp_path / "brought.pem"
    pem.write_bytes(openssl("genpkey", "-algorithm", "Ed25519"))
    hsm.put(pem, "brought", key_id="01")
    hsm.make("made", key_id="02")
    machine = Machine(tmp_path)
    machine.write("pin", PIN + "\n", mode=0o600)
    for name, uri in (("made", MADE), ("brought", BROUGHT)):
        ok(hsm, tmp_path, "keys", "convert", uri, "--public", "--to", "pem", "--out", f"{name}.pub")
        machine.ok("keys", "import", f"{name}.pub", "--name", name)
    return hsm


def run(hsm: SoftHsm, folder: Path, *arguments: object) -> Ran:
    module = {"SIGNKIT_PKCS11_MODULE": str(hsm.module)}
    return Machine(folder).run(*arguments, env={**hsm.environment, **module})


def ok(hsm: SoftHsm, folder: Path, *arguments: object) -> Ran:
    ran = run(hsm, folder, *arguments)
    assert ran.code == 0, ran.err
    return ran


def attest(hsm: SoftHsm, folder: Path, name: str, key: str, *more: object) -> Ran:
    options = ("--key", key, "--passphrase-file", "pin", *more, "--json")
    return run(hsm, folder, "keys", "attest", name, *options)


def test_a_key_that_the_token_made(hsm: SoftHsm, tmp_path: Path) -> None:
    ran = attest(hsm, tmp_path, "made", MADE)
    assert (ran.code, ran.err) == (0, "")
    said = ran.json
    assert said["token"]["label"] == "vault"
    assert said["token"]["manufacturer"] == "SoftHSM project"
    assert said["library"]["cryptoki_version"] == "2.40"
    assert said["key"] == {
        "label": "made",
        "key_id": "02",
        "generation": "CKM_EC_EDWARDS_KEY_PAIR_GEN",
        "local": True,
        "sensitive": True,
        "always_sensitive": True,
        "extractable": False,
        "never_extractable": True,
    }
    shown = Machine(tmp_path).ok("keys", "show", "made")
    assert shown["keyid"] == said["keyid"]
    assert shown["evidence"]["token"] == said["token"]
    # Checked without the token, and without signkit's home.
    text = Machine(tmp_path / "hsm").run(
        "keys", "attest", "../made.pub", "--check", said["evidence"]
    )
    assert text.code == 0, text.err
    assert "made there   yes, by CKM_EC_EDWARDS_KEY_PAIR_GEN" in text.out
    assert "extractable  no, and never so" in text.out
    assert "certificates are stored, not judged" in " ".join(text.out.split())


def test_a_key_that_was_brought_in(hsm: SoftHsm, tmp_path: Path) -> None:
    ran = attest(hsm, tmp_path, "brought", BROUGHT)
    assert ran.code == 0
    assert "a copy may exist elsewhere" in ran.err
    key = ran.json["key"]
    assert (key["local"], key["generation"], key["never_extractable"]) == (False, None, False)
    text = Machine(tmp_path).run("keys", "attest", "brought", "--check", ran.json["evidence"]).out
    assert "made there   NO: it was brought in from outside" in text
    assert "extractable  no, but not always so" in text


def test_certificates_beside_the_key_are_kept(hsm: SoftHsm, tmp_path: Path) -> None:
    for name, key_id in (("ours", "01"), ("ours too", "01"), ("another's", "02")):
        der = tmp_path / f"{name}.der"
        subject = ("-subj", f"/CN={name}", "-days", "9", "-outform", "DER")
        der.write_bytes(openssl("req", "-x509", "-key", tmp_path / "brought.pem", *subject))
        hsm.put_certificate(der, key_id)
    found = attest(hsm, tmp_path, "brought", BROUGHT).json["certificates"]
    wanted = sorted((tmp_path / f"{name}.der").read_bytes() for name in ("ours", "ours too"))
    assert [b64decode(each["der"]) for each in found] == wanted
    assert [each["sha256"] for each in found] == [sha256(each).hexdigest() for each in wanted]


def test_a_challenge_of_the_auditor(hsm: SoftHsm, tmp_path: Path) -> None:
    ok(hsm, tmp_path, "keys", "show", MADE)
    out = ("--challenge", CHALLENGE, "--out", "evidence.json")
    assert attest(hsm, tmp_path, "made.pub", MADE, *out).json["challenge"] == CHALLENGE
    machine = Machine(tmp_path)
    check = ("keys", "attest", "made.pub", "--check", "evidence.json", "--challenge")
    assert machine.ok(*check, CHALLENGE)["challenge"] == CHALLENGE
    assert machine.run(*check, "5b" * 32, "--json").error["code"] == "context"


def test_evidence_that_is_not_of_this_key(hsm: SoftHsm, tmp_path: Path) -> None:
    path = Path(attest(hsm, tmp_path, "made", MADE).json["evidence"])
    machine = Machine(tmp_path)
    ran = machine.run("keys", "attest", "brought", "--check", path, "--json")
    assert ran.error["code"] == "unknown-key"
    path.rename(path.with_name("brought.evidence.json"))
    shown = machine.ok("keys", "show", "brought")
    assert shown["evidence"]["code"] == "unknown-key"
    assert (
        "REFUSED: key evidence is about another key" in machine.run("keys", "show", "brought").out
    )
    assert "evidence" not in machine.ok("keys", "show", "made")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["made"], "usage", "either --key"),
        (["made", "--key", MADE, "--check", "x"], "usage", "either --key"),
        (["made", "--key", "brought.pem"], "usage", "expected a key on a token"),
        (["made.pub", "--key", MADE], "usage", "expected --out"),
        (["made", "--key", BROUGHT], "custody", "is another key: expected keyid"),
        (["nobody", "--key", MADE], "key-not-found", "no public key 'nobody'"),
        (["made", "--key", "pkcs11:token=vault;object=x"], "key-not-found", "no such private key"),
        (["made", "--key", MADE, "--challenge", "00"], "not-canonical", "--challenge"),
        (["made", "--key", MADE, "--out", "pin"], "file", "pin"),
        (["made", "--check", "pin"], "malformed", "key evidence"),
        (["made", "--check", "none"], "file", "none"),
    ],
)
def test_what_is_refused(
    hsm: SoftHsm, tmp_path: Path, arguments: list[str], code: str, said: str
) -> None:
    ran = run(hsm, tmp_path, "keys", "attest", *arguments, "--passphrase-file", "pin", "--json")
    assert (ran.error["code"], said in ran.error["error"]) == (code, True), ran.err
    assert not list((tmp_path / "home" / "keys").glob("*.evidence.json"))


def test_evidence_is_never_replaced(hsm: SoftHsm, tmp_path: Path) -> None:
    path = Path(attest(hsm, tmp_path, "made", MADE).json["evidence"])
    before = path.read_bytes()
    assert attest(hsm, tmp_path, "made", MADE).error["code"] == "file"
    assert path.read_bytes() == before


def test_a_wrong_pin_leaves_nothing(hsm: SoftHsm, tmp_path: Path) -> None:
    Machine(tmp_path).write("pin", "999999\n", mode=0o600)
    ran = attest(hsm, tmp_path, "made", MADE)
    assert ran.error["code"] == "key-locked"
    assert not list((tmp_path / "home" / "keys").glob("*.evidence.json"))
