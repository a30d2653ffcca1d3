"""`signkit ledger` as operators and auditors type it, rightly and wrongly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from signkit.cli import app
from signkit.model.response import ItemError
from signkit.station.transcript import transcript_digest
from signkit.verify.digest import Sha256
from tests.support.commands import Ran
from tests.support.keys import PROD
from tests.support.ledgers import (
    KEYID,
    TRANSCRIPT,
    declined_entry,
    ledger_entry,
    ledger_item,
    write_ledger,
)

HOSTILE = "\u202eb"
GONE = ItemError(code="file", message="is missing")


@pytest.fixture
def ledger(home: Path) -> Path:
    home.mkdir()
    path = home / "ledger.jsonl"
    refused = ledger_item(artifact=HOSTILE, schemes=(), error=GONE, content_hashed=False)
    write_ledger(
        path,
        ledger_entry(ledger_item(), refused, reason="1 of 2 items\nwere refused"),
        declined_entry(),
        ledger_entry(request=Sha256(bytes(32))),
    )
    return path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setattr(app, "_COMMANDS", ("ledger",))

    def run_ledger(*arguments: object) -> Ran:
        capfd.readouterr()
        code = app.run_app(["ledger", *map(str, arguments)])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Ran(code=code, out=out, err=err)

    return run_ledger


def test_ceremonies_are_listed(run: Any, ledger: Path) -> None:
    ran = run("show")
    assert ran.code == 0
    assert [line.split() for line in ran.out.splitlines()] == [
        ["no.", "when", "event", "signed", "key", "request"],
        ["1", "2026-01-31T13:00:00Z", "signed", "1", "of", "2", "prod", "abababababab"],
        ["2", "2026-01-31T13:00:00Z", "declined", "-", "-", "abababababab"],
        ["3", "2026-01-31T13:00:00Z", "signed", "1", "of", "1", "prod", "000000000000"],
    ]


def test_the_newest_are_listed(run: Any, ledger: Path) -> None:
    out = run("show", "--last", 1).out
    assert out.startswith("2 older ceremonies: --last 0 shows all\n")
    assert len(out.splitlines()) == 3
    assert [line["sequence"] for line in run("show", "--last", 2, "--json").json["lines"]] == [2, 3]
    assert len(run("show", "--last", 0, "--json").json["lines"]) == 3


def test_one_ceremony_is_shown_whole(run: Any, ledger: Path) -> None:
    out = run("show", 1).out
    for text in ("olga, words", "SK-SIGN-CONFIRM held", "OpenSSL 4", KEYID, "file: is missing"):
        assert text in out
    assert transcript_digest(TRANSCRIPT).hex() in out
    assert "1 of 2 items\n                were refused" in out
    assert HOSTILE not in out
    assert "\\u{202e}b" in out
    value = run("show", 1, "--json").json
    assert value["items"][0]["schemes"] == ["peridio", "statement"]
    assert value["transcript_digest"] == {"sha256": transcript_digest(TRANSCRIPT).hex()}
    assert "nobody" not in run("show", 2).out


def test_what_a_key_signed(run: Any, ledger: Path) -> None:
    ran = run("search", "--key", KEYID)
    assert (ran.code, ran.out.splitlines()[0]) == (0, "2 found")
    assert [item["ceremony"] for item in run("search", "--key", KEYID, "--json").json["items"]] == [
        1,
        3,
    ]
    assert run("search", "--key", KEYID, "--last", 1).out.startswith("2 found; the newest 1, --la")
    assert run("search", "--key", "00" * 32).out == "nothing found\n"


def test_a_key_by_its_file_and_by_its_name(run: Any, ledger: Path, tmp_path: Path) -> None:
    from signkit.formats.key_form import KeyForm
    from signkit.formats.public_key import encode_public_key

    data = encode_public_key(PROD.public_key, KeyForm.PEM)
    (tmp_path / "prod.pem").write_bytes(data)
    (ledger.parent / "keys").mkdir()
    (ledger.parent / "keys" / "prod.pub.pem").write_bytes(data)
    for key in (tmp_path / "prod.pem", "prod"):
        assert run("search", "--key", key).out == "nothing found\n"
    assert run("search", "--key", "nobody").code == 5


def test_who_asked_and_what_became_of_it(run: Any, ledger: Path) -> None:
    ran = run("search", "--request", "ab" * 32)
    assert ran.out.splitlines()[0] == "3 found"
    assert "refused: is missing" in ran.out
    assert "declined: the words are not those" in ran.out
    assert HOSTILE not in ran.out + run("search", "--artifact", HOSTILE, "--json").out


def test_the_copy_is_the_ledger_without_its_torn_end(run: Any, ledger: Path) -> None:
    whole = ledger.read_bytes()
    ledger.write_bytes(whole + b'{"sequence":4,')
    copy = ledger.with_name("copy.jsonl")
    value = run("export", "--out", copy, "--json").json
    assert (copy.read_bytes(), value["ceremonies"], value["torn"]) == (whole, 3, 14)
    assert run("verify", "--ledger", copy).code == 0
    assert run("export", "--out", copy).code == 8
    ledger.write_bytes(whole.replace(b'"prod"', b'"prox"', 1))
    assert run("export", "--out", ledger.with_name("other")).code == 3
    assert not ledger.with_name("other").exists()


def test_an_empty_ledger(run: Any, home: Path) -> None:
    home.mkdir()
    (home / "ledger.jsonl").touch()
    assert run("show").out == "no ceremonies\n"
    assert run("verify", "--json").json["ceremonies"] == 0
    assert run("search", "--key", KEYID).out == "nothing found\n"
    copy = home / "copy"
    assert run("export", "--out", copy).code == 0
    assert copy.read_bytes() == b""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 2),
        (("show", "4"), 2),
        (("show", "0"), 2),
        (("show", "-1"), 2),
        (("show", "one"), 2),
        (("show", "--last", "-1"), 2),
        (("search",), 2),
        (("search", "--digest", "ABC"), 3),
        (("search", "--request", "ab" * 31), 3),
        (("search", "--key", "AB" * 32), 5),
        (("verify", "--against", "absent"), 8),
        (("verify", "--ledger", "absent"), 8),
        (("verify", "--ledger", "."), 8),
        (("verify", "--ledger", "x" * 300), 8),
        (("export",), 2),
        (("export", "--out", "none/copy"), 8),
        (("export", "--out", "."), 8),
    ],
)
def test_wrong_arguments_are_one_sentence(
    run: Any,
    ledger: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
) -> None:
    monkeypatch.chdir(ledger.parent)
    ran = run(*arguments, "--json")
    assert (ran.code, ran.out) == (code, "")
    assert len(json.loads(ran.err)["error"]) > 5


def test_nothing_is_made_where_there_is_no_ledger(run: Any, home: Path) -> None:
    for command in (("show",), ("verify",), ("search", "--key", KEYID)):
        ran = run(*command, "--json")
        assert (ran.code, ran.error["code"]) == (8, "file")
        assert "cannot be opened" in ran.error["error"]
    assert not home.exists()
