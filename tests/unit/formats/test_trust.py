"""Writing a first trust root: what is written opens again, or is not written."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace

import pytest

from signkit.errors import FormatError, MalformedError, TrustError
from signkit.formats.trust import FirstTrust, sign_first_trust
from signkit.verify.trust import load_trust
from tests.support.keys import PROD, ROOT, SPARE, STRANGER

FIRST = FirstTrust(
    issued="2026-01-01T00:00:00Z",
    expires=None,
    root={"root": ROOT.public_key},
    release={"prod": PROD.public_key, "spare": SPARE.public_key},
    threshold=2,
    artifacts=["ML-*"],
    targets=["*"],
)


def test_it_says_what_it_was_given() -> None:
    data = sign_first_trust(FIRST, [ROOT])
    trust = load_trust(data)
    assert (trust.version, trust.issued, trust.expires) == (1, "2026-01-01T00:00:00Z", None)
    assert trust.names == {key.public_key.keyid: key.name for key in (ROOT, PROD, SPARE)}
    assert (trust.root.threshold, trust.roles["release"].threshold) == (1, 2)
    assert list(trust.root.keys.values()) == [ROOT.public_key]
    assert list(trust.roles["release"].keys.values()) == [PROD.public_key, SPARE.public_key]
    assert (trust.roles["release"].artifacts, trust.roles["release"].targets) == (("ML-*",), ("*",))


def test_its_fields_are_in_the_order_of_its_page() -> None:
    value = json.loads(b64decode(json.loads(sign_first_trust(FIRST, [ROOT]))["payload"]))
    assert list(value) == ["version", "issued", "expires", "keys", "roles"]
    assert list(value["roles"]) == ["root", "release"]
    assert list(value["roles"]["release"]) == [
        "keys",
        "threshold",
        "artifacts",
        "targets",
        "not_before",
        "not_after",
    ]


def test_every_root_key_must_sign() -> None:
    two = replace(FIRST, root={"root": ROOT.public_key, "other": STRANGER.public_key})
    assert load_trust(sign_first_trust(two, [ROOT, STRANGER])).root.threshold == 2
    with pytest.raises(TrustError, match="expected signatures by 2 distinct keys, got 1"):
        sign_first_trust(two, [STRANGER])


def test_one_key_may_have_both_roles() -> None:
    both = replace(FIRST, release={"root": ROOT.public_key}, threshold=1)
    trust = load_trust(sign_first_trust(both, [ROOT]))
    assert trust.root.keys == trust.roles["release"].keys


def test_it_is_signed_by_its_root() -> None:
    with pytest.raises(TrustError, match="none of the keys trusted here"):
        sign_first_trust(FIRST, [PROD])


def test_a_root_key_that_fails() -> None:
    class Faulty:
        public_key = ROOT.public_key

        def sign(self, message: bytes) -> bytes:
            return PROD.sign(message)

    with pytest.raises(TrustError) as caught:
        sign_first_trust(FIRST, [Faulty()])
    assert caught.value.reason == "signature-invalid"


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (replace(FIRST, threshold=0), "threshold: expected 1 to 2, got 0"),
        (replace(FIRST, threshold=3), "threshold: expected 1 to 2, got 3"),
        (replace(FIRST, release={}), "keys: expected at least 1 members, got 0"),
        (replace(FIRST, root={}), "keys: expected at least 1 members, got 0"),
        (replace(FIRST, artifacts=[]), "artifacts: expected at least 1 members, got 0"),
        (replace(FIRST, targets=["\x1b"]), "targets holds the control character"),
        (replace(FIRST, issued="today"), "issued: expected a UTC time"),
        (replace(FIRST, expires="never"), "expires: expected a UTC time"),
        (replace(FIRST, root={"": ROOT.public_key}), "name is empty"),
    ],
)
def test_what_breaks_a_rule_is_not_written(first: FirstTrust, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        sign_first_trust(first, [ROOT])


def test_one_name_for_two_keys() -> None:
    twice = replace(FIRST, release={"root": PROD.public_key}, threshold=1)
    with pytest.raises(MalformedError, match="'root' is the name of two keys"):
        sign_first_trust(twice, [ROOT])
