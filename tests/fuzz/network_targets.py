"""What the registry reads from anybody, and what submit reads from a registry it does not trust."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from sqlalchemy import create_engine, event, select
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool
from starlette.requests import Request

from signkit.cli.clock import parse_expiry
from signkit.client import answers
from signkit.client.address import Address, check_upload_address, make_reach
from signkit.client.http import read_retry_after
from signkit.client.search import encode_search
from signkit.client.token import load_token
from signkit.errors import MalformedError, SignkitError
from signkit.formats.chain import Line, encode_line
from signkit.formats.registry_audit import (
    AUDIT_SHAPE,
    format_ledger_point,
    parse_ledger_point,
    read_audit,
)
from signkit.formats.registry_backup import (
    BackupRecord,
    Sums,
    encode_backup,
    encode_sums,
    parse_backup,
    parse_sums,
)
from signkit.model.audit import AuditEvent, LedgerPoint
from signkit.registry import database, filters, tables
from signkit.registry.bodies import parse_body
from signkit.registry.download import _parse_range
from signkit.registry.paging import _format_cursor, _parse_cursor
from signkit.registry.presign import PartGrant, check_download_url, check_part_url, presign_part
from signkit.registry.prn import Kind, Prn, parse_organization_prn, parse_prn, parse_uuid
from signkit.registry.scopes import Scope
from signkit.registry.search import Clause, parse_search
from signkit.registry.store import ContentKey, PartKey
from signkit.registry.tokens import Caller, find_caller
from tests.fuzz.format_targets import file_of
from tests.fuzz.seeds import exactly, files, texts, together
from tests.fuzz.target import Target, nothing_more
from tests.fuzz.verify_targets import text_of

_UUID = UUID("8ced1740-7fbf-407e-9d6e-afec9399cc41")
_PRN = f"prn:1:{_UUID}"
_SECRET = bytes(32)
_CALLER = Caller(
    organization_row=1,
    organization=_UUID,
    username="u",
    email="e",
    token="t",
    scopes=frozenset({Scope.ADMIN}),
    artifacts=None,
    expires_at=None,
)
_ENGINE = create_engine(
    "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
)
event.listen(_ENGINE, "connect", database._set_up_sqlite)  # with the functions of its own
tables.Base.metadata.create_all(_ENGINE)
_SESSION = Session(_ENGINE)
_SEARCHES: tuple[tuple[Any, filters.Keys], ...] = (
    (tables.Artifact, filters.ARTIFACT_KEYS),
    (tables.ArtifactVersion, filters.ARTIFACT_VERSION_KEYS),
    (tables.SigningKey, filters.SIGNING_KEY_KEYS),
    (tables.Binary, filters.BINARY_KEYS),
    (tables.BinarySignature, filters.SIGNATURE_KEYS),
)
_REACH = make_reach("https://registry.example/base", upload_hosts=["store.example:8443", "[::1]"])


def _search(data: bytes) -> tuple[Clause, ...]:
    return parse_search(data.decode("utf-8", "replace"))


def _search_holds(clauses: tuple[Clause, ...], _data: bytes) -> None:
    """A search of any resource is refused or runs: no value of it ends in the database's error."""
    for table, keys in _SEARCHES:
        try:
            conditions = filters.compile_search(clauses, keys, _CALLER)
        except SignkitError:
            continue
        assert _SESSION.scalars(select(table).where(*conditions)).all() == []


def _wanted_search(data: bytes) -> dict[str, str]:
    name, _, target = data.decode("utf-8", "replace").partition("\n")
    return {"name": name, "target": target}


def _wanted_holds(wanted: Mapping[str, str], _data: bytes) -> None:
    """What the client writes, the registry's grammar reads back as the same values, or a piece."""
    text = encode_search(wanted)
    for clause in parse_search(text[:4096]) if 0 < len(text) <= 4096 else ():
        assert str(clause.value) in wanted[clause.key]


def _audit(data: bytes) -> list[Line[AuditEvent]]:
    return read_audit(file_of("audit", data))[0]


def _audit_holds(lines: list[Line[AuditEvent]], data: bytes) -> None:
    """An audit has one spelling."""
    written = (encode_line(AUDIT_SHAPE, each.entry, each.sequence, each.before) for each in lines)
    assert b"".join(line + b"\n" for line in written) == data


def _point(data: bytes) -> LedgerPoint:
    return parse_ledger_point(text_of(data), what="input")


def _point_holds(point: LedgerPoint, data: bytes) -> None:
    assert format_ledger_point(point).encode() == data


