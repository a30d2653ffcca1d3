"""What a ceremony will be, step by step, before it is held: who does what, and what is expected.

Pure: a plan and what it names go in, a script comes out. It holds text as it is; whoever shows it
escapes it.

Spec: docs/formats/ceremony-file.md section 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from shlex import quote
from typing import NamedTuple

from signkit.formats.display import human_size
from signkit.formats.words import encode_words
from signkit.model.ceremony import CeremonyPlan, Person
from signkit.model.policy import Policy
from signkit.model.request import VerifiedRequest
from signkit.station.review import confirmation_words
from signkit.verify.ed25519 import PublicKey

BLANK = "____"
"""A place to write."""
_INSTALLED = (
    "cd /opt/signkit/current && find . -type f -print0 | LC_ALL=C sort -z"
    " | xargs -0 sha256sum | sha256sum"
)
_WORDS_A_ROW = 6  # as on the station's screen
_SUFFIX = ".request.json"


class Fact(NamedTuple):
    """Something that is expected.

    Attributes:
        label: What it is.
        rows: What is expected, a row each.
    """

    label: str
    rows: tuple[str, ...]


class Step(NamedTuple):
    """One box to tick.

    Attributes:
        who: Who does it.
        text: What is done, in a sentence or two.
        command: What is typed at the station, or None.
        expected: What must be there then, a row each; may be empty.
    """

    who: str
    text: str
    command: str | None = None
    expected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """All of it.

    Attributes:
        title: What the ceremony is called.
        facts: What is expected.
        people: Who is there.
        steps: What is done, in order.
    """

    title: str
    facts: tuple[Fact, ...]
    people: tuple[Person, ...]
    steps: tuple[Step, ...]


def build_script(
    plan: CeremonyPlan,
    verified: VerifiedRequest,
    *,
    name: str,
    key: PublicKey | None,
    policy: Policy,
) -> Script:
    """Return the script of a ceremony; the same arguments always give the same one.

    Args:
        plan: What is planned.
        verified: The request that is to be signed.
        name: Of the request's file.
        key: The public half of the key that is to sign; None where it is not known.
        policy: The station's.
    """
    return Script(
        title=plan.title,
        facts=tuple(_facts(plan, verified, name, key=key, policy=policy)),
        people=plan.people,
        steps=(
            *(_own(plan, "before")),
            *_arrive(plan, verified, name, policy=policy),
            *_confirm(plan, verified, name, policy=policy),
            *_leave(plan, verified, name),
            *(_own(plan, "after")),
            Step(_leader(plan), "Everybody signs above. A witness keeps this script."),
        ),
    )


def _facts(
    plan: CeremonyPlan,
    verified: VerifiedRequest,
    name: str,
    *,
    key: PublicKey | None,
    policy: Policy,
) -> Iterator[Fact]:
    items = verified.request.items
    size = human_size(sum(item.size for item in items))
    count = sum(len({wanted.scheme for wanted in item.wanted}) for item in items)
    yield Fact("date", (plan.date or BLANK,))
    yield Fact("place", (plan.place or BLANK,))
    yield Fact("request", (name, *_digest(verified.digest)))
    yield Fact("asked by", _digest(bytes.fromhex(verified.requester_key.keyid)))
    yield Fact("items", (f"{len(items):,} of {size}, {count:,} signatures",))
    yield Fact("key", (plan.key, *(_digest(bytes.fromhex(key.keyid)) if key else ())))
    if policy.digest is not None:
        yield Fact("policy", _digest(policy.digest))
    if plan.installation is not None:
        yield Fact("self-hash", _digest(plan.installation))


def _digest(digest: bytes) -> tuple[str, ...]:
    words = encode_words(digest)
    rows = (words[start : start + _WORDS_A_ROW] for start in range(0, len(words), _WORDS_A_ROW))
    return (digest.hex(), *map(" ".join, rows))


def _own(plan: CeremonyPlan, at: str) -> Iterator[Step]:
    for step in plan.steps:
        if step.at == at:
            yield Step(_named(step.role, plan), step.text)


def _arrive(
    plan: CeremonyPlan, verified: VerifiedRequest, name: str, *, policy: Policy
) -> Iterator[Step]:
    """Yield what is done until the request lies there."""
    operator = _operator(plan, 0)
    yield Step(_leader(plan), "Switch the station on, without a cable and without a stick.")
    yield Step(operator, "Show that there is no network.", "ls /sys/class/net", ("lo",))
    if plan.installation is not None:
        found = (plan.installation.hex(),)
        yield Step(operator, "Show what is installed.", _INSTALLED, found)
    if policy.digest is not None:
        found = (f"policy of SHA-256 {policy.digest.hex()}",)
        yield Step(operator, "Show which policy is asked.", "signkit policy show", found)
    yield Step(
        operator,
        "Mount the stick, go to its folder, and show the request as it arrived.",
        f"sha256sum {quote(name)}",
        (verified.digest.hex(),),
    )


def _confirm(
    plan: CeremonyPlan, verified: VerifiedRequest, name: str, *, policy: Policy
) -> Iterator[Step]:
    """Yield what is done until it is signed."""
    operator, content = _operator(plan, 0), plan.content
    command = f"signkit sign {quote(name)} --key {quote(plan.key)}"
    if content is not None:
        command += f" --content {quote(content)}"
    yield Step(operator, "Begin, and open the key.", command)
    yield Step(
        _leader(plan),
        "Compare the first screen with what is expected above. Items that want a look:"
        f" {BLANK}. Look at each of them; with one doubt type q, and nothing is signed.",
    )
    named = policy.operators > 1 or policy.operator_names is not None
    for place in range(policy.operators):
        asked = f"Type the words that {_reader(plan)} reads{', then your name' if named else ''}."
        words = " ".join(confirmation_words(verified, place))
        yield Step(_operator(plan, place), asked, None, (words,))


def _leave(plan: CeremonyPlan, verified: VerifiedRequest, name: str) -> Iterator[Step]:
    """Yield what is done with the response."""
    operator = _operator(plan, 0)
    response = f"{name.removesuffix(_SUFFIX)}.response.json"
    items = f"items signed: {len(verified.request.items):,}; or fewer, and why: {BLANK}"
    yield Step(operator, f"The response lies there: {response}.", None, (items,))
    yield Step(
        operator,
        "Show what the ledger says, and write it down.",
        "signkit ledger verify",
        (f"ceremonies: {BLANK}", f"first words of the head: {BLANK} {BLANK} {BLANK} {BLANK}"),
    )
    yield Step(operator, "Unmount the stick, and switch the station off.")


def _leader(plan: CeremonyPlan) -> str:
    return _named("leader", plan) if plan.names("leader") else _operator(plan, 0)


def _reader(plan: CeremonyPlan) -> str:
    return next(iter(plan.names("leader") + plan.names("witness")), "the other side")


def _operator(plan: CeremonyPlan, place: int) -> str:
    return f"{plan.names('operator')[place]} (operator)"


def _named(role: str, plan: CeremonyPlan) -> str:
    return f"{plan.names(role)[0]} ({role})"
