"""The registry's records as they are: listed, read and created, for people and scripts.

One table says what each kind of record is: where it lives, what it may be searched by, and what it
is created with. Answers are shown as the registry gave them: nothing here is verified, and nothing
of it is signed, attached or installed.

Spec: registry contract sections 1.4, 1.5 and 2; docs/howto/browse-a-registry.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from signkit.client.answers import parse_answer
from signkit.client.protocol import RegistryClient
from signkit.client.search import encode_search
from signkit.errors import FormatError, MalformedError, StatusError, UsageError
from signkit.formats.display import count_columns, escape, format_table
from signkit.formats.files import read_file
from signkit.formats.metadata import check_metadata
from signkit.verify import limits
from signkit.verify.encoding import Fields

_PAGE_LENGTH = 100
_CURSOR_LENGTH = 4096
_CONFLICT = 409
_WIDEST = 200  # characters shown of one value
_BINARY_PAGE_LENGTH = 10  # each may hold 1 MB of metadata, and a page has to fit an answer
_INTEGERS = frozenset({"index", "size", "expected_binary_size"})
Record = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of record.

    Attributes:
        path: Of the collection.
        plural: The name of its list in answers.
        singular: The name of one in answers.
        columns: What a table shows.
        filters: What it may be searched by, by equality.
        fields: What it may be created with.
        page_length: How many are asked for at once.
    """

    path: str
    plural: str
    singular: str
    columns: tuple[str, ...]
    filters: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    page_length: int = _PAGE_LENGTH


_DESCRIBED = ("description", "custom_metadata", "id")
KINDS: Mapping[str, Kind] = {
    "artifacts": Kind(
        path="/artifacts",
        plural="artifacts",
        singular="artifact",
        columns=("prn", "name", "inserted_at"),
        filters=("name", "description", "prn"),
        fields=("name", *_DESCRIBED),
    ),
    "versions": Kind(
        path="/artifact_versions",
        plural="artifact_versions",
        singular="artifact_version",
        columns=("prn", "version", "artifact_prn", "inserted_at"),
        filters=("artifact_prn", "version", "description", "prn"),
        fields=("artifact_prn", "version", *_DESCRIBED),
    ),
    "binaries": Kind(
        path="/binaries",
        plural="binaries",
        singular="binary",
        columns=("prn", "target", "state", "size", "hash"),
        filters=("artifact_version_prn", "target", "hash", "size", "state", "description", "prn"),
        fields=("artifact_version_prn", "target", "hash", "size", *_DESCRIBED),
        page_length=_BINARY_PAGE_LENGTH,
    ),
    "parts": Kind(
        path="/binaries/{binary_prn}/parts",
        plural="binary_parts",
        singular="binary_part",
        columns=("index", "state", "size", "hash"),
        filters=("binary_prn",),
        fields=("binary_prn", "index", "hash", "size", "expected_binary_size"),
    ),
    "signatures": Kind(
        path="/binary_signatures",
        plural="binary_signatures",
        singular="binary_signature",
        columns=("prn", "binary_prn", "keyid"),
        filters=("binary_prn", "signing_key_prn", "prn"),
        fields=("binary_prn", "signing_key_prn", "signing_key_keyid", "signature"),
    ),
    "keys": Kind(
        path="/signing_keys",
        plural="signing_keys",
        singular="signing_key",
        columns=("prn", "name", "keyid"),
        filters=("name", "value", "prn"),
        fields=("name", "value"),
    ),
    "bundles": Kind(
        path="/bundles",
        plural="bundles",
        singular="bundle",
        columns=("prn", "name", "hash", "inserted_at"),
        filters=("name", "prn"),
        fields=("name", "binaries", "artifact_version_prns", "id"),
    ),
}


def read_pairs(words: Sequence[str], allowed: Sequence[str]) -> dict[str, str]:
    """Read words such as `name=Model`.

    Args:
        words: As they were typed.
        allowed: The names that may be given, each once.

    Raises:
        UsageError: not such a word, an unknown name, or one given twice.
    """
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in allowed or name in pairs:
            message = f"{word[:80]!r}: expected FIELD=VALUE, each field once"
            raise UsageError(message, hint=f"the fields are {', '.join(allowed)}")
        pairs[name] = value
    return pairs


def list_records(
    client: RegistryClient, kind: Kind, wanted: Mapping[str, str], *, limit: int
) -> tuple[list[Record], bool]:
    """List records, page after page.

    Args:
        client: The registry.
        kind: What.
        wanted: Only those with these values; of parts, whose.
        limit: How many at most.

    Returns:
        The records, and whether there are more.

    Raises:
        UsageError: parts of no binary.
        TransportError: the registry failed or refused.
    """
    found: list[Record] = []
    for record in _pages(client, kind, wanted):
        if len(found) == limit:
            return found, True
        found.append(record)
    return found, False


