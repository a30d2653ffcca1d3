"""An archive into a registry: everything under the ids that it has, and nothing twice.

    0. the archive was read and verified as a whole, its signatures too, before this begins
    1. the bundle's hash as it is here, and the bundle itself where it is there already
    2. artifacts, versions and binaries: found, or created under their ids
    3. content: what is missing, out of the second reading of the archive
    4. the registry's verdict, signatures, state signed
    5. the bundle, its hash compared, and its signatures

Run again, it goes on where it was.

Spec: docs/howto/bundles.md; registry contract section 4.8 and section 6 (W4, W15).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from signkit.bundles.archive import Archive, read_contents
from signkit.bundles.index import Index, IndexSignature, Member, Named
from signkit.bundles.parts import Target
from signkit.bundles.signed import KnownKey, name_member
from signkit.bundles.there import (
    check_artifact,
    check_binary,
    check_hash,
    check_same,
    check_version,
    has_content,
    missing_signatures,
)
from signkit.client.bundles import ARTIFACT, BINARY, BUNDLE, VERSION, BundleRegistry
from signkit.client.protocol import allowed_seconds
from signkit.client.resources import Attached, Binary, BinaryState, Bundle
from signkit.errors import DeadlineError, ReceiptMismatchError, StatusError
from signkit.formats.content import Advance

_STEP_COUNT = 12
_FIRST_WAIT, _LONGEST_WAIT = 0.05, 2.0  # seconds
_COMPLETE = frozenset({BinaryState.SIGNABLE, BinaryState.SIGNED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Whom to tell: a sentence, and the bytes of content that are there."""

    say: Callable[[str], None]
    advance: Advance


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """A bundle as it is in the registry.

    Attributes:
        prn, hash: The bundle's.
        created: Whether it was created just now.
        sent: The binaries whose content was sent.
    """

    prn: str
    hash: str
    created: bool
    sent: tuple[str, ...]


def push_bundle(
    registry: BundleRegistry,
    archive: Archive,
    file: BinaryIO,
    *,
    keys: Mapping[str, KnownKey],
    new_hash: bool,
    hooks: Hooks,
) -> Pushed:
    """Push a verified archive.

    Args:
        registry: Where it goes.
        archive: From `read_archive`, its signatures verified.
        file: The archive, at its beginning.
        keys: The keys of those signatures, as the registry knows them.
        new_hash: As `check_hash`; then the bundle's own signatures stay behind.
        hooks: Whom to tell.

    Raises:
        ReceiptMismatchError: the registry does not hold what it was sent.
        StateError: the registry holds something else under one of the ids.
        DigestMismatchError, FormatError, FileError: the archive changed.
        TransportError: the registry failed or refused.
    """
    index = archive.index
    expected = check_hash(registry, index, new_hash=new_hash)
    pusher = _Pusher(registry, keys, hooks)
    pusher.make_records(index)
    binaries = [pusher.make_binary(member) for member in index.members]
    sent = pusher.send_contents(archive, file, binaries)
    for member in index.members:
        pusher.sign(member)
    bundle, created = pusher.make_bundle(index, expected)
    if not new_hash:
        pusher.sign_bundle(bundle, index.signatures)
    return Pushed(prn=bundle.prn, hash=bundle.hash, created=created, sent=sent)


