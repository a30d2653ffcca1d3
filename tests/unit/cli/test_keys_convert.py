"""`signkit keys convert`: every form to every form, and private keys only on purpose."""

from __future__ import annotations

import base64
import io
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from signkit.formats.key_form import ENCRYPTED_FORMS, KeyForm
from signkit.formats.private_key import PrivateKey, encode_private_key, parse_private_key
from signkit.formats.public_key import encode_public_key
from tests.support.commands import Ran
from tests.support.key_files import (
    DALEK_V2,
    PUBLIC,
    SEED,
    cheap_pem,
    never,
    openssl,
)
from tests.support.terminal import Terminal

Run = Callable[..., Ran]
KEY = PrivateKey(SEED)
PUBLIC_FORMS = tuple(form for form in KeyForm if form not in {KeyForm.RAW64, KeyForm.HEX64})
# Two of them draw something by chance, so no two files are alike.
RANDOM = {KeyForm.OPENSSH, KeyForm.SIGNIFY}
PLAIN_FORMS = tuple(form for form in KeyForm if form not in ENCRYPTED_FORMS)


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], Path]:
    """Return a function that writes a file of mode 0600."""

    def write(data: bytes, name: str = "in") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        path.chmod(0o600)
        return path

    return write


Put = Callable[..., Path]


@pytest.mark.parametrize("to", PUBLIC_FORMS)
@pytest.mark.parametrize("start", PUBLIC_FORMS)
def test_public_forms_both_ways(
    run_keys: Run, put: Put, tmp_path: Path, start: KeyForm, to: KeyForm
) -> None:
    source = put(encode_public_key(KEY.public_key, start))
    out = tmp_path / "out"
    assert run_keys("convert", source, "--to", to, "--out", out).code == 0
    assert out.read_bytes() == encode_public_key(KEY.public_key, to)
    assert stat.S_IMODE(out.stat().st_mode) == 0o644


@pytest.mark.parametrize("to", KeyForm)
@pytest.mark.parametrize("start", KeyForm)
def test_private_forms_both_ways(
    run_keys: Run, put: Put, tmp_path: Path, start: KeyForm, to: KeyForm
) -> None:
    source = put(encode_private_key(KEY, start))
    out = tmp_path / "out"
    ran = run_keys("convert", source, "--private", "--to", to, "--reveal-private", "--out", out)
    assert ran.code == 0
    assert "without encryption: whoever reads it can sign" in ran.err
    if to in RANDOM:
        assert parse_private_key(out.read_bytes(), passphrase=never).key.seed == SEED
    else:
        assert out.read_bytes() == encode_private_key(KEY, to)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_raw_is_what_the_users_guide_makes(tmp_path: Path) -> None:
    """The recipe of the guide that users know, beside the one command."""
    environment = dict(os.environ) | {"SIGNKIT_HOME": str(tmp_path)}
    script = (
        "umask 077; openssl genpkey -algorithm Ed25519 -out private.pem &&"
        " openssl pkey -in private.pem -pubout -out public.pem &&"
        " openssl pkey -pubin -in public.pem -outform DER | tail -c +13 | base64"
    )
    expected = subprocess.run(["sh", "-c", script], cwd=tmp_path, check=True, capture_output=True)
    ours = subprocess.run(
        [
            sys.executable,
            "-m",
            "signkit.cli",
            "keys",
            "convert",
            tmp_path / "public.pem",
            "--to",
            "raw",
        ],
        env=environment,
        check=True,
        capture_output=True,
    )
    assert ours.stdout == expected.stdout
    assert ours.stderr == b""


def test_a_private_pem_leaves_encrypted(run_keys: Run, put: Put, tmp_path: Path) -> None:
    source, secret = put(DALEK_V2), put(b"battery staple", "new")
    out = tmp_path / "out.pem"
    ran = run_keys("convert", source, "--to", "pem", "--new-passphrase-file", secret, "-o", out)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert out.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    said = openssl("pkey", "-in", out, "-passin", "pass:battery staple", "-pubout")
    assert said == encode_public_key(KEY.public_key, KeyForm.PEM)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_a_passphrase_can_be_changed(run_keys: Run, put: Put) -> None:
    source, old, new = put(cheap_pem()), put(b"correct horse", "old"), put(b"battery staple", "new")
    ran = run_keys(
        "convert", source, "--to", "pem", "--passphrase-file", old, "--new-passphrase-file", new
    )
    assert openssl("pkey", "-passin", "pass:battery staple", "-noout", data=ran.out.encode()) == b""


def test_old_and_new_passphrase_are_asked_for_on_the_terminal(put: Put, tmp_path: Path) -> None:
    source, out = put(cheap_pem()), tmp_path / "out.pem"
    environment = dict(os.environ) | {"SIGNKIT_HOME": str(tmp_path)}
    words = ["keys", "convert", str(source), "--to", "pem", "--out", str(out)]
    terminal = Terminal(["-m", "signkit.cli", *words], environment)
    terminal.answer(f"Passphrase of {source}: ", "correct horse")
    terminal.answer(f"New passphrase for the copy of {source}: ", "battery staple")
    terminal.answer("The same again: ", "battery staple")
    assert terminal.wait() == 0
    assert openssl("pkey", "-in", out, "-passin", "pass:battery staple", "-noout") == b""


def test_a_plain_private_pem_is_openssls(run_keys: Run, put: Put) -> None:
    ran = run_keys("convert", put(DALEK_V2), "--to", "pem", "--plain")
    assert openssl("pkey", data=ran.out.encode()).decode() == ran.out
    assert "warning: the private key is written without encryption" in ran.err


