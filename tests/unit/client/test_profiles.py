from __future__ import annotations

import json

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from signkit.client.keyring import SystemKeyring, find_keyring
from signkit.client.profiles import Profile, Profiles
from signkit.errors import FileError, FormatError, TokenStoreError, UsageError

HOME = Profile(name="home", registry="https://registry.example")
TOKEN = "skr_token-of-a-test"


class Memory(KeyringBackend):
    """A keyring that keeps secrets in memory, as the library wants one."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.secrets: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        self._check()
        return self.secrets.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._check()
        self.secrets[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._check()
        del self.secrets[service, username]

    def _check(self) -> None:
        if self.locked:
            raise KeyringLocked(TOKEN)


@pytest.fixture
def backend():
    before = keyring.get_keyring()
    made = Memory()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


@pytest.fixture
def profiles(tmp_path):
    return Profiles(tmp_path / "config" / "signkit", None)


@pytest.fixture
def keyed(tmp_path, backend):
    return Profiles(tmp_path / "config" / "signkit", SystemKeyring())


def files(tmp_path):
    return {
        str(path.relative_to(tmp_path)): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")
    }


def test_no_profiles(profiles):
    assert profiles.all() == ()
    with pytest.raises(UsageError, match="there is none"):
        profiles.find("home")


def test_without_a_keyring_the_token_is_in_a_file_of_its_own(profiles, tmp_path):
    assert profiles.add(HOME, TOKEN) == HOME
    assert profiles.find("home") == HOME
    assert profiles.token(HOME) == TOKEN
    assert files(tmp_path) == {
        "config": 0o755,
        "config/signkit": 0o700,
        "config/signkit/profiles.json": 0o600,
        "config/signkit/tokens": 0o700,
        "config/signkit/tokens/home": 0o600,
    }
    assert TOKEN not in (tmp_path / "config/signkit/profiles.json").read_text()


def test_with_a_keyring_it_is_on_no_disk(keyed, tmp_path, backend):
    kept = keyed.add(HOME, TOKEN)
    assert kept.in_keyring
    assert keyed.token(keyed.find("home")) == TOKEN
    assert backend.secrets == {("signkit registry", "home"): TOKEN}
    assert set(files(tmp_path)) == {"config", "config/signkit", "config/signkit/profiles.json"}


def test_a_locked_keyring_is_none(keyed, backend):
    backend.locked = True
    assert not keyed.add(HOME, TOKEN).in_keyring
    assert keyed.token(keyed.find("home")) == TOKEN


def test_a_keyring_that_is_locked_later_is_said_without_a_secret(keyed, backend):
    kept = keyed.add(HOME, TOKEN)
    backend.locked = True
    with pytest.raises(TokenStoreError, match="cannot be used: KeyringLocked") as caught:
        keyed.token(kept)
    assert TOKEN not in str(caught.value) + str(caught.value.__cause__)


@pytest.mark.parametrize("emptied", [True, False])
def test_a_token_that_left_the_keyring(keyed, backend, profiles, emptied):
    kept = keyed.add(HOME, TOKEN)
    if emptied:
        backend.secrets.clear()
    with pytest.raises(UsageError, match="no token of profile home"):
        (keyed if emptied else profiles).token(kept)


def test_a_token_whose_file_is_gone(profiles, tmp_path):
    profiles.add(HOME, TOKEN)
    (tmp_path / "config/signkit/tokens/home").unlink()
    with pytest.raises(UsageError, match="tokens/home is gone") as caught:
        profiles.token(HOME)
    assert "--replace" in str(caught.value.hint)


def test_every_field_is_kept(profiles):
    full = Profile(
        name="a.b-c_1",
        registry="http://registry.example:8080/base",
        ca_file="/etc/ca.pem",
        upload_hosts=("s3.example", "s4.example:9000"),
        insecure_http=True,
    )
    profiles.add(HOME, TOKEN)
    profiles.add(full, TOKEN)
    assert profiles.all() == (full, HOME)


def test_a_name_that_is_taken(profiles):
    profiles.add(HOME, TOKEN)
    with pytest.raises(UsageError, match="is a profile home already"):
        profiles.add(HOME, "other")
    assert profiles.token(HOME) == TOKEN
    profiles.add(HOME, "other", replacing=True)
    assert profiles.token(HOME) == "other"


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "-x", "ä", "a\n", "a" * 65])
def test_a_name_that_is_none(profiles, tmp_path, name):
    with pytest.raises(UsageError, match="expected letters"):
        profiles.add(Profile(name=name, registry="https://r.example"), TOKEN)
    assert list(tmp_path.iterdir()) == []


def test_removing_forgets_the_token(keyed, profiles, backend, tmp_path):
    keyed.add(HOME, TOKEN)
    keyed.remove("home")
    assert backend.secrets == {}
    profiles.add(HOME, TOKEN)
    profiles.remove("home")
    assert profiles.all() == ()
    assert list((tmp_path / "config/signkit/tokens").iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602])
@pytest.mark.parametrize("name", ["profiles.json", "tokens/home"])
def test_files_with_loose_modes_are_refused(profiles, tmp_path, name, mode):
    profiles.add(HOME, TOKEN)
    (tmp_path / "config/signkit" / name).chmod(mode)
    with pytest.raises(UsageError, match="by others") as caught:
        profiles.token(profiles.find("home"))
    assert "chmod 600" in str(caught.value.hint)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../x"},
        {"registry": 7},
        {"token": "argv"},
        {"insecure_http": 1},
        {"upload_hosts": [7]},
        {"ca_file": []},
        {"extra": None},
    ],
)
def test_a_file_that_somebody_spoiled(profiles, tmp_path, change):
    profiles.add(HOME, TOKEN)
    path = tmp_path / "config/signkit/profiles.json"
    value = json.loads(path.read_text())
    value["profiles"][0] |= change
    path.write_text(json.dumps(value))
    with pytest.raises(FormatError):
        profiles.all()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be made"):
        Profiles(tmp_path / "file" / "signkit", None).add(HOME, TOKEN)


@pytest.mark.usefixtures("backend")
class TestFinding:
    def test_one_that_works(self):
        assert isinstance(find_keyring({}), SystemKeyring)

    def test_switched_off(self):
        assert find_keyring({"SIGNKIT_KEYRING": "off"}) is None

    def test_none_that_works(self, monkeypatch):
        monkeypatch.setattr(Memory, "priority", 0)
        assert find_keyring({}) is None

    def test_without_the_library(self, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "keyring", None)
        assert find_keyring({}) is None
