"""The registry's records: found, or created, never twice.

Each record is looked for before it is created, and again when the registry says that it exists
already: two submitters of the same release end with the same records. More than one hit, and hits
that are destroyed, are decided here and not guessed.

Spec: registry contract sections 1.6, 2.2 to 2.5 and 6 (W13).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from signkit.client.protocol import NewBinary, RegistryClient
from signkit.client.resources import Artifact, ArtifactVersion, Binary, BinaryState
from signkit.errors import ReceiptMismatchError, StateError, StatusError
from signkit.model.request import Item
from signkit.model.response import NamedKey
from signkit.submit.documents import STATEMENT_MEMBER, SignedItem, UploadItem
from signkit.submit.once import Once
from signkit.verify import limits
from signkit.verify.encoding import canonical_json

T = TypeVar("T")
# How registries say that a record is there already, or is not in the state for what is asked.
CONTENDED = frozenset({409, 422})
_KEYID_SHOWN = 16


@dataclass(frozen=True, slots=True)
class _Kept:
    """A record that others belong to: its prn, and whether it was made just now, so is empty."""

    prn: str
    made: bool


class Records:
    """What a submission needs of the registry, each looked up once, from any thread."""

    def __init__(self, client: RegistryClient) -> None:
        self._client = client
        self._artifacts: Once[str, _Kept] = Once()
        self._versions: Once[tuple[str, str], _Kept] = Once()
        self._keys: Once[str, str] = Once()

    def key_prn(self, key: NamedKey) -> str:
        """Return the prn of a signing key, creating it if need be.

        The key is looked for by its bytes; the name is the station's and decides nothing. Where
        another key has that name already, the keyid is added to it.

        Raises:
            TransportError: the registry failed.
        """
        return self._keys.get(key.public_key.keyid, lambda: self._find_key(key))

    def _find_key(self, key: NamedKey) -> str:
        public = key.public_key
        suffix = f" {public.keyid[:_KEYID_SHOWN]}"
        longer = key.name[: limits.LABEL_LENGTH - len(suffix)] + suffix
        find = _first(lambda: self._client.find_keys(public.raw))
        try:
            return ensure_record(
                self._client, find, lambda: self._client.create_key(key.name, public.raw)
            ).prn
        except StatusError as error:
            if error.status not in CONTENDED:
                raise
            return ensure_record(
                self._client, find, lambda: self._client.create_key(longer, public.raw)
            ).prn

    def _artifact(self, name: str) -> _Kept:
        def find() -> Artifact | None:
            return _only(self._client.find_artifacts(name), f"artifact {name!r}")

        return self._artifacts.get(
            name, lambda: self._keep(find, lambda: self._client.create_artifact(name))
        )

    def _version(self, item: Item) -> _Kept:
        """Return an item's artifact version, creating artifact and version if need be.

        Raises:
            StateError: the registry holds several of one name.
            TransportError: the registry failed.
        """
        name, version = item.artifact, item.version

        def make() -> _Kept:
            artifact = self._artifact(name)

            def find() -> ArtifactVersion | None:
                found = self._client.find_versions(artifact.prn, version)
                return _only(found, f"version {version!r} of {name!r}")

            def create() -> ArtifactVersion:
                return self._client.create_version(artifact.prn, version)

            return self._keep(find, create, empty=artifact.made)

        return self._versions.get((name, version), make)

    def _keep(
        self,
        find: Callable[[], Artifact | ArtifactVersion | None],
        create: Callable[[], Artifact | ArtifactVersion],
        *,
        empty: bool = False,
    ) -> _Kept:
        made: list[str] = []

        def note() -> Artifact | ArtifactVersion:
            record = create()
            made.append(record.prn)
            return record

        prn = ensure_record(self._client, find, note, empty=empty).prn
        return _Kept(prn, made=prn in made)

    def binary(self, wanted: UploadItem) -> tuple[Binary, bool]:
        """Return an item's binary as it is to be uploaded, creating or resetting it if need be.

        Returns:
            The binary, and whether it was created just now. It has the item's digest, size and
            custom metadata; or it is signed already, with the same content and metadata.

        Raises:
            StateError: it is signed with other content or metadata: a signed binary is immutable.
            ReceiptMismatchError: the registry does not hold what it was told to.
            TransportError: the registry failed.
        """
        version = self._version(wanted.item)
        new = NewBinary(
            artifact_version_prn=version.prn,
            target=wanted.item.target,
            digest=wanted.item.digest,
            size=wanted.item.size,
            custom_metadata=wanted.custom_metadata,
        )
        made: list[str] = []

        def find() -> Binary | None:
            return choose_binary(self._client.find_binaries(version.prn, new.target), wanted)

        def create() -> Binary:
            binary = self._client.create_binary(new)
            made.append(binary.prn)
            return binary

        binary = ensure_record(self._client, find, create, empty=version.made)
        if binary.prn in made:
            check_binary(binary, wanted)
            return binary, True
        return self._align(binary, wanted), False

    def uploaded(self, wanted: UploadItem) -> Binary:
        """Return an item's binary, whose content an earlier run has sent; nothing is created.

        Raises:
            StateError: it is not there, has other content, or is signed with other metadata.
            ReceiptMismatchError: the registry does not hold what it was told to.
            TransportError: the registry failed.
        """
        _missing, found = look_up(self._client, wanted.item)
        return self._align(check_uploaded(choose_binary(found, wanted), wanted), wanted)

    def _align(self, binary: Binary, wanted: UploadItem) -> Binary:
        """Make an unsigned binary that of this item."""
        if binary.state is BinaryState.SIGNED:
            check_signed(binary, wanted)
            return binary
        if not has_content(binary, wanted):
            self._client.move_binary(binary.prn, BinaryState.UPLOADABLE)
            item = wanted.item
            binary = self._client.change_binary(
                binary.prn,
                hash=item.digest.hex(),
                size=item.size,
                custom_metadata=wanted.custom_metadata,
            )
        elif not has_metadata(binary, wanted):
            binary = self._client.change_binary(binary.prn, custom_metadata=wanted.custom_metadata)
        check_binary(binary, wanted)
        return binary


def look_up(client: RegistryClient, item: Item) -> tuple[list[str], tuple[Binary, ...]]:
    """Return which of artifact and version are missing, and the binaries where neither is.

    Raises:
        TransportError: the registry failed.
    """
    artifacts = client.find_artifacts(item.artifact)
    if not artifacts:
        return ["artifact", "version"], ()
    versions = client.find_versions(artifacts[0].prn, item.version)
    if not versions:
        return ["version"], ()
    return [], client.find_binaries(versions[0].prn, item.target)


def ensure_record(
    client: RegistryClient,
    find: Callable[[], T | None],
    create: Callable[[], T],
    *,
    empty: bool = False,
) -> T:
    """Find a record or create it, in one step that may be tried again.

    Args:
        client: The registry; its retrier runs the step.
        find: Returns the record, or None where there is none.
        create: Makes it; called after find said that there is none.
        empty: Whether what it belongs to was created just now: then the first try creates without
            looking, and the registry refuses where somebody else was faster.

    Raises:
        TransportError: the registry failed, or refused and there is still none.
        SignkitError: whatever else find and create raise.
    """
    tries = 0

    def step() -> T:
        nonlocal tries
        tries += 1
        found = None if empty and tries == 1 else find()
        if found is not None:
            return found
        try:
            return create()
        except StatusError as error:
            if error.status not in CONTENDED:
                raise
            found = find()  # somebody was faster
            if found is None:
                raise
            return found

    return client.retrier.run(step)


def choose_binary(found: Sequence[Binary], wanted: UploadItem) -> Binary | None:
    """Choose among the binaries of one version and target.

    Destroyed ones are history. A signed one decides, as it cannot change. Of several others the
    one with the right content is taken, else the oldest: everybody who looks takes the same.

    Returns:
        The binary, or None where there is none yet.

    Raises:
        StateError: one is signed with other content.
    """
    living = [binary for binary in found if binary.state is not BinaryState.DESTROYED]
    for binary in living:
        if binary.state is BinaryState.SIGNED:
            if has_content(binary, wanted):
                return binary
            theirs = "no digest" if binary.digest is None else binary.digest.hex()
            message = (
                f"{name_binary(wanted.item)} is signed already, with other content: expected"
                f" SHA-256 {wanted.item.digest.hex()}, the registry holds {theirs}"
            )
            raise StateError(message, hint=_IMMUTABLE)
    living.sort(key=lambda each: (not has_content(each, wanted), each.inserted_at, each.prn))
    return living[0] if living else None


def has_content(binary: Binary, wanted: UploadItem) -> bool:
    """Say whether a binary's record has the signed digest and size."""
    return (binary.digest, binary.size) == (wanted.item.digest, wanted.item.size)


