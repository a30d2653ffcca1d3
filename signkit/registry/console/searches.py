"""What a person types into the search of a page, as conditions of the registry's own search.

One word finds what a person would look for: a part of a name, a version or target, or a whole hash
or keyid. A filter by state is a choice among words.
"""

from __future__ import annotations

import re

from sqlalchemy import or_, select

from signkit.registry.filters import (
    ARTIFACT_KEYS,
    ARTIFACT_VERSION_KEYS,
    BINARY_KEYS,
    BUNDLE_KEYS,
    SIGNATURE_KEYS,
    SIGNING_KEY_KEYS,
    Condition,
    Key,
    Keys,
)
from signkit.registry.paging import Order, PageRequest
from signkit.registry.search import Clause, Operator
from signkit.registry.tables import Artifact, ArtifactVersion, Binary
from signkit.registry.tokens import Caller

PAGE_SIZE = 25
TEXT_LENGTH = 200
_DIGEST = re.compile("[0-9a-f]{64}")


def page_request(page: str | None, **wanted: str) -> PageRequest:
    """Return what page of what list is wanted.

    Args:
        page: A cursor, or None for the first page.
        wanted: Key of a search and value; an empty value is no condition.
    """
    clauses = [f"{key}:'{_quoted(value)}'" for key, value in wanted.items() if _quoted(value)]
    return PageRequest(
        search=" and ".join(clauses) or None,
        limit=PAGE_SIZE,
        order=Order.DESCENDING,
        page=page or None,
    )


def _quoted(value: str) -> str:
    """Return a value as it stands in a search; a string of the grammar cannot end in a backslash."""
    return value.strip().rstrip("\\").replace("'", "\\'")


def _any_of(*keys: tuple[Key, Operator]) -> Key:
    """Return a key that finds what one of others finds."""

    def compiled(clause: Clause, caller: Caller) -> Condition:
        return or_(
            *(
                key(Clause(key=clause.key, operator=operator, value=clause.value), caller)
                for key, operator in keys
            )
        )

    return compiled


def _binary_text(clause: Clause, caller: Caller) -> Condition:
    """Return the condition for a binary: by its hash, target, version or artifact."""
    if _DIGEST.fullmatch(str(clause.value)):
        return BINARY_KEYS["hash"](clause, caller)
    anywhere = Clause(key=clause.key, operator=Operator.CONTAINS_ANY_CASE, value=clause.value)
    exact = Clause(key=clause.key, operator=Operator.CONTAINS, value=clause.value)
    versions = (
        select(ArtifactVersion.row)
        .join(Artifact, Artifact.row == ArtifactVersion.artifact_row)
        .where(
            Artifact.organization_row == caller.organization_row,
            or_(
                ARTIFACT_KEYS["name"](anywhere, caller),
                ARTIFACT_VERSION_KEYS["version"](anywhere, caller),
            ),
        )
    )
    return or_(BINARY_KEYS["target"](exact, caller), Binary.artifact_version_row.in_(versions))


BINARIES: Keys = {**BINARY_KEYS, "text": _binary_text}
ARTIFACTS: Keys = {
    **ARTIFACT_KEYS,
    "text": _any_of((ARTIFACT_KEYS["name"], Operator.CONTAINS_ANY_CASE)),
}
VERSIONS: Keys = ARTIFACT_VERSION_KEYS
KEYS: Keys = {
    **SIGNING_KEY_KEYS,
    "text": _any_of(
        (SIGNING_KEY_KEYS["name"], Operator.CONTAINS), (SIGNING_KEY_KEYS["keyid"], Operator.EQUAL)
    ),
}
SIGNATURES: Keys = SIGNATURE_KEYS
BUNDLES: Keys = {
    **BUNDLE_KEYS,
    "text": _any_of((BUNDLE_KEYS["name"], Operator.CONTAINS_ANY_CASE)),
}
