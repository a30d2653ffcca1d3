"""For each control a request that trips it, tried with the real command: `scripts/controls`.

A case is a station with a policy, a request, and how it is signed. Keys are those of tests, TEST ONLY.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from signkit.formats.display import format_table, wrap_columns
from signkit.formats.words import encode_words
from signkit.verify.pem import encode_pem
from tests.support.commands import Machine
from tests.support.documents import CONTENT, item_value, request_file, request_value
from tests.support.keys import PROD, REQUESTER, SPARE, STRANGER
from tests.support.terminal import Terminal

PRIVATE_PREFIX = bytes.fromhex("302e020100300506032b657004220420")
_WIDTH = 78


@dataclass(frozen=True, kw_only=True)
class Case:
    """One control, and what trips it.

    Attributes:
        control: Its id, or "none" for a request that is signed.
        request: What is wrong with the request, in words.
        items: The items, each as what is said of it instead of the usual.
        asked: Fields of the request.
        policy: Lines of the policy's tables instead of the usual.
        options: Options of `signkit sign`.
        typed: What operators type after "your name: ", at a terminal; empty for `--yes-to`.
        code: The exit code.
    """

    control: str
    request: str
    items: Sequence[Mapping[str, Any]] = ({},)
    asked: Mapping[str, Any] = field(default_factory=dict)
    policy: Mapping[str, Sequence[str]] = field(default_factory=dict)
    options: Sequence[str] = ("--content", ".")
    typed: Sequence[str] = ()
    code: int = 19


_USUAL = {
    "request": (),
    "confirm": ("unattended = true",),
    "requester": ('name = "build server"', f'keyid = "{REQUESTER.public_key.keyid}"'),
    "rule": ('roles = ["release"]', 'artifacts = ["ML-*"]', 'targets = ["*"]'),
}
_RULE = _USUAL["rule"]
_BLIND = [{"scheme": "peridio", "role": "release"}]
_TRUST = [{"scheme": "trust", "role": "root"}]
_OTHER = {"target": "other"}
CASES = (
    Case(control="none", request="nothing: it is signed", code=0),
    Case(
        control="SK-POLICY-REQUESTER",
        request="by a key that the policy does not name",
        policy={"requester": ('name = "another"', f'keyid = "{STRANGER.public_key.keyid}"')},
    ),
    Case(
        control="SK-POLICY-ITEMS",
        request="two items where one is allowed",
        items=({}, _OTHER),
        policy={"request": ("most_items = 1",)},
    ),
    Case(
        control="SK-POLICY-SIZE",
        request="14 bytes where 13 are allowed",
        policy={"request": ("most_bytes = 13",)},
    ),
    Case(
        control="SK-POLICY-SCOPE",
        request="an artifact for which there is no rule",
        items=({"artifact": "Bootloader"},),
    ),
    Case(
        control="SK-POLICY-KEY",
        request="signed with a key that the rule does not name",
        policy={"rule": (*_RULE, f'keys = ["{SPARE.public_key.keyid}"]')},
    ),
    Case(
        control="SK-POLICY-CONTENT",
        request="its content does not travel along",
        options=(),
    ),
    Case(
        control="SK-POLICY-EXPIRY",
        request="it never expires",
        policy={"rule": (*_RULE, "expires_within_days = 365")},
    ),
    Case(
        control="SK-POLICY-SEQUENCE",
        request="two versions under one sequence",
        items=({}, {"version": "1.0.1"}),
    ),
    Case(
        control="SK-POLICY-PREVIOUS",
        request="it follows a response that this station never gave",
        asked={"previous_response": {"sha256": "ab" * 32}},
        policy={"request": ("follows_last_response = true",)},
    ),
    Case(
        control="SK-POLICY-UNATTENDED",
        request="confirmed by a script",
        policy={"confirm": ()},
    ),
    Case(
        control="SK-POLICY-OPERATORS",
        request="one operator confirms twice",
        policy={"confirm": ("operators = 2",)},
        typed=("Ada", "ada"),
    ),
    Case(
        control="SK-SIGN-BLIND",
        request="a blind signature without the statement",
        items=({"wanted": _BLIND},),
    ),
    Case(
        control="SK-SIGN-TRUST",
        request="a trust root among releases",
        items=({}, {**_OTHER, "wanted": _TRUST}),
    ),
    Case(
        control="SK-SIGN-CONFIRM",
        request="the digest of another request is confirmed",
        options=("--yes-to", "ab" * 32),
        code=18,
    ),
    Case(
        control="SK-REQ-UNIQUE",
        request="two items for one artifact, version and target",
        items=({}, {"name": "b.bin"}),
        code=12,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Tripped:
    """What came of a case.

    Attributes:
        machine: The station.
        code: The exit code.
        sentence: The error, or what was said in the end.
    """

    machine: Machine
    code: int
    sentence: str

    @property
    def event(self) -> str:
        """What the ledger's last line calls it; a request that is none has no line."""
        path = self.machine.home / "ledger.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return str(json.loads(lines[-1])["event"]) if lines else "-"


