"""`signkit prepare --export-payloads` and `signkit import-signatures` as people type them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from signkit.cli import app
from signkit.formats.combined import open_answer
from signkit.formats.key_form import KeyForm
from signkit.formats.public_key import encode_public_key
from tests.support.commands import Ran
from tests.support.keys import PROD, PUBLISHED, SPARE

Run = Callable[..., Ran]
PREPARE = ("prepare", "model.bin", "--artifact", "A", "--version", "1", "--target", "t")
EXPORT = (*PREPARE, "--export-payloads", "out")
IMPORT = ("import-signatures", "model.request.json", "out", "--key", "prod.pub.pem")


@pytest.fixture
def run(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Run:
    """Return a function that runs signkit in a folder with content and public keys."""
    assert not home.exists()
    monkeypatch.chdir(tmp_path)
    Path("model.bin").write_bytes(b"Hello, Binary\n")
    for key in (PROD, SPARE, PUBLISHED):
        Path(f"{key.name}.pub.pem").write_bytes(encode_public_key(key.public_key, KeyForm.PEM))

    def run(*arguments: str) -> Ran:
        capfd.readouterr()
        code = app.run_app(list(arguments))
        out, err = capfd.readouterr()
        return Ran(code=code, out=out, err=err)

    return run


def sign_all(folder: str = "out") -> None:
    for path in Path(folder).glob("*.msg"):
        path.with_suffix(".sig").write_bytes(PROD.sign(path.read_bytes()))


def test_out_signed_and_in_again(run: Run) -> None:
    value = run(*EXPORT, "--json").json
    assert (value["payloads"], value["message_count"]) == ("out", 2)
    sign_all()
    ran = run(*IMPORT)
    assert ran.code == 0
    rows = [line.split() for line in ran.out.splitlines() if line.startswith("1 ")]
    assert [row[-1] for row in rows] == ["verified", "verified"]
    answer = open_answer(Path("model.combined.json").read_bytes())
    assert [key.name for key in answer.keys] == ["prod"]
    assert run(*IMPORT, "--name", "vault", "--force", "--json").json["combined"]
    answer = open_answer(Path("model.combined.json").read_bytes())
    assert [key.name for key in answer.keys] == ["vault"]


def test_what_is_wrong_stands_in_the_table_and_nothing_is_written(run: Run) -> None:
    run(*EXPORT)
    sign_all()
    message = Path("out/00001-peridio.msg").read_bytes()
    Path("out/00001-peridio.sig").write_bytes(SPARE.sign(message))
    ran = run(*IMPORT, "--other", "spare.pub.pem", "--json")
    assert (ran.code, ran.error["code"]) == (4, "signature-invalid")
    first, second = ran.json["messages"]
    assert (first["fault"], first["verified"], second["verified"]) == ("key", False, True)
    assert SPARE.public_key.keyid in first["problem"]
    assert ran.json["combined"] is None
    assert not Path("model.combined.json").exists()


def test_a_folder_that_is_not_empty_stops_before_anything_is_written(run: Run) -> None:
    Path("out").mkdir()
    Path("out/old").write_bytes(b"x")
    ran = run(*EXPORT, "--json")
    assert (ran.code, ran.error["code"]) == (8, "file")
    assert not Path("model.request.json").exists()


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (("--out", "x.response.json"), 2),
        (("--key", "published.pub.pem"), 4),
        (("--key", "missing.pem"), 8),
        (("--key", "model.bin"), 3),
        (("--name", "a\x1bb"), 3),
    ],
)
def test_what_is_typed_wrong(run: Run, more: tuple[str, ...], code: int) -> None:
    run(*EXPORT)
    sign_all()
    assert run(*IMPORT, *more).code == code
    assert not Path("model.combined.json").exists()


def test_a_request_of_another_name_needs_out(run: Run) -> None:
    run(*EXPORT)
    sign_all()
    Path("model.request.json").rename("asked.json")
    named = ("import-signatures", "asked.json", "out", "--key", "prod.pub.pem")
    assert run(*named).code == 2
    assert run(*named, "--out", "x.combined.json").code == 0


def test_the_request_is_checked_for_damage(run: Run) -> None:
    run(*EXPORT)
    sign_all()
    data = Path("model.request.json").read_bytes()
    Path("model.request.json").write_bytes(data[:-20] + data[-19:])
    assert run(*IMPORT).code == 12
