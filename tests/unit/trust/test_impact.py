"""What becomes of releases is what the ground floor says under either trust root."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from signkit.errors import SignkitError, UsageError
from signkit.trust.edit import RoleChange, next_version, remove_key, set_expiry, set_role
from signkit.trust.impact import compare_released, effect_table, effect_values, find_released
from signkit.verify.encoding import encode_json
from signkit.verify.trust import Trust
from tests.support.documents import response_file, statement_envelope
from tests.support.keys import PROD, SPARE, STRANGER, KeyOfTest
from tests.support.trust_roots import ISSUED, first

NOW = "2026-06-01T00:00:00Z"
OLD = first()
NEXT = next_version(OLD, issued=ISSUED)


def outcome(
    folder: Path, new: Trust, *, old: Trust = OLD, signer: KeyOfTest = PROD, **changes: Any
) -> tuple[str, str, str]:
    path = folder / "a.statement.json"
    path.write_bytes(encode_json(statement_envelope(signer, **changes)))
    (effect,) = compare_released(old, new, find_released([path]), now=NOW)
    return effect.before, effect.after, effect.word


def test_what_stays(tmp_path: Path) -> None:
    assert outcome(tmp_path, NEXT) == ("verifies", "verifies", "stays")


def test_a_revoked_key(tmp_path: Path) -> None:
    revoked = remove_key(NEXT, PROD.public_key)
    assert outcome(tmp_path, revoked) == ("verifies", "unknown-key", "STOPS")
    assert outcome(tmp_path, NEXT, old=revoked) == ("unknown-key", "verifies", "starts")
    assert outcome(tmp_path, revoked, signer=STRANGER) == ("unknown-key", "unknown-key", "refused")
    assert outcome(tmp_path, revoked, signer=SPARE)[2] == "stays"


def test_a_higher_threshold(tmp_path: Path) -> None:
    strict = set_role(NEXT, "release", RoleChange(threshold=2))
    assert outcome(tmp_path, strict) == ("verifies", "threshold", "STOPS")


def test_a_narrower_scope(tmp_path: Path) -> None:
    narrow = set_role(NEXT, "release", RoleChange(targets=["x86-*"]))
    assert outcome(tmp_path, narrow) == ("verifies", "context", "STOPS")


def test_expiry_and_window(tmp_path: Path) -> None:
    assert outcome(tmp_path, set_expiry(NEXT, NOW)) == ("verifies", "expired", "STOPS")
    closed = set_role(NEXT, "release", RoleChange(window={"not_after": NOW}))
    assert outcome(tmp_path, closed) == ("verifies", "expired", "STOPS")
    open_now = set_role(NEXT, "release", RoleChange(window={"not_before": NOW}))
    assert outcome(tmp_path, open_now)[2] == "stays"
    gone = outcome(tmp_path, NEXT, expires="2026-05-01T00:00:00Z")
    assert gone == ("expired", "expired", "refused")


def test_any_covering_role_suffices(tmp_path: Path) -> None:
    strict = set_role(NEXT, "release", RoleChange(threshold=2))
    wide = set_role(strict, "wide", RoleChange(keys={"prod": PROD.public_key}))
    assert outcome(tmp_path, wide)[2] == "stays"


def test_statements_are_found_in_files_responses_and_folders(tmp_path: Path) -> None:
    (tmp_path / "a.statement.json").write_bytes(encode_json(statement_envelope()))
    (tmp_path / "b.response.json").write_bytes(response_file())
    (tmp_path / "notes.txt").write_bytes(b"no document")
    found = find_released([tmp_path, tmp_path / "b.response.json"])
    sources = ["a.statement.json", "b.response.json", "b.response.json"]
    assert [each.source for each in found] == sources
    assert find_released([]) == ()


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"payloadType":"x"}'])
def test_what_is_neither(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(SignkitError):
        find_released([tmp_path / "x"])


def test_a_folder_without_any(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no release statement was found"):
        find_released([tmp_path])


def test_as_a_table_and_as_data(tmp_path: Path) -> None:
    (tmp_path / "a.statement.json").write_bytes(encode_json(statement_envelope()))
    effects = compare_released(
        OLD, remove_key(NEXT, PROD.public_key), find_released([tmp_path]), now=None
    )
    (table,) = effect_table(effects)
    assert table.splitlines()[1].split() == [
        "ML-Model",
        "1.0.0",
        "aarch64-unknown-linux",
        "verifies",
        "unknown-key",
        "STOPS",
    ]
    (value,) = effect_values(effects)
    assert (value["effect"], value["source"]) == ("stops", "a.statement.json")
    assert effect_table(()) == []
