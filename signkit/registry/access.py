"""What a caller may do, and what of its organization it sees.

Everything that is looked up or listed on behalf of a caller goes through `visible`, so that one
place binds every query to an organization, and to the artifacts that a token is limited to
(control SK-REGISTRY-TENANT).

Spec: docs/formats/registry-protocol.md section 2.1.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, exists, select

from signkit.registry.bundle_tables import Bundle, BundleMember, BundleSignature
from signkit.registry.problems import FORBIDDEN, refuse
from signkit.registry.scopes import Scope, Scopes, allows, format_scopes
from signkit.registry.tables import Artifact, ArtifactVersion, Binary, BinarySignature, SigningKey
from signkit.registry.tokens import Caller

Owned = (
    type[Artifact]
    | type[ArtifactVersion]
    | type[Binary]
    | type[BinarySignature]
    | type[Bundle]
    | type[BundleSignature]
    | type[SigningKey]
)
_Condition = ColumnElement[bool]
_Rows = Select[int]


def demand(caller: Caller, needed: Scopes) -> None:
    """Check that a caller has one of the scopes that a request needs; none means admin.

    Raises:
        RefusedError: 403.
    """
    if not allows(caller.scopes, needed):
        wanted = " or ".join(format_scopes(needed | {Scope.ADMIN}).split())
        held = format_scopes(caller.scopes)
        raise refuse(FORBIDDEN, f"this needs the scope {wanted}, the token has: {held}")


def demand_every_artifact(caller: Caller) -> None:
    """Check that a token is not limited to artifacts, where what it asks lies outside of any.

    Raises:
        RefusedError: 403.
    """
    if caller.artifacts is not None:
        raise refuse(FORBIDDEN, "the token is limited to some artifacts")


def visible(table: Owned, caller: Caller) -> list[_Condition]:
    """Return the conditions under which rows of a table exist for a caller."""
    conditions = [table.organization_row == caller.organization_row]
    if caller.artifacts is not None:
        conditions += _limited(table, _artifacts(caller))
    return conditions


def _limited(table: Owned, artifacts: _Rows) -> list[_Condition]:
    """Return what is left of a table; signing keys are public, and belong to no artifact."""
    versions = select(ArtifactVersion.row).where(ArtifactVersion.artifact_row.in_(artifacts))
    binaries = select(Binary.row).where(Binary.artifact_version_row.in_(versions))
    # A bundle is seen by whoever sees all of it.
    beyond = exists().where(
        BundleMember.bundle_row == Bundle.row, BundleMember.binary_row.not_in(binaries)
    )
    conditions: dict[Owned, list[_Condition]] = {
        Artifact: [Artifact.row.in_(artifacts)],
        ArtifactVersion: [ArtifactVersion.artifact_row.in_(artifacts)],
        Binary: [Binary.artifact_version_row.in_(versions)],
        BinarySignature: [BinarySignature.binary_row.in_(binaries)],
        Bundle: [~beyond],
        BundleSignature: [BundleSignature.bundle_row.in_(select(Bundle.row).where(~beyond))],
        SigningKey: [],
    }
    return conditions[table]


def _artifacts(caller: Caller) -> _Rows:
    return select(Artifact.row).where(
        Artifact.organization_row == caller.organization_row,
        Artifact.id.in_(caller.artifacts or ()),
    )
