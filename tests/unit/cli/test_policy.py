"""The policy at the station and at the desk, with the real command."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from signkit.formats.checkpoint import Checkpoint, save_checkpoint
from tests.support.commands import Machine, Ran
from tests.support.controls import CASES, Case, make_station, policy_text, trip
from tests.support.documents import item_value, request_file, request_value
from tests.support.keys import PROD, STRANGER

FORMAT = 'format = "signkit.station-policy.v1"'
BY_ANYBODY = policy_text(
    {
        "request": ("unknown_requesters = true",),
        "requester": ('name = "x"', f'keyid = "{STRANGER.public_key.keyid}"'),
    }
)
NO_SUCH_ARTIFACT = policy_text(
    {"rule": ('roles = ["*"]', 'artifacts = ["other"]', 'targets = ["*"]')}
)


def request(*items: dict[str, Any], **asked: Any) -> bytes:
    return request_file(request_value(*[item_value(**each) for each in items], **asked))


def sign(machine: Machine, *options: str) -> Ran:
    digest = sha256((machine.folder / "model.request.json").read_bytes()).hexdigest()
    command = ("sign", "model.request.json", "--key", "prod.pem", "--content", ".", "--yes-to")
    return machine.run(*command, digest, *options, "--json")


def ledger(machine: Machine) -> list[dict[str, Any]]:
    lines = (machine.home / "ledger.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.control)
def test_each_control_refuses_at_the_station(case: Case, tmp_path: Path) -> None:
    done = trip(case, tmp_path)
    assert done.code == case.code, done.sentence
    if case.control.startswith("SK-POLICY"):
        assert done.sentence.startswith(f"{case.control}: ")
        assert done.event == "refused"
        (line,) = ledger(done.machine)
        assert line["reason"] == done.sentence
        results = {each["control"]: each["result"] for each in line["transcript"]["controls"]}
        assert [name for name, result in results.items() if result == "refused"] == [case.control]
    assert (tmp_path / "model.response.json").exists() == (case.code == 0)


def test_nothing_is_asked_of_the_key_of_a_refused_request(tmp_path: Path) -> None:
    """The key does not exist: the request is refused before anybody misses it."""
    machine = make_station(tmp_path, NO_SUCH_ARTIFACT, request({}))
    (tmp_path / "prod.pem").unlink()
    assert sign(machine).error["control"] == "SK-POLICY-SCOPE"


def test_every_refusal_is_shown_and_the_first_one_is_the_error(tmp_path: Path) -> None:
    strict = policy_text({"request": ("most_items = 1", "most_bytes = 1")})
    ran = sign(make_station(tmp_path, strict, request({}, {"target": "b"})))
    assert ran.error["control"] == "SK-POLICY-ITEMS"
    assert ran.error["error"].endswith("(and 1 more control refused)")
    rows = [line for line in ran.err.splitlines() if " SK-POLICY-" in line and "error" not in line]
    assert [row.split()[:2] for row in rows[:3]] == [
        ["REFUSED", "SK-POLICY-ITEMS"],
        ["REFUSED", "SK-POLICY-SIZE"],
        ["held", "SK-POLICY-REQUESTER"],
    ]


def test_what_was_asked_stands_in_the_ledger_with_the_policy(tmp_path: Path) -> None:
    text = policy_text({})
    machine = make_station(tmp_path, text, request({}))
    ran = sign(machine)
    assert ran.code == 0, ran.err
    assert "held       SK-POLICY-SCOPE" in ran.err
    transcript = ledger(machine)[0]["transcript"]
    assert transcript["policy"] == {"sha256": sha256(text.encode()).hexdigest()}
    results = {each["control"]: each["result"] for each in transcript["controls"]}
    assert results["SK-POLICY-SEQUENCE"] == "held"
    assert results["SK-POLICY-ITEMS"] == "not-asked"
    assert sum(name.startswith("SK-POLICY") for name in results) == 11
    assert len(results) == len(transcript["controls"])


def test_no_policy_is_said(tmp_path: Path) -> None:
    machine = make_station(tmp_path, "", request({}))
    (machine.home / "station.toml").unlink()
    ran = sign(machine)
    assert ran.code == 0
    assert "no policy on this station" in ran.err
    assert ledger(machine)[0]["transcript"]["policy"] is None
    assert machine.run("policy", "show").out.startswith("no policy on this station")


def test_a_policy_that_is_out_of_reach_is_no_missing_one(tmp_path: Path) -> None:
    """Attacker: makes the station forget its policy by a link that leads nowhere."""
    machine = make_station(tmp_path, "", request({}))
    (machine.home / "station.toml").unlink()
    (machine.home / "station.toml").symlink_to("gone.toml")
    assert (sign(machine).code, (tmp_path / "model.response.json").exists()) == (8, False)
    assert sign(machine, "--policy", "absent.toml").code == 8


@pytest.mark.parametrize("text", ["", "format = 1", f"{FORMAT}\nrules = []", "\x00"])
def test_a_policy_that_is_none_signs_nothing(tmp_path: Path, text: str) -> None:
    machine = make_station(tmp_path, text, request({}))
    assert (sign(machine).code, (tmp_path / "model.response.json").exists()) == (3, False)
    assert machine.run("policy", "check").code == 3


def test_an_unknown_requester_is_shown_as_such(tmp_path: Path) -> None:
    machine = make_station(tmp_path, BY_ANYBODY, request({}))
    ran = machine.run("policy", "check", "model.request.json")
    assert ran.code == 0
    assert "not asked  SK-POLICY-REQUESTER  UNKNOWN requester" in ran.out


def test_sequences_rise_over_what_the_ledger_says(tmp_path: Path) -> None:
    machine = make_station(tmp_path, policy_text({}), request({"sequence": 7}))
    assert sign(machine).code == 0
    for sequence, code in ((6, 19), (7, 19), (8, 0)):
        machine.write("model.request.json", request({"sequence": sequence, "version": "2"}))
        ran = sign(machine, "--force")
        assert ran.code == code, ran.err
        assert code == 0 or "expected a sequence above 7" in ran.error["error"]


def test_a_response_that_was_lost_is_given_out_again(tmp_path: Path) -> None:
    """Also after a later sequence was signed, and under a policy that would refuse by now."""
    machine = make_station(tmp_path, policy_text({}), request({}))
    assert sign(machine).code == 0
    first = (tmp_path / "model.response.json").read_bytes()
    later = request({"sequence": 2, "version": "2"})
    machine.write("model.request.json", later)
    assert sign(machine, "--force").code == 0
    machine.write("model.request.json", request({}))
    (machine.home / "station.toml").write_text(NO_SUCH_ARTIFACT)
    assert sign(machine, "--force").code == 0
    assert (tmp_path / "model.response.json").read_bytes() == first
    assert [line["event"] for line in ledger(machine)] == ["signed", "signed", "repeated"]


def test_another_key_signs_the_same_request_under_the_policy_of_now(tmp_path: Path) -> None:
    machine = make_station(tmp_path, policy_text({}), request({}))
    assert sign(machine).code == 0
    machine.new_key("second")
    other = ("--key", "second", "--passphrase-file", "pw", "--force")
    assert sign(machine, *other).code == 0
    (machine.home / "station.toml").write_text(NO_SUCH_ARTIFACT)
    machine.new_key("third")
    ran = sign(machine, "--key", "third", "--passphrase-file", "pw", "--force")
    assert ran.error["control"] == "SK-POLICY-SCOPE"


def test_a_request_follows_the_last_response(tmp_path: Path) -> None:
    follows = policy_text({"request": ("follows_last_response = true",)})
    machine = make_station(tmp_path, follows, request({}))
    assert sign(machine).code == 0
    response = sha256((tmp_path / "model.response.json").read_bytes()).hexdigest()
    for previous, code in ((None, 19), ({"sha256": "ab" * 32}, 19), ({"sha256": response}, 0)):
        data = request({"sequence": 2, "version": "2"}, previous_response=previous)
        machine.write("model.request.json", data)
        assert sign(machine, "--force").code == code


DESK = ("prepare", "model.bin", "--artifact", "ML-Model", "--version", "1", "--target", "any")


@pytest.fixture
def desk(tmp_path: Path) -> Machine:
    """A machine with one file, and its own requester in the policy."""
    machine = Machine(tmp_path)
    machine.write("model.bin", b"x")
    machine.prepare()  # makes the requester's key
    (tmp_path / "model.request.json").unlink()
    keyid = machine.ok("keys", "show", machine.home / "requester.pub.pem")["keyid"]
    for name, changes in (
        ("good.toml", {}),
        ("scope.toml", {"rule": ('roles = ["x"]', 'artifacts = ["*"]', 'targets = ["*"]')}),
        ("month.toml", {"rule": (*RULE, "expires_within_days = 30")}),
        ("key.toml", {"rule": (*RULE, f'keys = ["{STRANGER.public_key.keyid}"]')}),
    ):
        known = {"requester": ('name = "desk"', f'keyid = "{keyid}"')}
        machine.write(name, policy_text({**known, **changes}))
    return machine


RULE = ('roles = ["release"]', 'artifacts = ["ML-*"]', 'targets = ["*"]')


@pytest.mark.parametrize(
    ("policy", "control"), [("scope", "SK-POLICY-SCOPE"), ("month", "SK-POLICY-EXPIRY")]
)
def test_a_request_fails_at_the_desk(desk: Machine, policy: str, control: str) -> None:
    ran = desk.run(*DESK, "--policy", f"{policy}.toml", "--json")
    assert (ran.code, ran.error["control"], ran.out) == (19, control, "")
    assert not (desk.folder / "model.request.json").exists()
    assert "REFUSED" in ran.err


def test_a_request_is_written_that_the_station_will_sign(desk: Machine) -> None:
    ran = desk.run(*DESK, "--policy", "good.toml")
    assert ran.code == 0, ran.err
    assert "policy   3 controls hold, 8 are not asked here" in ran.err
    assert desk.run("policy", "check", "model.request.json", "--policy", "good.toml").code == 0


def test_the_desk_knows_the_sequences_that_it_has_submitted(desk: Machine) -> None:
    seen = Checkpoint(sequences={("ML-Model", "any"): 5})
    save_checkpoint(desk.home / "checkpoint.json", seen)
    ran = desk.run(*DESK, "--sequence", "5", "--policy", "good.toml", "--json")
    assert ran.error["control"] == "SK-POLICY-SEQUENCE"
    assert desk.run(*DESK, "--policy", "good.toml").code == 0


@pytest.mark.parametrize(
    ("policy", "code", "name"),
    [("good", 6, None), ("key", 19, "SK-POLICY-KEY"), ("month", 19, "SK-POLICY-EXPIRY")],
)
def test_submit_asks_before_it_connects(
    desk: Machine, policy: str, code: int, name: str | None
) -> None:
    assert desk.run(*DESK).code == 0
    desk.new_key()
    assert desk.sign("model.request.json", "--content", ".").code == 0
    where = ("--registry", "http://127.0.0.1:1", "--timeout", "1", "--token-env", "T")
    ran = desk.run(
        *("submit", "model.response.json", *where, "--policy", f"{policy}.toml", "--json"),
        env={"T": "skr_" + "x" * 40},
    )
    assert (ran.code, ran.error.get("control")) == (code, name), ran.err


def test_submit_asks_whether_content_was_seen(desk: Machine) -> None:
    assert desk.run(*DESK).code == 0
    desk.new_key()
    assert desk.sign().code == 0  # by its digest only
    where = ("--registry", "http://127.0.0.1:1", "--token-env", "T")
    command = ("submit", "model.response.json", *where, "--policy", "good.toml", "--json")
    ran = desk.run(*command, env={"T": "skr_" + "x" * 40})
    assert ran.error["control"] == "SK-POLICY-CONTENT"


def test_check_and_show_as_json(desk: Machine) -> None:
    checked = desk.ok("policy", "check", "--policy", "good.toml")
    assert checked["sha256"] == sha256((desk.folder / "good.toml").read_bytes()).hexdigest()
    assert checked["controls"] == []
    shown = desk.ok("policy", "show", "--policy", "key.toml")
    assert shown["digest"] == {
        "sha256": sha256((desk.folder / "key.toml").read_bytes()).hexdigest()
    }
    assert shown["rules"][0]["keys"] == [STRANGER.public_key.keyid]
    assert PROD.public_key.keyid not in desk.run("policy", "show", "--policy", "key.toml").out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("policy", "check", "--policy", "absent"), 8),
        (("policy", "show", "--policy", "absent"), 8),
        (("policy", "check"), 8),
        (("policy", "check", "absent", "--policy", "good.toml"), 8),
        (("policy", "check", "model.bin", "--policy", "good.toml"), 12),
        (("policy", "check", "--policy", "model.bin"), 3),
        (("policy", "check", "--policy", "."), 8),
        ((*DESK, "--policy", "absent"), 8),
        ((*DESK, "--gnupg-home", "."), 2),
        ((*DESK, "--sign-openpgp", "ABCD"), 3),
    ],
)
def test_wrong_arguments_are_one_sentence(
    desk: Machine, arguments: tuple[str, ...], code: int
) -> None:
    ran = desk.run(*arguments, "--json")
    assert (ran.code, ran.out) == (code, "")
    assert not (desk.folder / "model.request.json").exists()
