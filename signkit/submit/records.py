"""The registry's records: found, or created, never twice.

Each record is looked for before it is created, and again when the registry says that it exists
already: two submitters of the same release end with the same records. More than one hit, and hits
that are destroyed, are decided here and not guessed.

Spec: registry contract sections 1.6, 2.2 to 2.5 and 6 (W13).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from signkit.client.protocol import NewBinary, RegistryClient
from signkit.client.resources import Binary, BinaryState
from signkit.errors import ReceiptMismatchError, StateError, StatusError
from signkit.model.request import Item
from signkit.model.response import NamedKey
from signkit.submit.documents import SignedItem
from signkit.verify import limits
from signkit.verify.encoding import canonical_json

T = TypeVar("T")
# How registries say that a record is there already, or is not in the state for what is asked.
CONTENDED = frozenset({409, 422})
_KEYID_SHOWN = 16


class Records:
    """What a submission needs of the registry, each looked up once."""

    def __init__(self, client: RegistryClient) -> None:
        self._client = client
        self._artifacts: dict[str, str] = {}
        self._versions: dict[tuple[str, str], str] = {}
        self._keys: dict[str, str] = {}

    def version_prn(self, item: Item) -> str:
        """Return the prn of an item's artifact version, creating artifact and version if need be.

        Raises:
            StateError: the registry holds several of one name.
            TransportError: the registry failed.
        """
        artifact = self._artifacts.get(item.artifact)
        if artifact is None:
            artifact = ensure_record(
                self._client,
                lambda: _only(
                    self._client.find_artifacts(item.artifact), f"artifact {item.artifact!r}"
                ),
                lambda: self._client.create_artifact(item.artifact),
            ).prn
            self._artifacts[item.artifact] = artifact
        prn = self._versions.get((item.artifact, item.version))
        if prn is None:
            parent = artifact
            prn = ensure_record(
                self._client,
                lambda: _only(
                    self._client.find_versions(parent, item.version),
                    f"version {item.version!r} of {item.artifact!r}",
                ),
                lambda: self._client.create_version(parent, item.version),
            ).prn
            self._versions[item.artifact, item.version] = prn
        return prn

    def key_prn(self, key: NamedKey) -> str:
        """Return the prn of a signing key, creating it if need be.

        The key is looked for by its bytes; the name is the station's and decides nothing. Where
        another key has that name already, the keyid is added to it.

        Raises:
            TransportError: the registry failed.
        """
        public = key.public_key
        prn = self._keys.get(public.keyid)
        if prn is None:
            suffix = f" {public.keyid[:_KEYID_SHOWN]}"
            longer = key.name[: limits.LABEL_LENGTH - len(suffix)] + suffix
            find = _first(lambda: self._client.find_keys(public.raw))
            try:
                found = ensure_record(
                    self._client, find, lambda: self._client.create_key(key.name, public.raw)
                )
            except StatusError as error:
                if error.status not in CONTENDED:
                    raise
                found = ensure_record(
                    self._client, find, lambda: self._client.create_key(longer, public.raw)
                )
            prn = self._keys[public.keyid] = found.prn
        return prn

    def binary(self, signed: SignedItem) -> tuple[Binary, bool]:
        """Return an item's binary as it is to be uploaded, creating or resetting it if need be.

        Returns:
            The binary, and whether it was created just now. It has the item's digest, size and
            custom metadata; or it is signed already, with the same content and metadata.

        Raises:
            StateError: it is signed with other content or metadata: a signed binary is immutable.
            ReceiptMismatchError: the registry does not hold what it was told to.
            TransportError: the registry failed.
        """
        version = self.version_prn(signed.item)
        new = NewBinary(
            artifact_version_prn=version,
            target=signed.item.target,
            digest=signed.item.digest,
            size=signed.item.size,
            custom_metadata=signed.custom_metadata,
        )
        made: list[str] = []

        def create() -> Binary:
            binary = self._client.create_binary(new)
            made.append(binary.prn)
            return binary

        find = self._client.find_binaries
        binary = ensure_record(
            self._client, lambda: choose_binary(find(version, new.target), signed), create
        )
        if binary.prn in made:
            check_binary(binary, signed)
            return binary, True
        return self._align(binary, signed), False

    def _align(self, binary: Binary, signed: SignedItem) -> Binary:
        """Make an unsigned binary that of this item."""
        if binary.state is BinaryState.SIGNED:
            check_signed(binary, signed)
            return binary
        if not has_content(binary, signed):
            self._client.move_binary(binary.prn, BinaryState.UPLOADABLE)
            item = signed.item
            binary = self._client.change_binary(
                binary.prn,
                hash=item.digest.hex(),
                size=item.size,
                custom_metadata=signed.custom_metadata,
            )
        elif not has_metadata(binary, signed):
            binary = self._client.change_binary(binary.prn, custom_metadata=signed.custom_metadata)
        check_binary(binary, signed)
        return binary


def ensure_record(
    client: RegistryClient, find: Callable[[], T | None], create: Callable[[], T]
) -> T:
    """Find a record or create it, in one step that may be tried again.

    Args:
        client: The registry; its retrier runs the step.
        find: Returns the record, or None where there is none.
        create: Makes it; called only after find said that there is none.

    Raises:
        TransportError: the registry failed, or refused and there is still none.
        SignkitError: whatever else find and create raise.
    """

    def step() -> T:
        found = find()
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


def choose_binary(found: Sequence[Binary], signed: SignedItem) -> Binary | None:
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
            if has_content(binary, signed):
                return binary
            theirs = "no digest" if binary.digest is None else binary.digest.hex()
            message = (
                f"{name_binary(signed.item)} is signed already, with other content: expected"
                f" SHA-256 {signed.item.digest.hex()}, the registry holds {theirs}"
            )
            raise StateError(message, hint=_IMMUTABLE)
    living.sort(key=lambda each: (not has_content(each, signed), each.inserted_at, each.prn))
    return living[0] if living else None


def has_content(binary: Binary, signed: SignedItem) -> bool:
    """Say whether a binary's record has the signed digest and size."""
    return (binary.digest, binary.size) == (signed.item.digest, signed.item.size)


