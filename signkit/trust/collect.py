"""Collecting the signatures of a draft until the root roles of both versions are met.

    1. signatures_of_response   what one custodian's station answered, for this very draft
    2. merge_signatures         a set union by key, each verified, in the order of the keys
    3. complete_draft           the trust root, once the ground floor itself follows it

Responses come in any order, some twice, from folders that share nothing else; what was collected
before is kept in the draft.

Spec: docs/formats/trust-root.md sections 4 and 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from signkit.errors import (
    ContextError,
    FormatError,
    ResponseError,
    RollbackError,
    SignkitError,
    ThresholdError,
    TooLargeError,
    TrustError,
    UnknownKeyError,
    VerificationError,
)
from signkit.formats.combined import open_answer
from signkit.formats.trust import Draft, encode_draft
from signkit.model.response import ItemResult
from signkit.schemes import trust as scheme
from signkit.verify import limits
from signkit.verify.digest import compute_digest
from signkit.verify.ed25519 import PublicKey, verify_signature
from signkit.verify.envelope import Signature, pre_authentication_encoding
from signkit.verify.trust import PAYLOAD_TYPE, VERSION_GAP, Trust, follow_trust, load_trust


@dataclass(frozen=True, slots=True, kw_only=True)
class RootStatus:
    """How far one root role has signed a draft.

    Attributes:
        version: The trust root whose root role it is.
        required: Distinct keys that it takes.
        signed: Names of those who signed.
        missing: Names of those who did not.
        missing_keyids: Their keyids.
    """

    version: int
    required: int
    signed: tuple[str, ...]
    missing: tuple[str, ...]
    missing_keyids: tuple[str, ...]

    @property
    def met(self) -> bool:
        """Whether enough signed."""
        return len(self.signed) >= self.required


def check_next(draft: Draft, current: Trust | None) -> None:
    """Check that a draft is the version after the current one, or the first where there is none.

    Raises:
        RollbackError: it is not newer.
        TrustError: versions between are missing (`reason` "version-gap").
    """
    wanted, version = (current.version if current else 0) + 1, draft.trust.version
    if version < wanted:
        message = f"the draft is of version {version}: expected version {wanted}"
        hint = "the current trust root has it already; make the next draft from that one"
        raise RollbackError(message, floor=wanted, offered=version, hint=hint)
    if version > wanted:
        message = f"the draft is of version {version}, and version {wanted} is missing before it"
        hint = f"give version {version - 1} with --current"
        raise TrustError(message, hint=hint, reason=VERSION_GAP)


def root_keys(draft: Draft, current: Trust | None) -> dict[str, PublicKey]:
    """Return the keys whose signatures of a draft count: of its own root role and the current one."""
    return {**(current.root.keys if current else {}), **draft.trust.root.keys}


def signatures_of_response(data: bytes, draft: Draft) -> tuple[Signature, ...]:
    """Take the signatures of a draft out of a response, or a combined one.

    Raises:
        ResponseError: malformed, forged, refused by its station, or not for this very draft;
            `reason` says which.
    """
    answer = open_answer(data)
    keys = {key.public_key.keyid: key.public_key for key in answer.keys}
    try:
        if len(answer.items) != 1:
            message = f"the response answers {len(answer.items)} items, and a trust root is asked for alone"
            raise ContextError(message)
        return _item_signatures(answer.items[0], keys, draft)
    except (FormatError, VerificationError) as error:
        raise ResponseError(str(error), hint=error.hint, reason=error.code) from error


def _item_signatures(
    item: ItemResult, keys: Mapping[str, PublicKey], draft: Draft
) -> tuple[Signature, ...]:
    if item.error is not None:
        message = f"the station signed nothing: {item.error.message}"
        raise ContextError(message, hint="ask whoever runs it")
    digest = compute_digest(draft.payload)
    if item.digest != digest or {made.scheme for made in item.signatures} != {scheme.NAME}:
        message = f"the response is not for this draft, whose SHA-256 is {digest.hex()}"
        raise ContextError(message, hint="it may answer an earlier draft; sign this one's request")
    return tuple(
        scheme.open_signature(keys[made.keyid], draft.payload, made.value)
        for made in item.signatures
    )


def merge_signatures(draft: Draft, offered: Sequence[Signature], current: Trust | None) -> Draft:
    """Return a draft with all its signatures and those offered, each key's once.

    The order is that of the keys, so whoever merges the same signatures writes the same bytes.

    Raises:
        UnknownKeyError: by a key of neither root role.
        SignatureInvalidError: one does not verify.
        TooLargeError: more than an envelope holds.
    """
    keys, found = root_keys(draft, current), dict[str, Signature]()
    message = pre_authentication_encoding(PAYLOAD_TYPE, draft.payload)
    for each in (*draft.signatures, *offered):
        if each.keyid not in keys:
            text = f"signed by {_name(each.keyid, draft)}, a key of neither root role"
            raise UnknownKeyError(
                text, hint="only root keys sign trust roots; was it the right key?"
            )
        verify_signature(keys[each.keyid], message, each.signature)
        found.setdefault(each.keyid, each)
    if len(found) > limits.ENVELOPE_SIGNATURE_COUNT:
        text = f"expected at most {limits.ENVELOPE_SIGNATURE_COUNT} signatures, got {len(found)}"
        raise TooLargeError(text, hint="more than the thresholds need; give fewer responses")
    return replace(draft, signatures=tuple(found[keyid] for keyid in sorted(found)))


def _name(keyid: str, draft: Draft) -> str:
    return f"{draft.trust.names.get(keyid, 'an unknown key')} ({keyid})"


def root_statuses(draft: Draft, current: Trust | None) -> tuple[RootStatus, ...]:
    """Return how far each root role has signed: of the current version, then of the draft's."""
    made = {each.keyid for each in draft.signatures}
    roots = [current] if current else []
    return tuple(_status(trust, made) for trust in (*roots, draft.trust))


