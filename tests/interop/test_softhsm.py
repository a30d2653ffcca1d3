"""Keys on a PKCS#11 token, as SoftHSM2 plays one: each use in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from signkit.formats.response import open_response
from tests.support.commands import Machine, Ran
from tests.support.key_files import openssl
from tests.support.softhsm import PIN, SoftHsm, make_softhsm

ROOT = Path(__file__).resolve().parents[2]
KEY = "pkcs11:token=vault;object=prod"


@pytest.fixture
def hsm(tmp_path: Path) -> SoftHsm:
    """The token "vault" with the Ed25519 key "prod", and the PIN in the file `pin`."""
    made = make_softhsm(tmp_path / "hsm")
    pem = tmp_path / "prod.pem"
    pem.write_bytes(openssl("genpkey", "-algorithm", "Ed25519"))
    made.put(pem, "prod")
    pin = tmp_path / "pin"
    pin.write_text(PIN + "\n")
    pin.chmod(0o600)
    return made


def run(hsm: SoftHsm, folder: Path, *arguments: object) -> Ran:
    module = {"SIGNKIT_PKCS11_MODULE": str(hsm.module)}
    return Machine(folder).run(*arguments, env={**hsm.environment, **module})


def sign(hsm: SoftHsm, folder: Path, key: str = KEY) -> Ran:
    digest = sha256((folder / "model.request.json").read_bytes()).hexdigest()
    options = ("--key", key, "--passphrase-file", "pin", "--yes-to", digest, "--json")
    return run(hsm, folder, "sign", "model.request.json", *options)


@pytest.fixture
def request_here(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write("model.bin", b"Hello, Binary\n")
    machine.prepare()


def test_a_ceremony_with_a_token(hsm: SoftHsm, request_here: None, tmp_path: Path) -> None:
    ran = sign(hsm, tmp_path)
    assert (ran.code, ran.json["signed_count"]) == (0, 1), ran.err
    assert "may wait to be touched" in ran.err
    (key,) = open_response((tmp_path / "model.response.json").read_bytes()).response.keys
    public = openssl("pkey", "-in", tmp_path / "prod.pem", "-pubout", "-outform", "DER")
    assert key.public_key.raw == public[12:]


def test_its_public_key_needs_no_pin(hsm: SoftHsm, tmp_path: Path) -> None:
    public = openssl("pkey", "-in", tmp_path / "prod.pem", "-pubout").decode()
    assert run(hsm, tmp_path, "keys", "convert", KEY, "--to", "pem", "--public").out == public
    assert run(hsm, tmp_path, "keys", "show", KEY).code == 0


def test_a_root_key_on_the_token(hsm: SoftHsm, tmp_path: Path) -> None:
    """A custodian signs a draft where the token is: the module is named, not taken from elsewhere."""
    public = tmp_path / "root.pub.pem"
    public.write_bytes(openssl("pkey", "-in", tmp_path / "prod.pem", "-pubout"))
    machine = Machine(tmp_path)
    made = machine.run("trust", "init", "--release", public, "--root-public", public)
    assert made.code == 0, made.err
    signs = ("trust", "sign", "trust.draft.json", "--key", KEY, "--passphrase-file", "pin")
    ran = machine.run(*signs, "--pkcs11-module", hsm.module, env=hsm.environment)
    assert ran.code == 0, ran.err
    assert machine.run("trust", "show", "trust.json").code == 0


def test_a_state_binds_the_key_on_the_token(
    hsm: SoftHsm, request_here: None, tmp_path: Path
) -> None:
    (tmp_path / "token.pub.pem").write_bytes(
        openssl("pkey", "-in", tmp_path / "prod.pem", "-pubout")
    )
    for command in (
        ("import", "token.pub.pem", "--name", "vault"),
        ("set-state", "vault", "suspended", "--reason", "the token is lent out"),
    ):
        assert run(hsm, tmp_path, "keys", *command).code == 0
    ran = sign(hsm, tmp_path)
    assert (ran.code, ran.error["code"]) == (5, "key-state")
    assert "(the token is lent out)" in ran.error["error"]


def test_its_private_key_is_not_exported(hsm: SoftHsm, tmp_path: Path) -> None:
    ran = run(hsm, tmp_path, "keys", "convert", KEY, "--to", "hex", "--reveal-private")
    assert (ran.code, ran.out) == (5, "")
    assert "stays where it is" in ran.err


def serial(hsm: SoftHsm) -> str:
    shown = subprocess.run(
        ["softhsm2-util", "--show-slots"],
        env={**os.environ, **hsm.environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [line.split(":")[1].strip() for line in shown.splitlines() if "Serial number" in line]
    return next(line for line in lines if line)


@pytest.mark.parametrize(
    ("key", "code", "said"),
    [
        ("pkcs11:token=none;object=prod", "key-not-found", "no such token; there are: vault ("),
        ("pkcs11:token=vault;object=none", "key-not-found", "no such private key; it has: prod"),
        ("pkcs11:token=vault;object=prod;id=%02", "key-not-found", "no such private key"),
        ("pkcs11:serial=00;id=%01", "key-not-found", "no such token"),
        ("pkcs11:token=vault", "usage", "expected a token"),
        ("pkcs11:token=vault;object=prod?module-path=/x.so", "usage", "module-path is refused"),
    ],
)
def test_what_is_not_there(
    hsm: SoftHsm, request_here: None, tmp_path: Path, key: str, code: str, said: str
) -> None:
    ran = sign(hsm, tmp_path, key)
    assert ran.error["code"] == code
    assert said in ran.error["error"]
    assert not (tmp_path / "model.response.json").exists()


def test_two_tokens_of_one_name(hsm: SoftHsm, request_here: None, tmp_path: Path) -> None:
    wanted = serial(hsm)
    hsm.new_token("vault")
    assert "more than one token of that name" in sign(hsm, tmp_path).error["error"]
    ran = sign(hsm, tmp_path, f"pkcs11:serial={wanted};object=prod")
    assert (ran.code, ran.json["signed_count"]) == (0, 1), ran.err


def test_two_keys_of_one_name(hsm: SoftHsm, request_here: None, tmp_path: Path) -> None:
    hsm.put(tmp_path / "prod.pem", "prod", key_id="02")
    assert "has 2 such private keys" in sign(hsm, tmp_path).error["error"]
    assert sign(hsm, tmp_path, KEY + ";id=%02").code == 0


def test_a_key_of_another_kind(hsm: SoftHsm, request_here: None, tmp_path: Path) -> None:
    pem = tmp_path / "rsa.pem"
    pem.write_bytes(openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"))
    hsm.put(pem, "rsa", key_id="07")
    said = sign(hsm, tmp_path, "pkcs11:token=vault;object=rsa").error["error"]
    assert said == "the key is of the kind CKK_RSA: expected CKK_EC_EDWARDS (Ed25519)"


def test_a_token_without_eddsa(hsm: SoftHsm, request_here: None, tmp_path: Path) -> None:
    with (hsm.folder / "softhsm2.conf").open("a") as file:
        file.write("slots.mechanisms = CKM_ECDSA,CKM_RSA_PKCS\n")
    ran = sign(hsm, tmp_path)
    assert ran.error["code"] == "backend-unavailable"
    assert "it has no mechanism CKM_EDDSA (it has CKM_ECDSA, CKM_RSA_PKCS)" in ran.error["error"]


@pytest.mark.parametrize("module", ["relative.so", "/none.so", "/bin/true"])
def test_what_is_no_module(hsm: SoftHsm, request_here: None, tmp_path: Path, module: str) -> None:
    ran = sign(SoftHsm(hsm.folder, Path(module)), tmp_path)
    assert ran.error["code"] == ("usage" if module == "relative.so" else "backend-unavailable")


# Opens the key as the ceremony does, and says what it was asked for.
OPEN = """
import shutil, sys
from pathlib import Path
from signkit.custody.life import NO_REGISTER
from signkit.custody.reference import Surroundings, open_signer
from signkit.custody.store import KeyStore
from signkit.errors import SignkitError
from signkit.station.ceremony import NOT_SEEN, sign_items
from tests.support.documents import item_value, request_of, request_value

