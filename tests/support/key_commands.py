"""What `signkit keys` answers, for tests of a key's life."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.commands import Ran

Run = Callable[..., Ran]


def ok(run_keys: Run, *arguments: object) -> dict[str, Any]:
    ran = run_keys(*arguments, "--json")
    assert ran.code == 0, ran.err
    return ran.json


def refused(run_keys: Run, *arguments: object, code: str) -> str:
    ran = run_keys(*arguments, "--json")
    assert ran.code != 0
    assert ran.error["code"] == code
    return str(ran.error["error"])


def row(run_keys: Run, name: str = "prod") -> dict[str, Any]:
    rows = {each["name"]: each for each in ok(run_keys, "list")["keys"]}
    assert isinstance(rows[name], dict)
    return rows[name]


def states(run_keys: Run, name: str = "prod") -> list[str]:
    return [each["state"] for each in ok(run_keys, "history", name)["history"]]
