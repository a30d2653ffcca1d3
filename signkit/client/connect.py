"""From what a person says of a registry to a client that speaks to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from signkit.client.address import make_reach
from signkit.client.http import Http
from signkit.client.keyring import find_keyring
from signkit.client.profiles import Profile, Profiles
from signkit.client.protocol import RegistryClient
from signkit.client.retry import Retrier, Say, make_patience
from signkit.client.token import load_token
from signkit.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What was said of a registry.

    Attributes:
        registry: Its address; or None, and a profile is named.
        profile: The name of a profile; or None.
        token_file: Where the token is; or None.
        token_env: Which variable the token is in; or None.
        ca_file: The only certificate roots to trust; or None.
        upload_hosts: Other hosts that parts may go to, beside those of the profile.
        insecure_http: Whether plain http may leave this machine.
        timeout: Seconds for each step.
        deadline: Seconds from now in which everything must be done; None for no such end.
    """

    registry: str | None
    profile: str | None
    token_file: Path | None
    token_env: str | None
    ca_file: Path | None
    upload_hosts: tuple[str, ...]
    insecure_http: bool
    timeout: float
    deadline: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What this machine says.

    Attributes:
        config: The folder of the profiles.
        default_token: Where a token is kept without being named.
        environment: The environment.
    """

    config: Path
    default_token: Path
    environment: Mapping[str, str]

    def profiles(self) -> Profiles:
        """Return the profiles of this user."""
        return Profiles(self.config, find_keyring(self.environment))


def check_profile(profile: Profile) -> None:
    """Check what a profile says of a registry, before it is kept; nothing is asked of the registry.

    Raises:
        UsageError: not an address, not a host, or plain http to another machine.
        FileError: the file of certificate roots cannot be read, or holds none.
    """
    make_reach(
        profile.registry,
        upload_hosts=profile.upload_hosts,
        insecure_http=profile.insecure_http,
    )
    Http(ca_file=_ca_file(profile)).close()


@contextmanager
def connect(
    target: Target, here: Surroundings, *, say: Say
) -> Iterator[tuple[RegistryClient, str]]:
    """Yield a registry's client and its address; close the connections in the end.

    Token and address are checked at once; the registry hears of nothing yet.

    Args:
        target: What was said of it.
        here: What this machine says.
        say: Told before each wait what failed.

    Raises:
        UsageError: neither an address nor a profile, or both; no token; not an address.
        FileError: a file cannot be read.
    """
    if (target.registry is None) == (target.profile is None):
        message = "expected one of --registry and --profile"
        raise UsageError(message, hint="profiles are added with `signkit registry profile add`")
    profile = Profile(name="", registry=target.registry or "")
    if target.profile is not None:
        profile = here.profiles().find(target.profile)
    reach = make_reach(
        profile.registry,
        upload_hosts=(*profile.upload_hosts, *target.upload_hosts),
        insecure_http=target.insecure_http or profile.insecure_http,
    )
    token = _token(target, profile, here)
    http = Http(ca_file=target.ca_file or _ca_file(profile))
    retrier = Retrier(make_patience(target.timeout), say=say, deadline=target.deadline)
    try:
        yield RegistryClient(http, reach, token=token, retrier=retrier), str(reach.registry)
    finally:
        http.close()


def _ca_file(profile: Profile) -> Path | None:
    return Path(profile.ca_file) if profile.ca_file else None


def _token(target: Target, profile: Profile, here: Surroundings) -> str:
    """Return the token: what was named, before what the profile has."""
    if target.profile is not None and target.token_file is None and target.token_env is None:
        return here.profiles().token(profile)
    return load_token(
        file=target.token_file,
        variable=target.token_env,
        default_file=here.default_token,
        environment=here.environment,
    )
