"""Each weakness of the existing client that this one could share is named by a test of its absence.

The numbers are those of the registry contract's section 6. A test carries its number in its name,
`test_w08_...`, so that `pytest -k w08` is the proof.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.commands import Machine

TESTS = Path(__file__).resolve().parents[1]
NAMED = re.compile(r"test_w([0-9]{2})_")
WEAKNESSES = (
    "W1 signs whatever digest the server returns",
    "W2 hashes in one read and uploads from another",
    "W3 does not escape search strings",
    "W4 passes bad signatures of bundles over, and compares no hash",
    "W5 drops signatures of bundles, and trusts the names and sizes of an archive",
    "W7 leaves credentials readable by others",
    "W8 takes a failed upload for a successful one",
    "W9 ends unsigned and says nothing",
    "W10 throws errors of signing away",
    "W11 takes unreadable custom metadata for none",
    "W12 resumes by the index of a part alone",
    "W13 takes two hits for none, and a destroyed binary for a success",
    "W15 loses one of two equal contents, and creates after any error",
    "W16 pulls what it did not check, differently each time, and leaves half a file",
    "W17 panics on answers that it does not expect",
    "W18 replaces what it cannot read, and blocks its own second try",
    "W19 writes private keys that openssl does not read",
    "W20 swaps invalid_size and invalid_hash",
    "W21 holds the whole file in memory",
    "W22 polls blindly, every ten seconds, for five minutes",
    "W23 tries nothing again and has no timeouts",
    "W24 trusts another root for uploads than for the registry",
    "W25 sends part after part and checks no answer",
    "W26 follows no pages",
)
# What signkit does not do at all.
ELSEWHERE = {
    "W6": "a command that upgrades itself: there is none",
    "W14": "bundles made while a binary is created: there are none",
}


def test_every_weakness_is_named_by_a_test():
    named = {
        f"W{int(found[1])}"
        for path in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef) and (found := NAMED.match(node.name))
    }
    concerned = {weakness.partition(" ")[0] for weakness in WEAKNESSES}
    assert named == concerned
    assert concerned | ELSEWHERE.keys() == {f"W{number}" for number in range(1, 27)}


@pytest.mark.parametrize(
    "metadata", ["{", "null", "[]", '"text"', '{"a": NaN}', '{"a": 1, "a": 2}'], ids=repr
)
def test_w11_metadata_that_is_no_object_is_never_null(tmp_path, metadata):
    """A mistyped file ends the command; nothing is prepared without its metadata."""
    machine = Machine(tmp_path)
    machine.write("model.bin", b"content")
    machine.write("meta.json", metadata)
    named = ("--artifact", "a", "--version", "1", "--target", "t", "--metadata", "meta.json")
    ran = machine.run("prepare", "model.bin", *named)
    assert ran.code == 3, ran.err
    assert "meta.json" in ran.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["meta.json", "model.bin"]
