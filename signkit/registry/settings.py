"""What the registry is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the registry serves.

    Attributes:
        data: The data folder (`folder.open_data_folder` makes it), or a footing file.
        public_url: How clients reach the registry, without a trailing slash, or None: then
            presigned URLs are built from the Host header of the request.
        part_url_seconds: How long a part may be sent to its presigned URL.
        download_url_seconds: How long content may be fetched from its presigned URL
            (contract section 2.5).
        idle_seconds: How long a sender may pause within a body.
        hash_wait_seconds: How long a PATCH to hashing waits for the verdict before it answers.
        hash_workers: Threads that hash content.
        abandon_seconds: After what time an upload that nobody went on with is taken back.
        access_log_path: A file that gets each line of the access log as well, or None.
        allow_test_keys: Whether signing keys may be published test keys.
    """

    data: Path
    public_url: str | None = None
    part_url_seconds: int = _HOUR
    download_url_seconds: int = 24 * _HOUR
    idle_seconds: float = 60.0
    hash_wait_seconds: float = 1.0
    hash_workers: int = 2
    abandon_seconds: int = 7 * 24 * _HOUR
    access_log_path: Path | None = None
    allow_test_keys: bool = False
