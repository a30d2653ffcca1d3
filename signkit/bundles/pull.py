"""A bundle out of a registry into an archive: verified before it has its name, and resumed.

    1. the records, and from them the index; its hash has to be the bundle's
    2. every signature, verified over what the records say
    3. the contents, into a folder beside the archive (`.NAME.pull`), each verified
    4. the archive, written from them and verified again, under its name in one step

A run that ends early leaves the folder, and the next one goes on there. It is removed in the end.

Spec: docs/howto/bundles.md; registry contract section 4.9 and section 6 (W5, W16).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

from signkit.bundles.archive import read_archive, write_archive
from signkit.bundles.index import (
    Index,
    IndexSignature,
    Member,
    Named,
    encode_index,
    parse_index,
)
from signkit.bundles.signed import KnownKey, compute_hash, name_member
from signkit.client.answers import check_prn
from signkit.client.bundles import ARTIFACT, BINARY, BUNDLE, VERSION, BundleRegistry
from signkit.client.download import Downloader, Wanted
from signkit.client.resources import Attached, Binary, BinaryState
from signkit.errors import (
    DigestMismatchError,
    FileError,
    ReceiptMismatchError,
    SignkitError,
    StateError,
    TooLargeError,
    UnknownKeyError,
)
from signkit.formats.content import Advance
from signkit.formats.files import Write, check_target, write_stream
from signkit.verify import limits
from signkit.verify.encoding import canonical_json, parse_json

_PIECE_SIZE = 1024 * 1024
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]", re.ASCII)
_T = TypeVar("_T")
Progress = Callable[[str, int], AbstractContextManager[Advance]]
_NAME_LENGTH = 100
_PRN = "prn:"
_SHOWN = 4
SUFFIX = ".cpio.zst"


def find_bundle(registry: BundleRegistry, wanted: str) -> str:
    """Return the prn of the bundle that a person named.

    Args:
        registry: Where it is.
        wanted: Its prn, or its name.

    Raises:
        StateError: there is none of that name, or more than one.
        TransportError: the registry failed.
    """
    if wanted.startswith(_PRN):
        return wanted
    found = registry.find_bundles(wanted)
    if len(found) == 1:
        return found[0].prn
    if not found:
        message = f"the registry has no bundle of the name {wanted[:_NAME_LENGTH]!r}"
        raise StateError(message, hint="see what it has: signkit registry bundles list")
    message = f"the registry has {len(found)} bundles of the name {wanted[:_NAME_LENGTH]!r}"
    shown = " or ".join(bundle.prn for bundle in found[:_SHOWN])
    raise StateError(message, hint=f"give the prn of the one you mean: {shown}")


def read_bundle(registry: BundleRegistry, prn: str, keys: Mapping[str, KnownKey]) -> Index:
    """Return the index of a bundle, as its records say; its signatures are not verified.

    Args:
        registry: Where it is.
        prn: The bundle's, as a person typed it.
        keys: Every key that may have signed, by keyid.

    Raises:
        MalformedError: it is no prn of a bundle.
        StateError: there is no such bundle, or something that belongs to it is not as it must be.
        TooLargeError: a binary is larger than what an archive can hold.
        UnknownKeyError: a signature is by a key that is not among them.
        ReceiptMismatchError: the bundle does not have the hash that the registry says.
        TransportError: the registry failed.
    """
    bundle = registry.find(BUNDLE, check_prn(prn, BUNDLE.name, what="bundle"))
    if bundle is None:
        message = f"the registry has no bundle {prn}"
        raise StateError(message, hint="is the name right, and the token of its organization?")
    reader = _Reader(registry, {known.prn: keyid for keyid, known in keys.items()})
    index = Index(
        id=_identity(bundle.prn),
        name=bundle.name,
        hash=bundle.hash,
        signatures=reader.signatures(registry.signatures(prn)),
        members=tuple(reader.member(*each) for each in bundle.members),
    )
    parse_index(encode_index(index))  # refuses here what an archive cannot hold
    computed = compute_hash(index, registry.organization)
    if computed != bundle.hash:
        message = (
            f"{prn} does not have the hash that the registry says: expected {computed}, it says"
            f" {bundle.hash}"
        )
        hint = "a registry that was changed, or one that computes it in another way"
        raise ReceiptMismatchError(message, hint=hint)
    return index


class _Reader:
    """Reads the records around a bundle, each once."""

    def __init__(self, registry: BundleRegistry, keyids: Mapping[str, str]) -> None:
        self._registry = registry
        self._keyids = keyids
        self._artifacts: dict[str, Named] = {}
        self._versions: dict[str, tuple[Named, Named]] = {}

    def member(self, prn: str, metadata: Mapping[str, object] | None) -> Member:
        binary = _found(self._registry.find(BINARY, prn), prn)
        _check_complete(binary)
        artifact, version = self._version(binary.artifact_version_prn)
        if binary.digest is None or binary.size is None:
            message = f"the registry says no hash or size of {prn}"
            raise StateError(message)
        if binary.size > limits.BUNDLE_CONTENT_SIZE:
            message = (
                f"{prn} cannot stand in an archive: expected at most"
                f" {limits.BUNDLE_CONTENT_SIZE} bytes, it has {binary.size}"
            )
            raise TooLargeError(message, hint="fetch it by itself: signkit verify --from")
        return Member(
            artifact=artifact,
            version=version,
            id=_identity(prn),
            description=binary.description,
            target=binary.target,
            digest=binary.digest,
            size=binary.size,
            custom_metadata=_exact(metadata or {}),
            signatures=self.signatures(binary.signatures),
        )

    def signatures(self, attached: tuple[Attached, ...]) -> tuple[IndexSignature, ...]:
        return tuple(
            IndexSignature(keyid=self._keyid(each.signing_key_prn), signature=each.signature)
            for each in attached
        )

    def _keyid(self, prn: str) -> str:
        keyid = self._keyids.get(prn)
        if keyid is None:
            message = f"signed by {prn}, which is no key that may be used here"
            raise UnknownKeyError(message, hint="see --key")
        return keyid

    def _version(self, prn: str) -> tuple[Named, Named]:
        if prn not in self._versions:
            found = _found(self._registry.find(VERSION, prn), prn)
            named = Named(id=_identity(prn), name=found.version, description=found.description)
            self._versions[prn] = self._artifact(found.artifact_prn), named
        return self._versions[prn]

    def _artifact(self, prn: str) -> Named:
        if prn not in self._artifacts:
            found = _found(self._registry.find(ARTIFACT, prn), prn)
            self._artifacts[prn] = Named(
                id=_identity(prn), name=found.name, description=found.description
            )
        return self._artifacts[prn]


def _found(record: _T | None, prn: str) -> _T:
    if record is None:
        message = f"the registry has no {prn}, which the bundle needs"
        raise StateError(message)
    return record


def _check_complete(binary: Binary) -> None:
    if binary.state is not BinaryState.SIGNED:
        message = f"{binary.prn} is {binary.state}: expected signed, as in a bundle"
        raise StateError(message, hint="the content of one that was destroyed is gone")


def _identity(prn: str) -> str:
    return prn.rpartition(":")[2].lower()


def _exact(metadata: Mapping[str, object]) -> Mapping[str, object]:
    """Return metadata as whoever reads the archive will: no numbers that are not exact."""
    data = canonical_json(metadata)
    value = parse_json(data, limit=limits.BUNDLE_INDEX_SIZE, what="custom metadata")
    return cast("dict[str, object]", value)


def archive_name(index: Index) -> str:
    """Return what an archive is called where nobody says: by the bundle's name, or its id."""
    return f"{_UNSAFE.sub('_', index.name or index.id)[:_NAME_LENGTH]}{SUFFIX}"