def policy_text(changes: Mapping[str, Sequence[str]]) -> str:
    """Return the usual policy with some of its tables replaced."""
    tables = {**_USUAL, **changes}
    lines = ['format = "signkit.station-policy.v1"']
    for name, said in tables.items():
        head = f"[[{name}]]" if name in {"requester", "rule"} else f"[{name}]"
        lines += ["", head, *said]
    return "\n".join(lines) + "\n"


def make_station(folder: Path, policy: str, request: bytes) -> Machine:
    """Set up a station: policy, a key, and what came on the stick."""
    machine = Machine(folder)
    machine.home.mkdir(mode=0o700, exist_ok=True)
    (machine.home / "station.toml").write_text(policy)
    machine.write("model.request.json", request)
    machine.write("model.bin", CONTENT)
    machine.write("prod.pem", encode_pem("PRIVATE KEY", PRIVATE_PREFIX + PROD.seed), mode=0o600)
    return machine


def trip(case: Case, folder: Path) -> Tripped:
    """Play one case in a folder."""
    value = request_value(*[item_value(**each) for each in case.items], **case.asked)
    machine = make_station(folder, policy_text(case.policy), request_file(value))
    if case.typed:
        code, shown = _at_a_terminal(machine, case)
        sentence = next(line for line in shown.splitlines() if line.startswith("error: "))
        return Tripped(machine=machine, code=code, sentence=sentence.removeprefix("error: "))
    digest = sha256((folder / "model.request.json").read_bytes()).hexdigest()
    yes = () if "--yes-to" in case.options else ("--yes-to", digest)
    ran = machine.run(
        "sign", "model.request.json", "--key", "prod.pem", *yes, *case.options, "--json"
    )
    said = ran.error["error"] if ran.code else f"signed {ran.json['signed_count']} item"
    return Tripped(machine=machine, code=ran.code, sentence=said)


def _at_a_terminal(machine: Machine, case: Case) -> tuple[int, str]:
    command = ["-m", "signkit.cli", "sign", "model.request.json", "--key", "prod.pem"]
    return confirm_at_terminal(machine, [*command, *case.options], case.typed)


def confirm_at_terminal(
    machine: Machine, command: Sequence[str], names: Sequence[str]
) -> tuple[int, str]:
    """Sign at a terminal: each operator types their words, and a name."""
    words = encode_words(sha256((machine.folder / "model.request.json").read_bytes()).digest())
    start = (
        f"import os, sys; os.chdir({str(machine.folder)!r});"
        f" os.execv(sys.executable, [sys.executable, *{list(command)!r}])"
    )
    terminal = Terminal(["-c", start], machine.environment(TERM="dumb"))
    for place, name in enumerate(names):
        terminal.answer("words: ", " ".join(words[4 * place : 4 * place + 4]))
        terminal.answer("your name: ", name)
    return terminal.wait(), terminal.shown


def main() -> int:
    """Print the table; 1 where a control was not tripped as it should be."""
    rows: list[list[str]] = []
    wrong = 0
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            done = trip(case, Path(folder))
            event = done.event
        named = not case.control.startswith("SK-POLICY") or case.control in done.sentence
        wrong += done.code != case.code or not named
        first, *more = wrap_columns(done.sentence, _WIDTH)
        rows.append([case.control, str(done.code), event, case.request])
        rows += [["", "", "", f"  {text}"] for text in (first, *more)]
    print(format_table(["control", "exit", "ledger", "the request, and the sentence"], rows))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
