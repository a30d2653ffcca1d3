"""The release statement says exactly what its page lists, and nothing beside."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from signkit.errors import FormatError, MalformedError, NotCanonicalError, TooLargeError
from signkit.verify import limits
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_json
from signkit.verify.statement import parse_statement
from tests.support.documents import CONTENT, statement_value


def subject(**changes: Any) -> dict[str, Any]:
    value = deepcopy(statement_value())
    value["subject"][0].update(changes)
    return value


def refused(value: object, error: type[FormatError], said: str) -> None:
    with pytest.raises(error, match=said):
        parse_statement(encode_json(value))


def test_a_statement_is_read() -> None:
    said = parse_statement(encode_json(statement_value(expires="2027-01-31T12:00:00Z")))
    assert said.name == "model.bin"
    assert said.digest == compute_digest(CONTENT)
    assert (said.artifact, said.version) == ("ML-Model", "1.0.0")
    assert said.target == "aarch64-unknown-linux"
    assert (said.size, said.sequence) == (len(CONTENT), 1)
    assert (said.issued, said.expires) == ("2026-01-31T12:00:00Z", "2027-01-31T12:00:00Z")
    assert said.custom_metadata == compute_digest(b"{}")


def test_it_may_never_expire() -> None:
    assert parse_statement(encode_json(statement_value())).expires is None


@pytest.mark.parametrize("size", [0, limits.CONTENT_SIZE])
@pytest.mark.parametrize("sequence", [1, limits.INTEGER_MAX])
def test_the_least_and_the_most(size: int, sequence: int) -> None:
    said = parse_statement(encode_json(statement_value(size=size, sequence=sequence)))
    assert (said.size, said.sequence) == (size, sequence)


@pytest.mark.parametrize(
    ("field", "value"),
    [("size", -1), ("size", limits.CONTENT_SIZE + 1), ("sequence", 0), ("sequence", True)],
)
def test_less_and_more(field: str, value: int) -> None:
    refused(statement_value(**{field: value}), MalformedError, rf"^statement.predicate.{field}: ")


def test_a_sequence_past_53_bits() -> None:
    refused(statement_value(sequence=2**53), MalformedError, "integer of at most 53 bits")


@pytest.mark.parametrize("field", ["artifact", "version", "target"])
def test_labels(field: str) -> None:
    said = parse_statement(encode_json(statement_value(**{field: "é" * 128})))
    assert getattr(said, field) == "é" * 128
    refused(statement_value(**{field: "x" * 129}), TooLargeError, rf"predicate.{field} is too long")
    refused(statement_value(**{field: ""}), MalformedError, rf"predicate.{field} is empty")
    refused(statement_value(**{field: "a\x9b2J"}), MalformedError, r"control character U\+009B")


@pytest.mark.parametrize("name", ["a/b", "..", "a\0", ""])
def test_the_name_of_the_content(name: str) -> None:
    refused(subject(name=name), MalformedError, r"^statement.subject\[0\].name")


def test_one_digest_of_one_algorithm() -> None:
    digest = compute_digest(CONTENT).hex()
    refused(subject(digest={"sha256": digest.upper()}), NotCanonicalError, r"subject\[0\].digest")
    both = {"sha256": digest, "sha512": "00" * 64}
    refused(subject(digest=both), MalformedError, r"subject\[0\].digest: expected a digest")


def test_one_subject() -> None:
    value = statement_value()
    refused({**value, "subject": []}, MalformedError, "expected at least 1 members, got 0")
    refused({**value, "subject": value["subject"] * 2}, TooLargeError, "at most 1 members, got 2")


@pytest.mark.parametrize("expires", ["2026-01-31T12:00:00Z", "2026-01-31T11:59:59Z"])
def test_it_expires_after_it_was_issued(expires: str) -> None:
    refused(statement_value(expires=expires), MalformedError, "before it was issued$")


def test_unknown_fields_at_every_level() -> None:
    refused({**statement_value(), "x": 1}, MalformedError, r"^statement: unknown field 'x'$")
    refused(subject(x=1), MalformedError, r"^statement.subject\[0\]: unknown field 'x'$")
    refused(statement_value(x=1), MalformedError, r"^statement.predicate: unknown field 'x'$")


def test_other_types() -> None:
    value = statement_value()
    other = {**value, "_type": "https://in-toto.io/Statement/v0.1"}
    refused(other, MalformedError, r"^statement._type: expected 'https://in-toto.io/Statement/v1'")
    other = {**value, "predicateType": "urn:signkit:release:v2"}
    refused(other, MalformedError, r"^statement.predicateType: expected 'urn:signkit:release:v1'")


def test_it_is_bounded() -> None:
    with pytest.raises(TooLargeError, match=r"^statement is too large"):
        parse_statement(b" " * (limits.STATEMENT_SIZE + 1))
