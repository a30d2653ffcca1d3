r"""The search grammar: text to clauses. What the keys mean is decided in `filters`.

    query  = clause *4( " and " clause )
    clause = key op value
    key    = name *( "." name )
    op     = ":" / "-" / "~" / "<=" / "<" / ">=" / ">"
    value  = string / "true" / "false" / number
    string = "'" *( character / "\'" ) "'"

Spec: docs/formats/registry-protocol.md section 5; contract section 1.5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from signkit.errors import MalformedError

QUERY_LENGTH = 4096  # characters
_CLAUSE_COUNT = 5
_KEY = re.compile(r"[a-z_]+(?:\.[a-z_]+)*", re.ASCII)
_OPERATOR = re.compile(r"<=|>=|[:~<>-]")
_STRING = re.compile(r"'((?:[^'\\]|\\'|\\(?!'))*)'", re.DOTALL)
_WORD = re.compile(r"true|false|-?[0-9]{1,19}", re.ASCII)
_AND = re.compile(r" +and +")


class Operator(StrEnum):
    """How a key is compared."""

    EQUAL = ":"
    CONTAINS = "~"
    CONTAINS_ANY_CASE = "-"
    LESS_EQUAL = "<="
    LESS = "<"
    GREATER_EQUAL = ">="
    GREATER = ">"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One comparison, not yet known to make sense."""

    key: str
    operator: Operator
    value: str | int | bool


def parse_search(text: str) -> tuple[Clause, ...]:
    """Parse a search query.

    Args:
        text: 1 to 5 clauses, all of which must hold.

    Raises:
        MalformedError: any departure from the grammar; the message says where.
    """
    if len(text) > QUERY_LENGTH:
        message = f"expected at most {QUERY_LENGTH} characters, got {len(text)}"
        raise MalformedError(message)
    clauses: list[Clause] = []
    place = 0
    while True:
        clause, place = _parse_clause(text, place)
        clauses.append(clause)
        if place == len(text):
            return tuple(clauses)
        if len(clauses) == _CLAUSE_COUNT:
            message = f"expected at most {_CLAUSE_COUNT} clauses"
            raise MalformedError(message)
        place = _expect(_AND, text, place, "' and ' or the end").end()


def _parse_clause(text: str, place: int) -> tuple[Clause, int]:
    key = _expect(_KEY, text, place, "a key")
    operator = _expect(_OPERATOR, text, key.end(), "one of : - ~ <= < >= >")
    value, end = _parse_value(text, operator.end())
    return Clause(key=key.group(), operator=Operator(operator.group()), value=value), end


def _parse_value(text: str, place: int) -> tuple[str | int | bool, int]:
    string = _STRING.match(text, place)
    if string is not None:
        return string.group(1).replace("\\'", "'"), string.end()
    word = _expect(_WORD, text, place, "a value in single quotes, true, false or a number")
    if word.group() in {"true", "false"}:
        return word.group() == "true", word.end()
    return int(word.group()), word.end()


def _expect(pattern: re.Pattern[str], text: str, place: int, what: str) -> re.Match[str]:
    match = pattern.match(text, place)
    if match is None:
        message = f"expected {what} at character {place}, got {text[place : place + 20]!r}"
        raise MalformedError(message)
    return match