def secrets(what):
    print("asked", what)
    return PINS.pop(0)

def open_it():
    around = Surroundings(store=KeyStore(Path("/none")), secrets=secrets, register=NO_REGISTER, module=Path(sys.argv[1]))
    return open_signer("pkcs11:token=vault;object=prod", around)

def attempt(function, *arguments, **options):
    try:
        return function(*arguments, **options)
    except SignkitError as error:
        print(error.code, error)

def sign(signer, count, advance=lambda _count: None):
    request = request_of(request_value(*[item_value(version=str(n)) for n in range(count)]))
    results = sign_items(request, signer, contents=NOT_SEEN, advance=advance)
    for result in results:
        if result.error:
            print(result.item, result.error.code, result.error.message)
    print("signed", sum(result.error is None for result in results))
"""


def python(hsm: SoftHsm, code: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", OPEN + code, str(hsm.module), str(hsm.folder / "tokens")],
        env={**os.environ, **hsm.environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert PIN not in done.stdout
    return done.stdout.splitlines()


def test_a_wrong_pin_and_what_is_said_before_the_next_one(hsm: SoftHsm) -> None:
    said = python(
        hsm,
        f"PINS = [b'999999', b'{PIN}', b'{PIN}']\n" + "kept = [attempt(open_it) for _ in range(3)]",
    )
    assert said == [
        "asked PIN of the token vault",
        "key-locked the PIN does not open the token vault",
        "asked PIN of the token vault (a wrong PIN was given before: few tries are left)",
        "asked PIN of the token vault",
    ]


def test_one_pin_signs_a_whole_ceremony(hsm: SoftHsm) -> None:
    said = python(hsm, f"PINS = [b'{PIN}']\nsign(open_it(), 300)")
    assert said == ["asked PIN of the token vault", "signed 300"]


def test_a_token_that_is_pulled_out_in_the_middle(hsm: SoftHsm) -> None:
    """300 items are two batches: the first is signed, then the token's files are gone."""
    code = f"""
PINS = [b'{PIN}']
signer = open_it()
sign(signer, 1)
shutil.rmtree(sys.argv[2])
sign(signer, 3)
"""
    said = python(hsm, code)
    assert said[:2] == ["asked PIN of the token vault", "signed 1"]
    assert said[2].startswith("0 backend-unavailable the token vault did not sign: ")
    assert said[3] == "1 backend-unavailable the token vault did not sign: it failed before"
    assert said[-1] == "signed 0"


def test_tokens_that_count_their_tries() -> None:
    """SoftHSM2 never locks a PIN: what others say is tested without a token."""
    pkcs11 = pytest.importorskip("pkcs11")
    from signkit.custody.pkcs11 import _tries

    flags = pkcs11.TokenFlag
    assert _tries(flags.TOKEN_INITIALIZED) == ""
    assert "few tries are left" in _tries(flags.USER_PIN_COUNT_LOW)
    both = flags.USER_PIN_COUNT_LOW | flags.USER_PIN_FINAL_TRY
    assert _tries(both) == " (LAST TRY: a wrong PIN locks the token)"


def test_softhsm_is_where_it_is_expected() -> None:
    if shutil.which("softhsm2-util") is None:
        pytest.skip("needs SoftHSM2 (Debian: apt-get install softhsm2)")
    from tests.support.softhsm import find_module

    assert find_module() is not None
