"""What one trust root says otherwise than another, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from signkit.formats.display import escape, format_table
from signkit.formats.trust import every_key, every_role
from signkit.verify.trust import ROOT_ROLE, Role, Trust

_NOTHING = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference, as texts that are not escaped yet.

    Attributes:
        what: What differs.
        before: What it was; "-" where it was not there.
        after: What it is; "-" where it is gone.
    """

    what: str
    before: str
    after: str


def list_changes(old: Trust, new: Trust) -> tuple[Change, ...]:
    """Return every difference that matters to a device or a person; `issued` does not."""
    pairs = [
        *_head(old, new),
        *_keys(old, new),
        *(
            pair
            for name in _union(every_role(old), every_role(new))
            for pair in _role(name, old, new)
        ),
    ]
    return tuple(
        Change(what=what, before=before, after=after)
        for what, before, after in pairs
        if before != after
    )


def change_table(changes: tuple[Change, ...]) -> str:
    """Return changes as a table for people; nothing unescaped in it."""
    rows = [tuple(map(escape, (each.what, each.before, each.after))) for each in changes]
    return format_table(("WHAT", "BEFORE", "AFTER"), rows) if rows else "nothing changes"


def change_values(changes: tuple[Change, ...]) -> list[dict[str, str]]:
    """Return changes as data."""
    return [{"what": each.what, "before": each.before, "after": each.after} for each in changes]


Row = tuple[str, str, str]


def _union(old: dict[str, Role], new: dict[str, Role]) -> list[str]:
    return list(dict.fromkeys([*old, *new]))


def _head(old: Trust, new: Trust) -> Iterator[Row]:
    yield "version", str(old.version), str(new.version)
    yield "expires", old.expires or "never", new.expires or "never"


def _keys(old: Trust, new: Trust) -> Iterator[Row]:
    before, after = every_key(old), every_key(new)
    for keyid in dict.fromkeys([*before, *after]):
        yield f"key {keyid}", _named(keyid, old), _named(keyid, new)


def _named(keyid: str, trust: Trust) -> str:
    return trust.names.get(keyid, _NOTHING)


def _role(name: str, old: Trust, new: Trust) -> Iterator[Row]:
    before, after = every_role(old).get(name), every_role(new).get(name)
    what = f"role {name}:"
    yield f"{what} keys", _members(before, old), _members(after, new)
    yield f"{what} threshold", _threshold(before), _threshold(after)
    if name == ROOT_ROLE:
        return
    for field in ("artifacts", "targets"):
        yield f"{what} {field}", _globs(before, field), _globs(after, field)
    for field, unbounded in (("not_before", "always"), ("not_after", "never")):
        yield f"{what} {field}", _bound(before, field, unbounded), _bound(after, field, unbounded)


def _members(role: Role | None, trust: Trust) -> str:
    return ", ".join(sorted(trust.names[keyid] for keyid in role.keys)) if role else _NOTHING


def _threshold(role: Role | None) -> str:
    return f"{role.threshold} of {len(role.keys)}" if role else _NOTHING


def _globs(role: Role | None, field: str) -> str:
    return ", ".join(getattr(role, field)) if role else _NOTHING


def _bound(role: Role | None, field: str, unbounded: str) -> str:
    return (getattr(role, field) or unbounded) if role else _NOTHING
