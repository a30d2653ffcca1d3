"""Controls of each item: is there a rule for it, and does it keep to that rule?

Spec: docs/formats/station-policy.md sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache

from signkit.errors import PolicyError
from signkit.model.policy import Policy, Rule
from signkit.model.request import Item, Request, Wanted
from signkit.policy.answer import Answer, held, not_asked
from signkit.policy.facts import Facts
from signkit.schemes import trust
from signkit.verify.trust import matches_glob

SCOPE = "SK-POLICY-SCOPE"
KEY = "SK-POLICY-KEY"
CONTENT = "SK-POLICY-CONTENT"
EXPIRY = "SK-POLICY-EXPIRY"


Deciding = tuple[Rule | None, ...]
"""The rules of an item's wanted signatures, in their order; None where no rule matches."""
_NEVER = "9999-12-31T23:59:60Z"  # later than any time that there is


def check_scope(request: Request, policy: Policy, _facts: Facts) -> Answer:
    """Check that a rule lets each wanted signature be made.

    Raises:
        PolicyError: control SK-POLICY-SCOPE.
    """
    for index, item, rules in _rules(request, policy):
        if None in rules:
            wanted = item.wanted[rules.index(None)]
            message = (
                f"{_named(index, item)}: no rule lets role {wanted.role!r} sign"
                f" {wanted.scheme!r} for artifact {item.artifact!r} and target {item.target!r}"
            )
            hint = "compare roles, schemes, artifacts and targets: signkit policy show"
            raise PolicyError(message, control=SCOPE, hint=hint)
    return held("a rule lets every wanted signature be made")


def check_key(request: Request, policy: Policy, facts: Facts) -> Answer:
    """Check that whoever signs a scheme does so in a role whose rule names the key.

    Raises:
        PolicyError: control SK-POLICY-KEY.
    """
    if facts.keyids is None:
        return not_asked("the signing key is not known yet")
    if all(rule.keys is None for rule in policy.rules):
        return not_asked("any key may sign")
    keyids = sorted(facts.keyids)
    for index, item, rules in _rules(request, policy):
        for keyid in keyids:
            asked = {wanted.scheme for wanted in item.wanted}
            pairs = zip(item.wanted, rules, strict=True)
            may = {wanted.scheme for wanted, rule in pairs if _names_key(rule, keyid)}
            if asked - may:
                message = (
                    f"{_named(index, item)}: the key {keyid} may not sign {min(asked - may)!r}"
                )
                hint = "sign with a key that the rule names: signkit policy show"
                raise PolicyError(message, control=KEY, hint=hint)
    return held("the key is one that the rules name")


def _names_key(rule: Rule | None, keyid: str) -> bool:
    return rule is not None and (rule.keys is None or keyid in rule.keys)


def check_content(request: Request, policy: Policy, facts: Facts) -> Answer:
    """Check that the station hashed the content of whatever must not be signed unseen.

    Raises:
        PolicyError: control SK-POLICY-CONTENT.
    """
    if all(rule.digest_only for rule in policy.rules):
        return not_asked("items may be signed by their digest only")
    if facts.hashed is None:
        return not_asked("what the station sees of the content is not known yet")
    for index, item, rules in _rules(request, policy):
        blind = all(rule is None or rule.digest_only for rule in rules)
        if index in facts.hashed or blind or _is_trust_root(item):
            continue
        message = f"{_named(index, item)}: its content was not seen, only its digest"
        hint = "bring the content along and name its folder: --content DIR"
        raise PolicyError(message, control=CONTENT, hint=hint)
    return held("the content of all that must not be signed unseen was hashed")


def _is_trust_root(item: Item) -> bool:
    """Say whether an item carries its content along: it is shown and hashed without a folder."""
    return all(wanted.scheme == trust.NAME for wanted in item.wanted)


def check_expiry(request: Request, policy: Policy, facts: Facts) -> Answer:
    """Check that every item expires as soon as its rule says.

    Raises:
        PolicyError: control SK-POLICY-EXPIRY.
    """
    if all(rule.expires_within_days is None for rule in policy.rules):
        return not_asked("items may last for ever")
    for index, item, rules in _rules(request, policy):
        days = _fewest_days(rules)
        last = _days_after(facts.now, days)
        if (item.expires or _NEVER) <= last:
            continue
        message = (
            f"{_named(index, item)}: expected that it expires by {last}"
            f" ({days} days), got {item.expires or 'never'}"
        )
        hint = f"prepare it again with --expires {last[:10]}, or earlier"
        raise PolicyError(message, control=EXPIRY, hint=hint)
    return held("every item expires as soon as its rule says")


def _fewest_days(rules: Deciding) -> int | None:
    """Return within how many days an item must expire by all its rules; None for no bound."""
    days = [rule.expires_within_days for rule in rules if rule]
    return min((each for each in days if each is not None), default=None)


@cache
def _days_after(now: str, days: int | None) -> str:
    """Return a time so many days later, as RFC 3339 UTC text, or what is later than any."""
    if days is None:
        return _NEVER
    later = datetime.fromisoformat(now) + timedelta(days=days)
    return later.strftime("%Y-%m-%dT%H:%M:%SZ")


def _rules(request: Request, policy: Policy) -> Iterator[tuple[int, Item, Deciding]]:
    """Yield each item with the rule that decides for each signature that it wants."""
    known: dict[tuple[Wanted, ...], tuple[tuple[Rule, ...], ...]] = {}
    for index, item in enumerate(request.items):
        if item.wanted not in known:  # mostly all items want the same
            known[item.wanted] = tuple(_for_role(policy, wanted) for wanted in item.wanted)
        rules: list[Rule | None] = []
        for place, fitting in enumerate(known[item.wanted]):
            same = place > 0 and fitting == known[item.wanted][place - 1]
            rules.append(rules[-1] if same else _first(fitting, item))
        yield index, item, tuple(rules)


def _for_role(policy: Policy, wanted: Wanted) -> tuple[Rule, ...]:
    return tuple(
        rule
        for rule in policy.rules
        if (rule.schemes is None or wanted.scheme in rule.schemes) and _any(rule.roles, wanted.role)
    )


def _first(rules: tuple[Rule, ...], item: Item) -> Rule | None:
    """Return the first rule for an item's artifact and target: it decides."""
    for rule in rules:
        if _any(rule.artifacts, item.artifact) and _any(rule.targets, item.target):
            return rule
    return None


def _any(globs: tuple[str, ...], text: str) -> bool:
    return any(matches_glob(glob, text) for glob in globs)


def _named(index: int, item: Item) -> str:
    return f"item {index + 1} ({item.name!r})"
