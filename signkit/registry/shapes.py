"""What the registry sends, as types: `views` makes them, the OpenAPI description publishes them.

Both are checked against these lines, so that neither can say what the other does not: the type
checker holds the views to them, and the generator reads them.

Spec: docs/formats/registry-protocol.md section 3.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

# Until 3.12, typing's own does not tell the generator which fields are inherited.
from typing_extensions import TypedDict

from signkit.registry.prn import Kind
from signkit.registry.states import BinaryState, PartState

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_Time = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$",
        examples=["2026-01-31T12:00:00.000000Z"],
    ),
]
_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Signature = Annotated[str, Field(pattern="^[0-9a-fA-F]{128}$")]
_OrganizationPrn = Annotated[str, Field(pattern=f"^prn:1:{_UUID}$")]
_Metadata = dict[str, object] | None


def _prn(kind: Kind) -> object:
    return Field(pattern=f"^prn:1:{_UUID}:{kind}:{_UUID}$")


_ArtifactPrn = Annotated[str, _prn(Kind.ARTIFACT)]
_ArtifactVersionPrn = Annotated[str, _prn(Kind.ARTIFACT_VERSION)]
_BinaryPrn = Annotated[str, _prn(Kind.BINARY)]
_BundlePrn = Annotated[str, _prn(Kind.BUNDLE)]
_SigningKeyPrn = Annotated[str, _prn(Kind.SIGNING_KEY)]


class CommonView(TypedDict):
    """What every resource has."""

    organization_prn: _OrganizationPrn
    inserted_at: _Time
    updated_at: _Time


class _Described(TypedDict):
    description: str | None
    custom_metadata: _Metadata


class ArtifactView(CommonView, _Described):
    """An artifact."""

    prn: _ArtifactPrn
    name: str


class ArtifactVersionView(CommonView, _Described):
    """A version of an artifact."""

    prn: _ArtifactVersionPrn
    artifact_prn: _ArtifactPrn
    version: str


class SigningKeyView(CommonView):
    """A signing key: base64 of its 32 bytes, its keyid, and the key as PEM."""

    prn: _SigningKeyPrn
    name: str
    value: str
    keyid: _Sha256
    public_value: str


class SignatureView(TypedDict):
    """A signature as it is shown with what was signed."""

    signature: _Signature
    signing_key_prn: _SigningKeyPrn
    keyid: _Sha256
    public_value: str


class BinaryView(CommonView, _Described):
    """A binary and its signatures."""

    prn: _BinaryPrn
    artifact_version_prn: _ArtifactVersionPrn
    target: str
    state: BinaryState
    revision: Annotated[int, Field(ge=0)]
    hash: _Sha256
    size: Annotated[int, Field(ge=0)]
    signatures: list[SignatureView]


class PartView(CommonView):
    """A part of a binary's content."""

    prn: Annotated[str, _prn(Kind.BINARY_PART)]
    binary_prn: _BinaryPrn
    index: Annotated[int, Field(ge=1)]
    hash: _Sha256
    size: Annotated[int, Field(ge=1)]
    state: PartState


class BinarySignatureView(CommonView, SignatureView):
    """A signature of a binary, by itself."""

    prn: Annotated[str, _prn(Kind.BINARY_SIGNATURE)]
    binary_prn: _BinaryPrn


class MemberView(TypedDict):
    """A binary of a bundle, and the custom metadata settled for it."""

    prn: _BinaryPrn
    custom_metadata: _Metadata


class _BundleCommon(CommonView):
    prn: _BundlePrn
    name: str | None


class BundleView(_BundleCommon):
    """A bundle, as version 2 of the API sends it."""

    hash: _Sha256
    binaries: list[MemberView]


class BundleOfVersionsView(_BundleCommon):
    """A bundle, as version 1 of the API sends it."""

    artifact_versions: list[_ArtifactVersionPrn]


class BundleSignatureView(CommonView, SignatureView):
    """A signature of a bundle, by itself."""

    prn: Annotated[str, _prn(Kind.BUNDLE_SIGNATURE)]
    bundle_prn: _BundlePrn