def _pages(client: RegistryClient, kind: Kind, wanted: Mapping[str, str]) -> Iterator[Record]:
    path, search = _place(kind, wanted)
    query = {"limit": str(kind.page_length)}
    if text := encode_search(search):
        query["search"] = text
    seen: set[str] = set()
    while True:
        page = client.ask("GET", path, query=urlencode(query))
        members, cursor = client.read(page, f"GET {kind.path}", lambda value: _page(value, kind))
        yield from members
        if cursor is None or cursor in seen:
            return
        seen.add(cursor)
        query["page"] = cursor


def _page(value: object, kind: Kind) -> tuple[list[Record], str | None]:
    fields = Fields(value, "answer")
    members = [_record(member) for member in fields.array(kind.plural, most=limits.ITEM_COUNT)]
    if not fields.has("next_page") or fields.is_null("next_page"):
        return members, None
    return members, fields.text("next_page", limit=_CURSOR_LENGTH)


def get_record(client: RegistryClient, kind: Kind, prn: str) -> Record:
    """Return one record.

    Raises:
        TransportError: the registry failed, or has none of that name.
    """
    what = f"GET {kind.path}"
    answered = client.ask("GET", f"{kind.path}/{quote(prn, safe=':')}")
    return client.read(answered, what, lambda value: _record(_enveloped(value, kind)))


def create_record(client: RegistryClient, kind: Kind, given: Mapping[str, str]) -> Record:
    """Create a record; once: an answer that gets lost is not asked for again.

    Args:
        client: The registry.
        kind: What.
        given: Its fields as text.

    Raises:
        UsageError, FormatError, FileError: a value cannot be what it should.
        TransportError: the registry failed or refused.
    """
    body = {name: _value(name, text) for name, text in given.items()}
    path, rest = _place(kind, body)
    method = "POST"
    if "index" in rest:  # of parts: the name stands in the path
        path, method = f"{path}/{rest['index']}", "PUT"
    try:
        answered = client.ask(method, path, body=body, once=True)
    except StatusError as error:
        if error.status == _CONFLICT:
            error.hint = "is it there already? look with `list`"
        raise
    what = f"{method} {kind.path}"
    return client.read(answered, what, lambda value: _record(_enveloped(value, kind)))


def render_records(records: Sequence[Record], kind: Kind, *, width: int | None = None) -> str:
    """Return records as a table of the kind's columns, escaped.

    Args:
        records: What to show.
        kind: Theirs.
        width: Columns of the terminal, or None where there is none: records that do not fit side by
            side are shown one below the other, because a broken table cannot be read.
    """
    rows = [[_shown(record.get(column)) for column in kind.columns] for record in records]
    table = format_table([column.upper() for column in kind.columns], rows)
    if width is None or not records or max(map(count_columns, table.splitlines())) <= width:
        return table
    shown = ({column: record.get(column) for column in kind.columns} for record in records)
    return "\n\n".join(map(render_record, shown))


def render_record(record: Record) -> str:
    """Return one record, a line for each field, escaped."""
    width = max(map(len, record), default=0)
    lines = [f"{_shown(name).ljust(width)}  {_shown(value)}" for name, value in record.items()]
    return "\n".join(line.rstrip() for line in lines)


def _shown(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=True)
    return escape(text if len(text) <= _WIDEST else f"{text[:_WIDEST]}...")


def _place(kind: Kind, given: Mapping[str, object]) -> tuple[str, dict[str, str]]:
    """Return the path of a collection, and what of the fields does not stand in it."""
    rest = {name: str(value) for name, value in given.items()}
    if "{binary_prn}" not in kind.path:
        return kind.path, rest
    if "binary_prn" not in rest:
        message = "parts are those of a binary: expected binary_prn=PRN"
        raise UsageError(message, hint="`signkit registry binaries list` says their prns")
    return kind.path.format(binary_prn=quote(rest.pop("binary_prn"), safe=":")), rest


def _value(name: str, text: str) -> object:
    """Return a field as it goes into JSON; @FILE stands for what is in a file."""
    if name == "custom_metadata":
        data = _from_file(text) if text.startswith("@") else text.encode()
        try:
            return check_metadata(parse_answer(data), what=name)
        except FormatError as error:
            message = f"custom_metadata: expected a JSON object: {error}"
            raise UsageError(message, hint="give @FILE, or the object itself in quotes") from None
    if name in _INTEGERS:
        if not text.isascii() or not text.isdecimal():
            message = f"{name}: expected a number, got {text[:40]!r}"
            raise UsageError(message)
        return int(text)
    if name == "binaries":
        return [{"prn": prn, "custom_metadata": None} for prn in text.split(",")]
    return text.split(",") if name == "artifact_version_prns" else text


def _from_file(text: str) -> bytes:
    return read_file(Path(text[1:]), limit=limits.CUSTOM_METADATA_SIZE, what="custom metadata")


def _enveloped(value: object, kind: Kind) -> object:
    return Fields(value, "answer").take(kind.singular)


def _record(value: object) -> Record:
    """Return a record: a JSON object, whatever is in it."""
    if not isinstance(value, dict):
        message = "expected records that are JSON objects"
        raise MalformedError(message)
    return value