def _prn(data: bytes) -> Prn:
    text = text_of(data)
    for parse in (parse_organization_prn, parse_uuid):
        try:
            return Prn(organization=parse(text, what="input"), kind=Kind.BINARY, id=_UUID)
        except SignkitError:
            continue
    kind = next((each for each in Kind if f":{each}:" in text), Kind.BINARY)
    return parse_prn(text, kind=kind, what="input")


def _prn_holds(prn: Prn, _data: bytes) -> None:
    assert parse_prn(str(prn), kind=prn.kind, what="input") == prn


def _cursor(data: bytes) -> tuple[int, UUID]:
    return _parse_cursor(text_of(data), _SECRET, "bound")


def _cursor_holds(place: tuple[int, UUID], _data: bytes) -> None:
    assert _parse_cursor(_format_cursor(*place, _SECRET, "bound"), _SECRET, "bound") == place


def _presigned(data: bytes) -> Any:
    query = dict(parse_qsl(data.decode("latin-1"), keep_blank_values=True))  # as Starlette does
    try:
        return check_part_url(_UUID, _UUID, 1, query, secret=_SECRET)
    except SignkitError:
        return check_download_url(_UUID, _UUID, query, secret=_SECRET)


def _part_query() -> bytes:
    content = ContentKey(organization=_UUID, binary=_UUID, revision=1)
    grant = PartGrant(key=PartKey(content=content, index=1, digest="ab" * 32), size=5)
    return urlsplit(presign_part(grant, base="", secret=_SECRET, seconds=10**9)).query.encode()


def _range(data: bytes) -> tuple[int, int]:
    header = (b"range", data.replace(b"\n", b" "))
    request = Request({"type": "http", "headers": [header]})
    found = _parse_range(request, 1000, '"etag"')
    if found is None:
        raise MalformedError("all of it")
    return found


def _range_holds(found: tuple[int, int], _data: bytes) -> None:
    start, end = found
    assert start >= 0
    assert start >= end or end <= 1000  # the first is answered with 416


def _token(data: bytes) -> Caller | None:
    return find_caller(_SESSION, data.decode("latin-1"))


def _token_file(data: bytes) -> str:
    path: Path = file_of("token", data)
    path.chmod(0o600)
    return load_token(file=path, variable=None, default_file=path, environment={})


def _token_holds(token: str, _data: bytes) -> None:
    assert token.isascii()
    assert token.isprintable()
    assert " " not in token


def _answer(data: bytes) -> Any:
    value = answers.parse_answer(data)
    refused: SignkitError | None = None
    for read in (
        answers.read_artifact,
        answers.read_version,
        answers.read_key,
        answers.read_binary,
        answers.read_part,
        answers.read_declared_part,
        answers.read_signature,
    ):
        try:
            return read(value)
        except SignkitError as error:
            refused = error
    raise refused or MalformedError("refused")


def _address(data: bytes) -> Address:
    return check_upload_address(text_of(data), _REACH)


def _address_holds(address: Address, _data: bytes) -> None:
    """Bytes go only where they may, and what is shown is read back to the same place."""
    assert address.scheme == "https" or address.host == "::1"
    assert address.host in {"registry.example", "store.example", "::1"}
    assert address.host != "store.example" or address.port == 8443
    again = make_reach(str(address)).registry
    assert (again.host, again.port) == (address.host, address.port)


def _reach(data: bytes) -> Address:
    return make_reach(text_of(data)).registry


def _backup_holds(record: BackupRecord, data: bytes) -> None:
    assert encode_backup(record) == data


def _sums_holds(sums: Sums, data: bytes) -> None:
    assert encode_sums(sums.database, sums.objects) == data


def _retry_after(data: bytes) -> float:
    seconds = read_retry_after(data.decode("latin-1"))
    if seconds is None:
        raise MalformedError("unreadable")
    return seconds


def _retry_holds(seconds: float, _data: bytes) -> None:
    assert 0 <= seconds < 10**12


def _expiry(data: bytes) -> str:
    return parse_expiry(text_of(data))


