"""The suite notices: each mistake that a verifier can make fails a case that is named here."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests.conformance import report
from tests.conformance.case import ACCEPT, EITHER, REFUSE, Case
from tests.conformance.harness import (
    Verdict,
    Verifier,
    allowed,
    ask,
    judge,
    outcome,
    tamper,
)
from tests.conformance.naive import MISTAKES
from tests.conformance.suite import cases, write

ROOT = Path(__file__).parents[2]
NAIVE = [sys.executable, "-m", "tests.conformance.naive"]
CASES = {case.name: case for case in cases()}
CAUGHT_BY = {
    "accepts-everything": "not-provisioned",
    "refuses-everything": "release",
    "crashes": "not-provisioned",
    "dies": "not-provisioned",
    "hangs": "content-is-a-pipe",
    "ignores-signatures": "signature-of-zeros",
    "ignores-thresholds": "too-few-keys",
    "counts-keys-of-all-roles": "keys-of-two-roles-added-up",
    "ignores-scope": "artifact-outside-the-scope",
    "ignores-what-was-asked": "another-target",
    "shell-globs": "glob-brackets-are-plain",
    "ignores-expiry": "statement-expired-long-ago",
    "expires-late": "statement-expires-this-second",
    "ignores-the-window": "window-begins",
    "believes-the-clock": "clock-set-back",
    "ignores-the-floor": "old-release-after-a-new-one",
    "raises-the-floor-early": "no-floor-from-content",
    "ignores-digests": "content-of-another-release",
    "ignores-sizes": "endless-content",
    "skips-versions": "next-skips-one",
    "takes-older-roots": "revocation-rolled-back",
    "asks-the-new-roots-only": "next-by-new-roots-only",
    "asks-the-old-roots-only": "next-by-old-roots-only",
    "ignores-first-signatures": "first-signed-by-strangers",
    "forgets": "state-remove",
    "is-provisioned-again": "provisioned-twice",
    "permits-anything": "permit-by-strangers",
}

# What each is caught with, where that is not a yes in the place of a no.
ANSWERS = {
    "refuses-everything": "accept, got refuse",
    "crashes": r"refuse, got failure \(exit 1\): ",
    "dies": r"refuse, got failure \(signal 9\)",
    "hangs": "refuse, got failure: no answer within 3 s",
    "ignores-sizes": r"refuse, got failure \(signal (24|9)\)",
    "raises-the-floor-early": "accept, got refuse",
}


def naive(mistake: str, seconds: float = 30) -> Verifier:
    return Verifier(mistake, (*NAIVE, mistake), seconds=seconds)


@pytest.fixture(autouse=True)
def _where_tests_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.fspath(ROOT))


@pytest.mark.parametrize("mistake", [each for each in MISTAKES if each != "none"])
def test_a_mistake_is_noticed(mistake: str, tmp_path: Path) -> None:
    case = CASES[CAUGHT_BY[mistake]]
    verdict = judge(naive(mistake, 3 if mistake == "hangs" else 30), case, tmp_path)
    assert verdict.state == "fail"
    expected = ANSWERS.get(mistake, "refuse, got accept")
    assert re.match(rf"step \d, (init|update|verify): {expected}", verdict.says), verdict.says


@pytest.mark.parametrize("name", sorted(set(CAUGHT_BY.values())))
def test_without_a_mistake_the_same_cases_pass(name: str, tmp_path: Path) -> None:
    assert judge(naive("none"), CASES[name], tmp_path) == Verdict("pass")


def test_every_mistake_is_tried() -> None:
    assert CAUGHT_BY.keys() == MISTAKES.keys() - {"none"}


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        (0, b"", ACCEPT),
        (1, b"error: no", REFUSE),
        (125, b"", REFUSE),
        (126, b"", "failure (exit 126)"),
        (127, b"sh: not found", "failure (exit 127)"),
        (139, b"", "failure (exit 139)"),
        (-11, b"", "failure (signal 11)"),
        (1, b"Traceback (most recent call last):\n", "failure (exit 1)"),
        (1, b"==1==ERROR: AddressSanitizer: heap-use-after-free", "failure (exit 1)"),
    ],
)
def test_what_an_exit_code_means(code: int, error: bytes, said: str) -> None:
    assert outcome(code, error) == said
    assert not said.startswith("failure") or said not in allowed(EITHER)


def test_what_a_verifier_lacks_is_not_asked_and_not_green(tmp_path: Path) -> None:
    lacking = Verifier("x", ("false",), frozenset({"state"}))
    assert judge(lacking, CASES["older-release"], tmp_path) == Verdict("n/a", "lacks state")
    assert not report.all_green({"x": {"older-release": Verdict("n/a")}})


def test_one_red_is_red() -> None:
    green, red = Verdict("pass"), Verdict("fail", "step 1")
    assert report.all_green({"x": {"a": green, "b": Verdict("n/a")}})
    assert not report.all_green({"x": {"a": green}, "y": {"a": green, "b": red}})


def test_a_capability_that_nobody_knows(tmp_path: Path) -> None:
    program = tmp_path / "verifier"
    program.write_text("#!/bin/sh\necho thresholds\n")
    program.chmod(0o755)
    with pytest.raises(
        ValueError, match=r"^x lacks: expected any of update, .*, got 'thresholds'$"
    ):
        ask("x", [str(program)])


@pytest.mark.parametrize("how", ["remove", "empty", "cut", "flip", "replace-by-folders"])
def test_tampering_changes_every_file(how: str, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    files = [tmp_path / "a", tmp_path / "deep" / "b"]
    for file in files:
        file.write_bytes(b"four")
    tamper(tmp_path, how)
    for file in files:
        assert not file.is_file() or file.read_bytes() != b"four"


def test_cases_are_written_as_files(tmp_path: Path) -> None:
    chosen: list[Case] = [CASES["root-rotation"], CASES["fast-forward-recovery"]]
    assert write(tmp_path, chosen) == 2
    text = (tmp_path / "cases.json").read_text("utf-8")
    for line in ('"2-update/trust.json"', '"--permit"', '"4-verify/permit.json"', '"refuse"'):
        assert line in text
    assert (tmp_path / "root-rotation" / "2-update" / "trust.json").is_file()
