"""The file that says where the records and the content of a registry are (docs/howto/scale.md)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from signkit.errors import MalformedError, RegistryError

_LARGEST = 64 * 1024
_KEYS = frozenset({"database", "bucket", "endpoint", "public_endpoint", "region"})
_REQUIRED = ("database", "bucket")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Where the objects are; the keys to it come from boto3's own places, not from here.

    Attributes:
        name: The bucket, which has to be there.
        endpoint: Address of the store, or None for Amazon's.
        public_endpoint: Address that clients reach it at, where that is another.
        region: As the store expects it in signatures.
    """

    name: str
    endpoint: str | None = None
    public_endpoint: str | None = None
    region: str = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class FootingFile:
    """Where a registry of many processes keeps everything.

    Attributes:
        database: A PostgreSQL database.
        bucket: Where the content is.
    """

    database: URL
    bucket: Bucket


def check_installed() -> None:
    """Check that what a shared footing needs is installed.

    Raises:
        RegistryError: it is not.
    """
    for name in ("boto3", "procrastinate", "psycopg"):
        if find_spec(name) is None:
            message = f"a footing file needs the package {name}, which is not installed"
            raise RegistryError(message, hint="pip install 'signkit[registry,scale]'")


def load_footing_file(path: Path) -> FootingFile:
    """Read a footing file.

    Raises:
        RegistryError: it cannot be read.
        MalformedError: it is not TOML, has an unknown key or lacks one, or a value is of no use.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise RegistryError(message, hint="see docs/howto/scale.md") from error
    try:
        return _parse(data)
    except MalformedError as error:
        message = f"{path}: {error}"
        raise MalformedError(message, hint="see docs/howto/scale.md") from error


def _parse(data: bytes) -> FootingFile:
    if len(data) > _LARGEST:
        message = f"expected at most {_LARGEST} bytes"
        raise MalformedError(message)
    try:
        values = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"not TOML: {error}"
        raise MalformedError(message) from error
    for name in sorted(values.keys() - _KEYS):
        message = f"unknown key {name!r}, expected one of {', '.join(sorted(_KEYS))}"
        raise MalformedError(message)
    for name in _REQUIRED:
        if name not in values:
            message = f"expected the key {name!r}"
            raise MalformedError(message)
    for name, value in values.items():
        if not isinstance(value, str) or not value.isprintable() or not value:
            message = f"{name}: expected a text"
            raise MalformedError(message)
    bucket = Bucket(
        name=values["bucket"],
        endpoint=_check_endpoint(values, "endpoint"),
        public_endpoint=_check_endpoint(values, "public_endpoint"),
        region=values.get("region", "us-east-1"),
    )
    return FootingFile(database=_check_database(values["database"]), bucket=bucket)


def _check_database(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError:
        url = None
    if url is None or url.drivername not in {"postgresql", "postgres"} or not url.database:
        # The text may hold a password.
        message = "database: expected postgresql://USER@HOST/DATABASE"
        raise MalformedError(message)
    return url.set(drivername="postgresql")


def _check_endpoint(values: dict[str, str], name: str) -> str | None:
    text = values.get(name)
    if text is None:
        return None
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
        message = f"{name}: expected http:// or https:// with a host, got {text!r}"
        raise MalformedError(message)
    return text.rstrip("/")
