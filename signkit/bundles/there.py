"""What a registry holds under the ids of an archive: the same thing, or the push is refused.

Nothing here changes anything; `push` asks it of what it found or made, `plan` of what is there.

Spec: docs/howto/bundles.md; registry contract section 6 (W4, W13).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from signkit.bundles.index import Index, IndexSignature, Member, Named
from signkit.bundles.signed import KnownKey, compute_hash, name_member
from signkit.client.bundles import BUNDLE, BundleRegistry
from signkit.client.resources import Artifact, ArtifactVersion, Attached, Binary, BinaryState
from signkit.errors import ReceiptMismatchError, StateError


def check_hash(registry: BundleRegistry, index: Index, *, new_hash: bool) -> str:
    """Return the hash that the bundle has in the registry's organization.

    Args:
        registry: Where it goes.
        index: Of the archive.
        new_hash: Whether it may be another one than the archive says.

    Raises:
        ReceiptMismatchError: it is another one.
        StateError: the registry holds another bundle under this id.
    """
    computed = compute_hash(index, registry.organization)
    if computed != index.hash and not new_hash:
        message = (
            f"the archive says that the bundle's hash is {index.hash}; in the organization"
            f" {registry.organization} it is {computed}"
        )
        hint = (
            "where the bundle comes from another organization or another registry, --new-hash"
            " pushes it without its own signatures"
        )
        raise ReceiptMismatchError(message, hint=hint)
    prn = registry.prn(BUNDLE, index.id)
    there = registry.find(BUNDLE, prn)
    if there is not None and there.hash != computed:
        message = f"the registry holds another bundle as {prn}: its hash is {there.hash}"
        raise StateError(message, hint=f"expected {computed}; find out whose it is")
    return computed


def check_artifact(found: Artifact, wanted: Named) -> None:
    """Check an artifact; raises StateError where it is another one."""
    check_same(found.prn, "name", wanted.name, found.name)


def check_version(found: ArtifactVersion, wanted: Named, *, artifact_prn: str) -> None:
    """Check a version; raises StateError where it is another one."""
    check_same(found.prn, "version", wanted.name, found.version)
    check_same(found.prn, "artifact_prn", artifact_prn, found.artifact_prn)


def check_binary(found: Binary, wanted: Member, *, version_prn: str) -> None:
    """Check a binary, which may have other content unless it is signed.

    Raises:
        StateError: it is another one, was destroyed, or is signed with other content.
    """
    check_same(found.prn, "artifact_version_prn", version_prn, found.artifact_version_prn)
    check_same(found.prn, "target", wanted.target, found.target)
    if found.state is BinaryState.DESTROYED:
        message = f"{name_member(wanted)} was destroyed in the registry, {found.prn}"
        raise StateError(message, hint="a destroyed binary never comes back under its id")
    if found.state is BinaryState.SIGNED:
        check_same(found.prn, "hash", wanted.digest.hex(), (found.digest or b"").hex())
        check_same(found.prn, "size", str(wanted.size), str(found.size))


def has_content(found: Binary, wanted: Member) -> bool:
    """Say whether a binary's record has the digest and size of the archive."""
    return (found.digest, found.size) == (wanted.digest, wanted.size)


def check_same(prn: str, name: str, expected: str, got: str) -> None:
    """Refuse a record that stands under the same id and is another one.

    Raises:
        StateError: a field is not what was expected.
    """
    if expected != got:
        message = f"the registry holds something else as {prn}: expected {name} {expected!r}"
        raise StateError(
            f"{message}, got {got!r}", hint="find out whose it is; nothing was changed"
        )


def missing_signatures(
    wanted: Iterable[IndexSignature],
    there: Iterable[Attached],
    keys: Mapping[str, KnownKey],
) -> list[Attached]:
    """Return the signatures of an archive by keys that have not signed there yet.

    Args:
        wanted: Of a binary, or of the bundle.
        there: What the registry holds.
        keys: Of all that are wanted.
    """
    signers = {each.signing_key_prn for each in there}
    as_sent = (
        Attached(signing_key_prn=keys[each.keyid].prn, signature=each.signature) for each in wanted
    )
    return [each for each in as_sent if each.signing_key_prn not in signers]