def own_status(draft: Draft) -> RootStatus:
    """Return how far a draft's own root role has signed it; others' signatures are passed over.

    Raises:
        TrustError: one of them does not verify.
    """
    message = pre_authentication_encoding(PAYLOAD_TYPE, draft.payload)
    try:
        for each in draft.signatures:
            if each.keyid in draft.trust.root.keys:
                verify_signature(draft.trust.root.keys[each.keyid], message, each.signature)
    except VerificationError as error:
        raise TrustError(f"trust root: {error}", hint=error.hint, reason=error.code) from error
    return root_statuses(draft, None)[0]


def _status(trust: Trust, made: set[str]) -> RootStatus:
    missing = [keyid for keyid in trust.root.keys if keyid not in made]
    return RootStatus(
        version=trust.version,
        required=trust.root.threshold,
        signed=tuple(trust.names[keyid] for keyid in trust.root.keys if keyid in made),
        missing=tuple(trust.names[keyid] for keyid in missing),
        missing_keyids=tuple(missing),
    )


def complete_draft(draft: Draft, current: Trust | None) -> bytes:
    """Return the file of a trust root that every reader of the current one follows.

    Raises:
        RollbackError, TrustError: as `check_next`, or the ground floor refuses it.
        ThresholdError: too few signed; the message says by name who may still sign.
    """
    check_next(draft, current)
    lacking = [status for status in root_statuses(draft, current) if not status.met]
    if lacking:
        message = f"version {draft.trust.version} is not complete: " + "; ".join(
            f"the root role of version {each.version} has {len(each.signed)} of {each.required}"
            f" signatures, and {', '.join(each.missing)} did not sign"
            for each in lacking
        )
        first = lacking[0]
        raise ThresholdError(
            message,
            required=first.required,
            got=len(first.signed),
            missing=first.missing_keyids,
            hint="have them sign the draft's request, then run `signkit trust sign` again",
        )
    data = encode_draft(draft)
    if current is None:
        load_trust(data, allow_test_keys=True)
    else:
        follow_trust(current, data, allow_test_keys=True)
    return data


def find_refusal(draft: Draft, current: Trust) -> SignkitError | None:
    """Return why a device with the current trust root refuses a draft, or None where it follows."""
    keys = root_keys(draft, current)
    try:
        if all(each.keyid in keys for each in draft.signatures):
            complete_draft(draft, current)  # says by name who is missing
        follow_trust(current, encode_draft(draft))
    except SignkitError as error:
        return error
    return None
