"""Registries by name: their addresses in one small file, their tokens in the keyring or beside it.

    CONFIG/profiles.json     names, addresses, and where each token is; mode 0600
    CONFIG/tokens/NAME       a token, where there is no keyring; mode 0600

A token goes into the keyring of the system where the library `keyring` is installed and finds one,
else into a file. The file of profiles never holds one. A file that others can read or write is
refused, because whoever can write it can send the token elsewhere.

Spec: docs/reference/profiles.md.
Controls: SK-CLIENT-PROFILE (docs/design/assurance.md).
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, replace
from pathlib import Path

from signkit.client.keyring import SystemKeyring
from signkit.client.token import check_token, read_token
from signkit.errors import FileError, FormatError, MalformedError, TokenStoreError, UsageError
from signkit.formats.files import read_file_and_status, write_new
from signkit.verify.encoding import Fields, encode_json, parse_json

FORMAT = "signkit.profiles.v1"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_SIZE = 1024 * 1024
_COUNT = 1000
_TEXT_LENGTH = 8192
_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600
_OTHERS = 0o077


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One registry by name.

    Attributes:
        name: What it is called here.
        registry: Its address.
        ca_file: The only certificate roots to trust for it, an absolute path; None for the system's.
        upload_hosts: Other hosts that parts may go to.
        insecure_http: Whether plain http may leave this machine.
        in_keyring: Whether its token is in the keyring; in a file otherwise.
    """

    name: str
    registry: str
    ca_file: str | None = None
    upload_hosts: tuple[str, ...] = ()
    insecure_http: bool = False
    in_keyring: bool = False


class Profiles:
    """The profiles of one user.

    Args:
        folder: Where they are kept; made when the first one is added.
        keyring: The system's keyring, or None where there is none.
    """

    def __init__(self, folder: Path, keyring: SystemKeyring | None) -> None:
        self._folder = folder
        self._keyring = keyring

    def all(self) -> tuple[Profile, ...]:
        """Return every profile, by name.

        Raises:
            UsageError: others can read or write the file.
            FileError, FormatError: it cannot be read.
        """
        if not self._path.exists():
            return ()
        data, status = read_file_and_status(self._path, limit=_SIZE, what="profiles")
        if stat.S_IMODE(status.st_mode) & _OTHERS:
            message = f"profiles {self._path} can be read or written by others"
            raise UsageError(message, hint=f"chmod 600 {self._path}")
        try:
            return _parse_all(data)
        except FormatError as error:
            error.args = (f"profiles {self._path}: {error}",)
            error.hint = error.hint or "move that file away, and add the profiles again"
            raise

    def find(self, name: str) -> Profile:
        """Return one profile.

        Raises:
            UsageError: there is none of that name, or as `all`.
        """
        profiles = self.all()
        for profile in profiles:
            if profile.name == name:
                return profile
        known = ", ".join(profile.name for profile in profiles) or "none"
        message = f"no profile {name[:80]!r}: there is {known}"
        raise UsageError(message, hint="add it with `signkit registry profile add`")

    def token(self, profile: Profile) -> str:
        """Return a profile's token.

        Raises:
            UsageError: it is not where it should be, is none, or others can read its file.
            TokenStoreError: the keyring cannot be used.
        """
        path = self._token_path(profile.name)
        if not profile.in_keyring and path.exists():
            return read_token(path)
        token = None
        if profile.in_keyring and self._keyring is not None:
            token = self._keyring.get(profile.name)
        if token is None:
            where = "the keyring has no" if profile.in_keyring else f"{path} is gone: there is no"
            message = f"{where} token of profile {profile.name} here"
            raise UsageError(message, hint="add the profile again, with --replace")
        return check_token(token, f"the keyring's token of profile {profile.name}")

    def add(self, profile: Profile, token: str, *, replacing: bool = False) -> Profile:
        """Keep a profile and its token.

        Args:
            profile: What to keep.
            token: Its token.
            replacing: Whether one of that name may be there.

        Returns:
            The profile, which says where its token is.

        Raises:
            UsageError: the name is none, or is taken.
            FileError: something cannot be written.
        """
        if NAME.fullmatch(profile.name) is None:
            message = f"profile {profile.name[:80]!r}: expected letters, digits, dot, - and _"
            raise UsageError(message)
        others = [each for each in self.all() if each.name != profile.name]
        if len(others) < len(self.all()) and not replacing:
            message = f"there is a profile {profile.name} already"
            raise UsageError(message, hint="give --replace, or another name")
        self._make_folder(self._folder)
        profile = replace(profile, in_keyring=self._keep_token(profile.name, token))
        self._write([*others, profile])
        return profile

    def remove(self, name: str) -> Profile:
        """Forget a profile and its token.

        Raises:
            UsageError: there is none of that name.
            FileError: something cannot be written.
        """
        profile = self.find(name)
        self._write([each for each in self.all() if each.name != name])
        self._token_path(name).unlink(missing_ok=True)
        if profile.in_keyring and self._keyring is not None:
            self._keyring.delete(name)
        return profile

    @property
    def _path(self) -> Path:
        return self._folder / "profiles.json"

    def _token_path(self, name: str) -> Path:
        return self._folder / "tokens" / name

    def _keep_token(self, name: str, token: str) -> bool:
        """Keep a token; return whether in the keyring."""
        if self._keyring is not None:
            try:
                self._keyring.set(name, token)
            except TokenStoreError:
                pass  # locked, and nobody there to unlock it: a file then
            else:
                self._token_path(name).unlink(missing_ok=True)
                return True
        path = self._token_path(name)
        self._make_folder(path.parent)
        write_new(path, token.encode("ascii") + b"\n", mode=_PRIVATE_FILE, replace=True)
        return False

    def _write(self, profiles: list[Profile]) -> None:
        value = {"format": FORMAT, "profiles": [describe_profile(each) for each in profiles]}
        write_new(self._path, encode_json(value), mode=_PRIVATE_FILE, replace=True)

    def _make_folder(self, folder: Path) -> None:
        try:
            folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        except OSError as error:
            message = f"{folder} cannot be made: {(error.strerror or str(error)).lower()}"
            raise FileError(message) from error


