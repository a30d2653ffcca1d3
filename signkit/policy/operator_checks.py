"""Controls of the people at the station: whether somebody confirms, and who.

Spec: docs/formats/station-policy.md section 4.
"""

from __future__ import annotations

from unicodedata import normalize

from signkit.errors import PolicyError
from signkit.model.policy import Policy
from signkit.model.request import Request
from signkit.policy.answer import Answer, held, not_asked
from signkit.policy.facts import Facts

UNATTENDED = "SK-POLICY-UNATTENDED"
OPERATORS = "SK-POLICY-OPERATORS"


def check_unattended(_request: Request, policy: Policy, facts: Facts) -> Answer:
    """Check that somebody is there to confirm.

    Raises:
        PolicyError: control SK-POLICY-UNATTENDED.
    """
    if facts.unattended is None:
        return not_asked("how it is confirmed is seen at the station")
    if not facts.unattended:
        return held("whoever confirms types words of the request's digest")
    if policy.unattended:
        return not_asked("the policy lets --yes-to confirm")
    message = "expected somebody who types words at a terminal, got --yes-to"
    hint = "run it again without --yes-to; unattended = true under [confirm] would allow it"
    raise PolicyError(message, control=UNATTENDED, hint=hint)


def check_operators(_request: Request, policy: Policy, facts: Facts) -> Answer:
    """Check that as many operators confirmed as the policy says, and that they are different ones.

    Raises:
        PolicyError: control SK-POLICY-OPERATORS.
    """
    if facts.unattended:
        return not_asked("nobody was asked: --yes-to confirmed")
    if facts.operators is None:
        return not_asked(f"operators that confirm at the station: {policy.operators}")
    names = facts.operators
    if len({_fold(name) for name in names}) < len(names):
        message = f"one operator confirmed twice: got {', '.join(map(repr, names))}"
        raise PolicyError(message, control=OPERATORS, hint="each confirms under their own name")
    for name in _strangers(policy, names):
        message = f"{name!r} is no operator whom the policy names"
        raise PolicyError(message, control=OPERATORS, hint="signkit policy show says who is")
    if len(names) < policy.operators:
        message = f"expected {policy.operators} operators, got {len(names)}"
        hint = "operators under [confirm] of the policy says how many there are to be"
        raise PolicyError(message, control=OPERATORS, hint=hint)
    return held(f"confirmed by {' and '.join(map(repr, names))}")


def _strangers(policy: Policy, names: tuple[str, ...]) -> list[str]:
    if policy.operator_names is None:
        return []
    known = {_fold(name) for name in policy.operator_names}
    return [name for name in names if _fold(name) not in known]


def _fold(name: str) -> str:
    """Return what all spellings of one person's name have in common."""
    return " ".join(normalize("NFKC", name).casefold().split())