@pytest.mark.parametrize(
    ("to", "more"),
    [(form, []) for form in PLAIN_FORMS]
    + [(form, ["--plain"]) for form in KeyForm if form is not KeyForm.PEM],
)
def test_a_private_key_is_not_shown_by_accident(
    run_keys: Run, put: Put, tmp_path: Path, to: KeyForm, more: list[str]
) -> None:
    out = tmp_path / "out"
    ran = run_keys("convert", put(DALEK_V2), "--to", to, "--out", out, *more)
    assert (ran.code, ran.out) == (2, "")
    assert f"the form {to} would show the private key" in ran.err
    assert "--reveal-private if the private key itself is meant" in ran.err
    assert not out.exists()


def test_public_of_a_private_key_needs_no_flag_but_one(run_keys: Run, put: Put) -> None:
    ran = run_keys("convert", put(DALEK_V2), "--to", "raw", "--public")
    assert (ran.code, ran.out) == (0, base64.b64encode(PUBLIC).decode() + "\n")


def test_a_bare_line_is_a_public_key_unless_told(run_keys: Run, put: Put) -> None:
    line = put(PUBLIC.hex().encode())
    assert run_keys("convert", line, "--to", "hex").out == PUBLIC.hex() + "\n"
    seed = put(base64.b64encode(SEED))
    ran = run_keys("convert", seed, "--private", "--public", "--to", "hex")
    assert ran.out == PUBLIC.hex() + "\n"


def test_a_name_of_the_store(run_keys: Run, put: Put, home: Path) -> None:
    secret = put(b"correct horse", "secret")
    made = run_keys("new", "prod", "--passphrase-file", secret, "--json").json
    assert run_keys("convert", "prod", "--public", "--to", "raw").out.strip() == made["raw_base64"]
    ran = run_keys(
        "convert", "prod", "--to", "raw64", "--reveal-private", "--passphrase-file", secret
    )
    raw = base64.b64decode(ran.out)
    assert base64.b64encode(raw[32:]).decode() == made["raw_base64"]
    (home / "keys" / "prod.pem").unlink()
    assert run_keys("convert", "prod", "--to", "raw").out.strip() == made["raw_base64"]


def test_a_pair_that_is_none_is_refused(run_keys: Run, put: Put, home: Path) -> None:
    secret = put(b"correct horse", "secret")
    run_keys("new", "prod", "--passphrase-file", secret)
    (home / "keys" / "prod.pem").write_bytes(cheap_pem())
    ran = run_keys(
        "convert", "prod", "--to", "hex", "--reveal-private", "--passphrase-file", secret
    )
    assert (ran.code, ran.out) == (5, "")
    assert "is not the public key of" in ran.err


def test_from_standard_input(run_keys: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pem = encode_public_key(KEY.public_key, KeyForm.PEM)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(pem)))
    assert run_keys("convert", "-", "--to", "hex").out == PUBLIC.hex() + "\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(bytes(20_000))))
    ran = run_keys("convert", "-", "--to", "hex")
    assert (ran.code, "standard input is too large" in ran.err) == (3, True)


@pytest.mark.parametrize("to", PUBLIC_FORMS)
def test_in_json(run_keys: Run, put: Put, tmp_path: Path, to: KeyForm) -> None:
    source = put(encode_public_key(KEY.public_key, KeyForm.PEM))
    said = run_keys("convert", source, "--to", to, "--json").json
    data = encode_public_key(KEY.public_key, to)
    text = base64.b64encode(data) if to is KeyForm.DER else data.rstrip(b"\n")
    assert said == {"form": to, "private": False, "key": text.decode()}
    said = run_keys("convert", source, "--to", to, "--out", tmp_path / "o", "--json").json
    assert said == {"form": to, "private": False, "path": str(tmp_path / "o")}


def test_der_is_not_thrown_at_a_terminal(put: Put, tmp_path: Path) -> None:
    source = put(encode_public_key(KEY.public_key, KeyForm.PEM))
    environment = dict(os.environ) | {"SIGNKIT_HOME": str(tmp_path)}
    words = ["keys", "convert", str(source), "--to", "der"]
    terminal = Terminal(["-m", "signkit.cli", *words], environment)
    assert terminal.wait() == 2
    assert "DER is not text" in terminal.shown


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["none", "--to", "pem"], 5, "no key 'none'"),
        (["none", "--to", "pdf"], 2, "pdf"),
        (["none"], 2, "--to"),
        (["/dev/zero", "--to", "pem"], 8, "a device"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    run_keys: Run, arguments: list[str], code: int, said: str
) -> None:
    ran = run_keys("convert", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_public_keys_have_no_private_forms(run_keys: Run, put: Put) -> None:
    ran = run_keys("convert", put(PUBLIC.hex().encode()), "--to", "raw64")
    assert (ran.code, ran.out) == (2, "")
    assert "raw64 is a form of private keys" in ran.err


def test_a_wrong_passphrase_is_one_sentence(run_keys: Run, put: Put) -> None:
    source, secret = put(cheap_pem()), put(b"wrong horse", "secret")
    ran = run_keys("convert", source, "--public", "--to", "raw", "--passphrase-file", secret)
    assert (ran.code, ran.out) == (5, "")
    assert ran.err == "error: the passphrase does not open the private key\nhint: try again\n"


def test_nothing_is_overwritten(run_keys: Run, put: Put) -> None:
    source, out = put(PUBLIC.hex().encode()), put(b"precious", "out")
    ran = run_keys("convert", source, "--to", "pem", "--out", out)
    assert (ran.code, out.read_bytes()) == (8, b"precious")
    assert "exists already" in ran.err
