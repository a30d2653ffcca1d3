"""Which files a release consists of, and what the user said of each.

Two lists are read: a TOML file that says everything, and a plain list of paths. Nothing is opened
here but the list's own bytes.

Spec: docs/formats/release-list.md.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from signkit.errors import MalformedError, TooLargeError, UsageError
from signkit.formats.metadata import check_exact
from signkit.formats.request import parse_metadata
from signkit.formats.toml import parse_toml
from signkit.verify import limits
from signkit.verify.encoding import Fields, check_name, check_text, check_time

_TEMPLATE_LENGTH = 2 * limits.LABEL_LENGTH  # a short stem may take the place of a placeholder
_PLACEHOLDER = re.compile(r"\{(?:name|stem)\}")


class ListedFile(NamedTuple):
    """One file of a release, as the user said it.

    Attributes:
        path: Where the content is.
        name: Its file name in the request.
        artifact: 1 to 128 characters, placeholders filled in.
        version: 1 to 128 characters.
        target: 1 to 128 characters, placeholders filled in.
        sequence: From 1, or None to continue.
        expires: RFC 3339 UTC text, or None for never.
        custom_metadata: A JSON object.
    """

    path: str
    name: str
    artifact: str
    version: str
    target: str
    sequence: int | None
    expires: str | None
    custom_metadata: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseList:
    """A whole release list.

    Attributes:
        reason: Why, for the operator to read, or None.
        files: 1 to limits.ITEM_COUNT.
    """

    reason: str | None
    files: tuple[ListedFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one table, or the command line, says of files; None where it says nothing."""

    artifact: str | None = None
    version: str | None = None
    target: str | None = None
    sequence: int | None = None
    expires: str | None = None
    custom_metadata: Mapping[str, object] | None = None

    def or_else(self, defaults: Said) -> Said:
        """Return what is said here, and where nothing is, what the defaults say."""
        return Said(
            artifact=self.artifact or defaults.artifact,
            version=self.version or defaults.version,
            target=self.target or defaults.target,
            sequence=self.sequence or defaults.sequence,
            expires=self.expires or defaults.expires,
            custom_metadata=defaults.custom_metadata
            if self.custom_metadata is None
            else self.custom_metadata,
        )


def parse_release_list(data: bytes, *, folder: str | os.PathLike[str]) -> ReleaseList:
    """Parse a release list.

    Args:
        data: The TOML file, at most limits.RELEASE_LIST_SIZE bytes.
        folder: The folder of the list, to which its relative paths are relative.

    Raises:
        TooLargeError: too many bytes, items or characters.
        MalformedError: not TOML, or a name is unknown, missing or wrong; the item is numbered.
        UsageError: an unknown placeholder, or two files for one artifact, version and target.
    """
    value = parse_toml(data, limit=limits.RELEASE_LIST_SIZE, what="release list")
    top = Fields(value, "release list")
    defaults, reason = Said(), None
    if top.has("defaults"):
        table = top.member("defaults")
        if table.has("reason"):
            what = "release list.defaults.reason"
            text = table.text("reason")
            reason = check_text(text, what=what, limit=limits.REASON_LENGTH, lines=True)
        defaults = _parse_said(table, "release list.defaults")
    members = top.array("item", least=1, most=limits.ITEM_COUNT)
    top.done()
    files = tuple(
        _parse_item(member, f"release list: item {number}", os.fspath(folder), defaults)
        for number, member in enumerate(members, start=1)
    )
    check_distinct(files)
    return ReleaseList(reason=reason, files=files)


def list_files(paths: Sequence[str], said: Said) -> list[ListedFile]:
    """Say the same of many files; their names fill the placeholders.

    Args:
        paths: The files, as many as limits.ITEM_COUNT.
        said: What the command line says; artifact, version and target are texts.

    Raises:
        FormatError: a label breaks a rule of the request.
        UsageError: an unknown placeholder, or two files for one artifact, version and target.
    """
    version = check_text(
        _required(said.version, "version"), what="version", limit=limits.LABEL_LENGTH
    )
    fill_artifact = _make_checked_filler(said.artifact, "artifact")
    fill_target = _make_checked_filler(said.target, "target")
    sequence, expires, metadata = said.sequence, said.expires, said.custom_metadata or {}
    files: list[ListedFile] = []
    for path in paths:
        name = path.rpartition("/")[2]
        artifact, target = fill_artifact(name), fill_target(name)
        # A good name in a good template: only the length is left to look at. Names are checked once
        # their files were hashed, so that a folder is called one.
        if len(artifact) > limits.LABEL_LENGTH or len(target) > limits.LABEL_LENGTH:
            check_text(artifact, what=f"artifact of {path}", limit=limits.LABEL_LENGTH)
            check_text(target, what=f"target of {path}", limit=limits.LABEL_LENGTH)
        files.append(ListedFile(path, name, artifact, version, target, sequence, expires, metadata))
    check_distinct(files)
    return files


def _make_checked_filler(template: str | None, what: str) -> Callable[[str], str]:
    checked = check_text(_required(template, what), what=what, limit=_TEMPLATE_LENGTH)
    return make_filler(checked)


