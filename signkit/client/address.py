"""Where bytes may go: the registry's own address, and the hosts it may send uploads to.

An answer of the registry names the address for each part. A hostile or hacked registry could name
any host with it, so an upload address is followed only to the registry's own host or to one that
the person listed. Plain http is for the loopback address, unless it is asked for.

The decision is made on the parsed parts, and the connection is made from the same parts: there is
no second parser that could read another host out of the same text.

Spec: registry contract sections 1.1 and 2.6; docs/howto/resume-upload.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from signkit.errors import SubmissionError, TransportError, UsageError

_PORTS = {"http": 80, "https": 443}
_TEXT_LENGTH = 8192
_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_:%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One address of HTTP, taken apart.

    Attributes:
        scheme: `http` or `https`.
        host: Lower case; an IPv6 address without its brackets.
        port: 1 to 65,535.
        path: From the first slash, as it goes over the wire; empty for none.
        query: Without its question mark. May be a credential: never shown.
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str

    def __str__(self) -> str:
        """Return what may be shown: no query, and the port only where it says something."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"

    def at(self, path: str, query: str = "") -> Address:
        """Return the address of a path below this one."""
        return replace(self, path=self.path + path, query=query)


class _PlainHttpError(ValueError):
    """An address that is one, and sends what it carries in the clear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Which addresses the client may speak to.

    Attributes:
        registry: The registry's base address.
        upload_hosts: Other hosts that content may go to or come from: `host` or `host:port`.
        insecure_http: Whether plain http is allowed to any host.
    """

    registry: Address
    upload_hosts: frozenset[str] = frozenset()
    insecure_http: bool = False


def make_reach(
    registry: str, *, upload_hosts: Iterable[str] = (), insecure_http: bool = False
) -> Reach:
    """Check the registry's address and the hosts listed beside it.

    Args:
        registry: Such as `https://registry.example` or `http://127.0.0.1:8080/base`.
        upload_hosts: `host` or `host:port` each.
        insecure_http: Whether plain http may leave this machine.

    Raises:
        UsageError: not such an address, or plain http to another machine.
    """
    try:
        address = _parse(registry)
        _check_scheme(address, insecure_http=insecure_http)
    except ValueError as error:
        message = f"registry address: {error}"
        hint = "give one such as https://registry.example:8443"
        if isinstance(error, _PlainHttpError):
            hint = "where the network in between is your own, --insecure-http allows it"
        raise UsageError(message, hint=hint) from None
    if address.query:
        message = "registry address: expected no query"
        raise UsageError(message, hint="the token comes from --token-file, never from the address")
    return Reach(
        registry=replace(address, path=address.path.rstrip("/")),
        upload_hosts=frozenset(_check_host(host) for host in upload_hosts),
        insecure_http=insecure_http,
    )


def check_upload_address(text: str, reach: Reach, *, what: str = "upload") -> Address:
    """Check the address that the registry gives for a part, or for content to fetch.

    Args:
        text: An absolute URL, as the registry sent it.
        reach: Where this client may go.
        what: "upload" or "download"; also names the option that lists hosts.

    Returns:
        The address, on a host that is allowed.

    Raises:
        TransportError: not an address, plain http to another machine, or a step down from https.
        SubmissionError: it is on a host that nobody listed.
    """
    try:
        address = _parse(text)
        _check_scheme(address, insecure_http=reach.insecure_http)
    except ValueError as error:
        message = f"the registry's {what} address is refused: {error}"
        raise TransportError(message) from None
    own = address.host == reach.registry.host
    if own and address.scheme == "http" and reach.registry.scheme == "https":
        message = f"the registry's {what} address is refused: http, where the registry is https"
        raise TransportError(message)
    if own or reach.upload_hosts & {address.host, f"{address.host}:{address.port}"}:
        return address
    message = (
        f"the registry sends the {what} to another host, {address.host}: expected"
        f" {reach.registry.host}"
    )
    raise SubmissionError(message, hint=f"if that is right, add --{what}-host {address.host}")


def _parse(text: str) -> Address:
    """Take an address apart; ValueError says what is wrong, and never quotes a query."""
    if len(text) > _TEXT_LENGTH:
        message = f"expected at most {_TEXT_LENGTH} characters, got {len(text)}"
        raise ValueError(message)
    # Readers differ on backslashes, blanks and characters beyond ASCII; so none is accepted.
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        message = "expected printable ASCII without blanks or backslashes"
        raise ValueError(message)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        message = "it cannot be parsed"
        raise ValueError(message) from None
    address = _check_parts(parts, port)
    if parts.netloc.lower() != _authority(
        address.host, port
    ):  # urlsplit drops what follows a bracket
        message = "expected host, host:port or [host]:port, and nothing beside it"
        raise ValueError(message)
    return address


def _check_parts(parts: SplitResult, port: int | None) -> Address:
    host = parts.hostname or ""
    if parts.scheme not in _PORTS:
        got = repr(parts.scheme[:20]) if parts.scheme else "neither"
        message = f"expected http:// or https:// at its beginning, got {got}"
    elif not host or not _HOST_CHARACTERS.issuperset(host):
        message = f"expected a host name in ASCII, got {host[:80]!r}"
    elif "@" in parts.netloc:
        message = "expected no user name or password in it"
    elif parts.fragment:
        message = "expected no fragment"
    elif port == 0:
        message = "expected a port from 1 to 65535"
    else:
        return Address(
            scheme=parts.scheme,
            host=host,
            port=port or _PORTS[parts.scheme],
            path=parts.path,
            query=parts.query,
        )
    raise ValueError(message)


def _authority(host: str, port: int | None) -> str:
    """Return the one spelling of host and port."""
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def _check_scheme(address: Address, *, insecure_http: bool) -> None:
    if address.scheme == "http" and not insecure_http and not _is_loopback(address.host):
        message = f"plain http to {address.host}: expected https"
        raise _PlainHttpError(message)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_host(text: str) -> str:
    try:
        address = _parse(f"https://{text}")
    except ValueError as error:
        message = f"upload host {text[:80]!r}: {error}"
        raise UsageError(message) from None
    if address.path or address.query:
        message = f"upload host {text[:80]!r}: expected a host, or host:port"
        raise UsageError(message)
    return f"{address.host}:{address.port}" if ":" in text.rpartition("]")[2] else address.host
