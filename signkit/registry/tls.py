"""TLS: a certificate and its key, read at start and again whenever they are renewed."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from signkit.errors import RegistryError

_GOODBYE_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Where a certificate is.

    Attributes:
        path: PEM: the server's own certificate first, then those between it and a root.
        key: PEM of its private key, not encrypted; None: in the same file.
    """

    path: Path
    key: Path | None = None


class Loop(asyncio.SelectorEventLoop):
    """The event loop; it does not wait long for clients that never say goodbye.

    asyncio gives a client 30 seconds to answer the end of a connection, and an idle one that keeps
    its connection for later does not answer at all: a stop would take as long.
    """

    async def create_server(self, *arguments: Any, **options: Any) -> asyncio.Server:  # noqa: ANN401
        """Serve as asyncio does."""
        if options.get("ssl") is not None:
            options["ssl_shutdown_timeout"] = _GOODBYE_SECONDS
        server: asyncio.Server = await super().create_server(*arguments, **options)
        return server


def open_tls(certificate: Certificate) -> ssl.SSLContext:
    """Return the server's side of TLS 1.2 and newer under a certificate.

    Raises:
        RegistryError: the files cannot be read, or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    _load(context, certificate)
    return context


def renew_tls(context: ssl.SSLContext, certificate: Certificate) -> None:
    """Read the certificate anew, for the connections to come.

    Raises:
        RegistryError: as in `open_tls`; what was used before stays in use.
    """
    open_tls(certificate)  # so that a bad pair never comes near the context that is in use
    _load(context, certificate)


def _load(context: ssl.SSLContext, certificate: Certificate) -> None:
    try:
        # An empty password instead of OpenSSL's prompt, which would wait for nobody.
        context.load_cert_chain(certificate.path, certificate.key, password="")
    except (OSError, ValueError) as error:
        where = " and ".join(str(each) for each in (certificate.path, certificate.key) if each)
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        message = f"the TLS certificate {where} cannot be used: {reason}"
        hint = "expected PEM: the certificate with its chain, and its own key, not encrypted"
        raise RegistryError(message, hint=hint) from error
