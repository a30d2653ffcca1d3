"""What became of the controls, for people and for machines. Pure text; printing is the command line's."""

from __future__ import annotations

from collections.abc import Sequence

from signkit.formats.display import one_line, wrap_columns
from signkit.model.policy import Policy, Requester, Rule
from signkit.policy.controls import HELD, NOT_ASKED, REFUSED, Outcome

_WIDTH = 78
_ORDER = (REFUSED, HELD, NOT_ASKED)
_SHOWN = {REFUSED: "REFUSED", HELD: "held", NOT_ASKED: "not asked"}
_INDENT = 34  # of what a control says


def outcome_lines(outcomes: Sequence[Outcome]) -> list[str]:
    """Return a row for each control, those that refused first; nothing unescaped in it."""
    lines: list[str] = []
    for outcome in sort_outcomes(outcomes):
        head = f"  {say_result(outcome):<10} {outcome.control:<20} "
        rows = wrap_columns(one_line(outcome.line), _WIDTH - _INDENT)
        lines += [
            f"{'' if place else head:<{_INDENT}}{row}".rstrip() for place, row in enumerate(rows)
        ]
    return lines


def sort_outcomes(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return those that refused first, then those that hold."""
    return sorted(outcomes, key=lambda each: _ORDER.index(each.result))


def say_result(outcome: Outcome) -> str:
    """Return an outcome's result as people read it."""
    return _SHOWN[outcome.result]


def outcome_values(outcomes: Sequence[Outcome]) -> list[dict[str, str]]:
    """Return the same as JSON."""
    return [
        {"control": each.control, "result": each.result, "line": each.line} for each in outcomes
    ]


def policy_lines(policy: Policy) -> list[str]:
    """Return what a policy says, one sentence a line; nothing unescaped in it."""
    if policy.digest is None:
        return ["no policy on this station: what is signed is up to whoever confirms"]
    lines = [
        f"policy of SHA-256 {policy.digest.hex()}",
        "",
        *_request_lines(policy),
        "",
        *_confirm_lines(policy),
        *(line for rule in enumerate(policy.rules, start=1) for line in _rule_lines(*rule)),
    ]
    return [one_line(line) for line in lines]


def _request_lines(policy: Policy) -> list[str]:
    limits = [
        f"at most {number} {what}"
        for number, what in ((policy.most_items, "items"), (policy.most_bytes, "bytes of content"))
        if number is not None
    ]
    return [
        "A request",
        *(f"  may be by {_describe_requester(each)}" for each in policy.requesters),
        *(["  may be by ANYBODY ELSE as well"] if policy.unknown_requesters else []),
        *(f"  holds {limit}" for limit in limits),
        f"  has sequences that {'rise' if policy.rising_sequence else 'need not rise'}",
        *(["  follows the last response of this station"] if policy.follows_last_response else []),
    ]


def _describe_requester(requester: Requester) -> str:
    keys = (("keyid", requester.keyid), ("OpenPGP key", requester.openpgp))
    return f"{requester.name!r}: " + " and ".join(f"{what} {key}" for what, key in keys if key)


def _confirm_lines(policy: Policy) -> list[str]:
    names = policy.operator_names
    who = "" if names is None else f" of {', '.join(map(repr, names))}"
    operators = "1 operator" if policy.operators == 1 else f"{policy.operators} different operators"
    return [
        f"It is confirmed by {operators}{who}",
        f"  --yes-to {'counts' if policy.unattended else 'does not count'}",
    ]


def _rule_lines(number: int, rule: Rule) -> list[str]:
    days = rule.expires_within_days
    return [
        "",
        f"Rule {number} lets role {' or '.join(rule.roles)}",
        f"  sign {', '.join(rule.schemes or ('every scheme',))}",
        f"  for artifact {' or '.join(rule.artifacts)}, target {' or '.join(rule.targets)}",
        *([f"  with the key {key}" for key in rule.keys] if rule.keys else ["  with any key"]),
        f"  {'also where only its digest is known' if rule.digest_only else 'whose content is seen'}",
        f"  {'without an end' if days is None else f'that expires within {days} days'}",
    ]
