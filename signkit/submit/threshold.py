"""Whether enough keys signed, by the trust root that devices have.

    role_statuses      who signed each item for the role that was asked, and who is missing
    hold_to_trust      nothing below the threshold, and nothing that a device would refuse, goes on

The role is the one that the request names; how many keys it takes is said by the trust root and by
nobody else. The last word has the ground floor, with the statement as a device will see it.

Spec: docs/formats/combined.md section 6.
Controls: SK-SUBMIT-THRESHOLD (docs/design/assurance.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from signkit.errors import ContextError, SubmissionError, ThresholdError
from signkit.model.request import Item, Request
from signkit.model.response import Answer, ItemResult
from signkit.submit.documents import STATEMENT_MEMBER, SignedItem, Submission, UnsignedItem
from signkit.verify.encoding import encode_json
from signkit.verify.trust import ROOT_ROLE, Role, Trust
from signkit.verify.verdict import Expectation, check_expiry, verify_statement


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleStatus:
    """How far one item is signed for one role.

    Attributes:
        place: The item's place in the request, from 0.
        item: The item.
        role: As the request names it.
        required: Distinct keys that it takes; None where no trust root was given.
        keys: keyids of the role, rising; of whoever signed, where no trust root was given.
        made: keyids that made every signature asked of the role, whoever they are.
        refusal: Why nobody signed, in a station's words; None where somebody did.
    """

    place: int
    item: Item
    role: str
    required: int | None
    keys: tuple[str, ...]
    made: tuple[str, ...]
    refusal: str | None

    @property
    def signed(self) -> tuple[str, ...]:
        """The keys of the role that signed."""
        return tuple(keyid for keyid in self.keys if keyid in self.made)

    @property
    def missing(self) -> tuple[str, ...]:
        """The keys of the role that did not sign."""
        return tuple(keyid for keyid in self.keys if keyid not in self.made)

    @property
    def strangers(self) -> tuple[str, ...]:
        """Whoever else signed."""
        return tuple(keyid for keyid in self.made if keyid not in self.keys)

    @property
    def met(self) -> bool:
        """Whether enough signed: at least one, where nobody says how many it takes."""
        return len(self.signed) >= (self.required or 1)


def role_statuses(request: Request, answer: Answer, trust: Trust | None) -> tuple[RoleStatus, ...]:
    """Return how far each item is signed for each role that is asked of it.

    Args:
        request: What was asked for.
        answer: What came back, verified against it.
        trust: The trust root that devices have, or None.

    Raises:
        ContextError: the trust root has no such role.
    """
    return tuple(
        _status(result, item, name, None if trust is None else _find_role(trust, name))
        for item, result in zip(request.items, answer.items, strict=True)
        for name in dict.fromkeys(wanted.role for wanted in item.wanted)
    )


def _find_role(trust: Trust, name: str) -> Role:
    role = trust.root if name == ROOT_ROLE else trust.roles.get(name)
    if role is None:
        message = f"the request asks the role {name!r}, which the trust root does not have"
        hint = f"its roles are {', '.join(trust.roles)}: give devices' own trust root, or prepare again"
        raise ContextError(message, hint=hint)
    return role


def _status(result: ItemResult, item: Item, name: str, role: Role | None) -> RoleStatus:
    made = _signers(result, {each.scheme for each in item.wanted if each.role == name})
    return RoleStatus(
        place=result.item,
        item=item,
        role=name,
        required=None if role is None else role.threshold,
        keys=tuple(sorted(made if role is None else role.keys)),
        made=made,
        refusal=None if result.error is None else result.error.message,
    )


def _signers(result: ItemResult, schemes: set[str]) -> tuple[str, ...]:
    """Return the keyids that signed an item under all of some schemes."""
    made = {(each.keyid, each.scheme) for each in result.signatures}
    keyids = dict.fromkeys(each.keyid for each in result.signatures)
    return tuple(keyid for keyid in keyids if made >= {(keyid, scheme) for scheme in schemes})


def hold_to_trust(submission: Submission, trust: Trust, *, now: str) -> Submission:
    """Return what devices with a trust root accept, and refuse the rest.

    Args:
        submission: Verified against its request.
        trust: The trust root that devices have.
        now: RFC 3339 UTC text.

    Returns:
        The submission with the registry signatures of keys that count. Items that no station
        signed stay as they are: each is an error of its own later.

    Raises:
        ContextError: the trust root has no such role, or the role is not for such an item.
        ThresholdError: too few of the role's keys signed an item; says who is missing.
        ExpiredError: the trust root, the role or the item is out of its time.
        StatementError, SubmissionError: there is no statement that a device could verify.
    """
    check_expiry("the trust root", trust.expires, now)
    statuses = role_statuses(submission.request.request, submission.answer, trust)
    _check_met(statuses, trust)
    return replace(
        submission,
        items=tuple(
            each if isinstance(each, UnsignedItem) else _judged(each, trust, now)
            for each in submission.items
        ),
    )


def _check_met(statuses: tuple[RoleStatus, ...], trust: Trust) -> None:
    lacking = [each for each in statuses if not each.met and each.refusal is None]
    if not lacking:
        return
    first = lacking[0]
    message = f"{first.item.name}: {describe_lack(first, trust)}"
    if len(lacking) > 1:
        message += f"; so are {len(lacking) - 1} more items"
    raise ThresholdError(
        message,
        required=first.required or 1,
        got=len(first.signed),
        missing=first.missing,
        hint="have them sign the same request, then `signkit combine` all the responses",
    )


def describe_lack(status: RoleStatus, trust: Trust) -> str:
    """Return in a sentence how many signatures are missing, and by whom they may be."""
    missing = " or ".join(f"{trust.names[keyid]} {keyid}" for keyid in status.missing)
    return (
        f"signed by {len(status.signed)} of the {status.required} keys that role"
        f" {status.role!r} takes; not by {missing}"
    )


def _judged(signed: SignedItem, trust: Trust, now: str) -> SignedItem:
    """Return an item with the registry signatures of those whose statement a device accepts."""
    statement = signed.custom_metadata.get(STATEMENT_MEMBER)
    if statement is None:
        message = (
            f"{signed.item.name}: there is no statement, and devices with a trust root ask for it"
        )
        raise SubmissionError(message, hint="prepare it with --scheme peridio --scheme statement")
    expectation = Expectation(
        artifact=signed.item.artifact, target=signed.item.target, floor=0, now=now
    )
    verified = verify_statement(
        encode_json(statement), roles=tuple(_roles(signed.item, trust)), expectation=expectation
    )
    counted = {key.keyid for key in verified.signers}
    kept = tuple(each for each in signed.signatures if each.key.public_key.keyid in counted)
    if not kept:
        message = f"{signed.item.name}: none of the keys that count made its registry signature"
        raise SubmissionError(message, hint="have one of them sign the request again")
    return replace(signed, signatures=kept)


def _roles(item: Item, trust: Trust) -> Iterator[Role]:
    for name in dict.fromkeys(wanted.role for wanted in item.wanted):
        if name != ROOT_ROLE:
            yield _find_role(trust, name)
