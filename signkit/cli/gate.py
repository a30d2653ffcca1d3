"""The policy at the station: the controls, asked with what only the station knows.

They are asked twice: before a key is opened, and again with the key and what was hashed, before
anything is shown for approval. What the operators do is asked when they have done it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from signkit.cli.record import Ceremony
    from signkit.model.policy import Policy
    from signkit.model.request import VerifiedRequest
    from signkit.policy.controls import Outcome
    from signkit.policy.facts import Facts, LastResponse, Signed
    from signkit.station.ceremony import HashedContents
    from signkit.station.transcript import Confirmation


@dataclass(slots=True, kw_only=True)
class Gate:
    """A request before a station's policy.

    Attributes:
        policy: What the station demands.
        verified: The request.
        facts: What is known so far.
        outcomes: What became of each control the last time they were asked.
    """

    policy: Policy
    verified: VerifiedRequest
    facts: Facts
    outcomes: tuple[Outcome, ...] = ()

    def ask_early(self, ceremony: Ceremony) -> None:
        """Ask before a key is opened. A request that was signed here before may be a repetition.

        Raises:
            PolicyError: a control refuses.
        """
        if self.policy.digest is None:
            return
        self.facts = replace(
            self.facts,
            signed=_signed_before(ceremony),
            last_response=_last_response(ceremony) if self.policy.follows_last_response else None,
        )
        if not ceremony.was_signed():
            self._ask(ceremony)

    def ask(self, ceremony: Ceremony, *, keyid: str, contents: HashedContents) -> None:
        """Ask with everything but the operators; the review shows what came of it.

        Raises:
            PolicyError: a control refuses.
        """
        if self.policy.digest is None:
            return
        self.facts = replace(self.facts, keyids=frozenset({keyid}), hashed=contents.matching)
        self._ask(ceremony)

    def ask_operators(self, ceremony: Ceremony, confirmed: Sequence[Confirmation]) -> None:
        """Ask about those who confirmed, and take the outcome of every control down.

        Raises:
            PolicyError: the control of operators refuses.
        """
        from signkit.policy.controls import CONTROLS, ask_controls

        if self.policy.digest is None:
            return
        self.facts = replace(self.facts, operators=tuple(each.operator for each in confirmed))
        request = self.verified.request
        last = ask_controls(request, self.policy, self.facts, controls=CONTROLS[-1:])
        self.outcomes = (*self.outcomes[:-1], *last)
        self._refuse(ceremony)
        _note(ceremony, self.outcomes)

    def _ask(self, ceremony: Ceremony) -> None:
        from signkit.policy.controls import ask_controls

        self.outcomes = ask_controls(self.verified.request, self.policy, self.facts)
        self._refuse(ceremony)

    def _refuse(self, ceremony: Ceremony) -> None:
        """Show and note all outcomes where one refuses, and end the ceremony by it."""
        from signkit.cli.policy_file import show_outcomes
        from signkit.policy.controls import REFUSED, check_outcomes

        refused = [each for each in self.outcomes if each.result == REFUSED]
        if refused:
            # The record notes the first one, by which the ceremony ends, when it ends.
            _note(ceremony, [each for each in self.outcomes if each is not refused[0]])
            show_outcomes(self.policy, self.outcomes)
        check_outcomes(self.outcomes)


def open_gate(
    policy: Path | None,
    request: Path,
    *,
    unattended: bool | None = None,
    follow: bool = True,
) -> Gate:
    """Read the request and the station's policy, and find out who asks.

    Args:
        policy: The policy file that was named, or None.
        request: The request file; an OpenPGP signature may lie beside it.
        unattended: Whether a digest on the command line is the confirmation; None where nothing
            is about to be signed.
        follow: Whether the request may be a symbolic link; not on a stick.

    Raises:
        RequestError: the request is damaged.
        FileError, FormatError, CustodyError: a file cannot be read, or is not what it should be.
    """
    from signkit.cli.clock import now
    from signkit.cli.media import note_damaged
    from signkit.cli.policy_file import find_openpgp, load_station_policy
    from signkit.errors import RequestError
    from signkit.formats.files import read_file
    from signkit.formats.request import open_request
    from signkit.policy.facts import Facts
    from signkit.verify import limits

    data = read_file(request, limit=limits.REQUEST_SIZE, what="request", follow=follow)
    try:
        verified = open_request(data)
    except RequestError:
        note_damaged(request, data)
        raise
    demanded = load_station_policy(policy)
    openpgp, problem = find_openpgp(request, data, demanded)
    facts = Facts(
        now=now(),
        requester=verified.requester_key.keyid,
        request=verified.digest,
        openpgp=openpgp,
        openpgp_problem=problem,
        unattended=unattended,
    )
    return Gate(policy=demanded, verified=verified, facts=facts)


def _signed_before(ceremony: Ceremony) -> dict[tuple[str, str], Signed]:
    from signkit.policy.facts import Signed
    from signkit.station.history import last_signed

    return {
        place: Signed(last.sequence, last.request)
        for place, last in last_signed(ceremony.record.ledger).items()
    }


def _last_response(ceremony: Ceremony) -> LastResponse:
    from signkit.policy.facts import LastResponse
    from signkit.station.history import newest_response
    from signkit.station.kept import load_answer

    newest = newest_response(ceremony.record.ledger)
    if newest is None:
        return LastResponse()
    answer = load_answer(ceremony.responses, newest)
    return LastResponse(request=newest.entry.request, response=answer.digest)


def _note(ceremony: Ceremony, outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        ceremony.record.note_controls(outcome.result, outcome.control)