class _Pusher:
    """What one push does, step by step."""

    def __init__(
        self, registry: BundleRegistry, keys: Mapping[str, KnownKey], hooks: Hooks
    ) -> None:
        self._registry = registry
        self._client = registry.client
        self._keys = keys
        self._hooks = hooks

    def make_records(self, index: Index) -> None:
        """Find or create the artifacts and versions."""
        for artifact in {member.artifact.id: member.artifact for member in index.members}.values():
            found = self._registry.ensure(ARTIFACT, artifact.id, _described(artifact, "name"))
            check_artifact(found, artifact)
        versions = {member.version.id: member for member in index.members}
        for member in versions.values():
            version = member.version
            parent = self._registry.prn(ARTIFACT, member.artifact.id)
            body = {**_described(version, "version"), "artifact_prn": parent}
            made = self._registry.ensure(VERSION, version.id, body)
            check_version(made, version, artifact_prn=parent)

    def make_binary(self, member: Member) -> Binary:
        """Find or create a binary, ready for the content that it is to have."""
        version = self._registry.prn(VERSION, member.version.id)
        body = {
            "artifact_version_prn": version,
            "custom_metadata": member.custom_metadata or None,
            "description": member.description,
            "hash": member.digest.hex(),
            "size": member.size,
            "target": member.target,
        }
        found = self._registry.ensure(BINARY, member.id, body)
        check_binary(found, member, version_prn=version)
        if has_content(found, member):
            return found
        self._client.move_binary(found.prn, BinaryState.UPLOADABLE)
        changes = {"hash": member.digest.hex(), "size": member.size}
        return self._client.change_binary(found.prn, **changes)

    def send_contents(
        self, archive: Archive, file: BinaryIO, binaries: Sequence[Binary]
    ) -> tuple[str, ...]:
        """Send what is missing, and wait for the verdict on each; returns the binaries sent."""
        waiting = {
            member.id: binary
            for member, binary in zip(archive.index.members, binaries, strict=True)
            if binary.state is BinaryState.UPLOADABLE
        }
        there = sum(member.size for member in archive.index.members if member.id not in waiting)
        self._hooks.advance(there)
        if waiting:
            for member, pieces in read_contents(file, archive):
                if member.id in waiting:
                    self._send(member, waiting[member.id], pieces)
        return tuple(binary.prn for binary in waiting.values())

    def _send(self, member: Member, binary: Binary, pieces: Iterator[bytes]) -> None:
        target = Target(
            client=self._client,
            prn=binary.prn,
            size=member.size,
            name=name_member(member),
            advance=self._hooks.advance,
        )
        try:
            target.send(pieces)
        except StatusError:
            # Somebody else may be pushing the same, and be done first.
            if self._client.get_binary(binary.prn).state is BinaryState.UPLOADABLE:
                raise
        self._hooks.say(f"{name_member(member)}: sent")

    def sign(self, member: Member) -> None:
        """Bring a binary to `signed`, with every signature of the archive."""
        binary = self._settle(member)
        for attached in missing_signatures(member.signatures, binary.signatures, self._keys):
            self._attach(binary.prn, attached)
        binary = self._client.get_binary(binary.prn)
        if binary.state is not BinaryState.SIGNED:
            binary = self._client.move_binary(binary.prn, BinaryState.SIGNED)
        for lost in missing_signatures(member.signatures, binary.signatures, self._keys):
            message = f"the registry does not give back the signature by {lost.signing_key_prn}"
            raise ReceiptMismatchError(f"{name_member(member)}: {message}")

    def _attach(self, prn: str, attached: Attached) -> None:
        """Attach a signature in a step that may be tried again: it looks before each try."""

        def step() -> None:
            there = self._client.get_binary(prn).signatures
            if all(each.signing_key_prn != attached.signing_key_prn for each in there):
                self._client.create_signature(prn, attached)

        self._client.retrier.run(step)

    def _settle(self, member: Member) -> Binary:
        """Lead a binary whose content is there to the registry's verdict.

        Raises:
            ReceiptMismatchError: the registry hashed other bytes.
            DeadlineError: it does not come to a verdict.
        """
        prn = self._registry.prn(BINARY, member.id)
        binary = self._client.get_binary(prn)
        hashed = False
        for _ in range(_STEP_COUNT):
            if binary.state in _COMPLETE:
                check_same(prn, "hash", member.digest.hex(), (binary.digest or b"").hex())
                return binary
            if binary.state is BinaryState.HASHING:
                binary, hashed = self._wait(binary, member), True
            elif binary.state is BinaryState.HASHABLE:
                binary, hashed = self._move(prn, BinaryState.HASHING), True
            elif hashed:
                break
            else:
                binary = self._move(prn, BinaryState.HASHABLE)
        message = f"{name_member(member)}: the registry hashed other bytes than it was sent"
        raise ReceiptMismatchError(message, hint="run the command again")

    def _move(self, prn: str, state: BinaryState) -> Binary:
        """Ask for the next state; somebody else may have been faster."""
        before = self._client.get_binary(prn).state
        try:
            return self._client.move_binary(prn, state)
        except StatusError:
            now = self._client.get_binary(prn)
            if now.state is before:
                raise
            return now

    def _wait(self, binary: Binary, member: Member) -> Binary:
        """Look at a binary until it is hashed: soon at first, then less often."""
        retrier = self._client.retrier
        waited, wait = 0.0, _FIRST_WAIT
        while binary.state is BinaryState.HASHING:
            if waited >= allowed_seconds(member.size, retrier.seconds_left):
                message = f"{name_member(member)}: the registry still hashes after {waited:.0f} s"
                raise DeadlineError(message, hint="run the command again later")
            retrier.pause(wait)
            waited, wait = waited + wait, min(2 * wait, _LONGEST_WAIT)
            binary = self._client.get_binary(binary.prn)
        return binary

    def make_bundle(self, index: Index, expected: str) -> tuple[Bundle, bool]:
        """Find or create the bundle; returns it, and whether it was created."""
        there = self._registry.find(BUNDLE, self._registry.prn(BUNDLE, index.id))
        binaries = [
            {
                "prn": self._registry.prn(BINARY, member.id),
                "custom_metadata": member.custom_metadata or None,
            }
            for member in index.members
        ]
        body = {"binaries": binaries, "name": index.name}
        bundle = there or self._registry.ensure(BUNDLE, index.id, body)
        check_same(bundle.prn, "hash", expected, bundle.hash)
        return bundle, there is None

    def sign_bundle(self, bundle: Bundle, signatures: Sequence[IndexSignature]) -> None:
        """Attach the bundle's own signatures."""

        def step() -> None:
            there = self._registry.signatures(bundle.prn)
            for attached in missing_signatures(signatures, there, self._keys):
                self._registry.sign_bundle(bundle.prn, attached)

        self._client.retrier.run(step)


def _described(named: Named, field: str) -> dict[str, object]:
    return {field: named.name, "description": named.description, "custom_metadata": None}
