from __future__ import annotations

import pytest

from signkit.client.token import load_token
from signkit.errors import FileError, TooLargeError, UsageError


def token_file(folder, text="secret\n", mode=0o600):
    path = folder / "token"
    path.write_bytes(text.encode())
    path.chmod(mode)
    return path


def load(folder, *, file=None, variable=None, environment=None):
    default = folder / "token"
    return load_token(
        file=file, variable=variable, default_file=default, environment=environment or {}
    )


def test_takes_the_first_place_that_holds_one(tmp_path):
    token_file(tmp_path)
    (tmp_path / "other").mkdir()
    named = token_file(tmp_path / "other", "named\r\n")
    environment = {"SIGNKIT_REGISTRY_TOKEN": "usual", "MINE": "mine"}
    assert load(tmp_path) == "secret"
    assert load(tmp_path, environment=environment) == "usual"
    assert load(tmp_path, environment=environment, variable="MINE") == "mine"
    assert load(tmp_path, environment=environment, variable="MINE", file=named) == "named"


def test_says_where_a_token_comes_from(tmp_path):
    with pytest.raises(UsageError, match="no token") as caught:
        load(tmp_path)
    assert "--token-file" in str(caught.value.hint)


def test_a_variable_that_is_not_set(tmp_path):
    token_file(tmp_path)
    with pytest.raises(UsageError, match="MINE is not set"):
        load(tmp_path, variable="MINE")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_w07_refuses_a_file_that_others_can_read(tmp_path, mode):
    with pytest.raises(UsageError, match="read by others"):
        load(tmp_path, file=token_file(tmp_path, mode=mode))


@pytest.mark.parametrize(
    "text", ["", "\n", "two\nlines\n", "a b", "tök", "x\x00", "x" * 8192 + "y"]
)
def test_refuses_what_is_no_token(tmp_path, text):
    with pytest.raises((UsageError, TooLargeError)) as caught:
        load(tmp_path, file=token_file(tmp_path, text))
    assert "two" not in str(caught.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileError):
        load(tmp_path, file=tmp_path / "gone")
