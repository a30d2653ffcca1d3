"""Request bodies: bytes to checked values.

JSON is read strictly (no name twice, no lone surrogate, bounded depth and size), then each field
is checked. Unknown fields are passed over, as older and newer clients send them
(docs/formats/registry-protocol.md section 4).
"""

from __future__ import annotations

import json
from typing import Annotated, NoReturn
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from signkit.errors import FormatError, MalformedError, TooLargeError
from signkit.formats.metadata import check_metadata
from signkit.registry.prn import UUID_PATTERN, parse_uuid
from signkit.verify import limits
from signkit.verify.encoding import check_text

BODY_SIZE = 2 * limits.MIB
PART_SIZE = 5 * 1024 * limits.MIB  # 5 GiB (contract section 2.6)
PART_COUNT = 10_000
_DESCRIPTION_LENGTH = 256
_BUNDLE_NAME_LENGTH = 256
_NUMBER_LENGTH = 64


def parse_body(data: bytes) -> object:
    """Parse one JSON text that came as a request body.

    Unlike a signkit document it may hold fractions: custom metadata belongs to the client.

    Raises:
        MalformedError: not UTF-8, not JSON, a name twice, NaN, an infinity, a number of more
            than 64 digits, a lone surrogate, or nested too deeply.
    """
    try:
        value: object = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_fraction,
            parse_constant=_refuse_number,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as error:
        message = f"not UTF-8: byte {error.start} cannot be decoded"
    except UnicodeEncodeError:
        message = "holds a lone surrogate"
    except RecursionError:
        message = "nested too deeply"
    except json.JSONDecodeError as error:
        message = f"not JSON: {error.msg.lower()} at character {error.pos}"
    else:
        return value
    raise MalformedError(message)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        message = "holds a name twice in one object"
        raise MalformedError(message)
    return value


def _integer(text: str) -> int:
    return int(text) if len(text) <= _NUMBER_LENGTH else _refuse_number(text)


def _fraction(text: str) -> float:
    value = float(text)
    finite = value - value == 0
    return value if finite and len(text) <= _NUMBER_LENGTH else _refuse_number(text)


def _refuse_number(text: str) -> NoReturn:
    message = f"holds the number {text[:24]}, which is not one that every reader holds"
    raise MalformedError(message)


def _check_label(text: str) -> str:
    return _check_text(text, limit=limits.LABEL_LENGTH)


def _check_bundle_name(text: str) -> str:
    return _check_text(text, limit=_BUNDLE_NAME_LENGTH)


def _check_description(text: str) -> str:
    return _check_text(text, limit=_DESCRIPTION_LENGTH, lines=True)


def _check_text(text: str, *, limit: int, lines: bool = False) -> str:
    try:
        return check_text(text, what="text", limit=limit, lines=lines)
    except FormatError as error:
        raise ValueError(str(error)) from None  # what pydantic turns into a refusal


def _check_metadata(value: dict[str, object]) -> dict[str, object]:
    try:
        return check_metadata(value, what="custom_metadata")
    except TooLargeError as error:
        message = f"{error} (greater than 1MB)"
        raise ValueError(message) from None
    except MalformedError as error:
        raise ValueError(str(error)) from None


def _parse_id(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        return parse_uuid(text, what="id")
    except MalformedError as error:
        raise ValueError(str(error)) from None


def _said(limit: int, characters: str) -> object:
    """Say in the OpenAPI document what `check_text` checks."""
    return Field(
        json_schema_extra={"minLength": 1, "maxLength": limit, "pattern": f"^{characters}+$"}
    )


_NO_CONTROLS = r"[^\x00-\x1f\x7f-\x9f]"
_NO_CONTROLS_BUT_LINES = r"[^\x00-\x09\x0b-\x1f\x7f-\x9f]"
Label = Annotated[str, AfterValidator(_check_label), _said(limits.LABEL_LENGTH, _NO_CONTROLS)]
BundleName = Annotated[
    str, AfterValidator(_check_bundle_name), _said(_BUNDLE_NAME_LENGTH, _NO_CONTROLS)
]
Description = Annotated[
    str,
    AfterValidator(_check_description),
    _said(_DESCRIPTION_LENGTH, _NO_CONTROLS_BUT_LINES),
]
Metadata = Annotated[dict[str, object], AfterValidator(_check_metadata)]
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Id = Annotated[
    UUID,
    BeforeValidator(_parse_id),
    WithJsonSchema({"type": "string", "pattern": f"^(?:{UUID_PATTERN})$"}),
]
# Of a resource: parsed where it is looked up.
Name = Annotated[
    str,
    Field(
        max_length=200,
        json_schema_extra={"pattern": f"^prn:1:(?:{UUID_PATTERN}):[a-z_]+:(?:{UUID_PATTERN})$"},
    ),
]


class Body(BaseModel):
    """What every body shares: exact types, unknown fields passed over."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)
