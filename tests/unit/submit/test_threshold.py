"""Whether enough keys signed: counted by the trust root, and judged by the ground floor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from signkit.errors import ContextError, ExpiredError, SubmissionError, ThresholdError
from signkit.formats.combined import open_answer
from signkit.model.request import Wanted
from signkit.submit.documents import SignedItem, Submission
from signkit.submit.threshold import hold_to_trust, role_statuses
from signkit.trust.edit import RoleChange, first_trust
from signkit.verify.trust import Trust
from tests.support.combined_vectors import FIRST, SECOND, combined_file, imported_value
from tests.support.documents import item_value, request_of, request_value
from tests.support.keys import PROD, ROOT, SPARE, STRANGER, KeyOfTest
from tests.support.submission import NOW, make_signed

PROD_ID, SPARE_ID, STRANGER_ID = (key.public_key.keyid for key in (PROD, SPARE, STRANGER))


def trust_of(*keys: KeyOfTest, threshold: int, **changes: Any) -> Trust:
    scope = {"artifacts": ["*"], "targets": ["*"], **changes}
    role = {key.name: key.public_key for key in keys}
    return first_trust(
        issued="2026-01-01T00:00:00Z",
        expires=None,
        root=RoleChange(keys={"root": ROOT.public_key}, threshold=1),
        release=RoleChange(keys=role, threshold=threshold, **scope),
    )


TWO_OF_THREE = trust_of(PROD, SPARE, STRANGER, threshold=2)


def submission(folder: Path, *keys: KeyOfTest, **changes: Any) -> Submission:
    return make_signed(folder, keys=keys, **changes).open()


def test_without_a_trust_root_nobody_is_missing() -> None:
    (status,) = role_statuses(request_of(), open_answer(FIRST), None)
    assert (status.required, status.signed, status.missing) == (None, (PROD_ID,), ())
    assert status.met


def test_who_signed_and_who_is_missing() -> None:
    (status,) = role_statuses(request_of(), open_answer(FIRST), TWO_OF_THREE)
    assert (status.required, status.signed) == (2, (PROD_ID,))
    assert status.missing == tuple(sorted((SPARE_ID, STRANGER_ID)))
    assert not status.met


def test_imported_signatures_count_as_any_other() -> None:
    combined = combined_file(FIRST, imported=imported_value(SPARE))
    (status,) = role_statuses(request_of(), open_answer(combined), TWO_OF_THREE)
    assert set(status.signed) == {PROD_ID, SPARE_ID}
    assert status.met


def test_a_key_of_no_role_is_named_and_does_not_count() -> None:
    trust = trust_of(PROD, STRANGER, threshold=2)
    (status,) = role_statuses(request_of(), open_answer(combined_file(FIRST, SECOND)), trust)
    assert (status.signed, status.strangers) == ((PROD_ID,), (SPARE_ID,))
    assert not status.met


def test_a_key_counts_that_signed_under_every_scheme() -> None:
    """Attacker: has one key's blind signature, and hopes that it counts."""
    imported = imported_value(PROD, SPARE)
    made = imported["items"][0]["signatures"]
    imported["items"][0]["signatures"] = [
        each for each in made if (each["scheme"], each["keyid"]) != ("statement", SPARE_ID)
    ]
    answer = open_answer(combined_file(imported=imported))
    (status,) = role_statuses(request_of(), answer, TWO_OF_THREE)
    assert (status.signed, status.met) == ((PROD_ID,), False)


def test_a_role_that_the_trust_root_does_not_have() -> None:
    trust = trust_of(PROD, threshold=1)
    wanted = [{"scheme": "statement", "role": "firmware"}]
    request = request_of(request_value(item_value(wanted=wanted)))
    with pytest.raises(ContextError, match="the role 'firmware', which the trust root does not"):
        role_statuses(request, open_answer(FIRST), trust)


def test_enough_go_on(tmp_path: Path) -> None:
    signed = submission(tmp_path, PROD, SPARE)
    assert hold_to_trust(signed, TWO_OF_THREE, now=NOW) == signed


def test_below_the_threshold_nothing_goes_on(tmp_path: Path) -> None:
    signed = submission(tmp_path, PROD)
    with pytest.raises(ThresholdError, match="signed by 1 of the 2 keys") as caught:
        hold_to_trust(signed, TWO_OF_THREE, now=NOW)
    assert (caught.value.required, caught.value.got) == (2, 1)
    assert set(caught.value.missing) == {SPARE_ID, STRANGER_ID}
    assert f"spare {SPARE_ID}" in str(caught.value)


def test_strangers_alone_are_below_the_threshold(tmp_path: Path) -> None:
    with pytest.raises(ThresholdError, match="signed by 0 of the 1 keys"):
        hold_to_trust(submission(tmp_path, STRANGER), trust_of(PROD, threshold=1), now=NOW)


def test_the_registry_signature_is_by_a_key_that_counts(tmp_path: Path) -> None:
    """Attacker: signs as well, and first, so that his signature is the one that is attached."""
    signed = submission(tmp_path, STRANGER, PROD)
    (item,) = hold_to_trust(signed, trust_of(PROD, threshold=1), now=NOW).items
    assert isinstance(item, SignedItem)
    assert [each.key.public_key for each in item.signatures] == [PROD.public_key]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"artifacts": ["Other"]}, ContextError),
        ({"window": {"not_after": "2026-01-15T00:00:00Z"}}, ExpiredError),
    ],
)
def test_what_a_device_refuses_does_not_go_on(
    tmp_path: Path, changes: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        hold_to_trust(submission(tmp_path, PROD), trust_of(PROD, threshold=1, **changes), now=NOW)


def test_an_expired_item_does_not_go_on(tmp_path: Path) -> None:
    signed = submission(tmp_path, PROD, expires="2026-02-01T00:00:00Z")
    with pytest.raises(ExpiredError):
        hold_to_trust(signed, trust_of(PROD, threshold=1), now="2026-02-01T00:00:00Z")
    assert hold_to_trust(signed, trust_of(PROD, threshold=1), now=NOW) == signed


def test_a_bare_digest_does_not_go_on(tmp_path: Path) -> None:
    signed = submission(tmp_path, PROD, wanted=(Wanted(scheme="peridio", role="release"),))
    with pytest.raises(SubmissionError, match="there is no statement"):
        hold_to_trust(signed, trust_of(PROD, threshold=1), now=NOW)
