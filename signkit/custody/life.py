"""The life of a key: its states, which may follow which, and when it may sign.

    pre-active --> active <--> suspended
                     |             |
                     +--> deactivated
    any --> compromised, destroyed

Pure: the register's lines go in one by one, and what they say of each key comes out.

Spec: docs/formats/custody-register.md sections 3, 4 and 7; NIST SP 800-57 part 1 section 7.
Controls: SK-KEY-STATE (docs/design/assurance.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from signkit.custody.signer import Clock
from signkit.errors import KeyStateError
from signkit.formats.display import escape
from signkit.model.custody import NewKey, State, Transition

WARNING_DAYS = 30
_REASON_WIDTH = 200
_FIRST = (State.PRE_ACTIVE, State.ACTIVE)
NEXT: Mapping[State, tuple[State, ...]] = {
    State.PRE_ACTIVE: (State.ACTIVE, State.COMPROMISED, State.DESTROYED),
    State.ACTIVE: (State.SUSPENDED, State.DEACTIVATED, State.COMPROMISED, State.DESTROYED),
    State.SUSPENDED: (State.ACTIVE, State.DEACTIVATED, State.COMPROMISED, State.DESTROYED),
    State.DEACTIVATED: (State.COMPROMISED, State.DESTROYED),
    State.COMPROMISED: (State.DESTROYED,),
    State.DESTROYED: (State.COMPROMISED,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What the register says of one key.

    Attributes:
        keyid: Of the key.
        key: What its first line says.
        history: Every transition, the first one first.
    """

    keyid: str
    key: NewKey
    history: tuple[Transition, ...]

    @property
    def state(self) -> State:
        """Its state now."""
        return self.history[-1].state

    @property
    def since(self) -> str:
        """Since when; RFC 3339 UTC text."""
        return self.history[-1].time

    @property
    def ends(self) -> str | None:
        """When its cryptoperiod ends, or would: RFC 3339 UTC text; None where nothing says so."""
        begins = next((each.time for each in self.history if each.state is State.ACTIVE), None)
        days = self.key.cryptoperiod_days
        return None if begins is None or days is None else add_days(begins, days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """What a whole register says.

    Attributes:
        lives: By keyid, in the order of their first lines.
        exists: Whether the home has a register at all.
    """

    lives: Mapping[str, Life] = field(default_factory=dict)
    exists: bool = True

    def successor(self, keyid: str) -> Life | None:
        """Return the newest key that follows another and is neither compromised nor destroyed."""
        gone = (State.COMPROMISED, State.DESTROYED)
        following = [
            life
            for life in self.lives.values()
            if life.key.predecessor == keyid and life.state not in gone
        ]
        return following[-1] if following else None


NO_REGISTER = Register(exists=False)
"""Of a home that has none: every key may sign."""


def advance(register: Register, transition: Transition) -> Register:
    """Return what a register says with one transition more.

    Raises:
        KeyStateError: the state may not follow, or it is said twice what the key is, or never.
    """
    life = register.lives.get(transition.keyid)
    check_next(life, transition.state, name=_name(life, transition))
    if life is None and transition.key is not None:
        life = Life(keyid=transition.keyid, key=transition.key, history=(transition,))
    elif life is not None and transition.key is None:
        life = replace(life, history=(*life.history, transition))
    else:
        message = "the first line of a key says what it is, and no other line does"
        raise KeyStateError(message)
    return Register(lives={**register.lives, transition.keyid: life})


def _name(life: Life | None, transition: Transition) -> str:
    key = transition.key or (life and life.key)
    return key.name if key else transition.keyid


def check_next(life: Life | None, state: State, *, name: str) -> None:
    """Check that a state may follow.

    Args:
        life: What the register says of the key so far; None for nothing.
        state: The state to be.
        name: What the key is called.

    Raises:
        KeyStateError: it may not; the message names those that may.
    """
    legal = _FIRST if life is None else NEXT[life.state]
    if state not in legal:
        now = "is new" if life is None else f"is {life.state} since {life.since}"
        message = (
            f"the key {escape(name)} {now} and cannot become {state}: expected {' or '.join(legal)}"
        )
        raise KeyStateError(message, hint=f"signkit keys history {escape(name)} shows its life")


def check_may_sign(life: Life | None, *, name: str, now: str) -> None:
    """Check that a key is active, and within its cryptoperiod.

    Args:
        life: What the register says of it; None for nothing, which admits it.
        name: What the key is called.
        now: RFC 3339 UTC text.

    Raises:
        KeyStateError: it must not sign now.
    """
    if life is None:
        return
    if life.state is not State.ACTIVE:
        reason = escape(life.history[-1].reason, width=_REASON_WIDTH)
        message = f"the key {name} does not sign: it is {life.state} since {life.since} ({reason})"
        raise KeyStateError(message, hint=_advice(life))
    if life.ends is not None and now >= life.ends:
        message = (
            f"the key {name} does not sign: its cryptoperiod ended at {life.ends}, and it is {now}"
        )
        raise KeyStateError(message, hint="make its successor: signkit keys rotate NAME")


def _advice(life: Life) -> str:
    if State.ACTIVE in NEXT[life.state]:
        return (
            f"signkit keys set-state {escape(life.key.name)} active --reason WHY, if that is right"
        )
    return "use another key: from this state none comes back"


def describe_standing(register: Register, keyid: str, *, clock: Clock) -> str | None:
    """Return what an operator should know of a key that may sign, or None.

    Args:
        register: What the home's register says.
        keyid: Of the key.
        clock: What its cryptoperiod is judged by.
    """
    life = register.lives.get(keyid)
    if life is None:
        unknown = "has no line in the custody register, which lets it sign (keys set-state)"
        return unknown if register.exists else None
    if life.ends is not None and clock() >= add_days(life.ends, -WARNING_DAYS):
        return f"may sign until {life.ends}: its cryptoperiod ends then; signkit keys rotate"
    return None


def describe_care(register: Register, life: Life, *, here: bool, now: str) -> str | None:
    """Return what somebody should see to, or None.

    Args:
        register: What the home's register says.
        life: Of the key.
        here: Whether its private file is here.
        now: RFC 3339 UTC text.
    """
    if life.state is State.DESTROYED and here:
        return "is destroyed, but its private file is here: run signkit keys destroy again"
    if life.state is not State.ACTIVE:
        return None
    if life.ends is not None and now >= life.ends:
        return f"signs no more: its cryptoperiod ended at {life.ends}; signkit keys rotate"
    return describe_standing(register, life.keyid, clock=lambda: now)


def add_days(moment: str, days: int) -> str:
    """Return a time so many days of 86,400 seconds later; RFC 3339 UTC text.

    Beyond the years that a time can be written in, the beginning of the first or last of them.
    """
    start = datetime.fromisoformat(moment)
    try:
        end = start + timedelta(days=days)
    except OverflowError:
        end = datetime(9999 if days > 0 else 1, 1, 1, tzinfo=UTC)
    return end.isoformat(timespec="seconds").replace("+00:00", "Z")
