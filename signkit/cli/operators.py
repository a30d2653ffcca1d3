"""The operators at the station confirm: each types words, and says a name where the policy asks."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from signkit.cli import output
from signkit.errors import ConfirmationError

if TYPE_CHECKING:
    from signkit.model.policy import Policy
    from signkit.station.review import Review
    from signkit.station.transcript import Confirmation

_LINE = 1000  # characters that are taken of what is typed


def confirm(review: Review, policy: Policy) -> tuple[Confirmation, ...]:
    """Have as many operators confirm as the policy asks, one after the other.

    Whether they are different people, and the right ones, is the policy's to check.

    Raises:
        ConfirmationError: nobody is there, or somebody typed something else.
    """
    return tuple(_confirm_one(review, policy, number) for number in range(policy.operators))


def confirm_unattended() -> tuple[Confirmation, ...]:
    """Return the confirmation by a digest on the command line."""
    from signkit.cli.clock import now
    from signkit.station.transcript import Confirmation

    return (Confirmation(operator=_user(), how="digest", time=now()),)


def _confirm_one(review: Review, policy: Policy, number: int) -> Confirmation:
    from signkit.cli.clock import now
    from signkit.cli.review import ask_words
    from signkit.station.review import confirmation_words
    from signkit.station.transcript import Confirmation

    words = confirmation_words(review.verified, number)
    typed = ask_words(review, operator=number, count=policy.operators)
    if [word.lower() for word in typed] != [word.lower() for word in words]:
        message = "the words are not those of this request; nothing was signed"
        raise ConfirmationError(message, hint="compare the request's SHA-256 on both machines")
    named = policy.operators > 1 or policy.operator_names is not None
    return Confirmation(operator=_ask_name() if named else _user(), how="words", time=now())


def _ask_name() -> str:
    from signkit.formats.display import one_line
    from signkit.verify import limits

    output.prompt("your name: ")
    name = one_line(" ".join(sys.stdin.readline(_LINE).split()))[: limits.LABEL_LENGTH]
    if not name:
        message = "an operator gave no name; nothing was signed"
        raise ConfirmationError(message, hint="run it again; each operator types their own name")
    return name


def _user() -> str:
    """Return who runs this, as their system says; no database of users is asked."""
    return os.environ.get("LOGNAME") or os.environ.get("USER") or f"uid {os.getuid()}"
