"""The signatures of a bundle, verified by the ground floor before anything is done with it.

Control: SK-BUNDLE-SIGNED (docs/design/assurance.md).

Spec: docs/formats/bundle-archive.md section 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from signkit.bundles.index import Index, IndexSignature, Member
from signkit.client.resources import SigningKey
from signkit.device.manifest import ManifestItem, check_item
from signkit.errors import ContextError, SignkitError, StatementError, UnknownKeyError
from signkit.formats.bundle import compute_bundle_hash
from signkit.model.bundle import BundleMember
from signkit.verify.digest import Sha256
from signkit.verify.ed25519 import PublicKey, enrol_public_key
from signkit.verify.encoding import decode_base64, encode_json
from signkit.verify.trust import Trust
from signkit.verify.verdict import (
    Expectation,
    check_content,
    release_roles,
    role_of_keys,
    verify_registry_signatures,
    verify_statement,
)

_STATEMENT = "signkit"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """A signing key of the registry, enrolled here.

    Attributes:
        prn: The registry's record.
        public_key: Its keyid was computed here.
    """

    prn: str
    public_key: PublicKey


def enrol_keys(
    records: Iterable[SigningKey], *, pins: frozenset[str] | None = None
) -> dict[str, KnownKey]:
    """Return the registry's keys by keyid.

    Args:
        records: As the registry lists them; what is no key that may be used is left out.
        pins: keyids of the only keys that count, or None for all.
    """
    found: dict[str, KnownKey] = {}
    for record in records:
        try:
            raw = decode_base64(record.value or "", size=32, what="value")
            key = enrol_public_key(raw)
        except SignkitError:
            continue
        if pins is None or key.keyid in pins:
            found[key.keyid] = KnownKey(prn=record.prn, public_key=key)
    return found


def compute_hash(index: Index, organization: str) -> str:
    """Return the hash of a bundle in an organization, 64 lower-case hex digits.

    Raises:
        MalformedError: custom metadata holds a number that not every reader holds alike.
    """
    return compute_bundle_hash(
        [
            BundleMember(
                prn=f"prn:1:{organization}:binary:{member.id}",
                size=member.size,
                hash=member.digest.hex(),
                target=member.target,
                custom_metadata=member.custom_metadata or None,
            )
            for member in index.members
        ]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What is asked of the signatures beyond that they verify.

    Attributes:
        pins: keyids of the only keys that count, or None for all that the registry knows.
        trust: The devices' trust root, or None.
        now: RFC 3339 UTC text.
        of_bundle: Whether the bundle's own signatures are verified; without it they do not count.
    """

    pins: frozenset[str] | None
    trust: Trust | None
    now: str
    of_bundle: bool = True


def verify_index(index: Index, keys: Mapping[str, KnownKey], demands: Demands) -> None:
    """Verify everything that is signed in a bundle.

    Args:
        index: Of the bundle.
        keys: From `enrol_keys`.
        demands: What is asked.

    Raises:
        VerificationError: a signature, or what a device would refuse; the binary is named.
    """
    verify_members(index, keys)
    if demands.of_bundle:
        verify_bundle(index, keys)
    if demands.trust is not None:
        hold_to_trust(index, demands.trust, keys=keys, now=demands.now)


def verify_members(index: Index, keys: Mapping[str, KnownKey]) -> None:
    """Verify every signature of every binary; each binary has one.

    Raises:
        UnknownKeyError: a binary has none, or one by a key that is not at hand.
        SignatureInvalidError: one does not verify.
    """
    for member in index.members:
        with _naming(member):
            if not member.signatures:
                message = "it carries no signature, and a bundle holds signed binaries"
                raise UnknownKeyError(message)
            _verify(member.digest, member.signatures, keys)


def verify_bundle(index: Index, keys: Mapping[str, KnownKey]) -> None:
    """Verify every signature over the bundle's hash; there may be none.

    Raises:
        UnknownKeyError, SignatureInvalidError: as `verify_members`.
    """
    try:
        _verify(Sha256(bytes.fromhex(index.hash)), index.signatures, keys)
    except SignkitError as error:
        error.args = (f"the bundle itself: {error}",)
        raise


def _verify(
    digest: Sha256, signatures: Sequence[IndexSignature], keys: Mapping[str, KnownKey]
) -> None:
    for each in signatures:
        known = keys.get(each.keyid)
        if known is None:
            message = f"signed by a key that is not at hand, {each.keyid}: it cannot be checked"
            hint = "the registry must know the key (`signkit keys publish`), and --key allow it"
            raise UnknownKeyError(message, hint=hint)
        key = known.public_key
        offered = (key.raw, bytes.fromhex(each.signature))
        verify_registry_signatures(digest, (offered,), role=role_of_keys((key,)))


def hold_to_trust(index: Index, trust: Trust, *, keys: Mapping[str, KnownKey], now: str) -> None:
    """Refuse what devices with this trust root would not accept.

    Args:
        index: Of a bundle whose signatures were verified.
        trust: The devices' trust root.
        keys: The keys of those signatures, by keyid.
        now: RFC 3339 UTC text.

    Raises:
        VerificationError: the verdict on one of the binaries, which the message names.
    """
    roles = release_roles(trust, now=now)
    for member in index.members:
        with _naming(member):
            item = _manifest_item(member, keys)
            if not item.statement:
                message = "its custom metadata holds no release statement"
                raise StatementError(message, reason="malformed")
            expectation = Expectation(
                artifact=member.artifact.name, target=member.target, floor=0, now=now
            )
            verified = verify_statement(item.statement, roles=roles, expectation=expectation)
            said = verified.statement.version
            if said != member.version.name:
                message = f"the statement is for version {said!r}: expected {member.version.name!r}"
                raise ContextError(message)
            check_content(verified, digest=member.digest, size=member.size, name="the content")
            check_item(item, verified)
            verify_registry_signatures(member.digest, item.signatures, role=verified.role)


def _manifest_item(member: Member, keys: Mapping[str, KnownKey]) -> ManifestItem:
    """Return a binary as a registry's manifest would offer it to a device."""
    metadata = member.custom_metadata
    return ManifestItem(
        digest=member.digest,
        size=member.size,
        target=member.target,
        url="",
        signatures=tuple(
            (keys[each.keyid].public_key.raw, bytes.fromhex(each.signature))
            for each in member.signatures
        ),
        custom_metadata={name: metadata[name] for name in metadata if name != _STATEMENT},
        statement=encode_json(metadata[_STATEMENT]) if _STATEMENT in metadata else b"",
    )


@contextmanager
def _naming(member: Member) -> Iterator[None]:
    try:
        yield
    except SignkitError as error:
        error.args = (f"{name_member(member)}: {error}",)
        raise


def name_member(member: Member) -> str:
    """Return what a binary is called in messages."""
    return f"{member.artifact.name} {member.version.name} for {member.target}"