def has_metadata(binary: Binary, signed: SignedItem) -> bool:
    """Say whether a binary's record has the item's custom metadata, value for value."""
    theirs = binary.custom_metadata
    return theirs is not None and canonical_json(theirs) == canonical_json(signed.custom_metadata)


def check_signed(binary: Binary, signed: SignedItem) -> None:
    """Check that a signed binary has the item's custom metadata: it cannot be given them any more.

    Raises:
        StateError: it has others.
    """
    if not has_metadata(binary, signed):
        message = f"{name_binary(signed.item)} is signed already, with other custom metadata"
        raise StateError(message, hint=_IMMUTABLE)


def check_binary(binary: Binary, signed: SignedItem) -> None:
    """Check that a binary's record is that of the item: what this side said, not the registry.

    Raises:
        ReceiptMismatchError: it has another digest, size or custom metadata.
    """
    if not has_content(binary, signed):
        theirs = "no digest" if binary.digest is None else binary.digest.hex()
        message = (
            f"{name_binary(signed.item)}: the registry holds other content than was signed:"
            f" expected SHA-256 {signed.item.digest.hex()} and {signed.item.size} bytes, got"
            f" {theirs} and {binary.size} bytes"
        )
        raise ReceiptMismatchError(message, hint=_OTHERS)
    if not has_metadata(binary, signed):
        message = (
            f"{name_binary(signed.item)}: the registry holds other custom metadata than was sent"
        )
        raise ReceiptMismatchError(message, hint=_OTHERS)


def name_binary(item: Item) -> str:
    """Return what a binary is called in messages."""
    return f"{item.artifact} {item.version} for {item.target}"


_IMMUTABLE = "a signed binary is immutable: publish under another version or target"
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