_ANSWER = b"""{"prn":"PRN:binary:ID","artifact_version_prn":"PRN:artifact_version:ID","name":"n",
"target":"t","state":"uploadable","hash":"HASH","size":5,"custom_metadata":{"a":1.5},"version":"1",
"signatures":[{"signing_key_prn":"PRN:signing_key:ID","signature":"s"}],"inserted_at":"x",
"index":1,"presigned_upload_url":"https://x","binary_prn":"PRN:binary:ID"}"""
_BINARY = (
    _ANSWER.replace(b"PRN", _PRN.encode())
    .replace(b"ID", str(_UUID).encode())
    .replace(b"HASH", b"ab" * 32)
)
_KINDS = (b"artifact", b"artifact_version", b"signing_key", b"binary_part")
_ANSWERS = (_BINARY, *(_BINARY.replace(b":binary:", b":%b:" % kind) for kind in _KINDS))

TARGETS = (
    Target(name="backup", parse=parse_backup, holds=_backup_holds, seeds=files("registry-backup")),
    Target(name="backup-sums", parse=parse_sums, holds=_sums_holds, seeds=files("registry-backup")),
    Target(
        name="registry-audit",
        parse=_audit,
        holds=_audit_holds,
        seeds=files("registry-audit"),
    ),
    Target(
        name="ledger-point",
        parse=_point,
        holds=_point_holds,
        seeds=exactly(b"ab" * 32 + b" 7 " + b"cd" * 32),
    ),
    Target(
        name="search",
        parse=_search,
        holds=_search_holds,
        seeds=exactly(
            b"name:'x' and description~'y'",
            rb"name-'it\'s' and inserted_at>='2026-01-31T12:00:00Z'",
            b"size<=9223372036854775807",
            b"state:'signed' and target:'arm'",
            f"prn:'{_PRN}:binary:{_UUID}'".encode(),
            f"organization_prn:'{_PRN}'".encode(),
            b"signature.signing_key.keyid:'" + b"ab" * 32 + b"'",
        ),
    ),
    Target(
        name="wanted-search",
        parse=_wanted_search,
        holds=_wanted_holds,
        seeds=texts("a\nb", "it's\n\\", "\\'\nx"),
    ),
    Target(
        name="prn",
        parse=_prn,
        holds=_prn_holds,
        seeds=exactly(
            *(f"{_PRN}:{kind}:{_UUID}".encode() for kind in Kind),
            _PRN.encode(),
            _UUID.hex.encode(),
            f"{{{_UUID}}}".encode(),
        ),
    ),
    Target(
        name="body",
        parse=parse_body,
        holds=nothing_more,
        seeds=together(files("json", "fuzz/go_json"), exactly(*_ANSWERS)),
    ),
    Target(
        name="cursor",
        parse=_cursor,
        holds=_cursor_holds,
        seeds=exactly(
            _format_cursor(1, _UUID, _SECRET, "bound").encode(),
            _format_cursor(-(2**63), _UUID, _SECRET, "bound").encode(),
            _format_cursor(1, _UUID, _SECRET, "other").encode(),
        ),
    ),
    Target(
        name="presigned-url", parse=_presigned, holds=nothing_more, seeds=exactly(_part_query())
    ),
    Target(
        name="range",
        parse=_range,
        holds=_range_holds,
        seeds=exactly(b"bytes=0-", b"bytes=-5", b"bytes=5-2", b"bytes=0-1,3-4"),
    ),
    Target(name="token", parse=_token, holds=nothing_more, seeds=texts("skr_x")),
    Target(
        name="token-file", parse=_token_file, holds=_token_holds, seeds=texts("skr_x\n", "a\r\n")
    ),
    Target(
        name="answer",
        parse=_answer,
        holds=nothing_more,
        seeds=together(exactly(*_ANSWERS), files("json", "fuzz/go_json")),
    ),
    Target(
        name="upload-address",
        parse=_address,
        holds=_address_holds,
        seeds=together(
            exactly(
                b"https://registry.example/a?b=c",
                b"https://store.example:8443/",
                b"https://[::1]/x",
                b"https://registry.example@evil.example/",
                b"http://registry.example/",
            ),
            files("fuzz/go_url"),
        ),
    ),
    Target(
        name="registry-address",
        parse=_reach,
        holds=nothing_more,
        seeds=together(
            exactly(b"http://127.0.0.1:8080/base", b"http://[::1]", b"https://a.example"),
            files("fuzz/go_url"),
        ),
    ),
    Target(
        name="retry-after",
        parse=_retry_after,
        holds=_retry_holds,
        seeds=exactly(b"120", b"Wed, 21 Oct 2026 07:28:00 GMT", b"Wed, 21 Oct 2026 07:28:00 -9999"),
    ),
    Target(
        name="expiry", parse=_expiry, holds=nothing_more, seeds=exactly(b"2030-01-31", b"9" * 10)
    ),
)
