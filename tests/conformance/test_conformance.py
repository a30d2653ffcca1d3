"""The library and the pyz through the quick cases; `scripts/conformance` runs all of them on all."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.case import CAPABILITIES, Case
from tests.conformance.harness import Verifier, judge
from tests.conformance.suite import cases
from tests.conformance.verifiers import ROOT, ours

CASES = cases()
QUICK = [case for case in CASES if case.quick]
# Names that peers give to what their suites ask (SECURITY-TESTS.md section 4): each has a case here.
TUF_CONFORMANCE = """
duplicate_keys duplicate_sig_keyids keytype_and_scheme *_does_not_meet_threshold *_has_too_few_keys
unsigned_metadata unsigned_initial_root invalid_initial_root incorrect_metadata_type
url_and_metadata_version_mismatch *_expired *_rollback *_hash_mismatch *_fast_forward_recovery
root_rotation non_root_rotations download_with_unknown_hash_algorithm unusual_role_name
""".split()
SIGSTORE_CONFORMANCE = (
    "unknown version, malformed JSON, negative index, invalid base64, empty chain, wrong instance,"
    " wrong material, digest mismatch, signature mismatch, envelope mismatch, bad key hint,"
    " outside key validity, no key, wrong key, validity end"
).split(", ")
TUF_ATTACKS = [f"TUF-{number}" for number in (1, 2, 3, 4, 5, 7, 8, 9)]


@pytest.fixture(scope="session", params=["library", "pyz"])
def verifier(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Verifier:
    (made,) = ours((request.param,), tmp_path_factory.mktemp("verifier"))
    return made


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.name)
def test_ours(verifier: Verifier, case: Case, tmp_path: Path) -> None:
    verdict = judge(verifier, case, tmp_path)
    assert (verdict.state, verdict.says) == ("pass", "")


def test_ours_lack_nothing(verifier: Verifier) -> None:
    assert verifier.lacks == frozenset()


def test_the_table_is_in_order() -> None:
    assert CASES[0].family == "honest"
    for case in CASES:
        assert re.fullmatch(r"[a-z0-9.-]+", case.name), case.name
        assert case.says, case.name
        assert case.source, case.name
        assert case.needs <= CAPABILITIES.keys(), case.name


def test_attacks_are_answered_by_more_than_yes() -> None:
    for case in CASES:
        answers = {step.expect for step in case.make() if step.command != "tamper"}
        assert case.family == "honest" or answers - {"accept"}, case.name


@pytest.mark.parametrize("name", [*TUF_CONFORMANCE, *SIGSTORE_CONFORMANCE, *TUF_ATTACKS])
def test_what_peers_ask_is_asked_here(name: str) -> None:
    pattern = re.compile(rf"(?<![\w*]){re.escape(name.removeprefix('*_'))}(?![\w-])|_{name[2:]}\b")
    assert [case.name for case in CASES if pattern.search(case.source)]


def test_the_command_says_which_verifier_fails_where() -> None:
    naive = f"{sys.executable} -m tests.conformance.naive ignores-the-floor"
    script = str(ROOT / "scripts" / "conformance")
    command = [sys.executable, script, "--verifier", f"mine=env PYTHONPATH={ROOT} {naive}"]
    done = subprocess.run(
        [*command, "--case", "older-release", "--case", "release"],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1
    assert "mine: older-release: step 3, verify: refuse, got accept" in done.stdout
    assert [
        line.split() for line in done.stdout.splitlines() if line.startswith(("ok", "failed"))
    ] == [
        ["ok", "1"],
        ["failed", "1"],
    ]
