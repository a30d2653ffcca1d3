"""`signkit trust` as people type it: in this process, but for the ceremony itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from signkit.cli import app
from signkit.formats.key_form import KeyForm
from signkit.formats.private_key import PrivateKey, encode_private_key
from signkit.formats.public_key import encode_public_key
from signkit.formats.request import open_request
from signkit.formats.trust import parse_draft
from signkit.verify.encoding import encode_json
from signkit.verify.trust import follow_trust, load_trust
from tests.support.commands import Ran
from tests.support.documents import statement_envelope
from tests.support.keys import PROD, PUBLISHED, SPARE, KeyOfTest
from tests.support.trust_roots import (
    ALICE,
    BOB,
    CAROL,
    CUSTODIANS,
    DAVE,
    FRANK,
    first,
    response_to,
    signed_file,
)

Run = Callable[..., Ran]


@pytest.fixture
def run(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Run:
    """Return a function that runs `signkit trust` in a folder with version 1 and public keys."""
    assert not home.exists()
    monkeypatch.setattr(app, "_COMMANDS", ("trust", "show"))
    monkeypatch.chdir(tmp_path)
    for key in (*CUSTODIANS, FRANK, PROD, SPARE, PUBLISHED):
        Path(f"{key.name}.pub.pem").write_bytes(encode_public_key(key.public_key, KeyForm.PEM))
    Path("trust.json").write_bytes(signed_file(first(), ALICE, BOB, CAROL))

    def run(*arguments: str | Path, group: str = "trust") -> Ran:
        capfd.readouterr()
        code = app.run_app([group, *map(str, arguments)])
        out, err = capfd.readouterr()
        return Ran(code=code, out=out, err=err)

    return run


def answer(*keys: KeyOfTest, draft: str = "trust.draft.json") -> list[str]:
    """Have custodians answer; returns the options that name their responses."""
    found = parse_draft(Path(draft).read_bytes())
    options: list[str] = []
    for key in keys:
        Path(f"{key.name}.response.json").write_bytes(response_to(found, key))
        options += ["--response", f"{key.name}.response.json"]
    return options


def test_a_draft_of_version_1_from_public_keys(run: Run) -> None:
    roots = [option for key in CUSTODIANS for option in ("--root-public", f"{key.name}.pub.pem")]
    made = run(
        *("init", *roots, "--root-threshold", "3", "--release", "prod.pub.pem"),
        *("--out", "first.json", "--json"),
    )
    assert (made.code, made.json["draft"], made.json["root_threshold"]) == (
        0,
        "first.draft.json",
        3,
    )
    assert "alice, bob, carol, dave, erin can sign it" in made.err
    assert not Path("first.json").exists()
    signed = run("sign", "first.draft.json", *answer(ALICE, BOB, DAVE, draft="first.draft.json"))
    assert (signed.code, signed.err) == (0, "")
    assert load_trust(Path("first.json").read_bytes()).root.threshold == 3
    assert Path("first.1.json").read_bytes() == Path("first.json").read_bytes()


def private_file(key: KeyOfTest) -> str:
    """Write a private key file that is not encrypted."""
    path = Path(f"{key.name}.pem")
    path.write_bytes(encode_private_key(PrivateKey(key.seed), KeyForm.PEM))
    path.chmod(0o600)
    return str(path)


def test_root_keys_here_and_elsewhere(run: Run) -> None:
    made = run(
        *("init", "--root", private_file(ALICE), "--root-public", "bob.pub.pem"),
        *("--release", "prod.pub.pem", "--out", "two.json", "--json"),
    )
    assert (made.code, made.json["draft"]) == (0, "two.draft.json")
    assert run("show", "two.draft.json", "--json").json["signed"] == ["alice"]
    done = run("sign", "two.draft.json", "--key", private_file(BOB), "--json")
    assert (done.code, len(done.json["signatures"])) == (0, 2)
    one = ("--root", "alice.pem", "--root-public", "bob.pub.pem", "--root-threshold", "1")
    made = run("init", *one, "--release", "prod.pub.pem", "--out", "one.json", "--json")
    assert (made.code, made.json["trust"], made.json["root_threshold"]) == (0, "one.json", 1)


def test_a_rotation_is_drafted_step_by_step(run: Run) -> None:
    added = run("add-key", "trust.json", "frank.pub.pem", "--role", "root", "--json")
    assert (added.code, added.json["version"], added.json["draft"]) == (0, 2, "trust.draft.json")
    removed = run("remove-key", "trust.draft.json", "alice", "--json")
    assert removed.json["version"] == 2
    assert removed.json["changes"][0]["before"] == "alice"
    role = ("set-role", "trust.draft.json", "beta", "--key", "prod", "--key", "frank.pub.pem")
    assert run(*role, "--target", "x86-*", "--not-after", "2036-01-31").code == 0
    assert run("set-expiry", "trust.draft.json", "2036-12-31").code == 0
    shown = run("show", "trust.draft.json")
    assert "TRUST ROOT version 2, DRAFT, signed by 0 of the 3 root keys it takes" in shown.out
    assert "until      2036-01-31T00:00:00Z" in shown.out
    assert "expires    2036-12-31T00:00:00Z" in shown.out
    assert run("set-role", "trust.draft.json", "beta", "--remove").code == 0
    assert run("set-expiry", "trust.draft.json", "never").code == 0
    trust = parse_draft(Path("trust.draft.json").read_bytes()).trust
    assert list(trust.roles) == ["release"]
    assert trust.expires is None


def test_the_request_holds_the_draft(run: Run) -> None:
    run("add-key", "trust.json", "frank.pub.pem", "--role", "root")
    made = run("request", "trust.draft.json", "--reason", "frank joins", "--json")
    assert (made.code, made.json["request"]) == (0, "trust.request.json")
    request = open_request(Path("trust.request.json").read_bytes()).request
    assert (request.reason, request.items[0].artifact) == ("frank joins", "trust-root")
    assert run("request", "trust.draft.json").code == 8
    assert run("request", "trust.draft.json", "--force").code == 0
    shown = run("trust.request.json", group="show")
    assert "THIS CHANGES THE TRUST ROOT" in shown.out


def test_signatures_are_kept_until_both_root_roles_are_met(run: Run) -> None:
    run("add-key", "trust.json", "frank.pub.pem", "--role", "root")
    run("remove-key", "trust.draft.json", "alice")
    options = ("trust.draft.json", "--current", "trust.json")
    before = Path("trust.json").read_bytes()
    short = run("sign", *options, *answer(FRANK, BOB), "--json")
    assert (short.code, short.error["code"]) == (17, "threshold")
    assert "the root role of version 1 has 1 of 3 signatures" in short.error["error"]
    assert "alice, carol, dave, erin did not sign" in short.error["error"]
    assert Path("trust.json").read_bytes() == before
    assert len(parse_draft(Path("trust.draft.json").read_bytes()).signatures) == 2
    assert run("sign", *options, *answer(CAROL), "--json").code == 17
    done = run("sign", *options, *answer(ALICE, CAROL), "--json")
    assert (done.code, done.json["version"], len(done.json["signatures"])) == (0, 2, 4)
    data = Path("trust.json").read_bytes()
    assert data == Path("trust.2.json").read_bytes()
    assert follow_trust(load_trust(before), data).version == 2
    again = run("sign", *options, *answer(DAVE), "--json")
    assert (again.code, again.json["version"]) == (0, 2)
    assert Path("trust.json").read_bytes() == data


def test_a_run_that_was_killed_between_its_two_files(run: Run) -> None:
    run("add-key", "trust.json", "frank.pub.pem", "--role", "root")
    options = ("sign", "trust.draft.json", "--current", "trust.json", *answer(ALICE, BOB, CAROL))
    before = Path("trust.json").read_bytes()
    assert run(*options).code == 0
    Path("trust.json").write_bytes(before)
    assert run(*options).code == 0
    assert Path("trust.json").read_bytes() == Path("trust.2.json").read_bytes()


def test_an_edit_voids_what_was_signed(run: Run) -> None:
    run("add-key", "trust.json", "frank.pub.pem", "--role", "root")
    answers = answer(ALICE)
    run("sign", "trust.draft.json", "--current", "trust.json", *answers)
    edited = run("remove-key", "trust.draft.json", "spare")
    assert "1 signatures of the draft are void" in edited.err
    stale = run("sign", "trust.draft.json", "--current", "trust.json", *answers, "--json")
    assert (stale.code, stale.error["code"], stale.error["reason"]) == (
        13,
        "response-refused",
        "context",
    )


def test_a_finished_draft_gives_way_and_a_later_one_does_not(run: Run) -> None:
    run("add-key", "trust.json", "frank.pub.pem", "--role", "root")
    held = run("remove-key", "trust.json", "spare", "--json")
    assert (held.code, "a draft of a later version" in held.error["error"]) == (8, True)
    run("sign", "trust.draft.json", "--current", "trust.json", *answer(ALICE, BOB, CAROL))
    assert run("remove-key", "trust.json", "spare", "--json").json["version"] == 3


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("init", "--release", "prod.pub.pem"), 2, "expected --root, --root-public, or both"),
        (("init", "--root-public", "alice.pub.pem", "--release", "x"), 8, "x cannot be"),
        (
            ("init", *("--root-public", "alice.pub.pem") * 2, "--release", "prod.pub.pem"),
            2,
            "is named twice in one role",
        ),
        (("add-key", "trust.json", "frank.pub.pem", "--role", "nope"), 2, "no role 'nope'"),
        (("add-key", "prod.pub.pem", "frank.pub.pem", "--role", "root"), 14, "not JSON"),
        (("remove-key", "trust.json", "nobody"), 5, "no key is named 'nobody'"),
        (("remove-key", "trust.json", "prod", "--role", "root"), 2, "nothing would change"),
        (("set-role", "trust.json", "release"), 2, "expected --remove alone"),
        (("set-role", "trust.json", "release", "--remove", "--threshold", "1"), 2, "--remove al"),
        (("set-role", "trust.json", "release", "--threshold", "3"), 3, "1 to 2, got 3"),
        (("set-role", "trust.json", "release", "--not-after", "soon"), 3, "--not-after: expected"),
        (("set-expiry", "trust.json", "2001-01-01"), 2, "in the past"),
        (("request", "trust.json"), 2, "expected a draft named X.draft.json"),
        (("sign", "trust.json"), 2, "expected a draft named X.draft.json"),
        (("show", "prod.pub.pem"), 14, "not JSON"),
    ],
)
def test_wrong_arguments_are_one_sentence(
    run: Run, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ran = run(*arguments, "--json")
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.error["error"]


def test_the_next_version_needs_the_one_before(run: Run) -> None:
    run("add-key", "trust.json", "frank.pub.pem", "--role", "root")
    missing = run("sign", "trust.draft.json", "--json")
    assert (missing.code, missing.error["code"]) == (2, "usage")
    assert "version 1" in missing.error["hint"]


def test_another_trust_root_is_never_overwritten(run: Run) -> None:
    run("add-key", "trust.json", "frank.pub.pem", "--role", "root")
    Path("other.json").write_bytes(signed_file(first(threshold=2), ALICE, BOB))
    options = ("sign", "trust.draft.json", "--current", "trust.json", "--out", "other.json")
    kept = run(*options, *answer(ALICE, BOB, CAROL), "--json")
    assert (kept.code, "never overwritten" in kept.error["error"]) == (8, True)
    assert load_trust(Path("other.json").read_bytes()) == first(threshold=2)


def test_a_trust_root_is_shown_as_data(run: Run) -> None:
    shown = run("show", "trust.json", "--json").json
    assert (shown["complete"], shown["signed"]) == (True, ["alice", "bob", "carol"])
    assert list(shown["trust"]) == ["version", "issued", "expires", "keys", "roles"]
    assert run("trust.json", "--json", group="show").json == shown
    assert json.dumps(shown)


def test_what_a_version_changes_before_devices_get_it(run: Run) -> None:
    Path("m.statement.json").write_bytes(encode_json(statement_envelope()))
    run("remove-key", "trust.json", "prod")
    options = ("check", "trust.json", "trust.draft.json", "--released", ".")
    early = run(*options, "--json")
    assert (early.code, early.json["follows"], early.json["code"]) == (17, False, "threshold")
    assert "alice, bob, carol, dave, erin did not sign" in early.error["error"]
    (effect,) = early.json["released"]
    assert (effect["before"], effect["after"], effect["effect"]) == (
        "verifies",
        "unknown-key",
        "stops",
    )
    Path("trust.1.json").write_bytes(Path("trust.json").read_bytes())
    run("sign", "trust.draft.json", "--current", "trust.json", *answer(ALICE, BOB, CAROL))
    late = run("check", "trust.1.json", "trust.json", "--released", "m.statement.json")
    assert (late.code, late.err) == (0, "")
    assert "a device with OLD accepts NEW" in late.out
    assert "STOPS" in late.out
    back = run("check", "trust.json", "trust.1.json", "--json")
    assert (back.code, back.json["code"]) == (16, "rollback")


def test_a_rotation_is_planned(run: Run) -> None:
    planned = run("plan-rotation", "trust.json", "release", "prod", "frank.pub.pem")
    assert planned.code == 0
    assert "3     sign with the new key only" in planned.out
    assert "before step 3: no device may still be at version 1" in planned.out
    steps = run("plan-rotation", "trust.json", "release", "prod", "frank.pub.pem", "--json").json
    assert [step["step"] for step in steps["steps"]] == [1, 2, 3, 4, 0]
    refused = run("plan-rotation", "trust.json", "root", "alice", "frank.pub.pem", "--json")
    assert (refused.code, refused.error["code"]) == (2, "usage")


def test_a_key_that_everybody_has_comes_in_only_where_that_was_said(run: Run) -> None:
    added = ("add-key", "trust.json", "published.pub.pem", "--role", "release")
    made = ("set-role", "trust.draft.json", "lab", "--key", "published.pub.pem")
    for command in (added, made):
        refused = run(*command, "--json")
        assert (refused.code, refused.error["code"]) == (4, "key-refused")
        assert run(*command, "--allow-test-keys").code == 0
    asked = run("request", "trust.draft.json", "--json")
    assert (asked.code, asked.error["code"]) == (4, "key-refused")
