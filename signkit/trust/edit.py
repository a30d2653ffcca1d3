"""Changes of a trust root, each a function from one to the next; nothing is signed here.

Whatever comes out was parsed again, so that it keeps every rule of its format
(docs/formats/trust-root.md section 2); a key that has no role left is gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from signkit.errors import KeyNotFoundError, UsageError
from signkit.formats.trust import encode_trust, every_key, every_role
from signkit.verify import limits
from signkit.verify.ed25519 import PublicKey
from signkit.verify.trust import ROOT_ROLE, Role, Trust, parse_trust
from signkit.verify.value import Value

V = TypeVar("V", bound=Value)
_ANY = ("*",)
# The next version carries the signatures of two root roles, which may have no key in common.
_ROOT_THRESHOLD = limits.ENVELOPE_SIGNATURE_COUNT // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChange:
    """What to say of a role; None leaves it as it is.

    Attributes:
        keys: All its keys from now on, by name.
        threshold: Distinct keys that it takes.
        artifacts: Globs.
        targets: Globs.
        window: Any of `not_before` and `not_after`: RFC 3339 UTC text, or None for no bound.
    """

    keys: Mapping[str, PublicKey] | None = None
    threshold: int | None = None
    artifacts: Sequence[str] | None = None
    targets: Sequence[str] | None = None
    window: Mapping[str, str | None] = field(default_factory=dict)


def first_trust(
    *, issued: str, expires: str | None, root: RoleChange, release: RoleChange
) -> Trust:
    """Return version 1, with the root role and the role `release`.

    Args:
        issued: RFC 3339 UTC text.
        expires: RFC 3339 UTC text, or None for never.
        root: Keys and threshold.
        release: The same, and what it may release.

    Raises:
        FormatError: it breaks a rule of its format.
        UsageError: two keys of one name.
    """
    nobody = _new_role(ROOT_ROLE)
    empty = Trust(version=1, issued=issued, expires=expires, names={}, root=nobody, roles={})
    return _checked(_with_role(_with_role(empty, ROOT_ROLE, root), "release", release))


def next_version(trust: Trust, *, issued: str) -> Trust:
    """Return the same under the next version."""
    return replaced(trust, version=trust.version + 1, issued=issued)


def find_key(trust: Trust, reference: str) -> PublicKey:
    """Return the key of a trust root that a person means by its keyid or name.

    Raises:
        KeyNotFoundError: none, or several of one name.
    """
    keys = every_key(trust)
    if reference in keys:
        return keys[reference]
    named = [keyid for keyid, name in trust.names.items() if name == reference]
    if len(named) != 1:
        count = f"{len(named)} keys are" if named else "no key is"
        message = f"{count} named {reference!r:.200} in the trust root"
        raise KeyNotFoundError(message, hint="`signkit trust show` lists names and keyids")
    return keys[named[0]]


def add_key(trust: Trust, key: PublicKey, *, name: str, roles: Sequence[str]) -> Trust:
    """Return a trust root with a key in some roles more.

    Raises:
        UsageError: an unknown role, the name of another key, or nothing would change.
        FormatError: the name is no label.
    """
    known = trust.names.get(key.keyid, name)
    if known != name:
        message = f"the key {key.keyid} is there already, and named {known!r}"
        raise UsageError(message, hint=f"name it {known!r}")
    changed = trust
    for role in roles:
        keys = {**_named(_find_role(trust, role), trust), name: key}
        changed = _with_role(changed, role, RoleChange(keys=keys))
    return _unlike(trust, _checked(changed))


def remove_key(trust: Trust, key: PublicKey, *, roles: Sequence[str] = ()) -> Trust:
    """Return a trust root without a key, or with it in some roles less.

    Args:
        trust: The one to change.
        key: The key.
        roles: Where to remove it from; nothing is everywhere.

    Raises:
        UsageError: a role could not reach its threshold any more, or nothing would change.
    """
    changed = trust
    for name in roles or every_role(trust):
        role = _find_role(trust, name)
        if key.keyid not in role.keys:
            continue
        keys = {said: each for said, each in _named(role, trust).items() if each != key}
        if len(keys) < role.threshold:
            message = f"role {name!r} takes {role.threshold} keys, and {len(keys)} would be left"
            raise UsageError(message, hint="add another key to it first, or lower its threshold")
        changed = _with_role(changed, name, RoleChange(keys=keys))
    return _unlike(trust, _checked(changed))


def replace_key(trust: Trust, old: PublicKey, new: PublicKey, *, name: str) -> Trust:
    """Return a trust root in which one key has all the roles of another, which is gone.

    Raises:
        UsageError, FormatError: as `add_key` and `remove_key`.
    """
    roles = [role.name for role in every_role(trust).values() if old.keyid in role.keys]
    return remove_key(add_key(trust, new, name=name, roles=roles), old)


def set_role(trust: Trust, name: str, change: RoleChange) -> Trust:
    """Return a trust root in which a role is changed, or there is a new one.

    A new role needs keys, and covers every artifact and target where nothing else is said.

    Raises:
        UsageError: a scope or window for the root role, a new role without keys, two keys of one
            name, or nothing would change.
        FormatError: it breaks a rule of the format.
    """
    scoped = change.artifacts is not None or change.targets is not None or change.window
    if name == ROOT_ROLE and scoped:
        message = "the root role has no artifacts, targets or window"
        raise UsageError(message, hint="it signs trust roots and nothing else")
    if name not in every_role(trust) and not change.keys:
        message = f"the trust root has no role {name!r}, and a new one needs keys"
        raise UsageError(message, hint="name them with --key")
    return _unlike(trust, _checked(_with_role(trust, name, change)))


def remove_role(trust: Trust, name: str) -> Trust:
    """Return a trust root without a role.

    Raises:
        UsageError: there is none, or it is the root role or the only other one.
    """
    _find_role(trust, name)
    if name == ROOT_ROLE or len(trust.roles) == 1:
        message = f"the role {name!r} cannot be removed: a trust root has a root role and another"
        raise UsageError(message)
    roles = {each: role for each, role in trust.roles.items() if each != name}
    return _checked(replaced(trust, roles=roles))


def set_expiry(trust: Trust, expires: str | None) -> Trust:
    """Return a trust root that expires at a time (RFC 3339 UTC text), or never."""
    return _checked(replaced(trust, expires=expires))


def _find_role(trust: Trust, name: str) -> Role:
    try:
        return every_role(trust)[name]
    except KeyError:
        message = f"the trust root has no role {name!r:.200}: it has {', '.join(every_role(trust))}"
        raise UsageError(message, hint="`signkit trust set-role` makes a new one") from None


def _named(role: Role, trust: Trust) -> dict[str, PublicKey]:
    return {trust.names[keyid]: key for keyid, key in role.keys.items()}


def _new_role(name: str) -> Role:
    return Role(
        name=name,
        keys={},
        threshold=1,
        artifacts=_ANY,
        targets=_ANY,
        not_before=None,
        not_after=None,
    )


def _with_role(trust: Trust, name: str, change: RoleChange) -> Trust:
    role, names = every_role(trust).get(name) or _new_role(name), _names_with(trust, change)
    said = {
        "keys": change.keys and {key.keyid: key for key in change.keys.values()},
        "threshold": change.threshold,
        "artifacts": change.artifacts and tuple(change.artifacts),
        "targets": change.targets and tuple(change.targets),
    }
    given = {field: value for field, value in said.items() if value is not None}
    role = replaced(role, **given, **change.window)
    if name == ROOT_ROLE:
        return replaced(trust, root=role, names=names)
    return replaced(trust, roles={**trust.roles, name: role}, names=names)


def _names_with(trust: Trust, change: RoleChange) -> dict[str, str]:
    """Return the names of all keys and of those that a change brings; no two have one name."""
    names = dict(trust.names)
    for said, key in (change.keys or {}).items():
        names.setdefault(key.keyid, said)
    if len(set(names.values())) < len(names):
        counts = Counter(names.values())
        message = f"{counts.most_common(1)[0][0]!r} is the name of two keys"
        raise UsageError(message, hint="call one of them otherwise")
    return names


def _checked(trust: Trust) -> Trust:
    """Return it without the keys that have no role, as a reader reads it."""
    if trust.root.threshold > _ROOT_THRESHOLD:
        message = (
            f"the root role takes {trust.root.threshold} keys: expected {_ROOT_THRESHOLD} at most"
        )
        hint = f"an envelope holds {limits.ENVELOPE_SIGNATURE_COUNT} signatures, for two root roles"
        raise UsageError(message, hint=hint)
    used = {keyid for role in every_role(trust).values() for keyid in role.keys}
    names = {keyid: name for keyid, name in trust.names.items() if keyid in used}
    # Test keys were judged when they came in.
    return parse_trust(encode_trust(replaced(trust, names=names)), allow_test_keys=True)


def _unlike(before: Trust, after: Trust) -> Trust:
    if before == after:
        message = "nothing would change"
        raise UsageError(message, hint="`signkit trust show` says what it says already")
    return after


def replaced(value: V, **changes: object) -> V:
    """Return a value of the ground floor with some of its fields replaced; nothing is checked."""
    return type(value)(**vars(value) | changes)
