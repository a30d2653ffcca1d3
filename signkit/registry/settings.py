"""What the registry is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from signkit.registry.tls import Certificate

_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the registry serves.

    Attributes:
        data: The data folder (`folder.open_data_folder` makes it), or a footing file.
        public_url: How clients reach the registry, without a trailing slash, or None: then
            presigned URLs are built from the Host header of the request.
        content_url: Where devices fetch content, without a trailing slash: a cache before the
            registry. None: from the registry itself.
        part_url_seconds: How long a part may be sent to its presigned URL.
        download_url_seconds: How long content may be fetched from its presigned URL
            (contract section 2.5).
        idle_seconds: How long a sender may pause within a body.
        hash_wait_seconds: How long a PATCH to hashing waits for the verdict before it answers.
        hash_workers: Threads that hash content.
        abandon_seconds: After what time an upload that nobody went on with is taken back.
        log_path: A file that gets each line of the log as well, or None.
        tls: The certificate to serve under, or None: plain HTTP.
        trusted_proxies: Addresses and networks whose X-Forwarded-For and -Proto are believed.
        rate_limit: Requests a second of one token, or of one address without a good one; 0: any.
        drain_seconds: How long to serve on after SIGTERM, so that a load balancer notices.
        metrics_host, metrics_port: Where metrics are served; None: nowhere.
        allow_test_keys: Whether signing keys may be published test keys.
    """

    data: Path
    public_url: str | None = None
    content_url: str | None = None
    part_url_seconds: int = _HOUR
    download_url_seconds: int = 24 * _HOUR
    idle_seconds: float = 60.0
    hash_wait_seconds: float = 1.0
    hash_workers: int = 2
    abandon_seconds: int = 7 * 24 * _HOUR
    log_path: Path | None = None
    tls: Certificate | None = None
    trusted_proxies: tuple[str, ...] = ()
    rate_limit: float = 0
    drain_seconds: float = 0
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    allow_test_keys: bool = False
