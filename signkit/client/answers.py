"""The registry's answers: JSON to records, strictly in what is used.

Unknown fields are passed over, as the contract asks. What is used must have its shape: the prn of
the right kind, a state that exists, digests of 64 lower-case hex digits. Numbers in other people's
custom metadata may be fractions, so the reader is not the one of signkit's own documents.

Only FormatError leaves this module; `protocol` says which call it was.

Spec: registry contract sections 1.2, 1.7 and 2.
"""

from __future__ import annotations

import json
import math
import re
from enum import StrEnum
from typing import NoReturn, TypeVar

from signkit.client.resources import (
    Artifact,
    ArtifactVersion,
    Attached,
    Binary,
    BinaryState,
    DeclaredPart,
    Part,
    PartState,
    SigningKey,
)
from signkit.errors import MalformedError
from signkit.formats.metadata import check_metadata
from signkit.verify import limits
from signkit.verify.digest import Sha256
from signkit.verify.encoding import Fields, decode_hex

PART_COUNT = 10_000
_SIGNATURE_COUNT = 1000
_TEXT_LENGTH = 8192
_UUID = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_PRN = re.compile(f"prn:1:{_UUID}:([a-z_]{{1,40}}):{_UUID}")
_State = TypeVar("_State", bound=StrEnum)


def parse_answer(data: bytes) -> object:
    """Parse the JSON of an answer.

    Raises:
        MalformedError: not UTF-8, not JSON, a name twice, a number that is not finite or too
            long, a lone surrogate, or nested too deeply.
    """
    try:
        value: object = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=_float,
            parse_constant=_constant,
        )
        if b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError:
        message = "it is not UTF-8"
        raise MalformedError(message) from None
    except RecursionError:
        message = "it is nested too deeply"
        raise MalformedError(message) from None
    except ValueError:  # also a number of too many digits
        message = "it is not JSON"
        raise MalformedError(message) from None
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        message = "it holds a name twice in one object"
        raise MalformedError(message)
    return value


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        _constant(text)
    return value


def _constant(text: str) -> NoReturn:
    message = f"it holds the number {text[:24]}, which is not finite"
    raise MalformedError(message)


def read_artifact(value: object) -> Artifact:
    """Read an artifact; raises FormatError."""
    fields = Fields(value, "artifact")
    return Artifact(
        prn=_prn(fields, "prn", "artifact"),
        name=_text(fields, "name"),
        description=_optional(fields, "description"),
    )


def read_version(value: object) -> ArtifactVersion:
    """Read an artifact version; raises FormatError."""
    fields = Fields(value, "artifact_version")
    return ArtifactVersion(
        prn=_prn(fields, "prn", "artifact_version"),
        artifact_prn=_prn(fields, "artifact_prn", "artifact"),
        version=_text(fields, "version"),
        description=_optional(fields, "description"),
    )


def read_key(value: object) -> SigningKey:
    """Read a signing key; raises FormatError."""
    fields = Fields(value, "signing_key")
    return SigningKey(
        prn=_prn(fields, "prn", "signing_key"),
        name=_text(fields, "name"),
        value=_optional(fields, "value"),
    )


def read_binary(value: object) -> Binary:
    """Read a binary; raises FormatError."""
    fields = Fields(value, "binary")
    metadata = None
    if _given(fields, "custom_metadata"):
        metadata = check_metadata(fields.take("custom_metadata"), what="binary.custom_metadata")
    signatures = (
        fields.array("signatures", most=_SIGNATURE_COUNT) if _given(fields, "signatures") else []
    )
    return Binary(
        prn=_prn(fields, "prn", "binary"),
        artifact_version_prn=_prn(fields, "artifact_version_prn", "artifact_version"),
        target=_text(fields, "target"),
        state=_state(fields, BinaryState),
        digest=_sha256(fields) if _given(fields, "hash") else None,
        size=_size(fields) if _given(fields, "size") else None,
        custom_metadata=metadata,
        signatures=tuple(read_attached(member) for member in signatures),
        inserted_at=_text(fields, "inserted_at"),
        description=_optional(fields, "description"),
    )


def read_attached(value: object) -> Attached:
    """Read a signature as it stands in a list; raises FormatError."""
    fields = Fields(value, "binary.signatures")
    return Attached(
        signing_key_prn=_prn(fields, "signing_key_prn", "signing_key"),
        signature=_text(fields, "signature"),
    )


def read_part(value: object) -> Part:
    """Read a binary part; raises FormatError."""
    fields = Fields(value, "binary_part")
    return Part(
        index=fields.integer("index", least=1, most=PART_COUNT),
        digest=_sha256(fields),
        size=_size(fields),
        state=_state(fields, PartState),
    )


def read_declared_part(value: object) -> DeclaredPart:
    """Read the answer to the declaration of a part; raises FormatError."""
    address = _text(Fields(value, "binary_part"), "presigned_upload_url")
    return DeclaredPart(part=read_part(value), upload_address=address)


def read_signature(value: object) -> tuple[str, Attached]:
    """Read a binary signature: the binary's prn, and the signature; raises FormatError."""
    fields = Fields(value, "binary_signature")
    return _prn(fields, "binary_prn", "binary"), read_attached(value)


def check_prn(text: str, kind: str, *, what: str) -> str:
    """Check the name of a record of one kind, and return it.

    Raises:
        MalformedError: it is none.
    """
    matched = _PRN.fullmatch(text)
    if matched is None or matched[1] != kind:
        message = f"{what}: expected a prn of kind {kind}, got {text[:120]!r}"
        raise MalformedError(message)
    return text


def _prn(fields: Fields, name: str, kind: str) -> str:
    return check_prn(_text(fields, name), kind, what=name)


def _state(fields: Fields, states: type[_State]) -> _State:
    text = _text(fields, "state")
    try:
        return states(text)
    except ValueError:
        message = f"state: expected one of {', '.join(states)}, got {text[:40]!r}"
        raise MalformedError(message) from None


def _sha256(fields: Fields) -> Sha256:
    return Sha256(decode_hex(_text(fields, "hash"), size=32, what="hash"))


def _size(fields: Fields) -> int:
    return fields.integer("size", most=limits.CONTENT_SIZE)


def _text(fields: Fields, name: str) -> str:
    return fields.text(name, limit=_TEXT_LENGTH)


def _optional(fields: Fields, name: str) -> str | None:
    return _text(fields, name) if _given(fields, name) else None


def _given(fields: Fields, name: str) -> bool:
    """Say whether a field is there and not null: to the contract the two are one."""
    return fields.has(name) and not fields.is_null(name)
