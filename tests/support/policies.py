"""Policies and requests for the controls, as plain values."""

from __future__ import annotations

from typing import Any

from signkit.model.policy import Policy, Requester, Rule
from signkit.model.request import Request
from signkit.policy.facts import Facts
from tests.support.documents import item_value, request_of, request_value
from tests.support.keys import PROD, REQUESTER

NOW = "2026-01-31T12:00:00Z"
KNOWN = Requester(name="build server", keyid=REQUESTER.public_key.keyid)


def facts(**changes: Any) -> Facts:
    """All that a station knows of `asked()`: signed with PROD, content hashed, confirmed by Ada."""
    return Facts(
        **{
            "now": NOW,
            "requester": REQUESTER.public_key.keyid,
            "keyids": frozenset({PROD.public_key.keyid}),
            "hashed": frozenset(range(1000)),
            "signed": {},
            "unattended": False,
            "operators": ("Ada",),
            **changes,
        }
    )


def asked(*items: dict[str, Any], **changes: Any) -> Request:
    """A request of items, each with what is said of it instead of the usual."""
    return request_of(request_value(*[item_value(**each) for each in items], **changes))


def policy(*rules: Rule, **changes: Any) -> Policy:
    """A policy that demands what is said here, and nothing else."""
    return Policy(**{"rules": rules or (Rule(),), **changes})
