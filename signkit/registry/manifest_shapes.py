"""The manifest for devices, as types: `resources/manifests` makes it, the description publishes it.

Spec: docs/formats/registry-protocol.md; docs/formats/manifest.md.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from signkit.registry.shapes import SignatureView

_Prn = Annotated[str, Field(pattern="^prn:1:[0-9a-f-]{36}:[a-z_]+:[0-9a-f-]{36}$")]
_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class NamedArtifact(TypedDict):
    """An artifact, as a manifest names it."""

    prn: _Prn
    name: str


class NamedVersion(TypedDict):
    """An artifact version, as a manifest names it."""

    prn: _Prn
    version: str


class ManifestItemView(TypedDict):
    """A binary that a device may install, and where its content is."""

    binary_prn: _Prn
    artifact: NamedArtifact
    artifact_version: NamedVersion
    target: str
    hash: _Sha256
    size: Annotated[int, Field(ge=0)]
    signatures: list[SignatureView]
    custom_metadata: dict[str, object]
    url: str


class ManifestView(TypedDict):
    """What a device is offered."""

    manifest: list[ManifestItemView]
