"""Where signkit keeps what is its own."""

from pathlib import Path

import pytest

from signkit.cli.home import signkit_home
from signkit.errors import UsageError

NAMES = ("SIGNKIT_HOME", "XDG_DATA_HOME", "HOME")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"SIGNKIT_HOME": "/a", "XDG_DATA_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"XDG_DATA_HOME": "/b", "HOME": "/c"}, "/b/signkit"),
        ({"XDG_DATA_HOME": "b", "HOME": "/c"}, "/c/.local/share/signkit"),
        ({"SIGNKIT_HOME": "", "XDG_DATA_HOME": "", "HOME": "/c"}, "/c/.local/share/signkit"),
    ],
)
def test_looks_at_the_environment_in_order(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str
) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert signkit_home() == Path(expected)


def test_a_relative_folder_is_made_absolute(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGNKIT_HOME", "mine")
    assert signkit_home() == tmp_path / "mine"


def test_says_what_to_set_when_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="neither SIGNKIT_HOME nor HOME"):
        signkit_home()