def has_metadata(binary: Binary, wanted: UploadItem) -> bool:
    """Say whether a binary's record has the item's custom metadata, value for value.

    Of an item that is not signed yet the statement is not known, and one that is there may stay.
    """
    theirs = binary.custom_metadata
    if theirs is not None and not isinstance(wanted, SignedItem):
        theirs = {name: value for name, value in theirs.items() if name != STATEMENT_MEMBER}
    return theirs is not None and canonical_json(theirs) == canonical_json(wanted.custom_metadata)


def check_uploaded(binary: Binary | None, wanted: UploadItem) -> Binary:
    """Check that an earlier run has brought the content of an item.

    Raises:
        StateError: it is not there, not all of it, or other content is.
    """
    if binary is None or not has_content(binary, wanted):
        there = "not there" if binary is None else "there with other content"
        message = f"{name_binary(wanted.item)} is {there}: expected its content uploaded"
        raise StateError(message, hint=_NOT_UPLOADED)
    if binary.state is BinaryState.UPLOADABLE:
        message = f"{name_binary(wanted.item)}: the registry does not have all of its content"
        raise StateError(message, hint=_NOT_UPLOADED)
    return binary


def check_signed(binary: Binary, wanted: UploadItem) -> None:
    """Check that a signed binary has the item's custom metadata: it cannot be given them any more.

    Raises:
        StateError: it has others.
    """
    if not has_metadata(binary, wanted):
        message = f"{name_binary(wanted.item)} is signed already, with other custom metadata"
        raise StateError(message, hint=_IMMUTABLE)