def pull_bundle(registry: BundleRegistry, index: Index, path: Path, *, progress: Progress) -> None:
    """Write the archive of a bundle whose signatures were verified, unless it is there already.

    Args:
        registry: Where the contents are.
        index: From `read_bundle`.
        path: Of the archive that is to be.
        progress: Shows how far a step is, given its name and the bytes in all.

    Raises:
        DigestMismatchError: a content is not what the index says.
        TransportError, SubmissionError: the registry or the store failed or refused.
        FileError: the archive or the folder beside it cannot be written, or something else has
            its name.
    """
    if _is_there(index, path):
        return
    client = registry.client
    with progress("downloading", index.size) as advance:
        downloader = Downloader(client.http, client.reach, retrier=client.retrier, advance=advance)
        _fetch_contents(registry, index, path, downloader)
    with progress("writing", index.size) as advance:
        _write(index, path, advance)


def _is_there(index: Index, path: Path) -> bool:
    """Say whether the archive is there already, whole; what an earlier run left is removed then."""
    try:
        with path.open("rb") as file:
            there = read_archive(file).index == index
    except (OSError, SignkitError):
        there = False
    if there:
        shutil.rmtree(_folder(path), ignore_errors=True)
    else:
        check_target(path)
    return there


def _fetch_contents(
    registry: BundleRegistry, index: Index, path: Path, downloader: Downloader
) -> None:
    """Fetch the contents into the folder beside the archive."""
    folder = _folder(path)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        message = f"{folder} cannot be made: {(error.strerror or str(error)).lower()}"
        raise FileError(message, hint="check the folder, its permissions and free space") from error
    for member in index.members:
        prn = registry.prn(BINARY, member.id)
        wanted = Wanted(
            name=name_member(member),
            digest=member.digest,
            size=member.size,
            find_address=partial(registry.download_address, prn),
        )
        downloader.fetch(wanted, folder / member.digest.hex())


def _write(index: Index, path: Path, advance: Advance) -> None:
    """Write the archive out of the folder beside it, and remove the folder."""
    folder = _folder(path)

    def contents(member: Member) -> Iterator[bytes]:
        return _read(folder / member.digest.hex())

    def fill(write: Write) -> None:
        write_archive(write, index, contents, advance=advance)

    try:
        write_stream(path, fill)
    except DigestMismatchError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def _folder(path: Path) -> Path:
    return path.with_name(f".{path.name}.pull")


def _read(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_SIZE):
                yield piece
    except OSError as error:
        message = f"{path} cannot be read: {(error.strerror or str(error)).lower()}"
        raise FileError(message, hint="run the command again") from error
