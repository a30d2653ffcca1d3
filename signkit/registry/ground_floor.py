"""The ground floor's verdicts on what the registry has on record.

The same functions that a device uses, asked with the keys that are enrolled here. What they say
is about this registry's keys; which keys a device trusts is for its trust root to say.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from uuid import UUID

from signkit.device.manifest import ManifestItem, check_item
from signkit.errors import ContextError, SignatureInvalidError
from signkit.formats.bundle import compute_bundle_hash
from signkit.model.bundle import BundleMember
from signkit.registry.prn import Kind, Prn
from signkit.registry.tables import Binary
from signkit.verify.digest import Sha256
from signkit.verify.ed25519 import PublicKey, enrol_public_key, verify_signature
from signkit.verify.encoding import decode_base64, encode_json
from signkit.verify.verdict import (
    Expectation,
    VerifiedStatement,
    check_content,
    role_of_keys,
    verify_statement,
)

_STATEMENT = "signkit"


def enrolled_key(value: str) -> PublicKey:
    """Return a key that stands on record; it was judged when it came in.

    Args:
        value: Its `value`: standard padded base64 of 32 bytes.

    Raises:
        FormatError, KeyRefusedError: the record is damaged.
    """
    return enrol_public_key(decode_base64(value, what="value"), allow_test_keys=True)


def verify_hash_signature(key: PublicKey, hash_text: str, signature: str) -> None:
    """Verify over the two messages in use: a hash as text, and its raw bytes.

    Their lengths differ, so that a signature over one is never one over the other (contract
    section 3.2).

    Args:
        key: Whose signature it is said to be.
        hash_text: The hash of a binary or bundle, 64 lower-case hex digits.
        signature: 128 hex digits of any case.

    Raises:
        SignatureInvalidError: it does not verify.
    """
    raw = bytes.fromhex(signature)
    for message in (hash_text.encode("ascii"), bytes.fromhex(hash_text)):
        try:
            verify_signature(key, message, raw)
        except SignatureInvalidError:
            continue
        return
    message_text = f"does not verify under key {key.keyid} over the hash"
    raise SignatureInvalidError(message_text)


def verify_binary_statement(binary: Binary, keys: Iterable[PublicKey]) -> VerifiedStatement | None:
    """Verify the release statement that a binary carries, and that it says of it what is on record.

    Args:
        binary: With its version and artifact.
        keys: The keys that count.

    Returns:
        The statement, or None where the binary carries none.

    Raises:
        VerificationError: it is malformed, none of the keys signed it, or it says something else.
    """
    metadata = json.loads(binary.custom_metadata or "{}")
    if _STATEMENT not in metadata:
        return None
    version = binary.artifact_version
    digest = Sha256(bytes.fromhex(binary.hash))
    item = ManifestItem(
        digest=digest,
        size=binary.size,
        target=binary.target,
        url="",
        signatures=(),
        custom_metadata={name: metadata[name] for name in metadata if name != _STATEMENT},
        statement=encode_json(metadata[_STATEMENT]),
    )
    verified = verify_statement(
        item.statement,
        roles=(role_of_keys(tuple(keys)),),
        expectation=Expectation(
            artifact=version.artifact.name, target=binary.target, floor=0, now=None
        ),
    )
    if verified.statement.version != version.version:
        message = (
            f"the statement is for another version: expected {version.version!r},"
            f" got {verified.statement.version!r}"
        )
        raise ContextError(message)
    check_content(verified, digest=digest, size=binary.size, name="the binary's hash")
    check_item(item, verified)
    return verified


def bundle_hash(members: Iterable[tuple[Binary, str | None]], organization: UUID) -> str:
    """Return the hash of a bundle: SHA-512/256, 64 lower-case hex digits.

    Args:
        members: Each binary with the custom metadata settled for it, as JSON.
        organization: Whose binaries they are.

    Raises:
        MalformedError: custom metadata holds a number that not every reader holds alike.
    """
    return compute_bundle_hash(
        [
            BundleMember(
                prn=str(Prn(organization=organization, kind=Kind.BINARY, id=binary.id)),
                size=binary.size,
                hash=binary.hash,
                target=binary.target,
                custom_metadata=None if metadata is None else json.loads(metadata),
            )
            for binary, metadata in members
        ]
    )