def check_binary(binary: Binary, wanted: UploadItem) -> None:
    """Check that a binary's record is that of the item: what this side said, not the registry.

    Raises:
        ReceiptMismatchError: it has another digest, size or custom metadata.
    """
    if not has_content(binary, wanted):
        theirs = "no digest" if binary.digest is None else binary.digest.hex()
        message = (
            f"{name_binary(wanted.item)}: the registry holds other content than was"
            f" {name_act(wanted)}:"
            f" expected SHA-256 {wanted.item.digest.hex()} and {wanted.item.size} bytes, got"
            f" {theirs} and {binary.size} bytes"
        )
        raise ReceiptMismatchError(message, hint=_OTHERS)
    if not has_metadata(binary, wanted):
        message = (
            f"{name_binary(wanted.item)}: the registry holds other custom metadata than was sent"
        )
        raise ReceiptMismatchError(message, hint=_OTHERS)


def name_binary(item: Item) -> str:
    """Return what a binary is called in messages."""
    return f"{item.artifact} {item.version} for {item.target}"


def name_act(wanted: UploadItem) -> str:
    """Return what was done with content here, in messages: nothing is signed before the ceremony."""
    return "signed" if isinstance(wanted, SignedItem) else "prepared"


_IMMUTABLE = "a signed binary is immutable: publish under another version or target"
_NOT_UPLOADED = "upload it first, where its content is: without --only-attach"
_OTHERS = "somebody else may be submitting to the same version and target; find out, and run again"


def _only(found: Sequence[T], what: str) -> T | None:
    if len(found) > 1:
        message = f"the registry holds {len(found)} records for {what}"
        raise StateError(message, hint="delete all but one of them")
    return found[0] if found else None


def _first(find: Callable[[], Sequence[T]]) -> Callable[[], T | None]:
    def first() -> T | None:
        found = find()
        return found[0] if found else None

    return first
