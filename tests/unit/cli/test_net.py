"""What no command foresaw still ends in one sentence; what the system refuses is no defect."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import pytest

from signkit.cli import app
from tests.support.commands import Ran

Run = Callable[..., Ran]
LONG = "a" * 5000


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (
            OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), LONG),
            8,
            f"error: {'a' * 200}: file name too long\nhint: check the path",
        ),
        (OSError(errno.EIO, os.strerror(errno.EIO)), 8, "error: input/output error\n"),
        (ValueError("x"), 1, "error: unexpected ValueError: x\nhint: a defect of signkit"),
    ],
)
def test_an_error_that_nobody_expected(
    run_keys: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, said: str
) -> None:
    def fail(_arguments: list[str]) -> int:
        raise error

    monkeypatch.setattr(app, "_run", fail)
    ran = run_keys("list")
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith(said)


@pytest.mark.parametrize(("trust", "said"), [("", "is a directory"), (LONG, "file name too long")])
def test_a_trust_root_that_is_none_stops_no_emergency(
    run_keys: Run, home: object, trust: str, said: str, tmp_path: object
) -> None:
    secret = f"{tmp_path}/pw"
    with open(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write("correct horse battery staple\n")
    assert run_keys("new", "prod", "--passphrase-file", secret).code == 0
    ran = run_keys("compromise", "prod", "--reason", "stolen", "--trust", trust)
    assert ran.code == 8
    assert "COMPROMISED  prod" in ran.out
    assert said in ran.err
