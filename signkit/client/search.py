r"""Search strings of the registry: equality, with the value quoted so that it stays a value.

In the grammar a quote within a string is written `\'`, and nothing else is escaped. So a backslash
cannot be written so that every registry reads the same, above all at the end of a string. A value
that holds one is searched for by its longest piece without one, and whoever searches compares what
comes back, in any case.

Spec: registry contract section 1.5 (and section 6, W3: searches that are not escaped).
"""

from __future__ import annotations

from collections.abc import Mapping


def encode_search(wanted: Mapping[str, str]) -> str:
    """Return a search for records that have these values, or more; empty for all records.

    Args:
        wanted: Key to value, at most five; the keys are the grammar's own words.
    """
    clauses = (_encode_clause(key, value) for key, value in wanted.items())
    return " and ".join(clause for clause in clauses if clause)


def _encode_clause(key: str, value: str) -> str:
    operator, piece = ":", value
    if "\\" in value:
        operator, piece = "~", max(value.split("\\"), key=len)
        if not piece:
            return ""
    quoted = piece.replace("'", "\\'")
    return f"{key}{operator}'{quoted}'"