def _parse_all(data: bytes) -> tuple[Profile, ...]:
    fields = Fields(parse_json(data, limit=_SIZE, what="the file"), "the file")
    fields.constant("format", FORMAT)
    found = [_parse(member) for member in fields.array("profiles", most=_COUNT)]
    fields.done()
    return tuple(sorted(found, key=lambda profile: profile.name))


def _parse(value: object) -> Profile:
    fields = Fields(value, "profile")
    name = fields.label("name")
    kept = {"keyring": True, "file": False}
    where, insecure = fields.text("token", limit=7), fields.take("insecure_http")
    hosts = fields.array("upload_hosts", most=_COUNT)
    sound = NAME.fullmatch(name) and where in kept and isinstance(insecure, bool)
    if not sound or not all(isinstance(host, str) for host in hosts):
        message = f"profile {name!r}: a field has a value that no profile has"
        raise MalformedError(message)
    profile = Profile(
        name=name,
        registry=fields.label("registry", limit=_TEXT_LENGTH),
        ca_file=None if fields.is_null("ca_file") else fields.text("ca_file", limit=_TEXT_LENGTH),
        upload_hosts=tuple(str(host) for host in hosts),
        insecure_http=insecure is True,
        in_keyring=kept[where],
    )
    fields.done()
    return profile


def describe_profile(profile: Profile) -> dict[str, object]:
    """Return a profile as it stands in the file, and in reports: without its token."""
    return {
        "name": profile.name,
        "registry": profile.registry,
        "ca_file": profile.ca_file,
        "upload_hosts": list(profile.upload_hosts),
        "insecure_http": profile.insecure_http,
        "token": "keyring" if profile.in_keyring else "file",
    }
