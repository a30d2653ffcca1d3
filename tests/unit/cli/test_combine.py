"""`signkit combine` as people type it, and what else reads a combined response."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from signkit.cli import app
from signkit.formats.combined import open_answer
from tests.support.combined_vectors import FIRST, SECOND, combined_file, imported_value, response_by
from tests.support.commands import Ran
from tests.support.documents import item_value, request_file, request_value, result_value
from tests.support.keys import PROD, SPARE, STRANGER
from tests.support.trust_roots import ALICE, BOB, CAROL, first, signed_file

Run = Callable[..., Ran]
PROD_ID, SPARE_ID = PROD.public_key.keyid, SPARE.public_key.keyid
BOTH = ("combine", "a.response.json", "b.response.json", "-o", "x.combined.json")


@pytest.fixture
def run(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Run:
    """Return a function that runs signkit in a folder with a request and two stations' responses."""
    assert not home.exists()
    monkeypatch.chdir(tmp_path)
    Path("x.request.json").write_bytes(request_file())
    Path("a.response.json").write_bytes(FIRST)
    Path("b.response.json").write_bytes(SECOND)
    Path("trust.json").write_bytes(signed_file(first(release=2), ALICE, BOB, CAROL))

    def run(*arguments: str) -> Ran:
        capfd.readouterr()
        code = app.run_app(list(arguments))
        out, err = capfd.readouterr()
        return Ran(code=code, out=out, err=err)

    return run


def test_it_says_who_signed_and_who_is_missing(run: Run) -> None:
    ran = run("combine", "a.response.json", "-o", "x.combined.json", "--trust", "trust.json")
    assert ran.code == 0
    row = next(line for line in ran.out.splitlines() if line.startswith("1 "))
    assert row.split() == "1 model.bin release prod spare 1 of 2, NOT ENOUGH".split()
    assert f"missing   spare  {SPARE_ID}" in ran.out
    ran = run(*BOTH, "--trust", "trust.json", "--force")
    assert "2 of 2" in ran.out
    assert "NOT ENOUGH" not in ran.out
    assert f"station   vault-2, ceremony 1, {STRANGER.public_key.keyid}" in ran.out


def test_as_json(run: Run) -> None:
    value = run(*BOTH, "--trust", "trust.json", "--json").json
    answer = open_answer(Path("x.combined.json").read_bytes())
    assert value["sha256"] == answer.digest.hex()
    assert value["responses"] == [each.digest.hex() for each in answer.responses]
    assert (value["complete"], value["imported"]) == (True, False)
    assert sorted(value["items"][0]["signed"]) == sorted((PROD_ID, SPARE_ID))
    assert run(*BOTH, "--json", "--force").json["complete"] is None


def test_the_request_is_found_beside_the_result_or_named(run: Run) -> None:
    named = ("combine", "a.response.json", "-o", "y.combined.json")
    ran = run(*named, "--json")
    assert (ran.code, ran.error["hint"][:29]) == (2, "give the request with --reque")
    assert run(*named, "--request", "x.request.json").code == 0


@pytest.mark.parametrize("name", ["x.json", "x.response.json", "combined.json"])
def test_the_result_has_its_own_ending(run: Run, name: str) -> None:
    ran = run("combine", "a.response.json", "-o", name, "--request", "x.request.json", "--json")
    assert (ran.code, ran.error["code"]) == (2, "usage")
    assert not Path(name).exists()


def test_nothing_is_replaced_unless_asked(run: Run) -> None:
    assert run(*BOTH).code == 0
    assert run(*BOTH).code == 8
    assert run(*BOTH, "--force").code == 0


def test_the_bad_one_is_named(run: Run) -> None:
    """Attacker: a station's response in which one signature is of something else."""
    forged = [{"scheme": "peridio", "keyid": SPARE_ID, "value": "AB" * 64}]
    bad = response_by(SPARE, items=[result_value(signatures=forged)])
    Path("b.response.json").write_bytes(bad)
    ran = run(*BOTH, "--json")
    assert (ran.code, ran.error["reason"]) == (13, "signature-invalid")
    assert ran.error["error"].startswith("b.response.json: ")
    assert not Path("x.combined.json").exists()


@pytest.mark.parametrize("other", [b"", b"{}", FIRST[:-9], request_file(), b"\x1b[2J"])
def test_what_is_no_response(run: Run, other: bytes) -> None:
    Path("b.response.json").write_bytes(other)
    ran = run(*BOTH, "--json")
    assert ran.code == 13
    assert ran.error["error"].startswith("b.response.json: ")


def test_a_response_to_another_request(run: Run) -> None:
    other = request_value(item_value(target="another"))
    Path("x.request.json").write_bytes(request_file(other))
    ran = run(*BOTH, "--json")
    assert (ran.code, ran.error["reason"]) == (13, "context")
    assert "answers another request" in ran.error["error"]


def test_a_refusal_is_said(run: Run) -> None:
    error = {"code": "file", "message": "it is not there"}
    item = {name: each for name, each in result_value().items() if name != "signatures"}
    Path("a.response.json").write_bytes(
        response_by(PROD, keys=[], items=[{**item, "error": error}])
    )
    ran = run("combine", "a.response.json", "-o", "x.combined.json", "--trust", "trust.json")
    assert "refused: it is not there" in ran.out


def test_a_hostile_name_is_escaped(run: Run) -> None:
    key = imported_value(PROD)
    key["keys"][0]["name"] = "prod\u202egnp"
    Path("a.response.json").write_bytes(combined_file(imported=key))
    ran = run("combine", "a.response.json", "-o", "x.combined.json")
    assert ran.code == 0
    assert "\u202e" not in ran.out
    assert "no station vouches" in ran.out


def test_show_and_extract_read_it(run: Run) -> None:
    Path("i.combined.json").write_bytes(
        combined_file(FIRST, SECOND, imported=imported_value(STRANGER))
    )
    shown = run("show", "i.combined.json")
    assert "signed: peridio by 3, statement by 3" in shown.out
    assert "RESPONSE 2 of 2" in shown.out
    assert "no station vouches" in shown.out
    value = run("show", "i.combined.json", "--json").json
    assert (value["document"], len(value["combined"]["responses"])) == ("combined response", 2)
    assert run("extract", "i.combined.json").code == 0
    statement = json.loads(Path("model.bin.statement.json").read_bytes())
    assert len(statement["signatures"]) == 3
    assert Path(f"model.bin.{PROD_ID[:16]}.sig").stat().st_size == 64