def _parse_item(value: object, where: str, folder: str, defaults: Said) -> ListedFile:
    table = Fields(value, where)
    path = table.text("path")
    name = table.text("name") if table.has("name") else path.rpartition("/")[2]
    check_name(name, what=f"{where}.name")
    said = _parse_said(table, where).or_else(defaults)
    return ListedFile(
        path=os.path.join(folder, path),
        name=name,
        artifact=_fill_label(said.artifact, name, f"{where}.artifact"),
        version=_required(said.version, f"{where}.version"),
        target=_fill_label(said.target, name, f"{where}.target"),
        sequence=said.sequence,
        expires=said.expires,
        custom_metadata=said.custom_metadata or {},
    )


def _parse_said(table: Fields, where: str) -> Said:
    """Read what both kinds of table may say, and refuse what is left."""
    said = Said(
        artifact=table.label("artifact") if table.has("artifact") else None,
        version=table.label("version") if table.has("version") else None,
        target=table.label("target") if table.has("target") else None,
        sequence=table.integer("sequence", least=1) if table.has("sequence") else None,
        expires=_parse_expires(table, where) if table.has("expires") else None,
        custom_metadata=_parse_metadata(table, where) if table.has("custom_metadata") else None,
    )
    table.done()
    return said


def _parse_expires(table: Fields, where: str) -> str:
    value = table.take("expires")
    what = f"{where}.expires"
    if isinstance(value, datetime):
        value = value.isoformat().replace("+00:00", "Z") if value.tzinfo else "a local time"
    elif isinstance(value, date):
        value = f"{value.isoformat()}T00:00:00Z"
    elif isinstance(value, str) and len(value) == len("2027-01-31"):
        value = f"{value}T00:00:00Z"
    return check_time(value if isinstance(value, str) else "another type", what=what)


def _parse_metadata(table: Fields, where: str) -> dict[str, object]:
    value = table.take("custom_metadata")
    check_exact(value, what=f"{where}.custom_metadata")
    return parse_metadata(value, what=where)


def _required(text: str | None, what: str) -> str:
    if text is None:
        message = f"{what} is missing, and there is no default"
        raise MalformedError(message)
    return text


def _fill_label(template: str | None, name: str, what: str) -> str:
    filled = fill(_required(template, what), name)
    return check_text(filled, what=what, limit=limits.LABEL_LENGTH)


def fill(template: str, name: str) -> str:
    """Put a file name into an artifact or target.

    Args:
        template: May hold `{name}` and `{stem}`, and no other brace.
        name: The file name. Its stem is what stands before its last suffix.

    Raises:
        UsageError: a brace that is not part of one of the two.
    """
    return make_filler(template)(name)


def make_filler(template: str) -> Callable[[str], str]:
    """Return `fill` for one template, which may stand for up to 100,000 files.

    Raises:
        UsageError: as `fill`.
    """
    if any(brace in _PLACEHOLDER.sub("", template) for brace in "{}"):
        message = f"{template!r}: expected {{name}} or {{stem}}, got another brace"
        raise UsageError(message)
    if "{" not in template:
        return lambda _name: template
    if "{stem}" not in template:
        return lambda name: template.replace("{name}", name)
    if "{name}" not in template:
        return lambda name: template.replace("{stem}", _stem(name))
    return lambda name: template.format(name=name, stem=_stem(name))


def _stem(name: str) -> str:
    """Return what stands before the last suffix: `os.path.splitext` of a file name, in a third."""
    stem = name.rpartition(".")[0]
    return stem if stem.strip(".") else name


def check_distinct(files: Sequence[ListedFile]) -> None:
    """Refuse two files for one artifact, version and target: the registry holds one binary there.

    Raises:
        UsageError: names both files.
    """
    places: dict[tuple[str, str, str], ListedFile] = {}
    for file in files:
        first = places.setdefault((file.artifact, file.version, file.target), file)
        if first is not file:
            message = (
                f"{first.path} and {file.path} are both artifact {file.artifact!r},"
                f" version {file.version!r}, target {file.target!r}"
            )
            hint = "give each file its own artifact or target, for example --artifact '{stem}'"
            raise UsageError(message, hint=hint)


def parse_path_list(data: bytes) -> tuple[str, ...]:
    """Read a plain list of paths: NUL between them where there is any NUL, else one a line.

    Args:
        data: The list, in the encoding of the file system; empty lines count for nothing.

    Raises:
        TooLargeError: more than limits.RELEASE_LIST_SIZE bytes, or limits.ITEM_COUNT paths.
        MalformedError: no path at all, or a PEM file.
    """
    if len(data) > limits.RELEASE_LIST_SIZE:
        message = f"path list is too large: expected at most {limits.RELEASE_LIST_SIZE} bytes"
        raise TooLargeError(message)
    if data.lstrip().startswith(
        b"-----BEGIN "
    ):  # a key, perhaps: its lines must not be shown as paths
        message = "path list is a PEM file: expected paths, one a line"
        raise MalformedError(message, hint="give the file that lists what is to be signed")
    separator = b"\0" if b"\0" in data else b"\n"
    paths = tuple([os.fsdecode(path) for path in data.split(separator) if path])
    if len(paths) > limits.ITEM_COUNT:
        message = (
            f"path list is too long: expected at most {limits.ITEM_COUNT} paths, got {len(paths)}"
        )
        raise TooLargeError(message, hint="split the release into several requests")
    if not paths:
        message = "path list is empty: expected at least one path"
        raise MalformedError(message)
    return paths
