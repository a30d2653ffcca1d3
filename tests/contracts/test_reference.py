"""The generated reference pages are in step with the code, and codes are unambiguous."""

from __future__ import annotations

from signkit.errors import SignkitError
from tests.support import reference


def test_errors_page_is_in_step() -> None:
    assert (reference.FOLDER / "errors.md").read_text() == reference.errors_page()


def test_cli_page_is_in_step() -> None:
    assert (reference.FOLDER / "cli.md").read_text() == reference.cli_page()


def test_openapi_document_is_in_step() -> None:
    assert (reference.FOLDER / "openapi.json").read_text("utf-8") == reference.openapi_document()


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [each.code for each in reference.error_classes()]
    assert len(set(codes)) == len(codes)


def test_the_four_refusals_have_exit_codes_of_their_own() -> None:
    names = ("digest-mismatch", "statement-refused", "request-refused", "response-refused")
    found = {each.code: each.exit_code for each in reference.error_classes()}
    exits = [found[name] for name in names]
    assert len(set(exits)) == len(exits)
    assert SignkitError.exit_code not in exits
