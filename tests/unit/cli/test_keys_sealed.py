"""`signkit keys new --sealed`, and what the other commands make of such a key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import Machine, Ran
from tests.support.key_files import openssl

Run = Callable[..., Ran]
PURPOSE = (
    "--sealed", "--role", "release", "--artifact", "ML-Model", "--target", "aarch64-*",
    "--scheme", "peridio", "--scheme", "statement", "--not-after", "2099-07-01", "--most", "1000",
)  # fmt: skip


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(b"correct horse\n")
    path.chmod(0o600)
    return path


def test_show_renders_the_purpose_without_the_passphrase(run_keys: Run, secret: Path) -> None:
    made = run_keys("new", "prod", *PURPOSE, "--passphrase-file", secret, "--json").json
    assert made["private_path"].endswith("prod.key.json")
    said = run_keys("show", "prod", "--json").json
    assert said["keyid"] == made["keyid"]
    purpose = said["purpose"]
    assert purpose["argon2id"]["passes"] >= 3
    assert {name: purpose[name] for name in ("role", "artifacts", "targets", "schemes")} == {
        "role": "release",
        "artifacts": ["ML-Model"],
        "targets": ["aarch64-*"],
        "schemes": ["peridio", "statement"],
    }
    text = run_keys("show", made["private_path"], "--passphrase-file", secret).out
    for line in (
        "artifacts    ML-Model",
        "targets      aarch64-*",
        "not after    2099-07-01T00:00:00Z",
        "at most      1000 signatures in one ceremony",
    ):
        assert line in text
    assert run_keys("list").out.splitlines()[1].split()[1] == "sealed"


def test_a_key_leaves_its_purpose_only_where_that_is_said(
    run_keys: Run, secret: Path, tmp_path: Path
) -> None:
    made = run_keys("new", "prod", *PURPOSE, "--passphrase-file", secret, "--json").json
    options = ("convert", "prod", "--passphrase-file", secret, "--new-passphrase-file", secret)
    ran = run_keys(*options, "--to", "pem")
    assert (ran.code, ran.out) == (2, "")
    assert "a copy of prod would lose its purpose" in ran.err
    out = tmp_path / "copy.pem"
    ran = run_keys(*options, "--to", "pem", "--reveal-private", "--out", out)
    assert ran.code == 0, ran.err
    assert "the copy of prod has no purpose" in ran.err
    public = openssl("pkey", "-in", out, "-passin", f"file:{secret}", "-pubout")
    assert public == Path(made["public_path"]).read_bytes()
    assert run_keys("convert", "prod", "--to", "pem", "--public").out.encode() == public


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--artifact", "x"], 2, "--artifact without --sealed"),
        (["--most", "7"], 2, "--most without --sealed"),
        (["--not-after", "2027-01-01"], 2, "--not-after without --sealed"),
        (["--sealed", "--scheme", "rot13"], 2, "--scheme: expected one of"),
        (["--sealed", "--not-after", "soon"], 3, "--not-after: expected a UTC time"),
        (["--sealed", "--not-before", "2027-01-02", "--not-after", "2027-01-01"], 3, "not before"),
        (["--sealed", "--predecessor", "prod"], 3, "--predecessor"),
        (["--sealed", "--artifact", ""], 3, "artifacts is empty"),
    ],
)
def test_what_cannot_be_a_purpose(
    run_keys: Run, secret: Path, home: Path, options: list[str], code: int, said: str
) -> None:
    ran = run_keys("new", "prod", *options, "--passphrase-file", secret)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert not home.exists()


def machine(folder: Path, *purpose: str) -> Machine:
    made = Machine(folder)
    made.write("pw", "correct horse battery staple\n", mode=0o600)
    made.write("model.bin", b"Hello, Binary\n")
    made.ok("keys", "new", "prod", "--sealed", *purpose, "--passphrase-file", "pw")
    made.prepare()
    return made


def test_a_ceremony_within_the_purpose(tmp_path: Path) -> None:
    ran = machine(tmp_path, *PURPOSE[1:]).sign()
    assert (ran.code, ran.json["signed_count"]) == (0, 1), ran.err
    assert "may sign   only within these bounds:" in ran.err  # in the review, before a confirmation
    assert "at most    1000 signatures in one ceremony" in ran.err


@pytest.mark.parametrize(
    ("purpose", "said"),
    [
        (["--artifact", "Other"], "expected the artifact Other, got 'ML-Model'"),
        (["--target", "armv7"], "expected the target armv7, got 'aarch64-unknown-linux'"),
        (["--scheme", "statement"], "expected the scheme statement, got peridio"),
        (["--not-after", "2020-01-01"], "it might sign until 2020-01-01T00:00:00Z, and it is"),
        (["--most", "1"], "a ceremony is limited to 1 signatures, and this is 2"),
    ],
)
def test_a_ceremony_outside_the_purpose(tmp_path: Path, purpose: list[str], said: str) -> None:
    ran = machine(tmp_path, *purpose).sign()
    assert (ran.code, ran.error["code"]) == (5, "key-use-denied")
    assert said in ran.error["error"]
