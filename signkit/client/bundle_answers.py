"""The registry's answers about bundles: JSON to records, as `answers` reads the others.

Only FormatError leaves this module; `protocol` says which call it was.

Spec: registry contract sections 2.1, 2.8 and 2.9.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from signkit.client.answers import check_prn, read_attached
from signkit.client.resources import Attached, Bundle
from signkit.errors import MalformedError
from signkit.formats.metadata import check_metadata
from signkit.verify import limits
from signkit.verify.encoding import Fields

_SIGNATURE_COUNT = 1000
_TEXT_LENGTH = 8192
_ORGANIZATION = re.compile(r"prn:1:([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})")


def read_bundle(value: object) -> Bundle:
    """Read a bundle as version 2 of the API sends it; raises FormatError."""
    fields = Fields(value, "bundle")
    members = fields.array("binaries", most=limits.BUNDLE_MEMBER_COUNT)
    return Bundle(
        prn=_prn(fields, "prn", "bundle"),
        name=_text(fields, "name") if _given(fields, "name") else None,
        hash=_text(fields, "hash"),
        members=tuple(_read_bundle_member(member) for member in members),
    )


def _read_bundle_member(value: object) -> tuple[str, Mapping[str, object] | None]:
    fields = Fields(value, "bundle.binaries")
    prn, metadata = _prn(fields, "prn", "binary"), None
    if _given(fields, "custom_metadata"):
        what = "bundle.binaries.custom_metadata"
        metadata = check_metadata(fields.take("custom_metadata"), what=what)
    return prn, metadata


def read_bundle_signatures(value: object) -> tuple[Attached, ...]:
    """Read the signatures of a bundle; raises FormatError."""
    members = Fields({"signatures": value}, "answer").array("signatures", most=_SIGNATURE_COUNT)
    return tuple(read_attached(member) for member in members)


def read_bundle_signature(value: object) -> tuple[str, Attached]:
    """Read a bundle signature: the bundle's prn, and the signature; raises FormatError."""
    fields = Fields(value, "bundle_signature")
    return _prn(fields, "bundle_prn", "bundle"), read_attached(value)


def read_address(value: object) -> str:
    """Read the text of an address, which is judged where it is used; raises FormatError."""
    return _text(Fields({"address": value}, "answer"), "address")


def read_organization(value: object) -> str:
    """Read whose token it is: the id of the organization.

    Raises:
        MalformedError: it is none.
    """
    text = _text(Fields(value, "data"), "organization_prn")
    matched = _ORGANIZATION.fullmatch(text)
    if matched is None:
        message = f"organization_prn: expected prn:1:UUID, got {text[:120]!r}"
        raise MalformedError(message)
    return matched[1].lower()


def _prn(fields: Fields, name: str, kind: str) -> str:
    return check_prn(_text(fields, name), kind, what=name)


def _text(fields: Fields, name: str) -> str:
    return fields.text(name, limit=_TEXT_LENGTH)


def _given(fields: Fields, name: str) -> bool:
    return fields.has(name) and not fields.is_null(name)
