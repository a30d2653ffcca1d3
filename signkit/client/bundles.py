"""The registry's calls for whole bundles: records by the ids that an archive gives them.

As in `protocol`: what creates a record is made once, and every answer is compared with what was
asked.

Spec: registry contract sections 1.8, 2.1, 2.8 and 2.9.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from signkit.client.answers import read_artifact, read_binary, read_version
from signkit.client.bundle_answers import (
    read_address,
    read_bundle,
    read_bundle_signature,
    read_bundle_signatures,
    read_organization,
)
from signkit.client.protocol import RegistryClient
from signkit.client.resources import Artifact, ArtifactVersion, Attached, Binary, Bundle
from signkit.errors import ReceiptMismatchError, StatusError

# How registries say that a record is there already.
_CONTENDED = frozenset({409, 422})
_PAGE_LENGTH = (
    10  # each may hold metadata for each of its binaries, and a page has to fit an answer
)
Record = TypeVar("Record", Artifact, ArtifactVersion, Binary, Bundle)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[Record]):
    """A kind of record: what it is called, where it is, and how it is read."""

    name: str
    path: str
    read: Callable[[object], Record]


ARTIFACT = Kind(name="artifact", path="/artifacts", read=read_artifact)
VERSION = Kind(name="artifact_version", path="/artifact_versions", read=read_version)
BINARY = Kind(name="binary", path="/binaries", read=read_binary)
BUNDLE = Kind(name="bundle", path="/bundles", read=read_bundle)


class BundleRegistry:
    """The records of one organization, by their ids."""

    def __init__(self, client: RegistryClient) -> None:
        """Take the registry, and ask it whose the token is.

        Raises:
            TransportError: it cannot be reached, or refuses the token.
        """
        self.client = client
        self.organization = client.get("/users/me", "data", read_organization)

    def prn(self, kind: Kind[Record], identity: str) -> str:
        """Return the name of a record of this organization."""
        return f"prn:1:{self.organization}:{kind.name}:{identity}"

    def find(self, kind: Kind[Record], prn: str) -> Record | None:
        """Return a record, or None where there is none of this name.

        Raises:
            ReceiptMismatchError: the registry answers for another one.
        """
        record = self.client.find(f"{kind.path}/{prn}", kind.name, kind.read)
        return None if record is None else _expect(record, prn)

    def find_bundles(self, name: str) -> tuple[Bundle, ...]:
        """Return the bundles of exactly this name."""
        wanted = {"name": name}
        found = self.client.search("/bundles", wanted, "bundles", read_bundle, length=_PAGE_LENGTH)
        return tuple(bundle for bundle in found if bundle.name == name)

    def ensure(self, kind: Kind[Record], identity: str, body: Mapping[str, object]) -> Record:
        """Find a record or create it under an id, in one step that may be tried again.

        Raises:
            TransportError: the registry failed, or refused and there is still none.
            ReceiptMismatchError: the registry answers for another one.
        """
        prn = self.prn(kind, identity)

        def step() -> Record:
            found = self.find(kind, prn)
            if found is not None:
                return found
            try:
                sent = {**body, "id": identity}
                return _expect(self.client.post(kind.path, sent, kind.name, kind.read), prn)
            except StatusError as error:
                found = self.find(kind, prn) if error.status in _CONTENDED else None
                if found is None:
                    raise
                return found  # somebody was faster

        return self.client.retrier.run(step)

    def signatures(self, bundle_prn: str) -> tuple[Attached, ...]:
        """Return the signatures of a bundle."""
        path = f"/bundles/{bundle_prn}/signatures"
        return self.client.get(path, "signatures", read_bundle_signatures)

    def sign_bundle(self, bundle_prn: str, attached: Attached) -> None:
        """Attach a signature to a bundle; one by the same key that is there changes nothing.

        Raises:
            ReceiptMismatchError: the registry answers with another signature.
        """
        body = {
            "bundle_prn": bundle_prn,
            "signature": attached.signature,
            "signing_key_prn": attached.signing_key_prn,
        }
        path = "/bundle_signatures"
        made = self.client.post(path, body, "bundle_signature", read_bundle_signature)
        if made != (bundle_prn, attached):
            message = f"POST {path}: the registry answers with another signature than was sent"
            raise ReceiptMismatchError(message)

    def download_address(self, binary_prn: str) -> str:
        """Return where a binary's content can be fetched for a while."""
        return self.client.get(f"/binaries/{binary_prn}/download_url", "download_url", read_address)


def _expect(record: Record, prn: str) -> Record:
    if record.prn != prn:
        message = f"the registry answers for another record: expected {prn}, got {record.prn}"
        raise ReceiptMismatchError(message)
    return record
