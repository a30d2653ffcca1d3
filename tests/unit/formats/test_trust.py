"""Writing trust roots: what is written is read again; a draft may still lack signatures."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest

from signkit.errors import SignatureInvalidError, TrustError
from signkit.formats.trust import (
    encode_draft,
    encode_trust,
    every_key,
    every_role,
    new_draft,
    parse_draft,
    sign_draft,
)
from signkit.formats.trust_text import trust_lines
from signkit.trust.edit import RoleChange, set_role
from signkit.verify import limits
from signkit.verify.encoding import encode_base64, encode_json
from signkit.verify.trust import load_trust, parse_trust
from tests.support.documents import trust_file, trust_value
from tests.support.keys import PROD, ROOT, SPARE, STRANGER
from tests.support.trust_roots import ALICE, BOB, CAROL, CUSTODIANS, first, signed_draft
from tests.support.vectors import FOLDER


@pytest.mark.parametrize("path", sorted((FOLDER / "trust" / "valid").iterdir()), ids=str)
def test_a_trust_root_is_written_as_it_was_read(path: object) -> None:
    envelope = json.loads((FOLDER / "trust" / "valid" / str(path)).read_bytes())
    payload = b64decode(envelope["payload"])
    assert encode_trust(parse_trust(payload)) == payload


def test_its_fields_are_in_the_order_of_its_page() -> None:
    value = json.loads(encode_trust(first()))
    assert list(value) == ["version", "issued", "expires", "keys", "roles"]
    assert list(value["roles"]) == ["root", "release"]
    assert list(value["roles"]["root"]) == ["keys", "threshold"]
    scoped = ["keys", "threshold", "artifacts", "targets", "not_before", "not_after"]
    assert list(value["roles"]["release"]) == scoped


def test_every_key_and_role_in_the_order_of_the_file() -> None:
    trust = first()
    assert list(every_role(trust)) == ["root", "release"]
    assert [*every_key(trust).values()] == [key.public_key for key in (*CUSTODIANS, PROD, SPARE)]


def test_a_draft_may_lack_signatures_and_a_trust_root_may_not() -> None:
    data = encode_draft(new_draft(first()))
    assert parse_draft(data) == new_draft(first())
    with pytest.raises(TrustError, match="signatures: expected at least 1 members, got 0"):
        load_trust(data)
    two = encode_draft(signed_draft(first(), ALICE, BOB))
    assert len(parse_draft(two).signatures) == 2
    with pytest.raises(TrustError, match="3 distinct keys, got 2"):
        load_trust(two)
    assert load_trust(encode_draft(signed_draft(first(), ALICE, BOB, CAROL))) == first()


def test_a_trust_root_is_read_as_a_draft_too() -> None:
    assert parse_draft(trust_file()).trust == load_trust(trust_file())


def _draft_value(**changes: object) -> bytes:
    payload = encode_base64(encode_json(trust_value()))
    kind = "application/vnd.signkit.trust.v1+json"
    value = {"payloadType": kind, "payload": payload, "signatures": []}
    return encode_json({**value, **changes})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "malformed"),
        (b"[]", "malformed"),
        (_draft_value(payloadType="application/json"), "malformed"),
        (_draft_value(payload="e30"), "not-canonical"),
        (_draft_value(payload="e30="), "malformed"),
        (_draft_value(signatures=None), "malformed"),
        (_draft_value(signatures=[{}]), "malformed"),
        (_draft_value(signatures=[{}] * 65), "too-large"),
        (_draft_value(more=1), "malformed"),
        (_draft_value(payload=encode_base64(encode_json({**trust_value(), "version": 0}))), "malf"),
        (b" " * (limits.TRUST_SIZE + 1), "too-large"),
    ],
)
def test_what_is_no_draft(data: bytes, reason: str) -> None:
    with pytest.raises(TrustError, match=r"^trust root") as caught:
        parse_draft(data)
    assert (caught.value.reason or "").startswith(reason)


def test_a_root_key_that_fails() -> None:
    class Faulty:
        public_key = ROOT.public_key

        def sign(self, message: bytes) -> bytes:
            return PROD.sign(message)

    with pytest.raises(SignatureInvalidError):
        sign_draft(new_draft(first()), Faulty())


def test_it_is_shown_whole_in_80_columns_and_escaped() -> None:
    window = {"not_before": "2026-06-01T00:00:00Z", "not_after": "2026-07-01T00:00:00Z"}
    change = RoleChange(
        keys={"\u202eprod": STRANGER.public_key},
        artifacts=["*" + "x" * 100, "\u200b"],
        window=window,
    )
    lines = trust_lines(set_role(first(), "n\u00e9w " * 20, change), note="DRAFT")
    text = "\n".join(lines)
    assert max(map(len, lines)) <= 80
    assert "TRUST ROOT version 1, DRAFT" in text
    assert "ROLE root\n  takes      3 of 5 keys to change the trust root" in text
    assert "ROLE release\n  takes      1 of 2 keys to sign a release" in text
    ours = ("TRUST ROOT version 1", "ROLE ", "  ")
    assert all(line.startswith(ours) for line in lines if line)
    for said in ("\\u{202e}prod", "\\u{200b}", *window.values(), "aarch64-*", "alice"):
        assert said in text
    for key in every_key(first()):
        assert key in text
