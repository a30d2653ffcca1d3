"""Controls of the request as a whole: who asks, how much, and what it follows.

Spec: docs/formats/station-policy.md section 4.
"""

from __future__ import annotations

from signkit.errors import PolicyError
from signkit.model.policy import Policy, Requester
from signkit.model.request import Request
from signkit.policy.answer import Answer, held, not_asked
from signkit.policy.facts import Facts, Signed
from signkit.schemes import permit

REQUESTER = "SK-POLICY-REQUESTER"
ITEMS = "SK-POLICY-ITEMS"
SIZE = "SK-POLICY-SIZE"
SEQUENCE = "SK-POLICY-SEQUENCE"
PREVIOUS = "SK-POLICY-PREVIOUS"
_SPLIT = "split the release into several requests"


def check_requester(_request: Request, policy: Policy, facts: Facts) -> Answer:
    """Check that somebody asks whom the policy names.

    Raises:
        PolicyError: control SK-POLICY-REQUESTER.
    """
    if facts.openpgp_problem is not None:
        message = f"the OpenPGP signature beside the request does not hold: {facts.openpgp_problem}"
        raise PolicyError(message, control=REQUESTER, hint="find out who put it there")
    found = [each for each in policy.requesters if _is_known(each, facts)]
    if found:
        return held(f"asked by {found[0].name!r}, known by {_known_by(found[0])}")
    if policy.unknown_requesters:
        return not_asked(f"UNKNOWN requester, keyid {facts.requester}: nobody vouches for it")
    raise _unknown(policy, facts)


def _unknown(policy: Policy, facts: Facts) -> PolicyError:
    for requester in policy.requesters if facts.openpgp is None else ():
        if requester.keyid in {None, facts.requester}:
            message = (
                f"no OpenPGP signature beside the request: expected that of {requester.name!r}"
            )
            hint = "signkit prepare --sign-openpgp FINGERPRINT makes X.request.json.asc"
            return PolicyError(message, control=REQUESTER, hint=hint)
    signer = f"keyid {facts.requester}"
    if facts.openpgp:
        signer += f" with the OpenPGP key {facts.openpgp}"
    message = f"the policy names no requester of {signer}"
    hint = "ask who made this request; a requester is enrolled as [[requester]] in the policy"
    return PolicyError(message, control=REQUESTER, hint=hint)


def _is_known(requester: Requester, facts: Facts) -> bool:
    return requester.keyid in {None, facts.requester} and requester.openpgp in {None, facts.openpgp}


def _known_by(requester: Requester) -> str:
    keys = (("keyid", requester.keyid), ("OpenPGP key", requester.openpgp))
    return " and ".join(f"{what} {key}" for what, key in keys if key)


def check_items(request: Request, policy: Policy, _facts: Facts) -> Answer:
    """Check how many items there are.

    Raises:
        PolicyError: control SK-POLICY-ITEMS.
    """
    count = len(request.items)
    if policy.most_items is None:
        return not_asked("no limit of items")
    if count > policy.most_items:
        message = f"expected at most {policy.most_items} items, got {count}"
        raise PolicyError(message, control=ITEMS, hint=_SPLIT)
    return held(f"items: {count} of at most {policy.most_items}")


def check_size(request: Request, policy: Policy, _facts: Facts) -> Answer:
    """Check how much content there is.

    Raises:
        PolicyError: control SK-POLICY-SIZE.
    """
    if policy.most_bytes is None:
        return not_asked("no limit of bytes")
    size = sum(item.size for item in request.items)
    if size > policy.most_bytes:
        message = f"expected at most {policy.most_bytes} bytes of content, got {size}"
        raise PolicyError(message, control=SIZE, hint=_SPLIT)
    return held(f"content: {size} of at most {policy.most_bytes} bytes")


def check_sequence(request: Request, policy: Policy, facts: Facts) -> Answer:
    """Check that sequences rise: from item to item, and over what was signed before.

    Raises:
        PolicyError: control SK-POLICY-SEQUENCE.
    """
    if not policy.rising_sequence:
        return not_asked("sequences need not rise")
    before = facts.signed or {}
    highest: dict[tuple[str, str], int] = {}
    for index, item in enumerate(request.items):
        if all(wanted.scheme == permit.NAME for wanted in item.wanted):
            continue  # no release: it allows one that was signed before
        place = (item.artifact, item.target)
        floor = highest.get(place) or _floor(before.get(place), facts)
        if item.sequence <= floor:
            message = (
                f"item {index + 1}: expected a sequence above {floor} for artifact"
                f" {item.artifact!r} and target {item.target!r}, got {item.sequence}"
            )
            hint = f"prepare it again with --sequence {floor + 1}, or a higher one"
            raise PolicyError(message, control=SEQUENCE, hint=hint)
        highest[place] = item.sequence
    if facts.signed is None:
        return not_asked("sequences rise within the request; what was signed before is not known")
    return held("every sequence is above those that were signed before")


def _floor(last: Signed | None, facts: Facts) -> int:
    """Return what a sequence must be above; 0 where the same request is signed once more."""
    if last is None or (last.request is not None and last.request == facts.request):
        return 0
    return last.sequence


def check_previous(request: Request, policy: Policy, facts: Facts) -> Answer:
    """Check that the request follows this station's last response.

    Raises:
        PolicyError: control SK-POLICY-PREVIOUS.
    """
    if not policy.follows_last_response:
        return not_asked("the request may follow any response")
    last = facts.last_response
    if last is None:
        return not_asked("the station's last response is not known here")
    if last.request is not None and last.request == facts.request:
        return held("this request was answered last, and is signed once more")
    if request.previous_response != last.response:
        expected, got = (
            "none" if digest is None else digest.hex()
            for digest in (last.response, request.previous_response)
        )
        message = f"the request follows another response: expected {expected}, got {got}"
        hint = "submit the station's last response, then prepare again"
        raise PolicyError(message, control=PREVIOUS, hint=hint)
    return held("the request follows the last response of this station")
