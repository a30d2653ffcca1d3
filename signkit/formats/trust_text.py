"""A trust root as text for people, the same on every machine: pure text for 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from signkit.formats.display import escape, wrap_columns
from signkit.formats.trust import every_role
from signkit.verify.trust import ROOT_ROLE, Role, Trust

_WIDTH = 78
_LABEL_WIDTH = 11


def trust_lines(trust: Trust, *, note: str = "") -> list[str]:
    """Return a trust root whole: its roles, their scopes, windows and keys; nothing unescaped.

    Args:
        trust: What to show.
        note: Our own words after its version, such as how many have signed it.
    """
    lines = [
        f"TRUST ROOT version {trust.version}{note and f', {note}'}",
        *labelled("issued", trust.issued),
        *labelled("expires", trust.expires or "never"),
    ]
    for role in every_role(trust).values():
        lines += ["", *_role_lines(role, trust)]
    return lines


def _role_lines(role: Role, trust: Trust) -> list[str]:
    duty = "change the trust root" if role.name == ROOT_ROLE else "sign a release"
    # Only our own words may stand at the left edge, so a long name goes on further in.
    name, *more = wrap_columns(escape(role.name), _WIDTH - _LABEL_WIDTH - 2)
    lines = [f"ROLE {name}", *(f"{' ' * (_LABEL_WIDTH + 2)}{row}" for row in more)]
    lines += labelled("takes", f"{role.threshold} of {len(role.keys)} keys to {duty}")
    if role.name != ROOT_ROLE:
        lines += labelled("artifacts", escape(", ".join(role.artifacts)))
        lines += labelled("targets", escape(", ".join(role.targets)))
        lines += labelled("from", role.not_before) if role.not_before else []
        lines += labelled("until", role.not_after) if role.not_after else []
    for keyid in role.keys:
        lines += [*labelled("key", escape(trust.names[keyid])), *labelled("", keyid)]
    return lines


def labelled(label: str, text: str) -> Sequence[str]:
    """Return escaped text behind a label, on as many lines as it takes."""
    return [
        f"  {('' if place else label).ljust(_LABEL_WIDTH)}{row}"
        for place, row in enumerate(wrap_columns(text, _WIDTH - _LABEL_WIDTH - 2))
    ]
