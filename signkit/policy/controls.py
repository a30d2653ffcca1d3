"""The table of controls, and what became of each.

Spec: docs/formats/station-policy.md section 4. Each has a row in docs/design/assurance.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from signkit.errors import PolicyError
from signkit.model.policy import Policy
from signkit.model.request import Request
from signkit.policy import operator_checks, request_checks, rule_checks
from signkit.policy.answer import Answer
from signkit.policy.facts import Facts

Check = Callable[[Request, Policy, Facts], Answer]

HELD = "held"
REFUSED = "refused"
NOT_ASKED = "not-asked"


class Control(NamedTuple):
    """A named rule.

    Attributes:
        control: Its id.
        demand: What it demands, in one sentence.
        check: Returns an answer, or raises PolicyError with this id.
    """

    control: str
    demand: str
    check: Check


CONTROLS = (
    Control(
        request_checks.REQUESTER,
        "a requester asks whom the policy names",
        request_checks.check_requester,
    ),
    Control(
        request_checks.ITEMS,
        "a request has at most most_items items",
        request_checks.check_items,
    ),
    Control(
        request_checks.SIZE,
        "the content of all items has at most most_bytes bytes",
        request_checks.check_size,
    ),
    Control(
        rule_checks.SCOPE,
        "a rule lets every wanted signature be made",
        rule_checks.check_scope,
    ),
    Control(
        rule_checks.KEY,
        "the key that signs is one that the deciding rule names",
        rule_checks.check_key,
    ),
    Control(
        rule_checks.CONTENT,
        "the station hashed the content, or the rule has digest_only",
        rule_checks.check_content,
    ),
    Control(
        rule_checks.EXPIRY,
        "every item expires within expires_within_days",
        rule_checks.check_expiry,
    ),
    Control(
        request_checks.SEQUENCE,
        "sequences rise for each artifact and target",
        request_checks.check_sequence,
    ),
    Control(
        request_checks.PREVIOUS,
        "the request follows the last response of this station",
        request_checks.check_previous,
    ),
    Control(
        operator_checks.UNATTENDED,
        "somebody is there to confirm",
        operator_checks.check_unattended,
    ),
    Control(
        operator_checks.OPERATORS,
        "as many different operators confirm as the policy says",
        operator_checks.check_operators,
    ),
)
"""In the order in which they are asked and shown; the last is asked again when it is confirmed."""


class Outcome(NamedTuple):
    """What became of one control.

    Attributes:
        control: Its id.
        result: HELD, REFUSED or NOT_ASKED.
        line: One sentence.
        hint: What to do where it refused, or None.
    """

    control: str
    result: str
    line: str
    hint: str | None = None


def ask_controls(
    request: Request, policy: Policy, facts: Facts, *, controls: Sequence[Control] = CONTROLS
) -> tuple[Outcome, ...]:
    """Ask controls; none is left out because another refuses.

    Args:
        request: What is asked for, verified.
        policy: What the station demands.
        facts: What is known here.
        controls: Which ones; all of them where it is not said.

    Returns:
        One outcome for each control, in their order.
    """
    return tuple(_ask(control, request=request, policy=policy, facts=facts) for control in controls)


def _ask(control: Control, *, request: Request, policy: Policy, facts: Facts) -> Outcome:
    try:
        answer = control.check(request, policy, facts)
    except PolicyError as error:
        line = str(error).removeprefix(f"{control.control}: ")
        return Outcome(control.control, REFUSED, line, error.hint)
    return Outcome(control.control, HELD if answer.held else NOT_ASKED, answer.line)


def check_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Refuse a request whole that trips a control.

    Raises:
        PolicyError: the first control that refused; the message says how many more did.
    """
    refused = [each for each in outcomes if each.result == REFUSED]
    if not refused:
        return
    first, more = refused[0], len(refused) - 1
    also = f" (and {more} more control{'s' * (more > 1)} refused)" if more else ""
    raise PolicyError(f"{first.line}{also}", control=first.control, hint=first.hint)
