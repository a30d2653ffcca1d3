"""Attacks with the next trust root, with what it revoked, and with the time at which roles hold."""

from __future__ import annotations

import json

from signkit.verify.encoding import encode_base64, encode_json
from tests.conformance import world
from tests.conformance.case import EITHER, Missing, Sparse, Step
from tests.conformance.cases_honest import rotated
from tests.conformance.steps import (
    attack_update,
    enter,
    init,
    refused,
    update,
    verify,
)
from tests.conformance.world import (
    NEW_ROOTS,
    NOW,
    RELEASERS,
    ROOTS,
    STRANGERS,
    TRUST_TYPE,
    A,
    B,
    C,
    D,
    role_value,
    sign,
    statement,
    trust,
    trust_value,
)

SECOND = trust_value(2)
FROM, UNTIL = "2026-03-01T00:00:00Z", "2089-03-01T00:00:00Z"


def _with_a_bad_signature() -> bytes:
    value = sign(TRUST_TYPE, SECOND, ROOTS[:2])
    value["signatures"].append(world.signature_value(ROOTS[2].keyid, bytes(64)))
    return encode_json(value)


def _with_a_bad_old_signature() -> bytes:
    value = json.loads(rotated())
    value["signatures"].append(world.signature_value(ROOTS[0].keyid, bytes(64)))
    return encode_json(value)


def _changed() -> bytes:
    value = sign(TRUST_TYPE, SECOND, ROOTS[:2])
    text = encode_json(SECOND).replace(b"2090", b"2091", 1)
    return encode_json({**value, "payload": encode_base64(text)})


def _expiring(when: str) -> Step:
    # Whether a verifier asks at once or at the verdict is its own business.
    return init(trust(trust_value(expires=when)), expect=EITHER)


def _window(not_before: str | None, not_after: str | None) -> Step:
    return init(
        trust(
            trust_value(
                roles={
                    "release": role_value(*RELEASERS, not_before=not_before, not_after=not_after)
                }
            )
        )
    )


def _handover() -> bytes:
    roles = {
        "old": role_value(A, B, not_after=UNTIL),
        "new": role_value(C, D, not_before=UNTIL),
    }
    return trust(trust_value(keys=(A, B, C, D), roles=roles))


# ---- The next one ----------------------------------------------------------------------------------

FAMILY = "root update"
attack_update(
    "next-is-the-same", FAMILY, "R06 root_rollback; TUF 5.3.5", "version 1 again", trust, quick=True
)
attack_update(
    "next-skips-one",
    FAMILY,
    "R06 url_and_metadata_version_mismatch; TUF 5.3.5",
    "version 3 before version 2",
    lambda: trust(trust_value(3)),
    quick=True,
)
attack_update(
    "next-is-far-ahead",
    FAMILY,
    "TUF-5; R06 root_fast_forward",
    "version 2^53 - 1",
    lambda: trust(trust_value(2**53 - 1)),
)
attack_update(
    "next-unsigned",
    FAMILY,
    "R06 unsigned_metadata",
    "no signatures",
    quick=True,
    make=lambda: encode_json({**sign(TRUST_TYPE, SECOND, ROOTS[:2]), "signatures": []}),
)
attack_update(
    "next-signed-by-too-few",
    FAMILY,
    "R06 root_does_not_meet_threshold",
    "one root key of two",
    lambda: trust(SECOND, ROOTS[:1]),
    quick=True,
)
attack_update(
    "next-signed-twice-by-one",
    FAMILY,
    "R06 duplicate_sig_keyids; P07",
    "one root key twice",
    lambda: trust(SECOND, (ROOTS[0], ROOTS[0])),
    quick=True,
)
attack_update(
    "next-signed-by-strangers",
    FAMILY,
    "R07 wrong key",
    "strangers sign our roles",
    lambda: trust(SECOND, STRANGERS),
)
attack_update(
    "next-signed-by-release-keys",
    FAMILY,
    "TUF-9",
    "release keys sign for the root",
    lambda: trust(SECOND, RELEASERS),
)
attack_update(
    "next-by-new-roots-only",
    FAMILY,
    "R06 root_rotation; TUF 5.3.4",
    "strangers make themselves the root role, and sign as that",
    quick=True,
    make=lambda: trust(trust_value(2, root=NEW_ROOTS), NEW_ROOTS),
)
attack_update(
    "next-by-old-roots-only",
    FAMILY,
    "R06 root_rotation; TUF 5.3.4",
    "new root keys that did not sign: nobody knows that they exist",
    quick=True,
    make=lambda: trust(trust_value(2, root=NEW_ROOTS), ROOTS[:2]),
)
attack_update(
    "next-by-too-few-of-the-old",
    FAMILY,
    "R06 root_rotation",
    "one of the old ones, and all of the new ones",
    lambda: trust(trust_value(2, root=NEW_ROOTS), (ROOTS[0], *NEW_ROOTS)),
)
attack_update(
    "next-by-too-few-of-the-new",
    FAMILY,
    "R06 root_rotation",
    "enough of the old ones, and one of the new ones",
    lambda: trust(trust_value(2, root=NEW_ROOTS), (*ROOTS[:2], NEW_ROOTS[0])),
)
attack_update(
    "next-lowers-its-own-threshold",
    FAMILY,
    "P08",
    "threshold 1 in version 2, signed by one key",
    lambda: trust(trust_value(2, threshold=1), ROOTS[:1]),
    quick=True,
)
attack_update(
    "next-with-threshold-0",
    FAMILY,
    "P08",
    "a release role that takes no key",
    lambda: trust(trust_value(2, roles={"release": role_value(*RELEASERS, threshold=0)})),
)
attack_update(
    "next-with-a-bad-signature",
    FAMILY,
    "R07 signature mismatch",
    "a root key that counts did not sign this, though two others did",
    quick=True,
    make=_with_a_bad_signature,
)
attack_update(
    "next-with-a-bad-signature-of-the-old",
    FAMILY,
    "R07 signature mismatch",
    "a key that counts in the old root role alone did not sign this, though enough others did",
    _with_a_bad_old_signature,
)
attack_update(
    "next-of-another-organisation",
    FAMILY,
    "R07 wrong instance; F27",
    "version 2 of a trust root that was never ours",
    lambda: trust(trust_value(2, root=STRANGERS), STRANGERS),
)
attack_update(
    "next-changed",
    FAMILY,
    "P01",
    "one digit of the payload changed",
    quick=True,
    make=_changed,
)
attack_update("next-cut-short", FAMILY, "P23; F23", "half of it", lambda: trust(SECOND)[:700])
attack_update(
    "next-with-a-tail",
    FAMILY,
    "F25",
    "version 2 and another document",
    lambda: trust(SECOND) + b"{}",
)
attack_update(
    "next-is-a-statement",
    FAMILY,
    "R06 incorrect_metadata_type",
    "an authentic statement",
    statement,
)
attack_update("next-missing", FAMILY, "P18", "there is none", Missing)
attack_update("next-endless", FAMILY, "P02", "a gibibyte", lambda: Sparse(1 << 30), seconds=2)
attack_update(
    "next-with-many-signatures",
    FAMILY,
    "P11",
    "100,000 signatures",
    seconds=1,
    make=lambda: encode_json(
        {
            **sign(TRUST_TYPE, SECOND, ROOTS[:2]),
            "signatures": [world.signature_value("ab" * 32, bytes(64))] * 100_000,
        }
    ),
)


FAMILY = "revocation"
WITHOUT_A = trust_value(2, keys=(B, C), roles={"release": role_value(B, C)})
enter(
    "revoked-key",
    FAMILY,
    "TUF-9; P27; F34",
    "what a revoked key signed stops verifying, for ever",
    init,
    verify,
    lambda: update(trust(WITHOUT_A)),
    refused,
    lambda: verify(statement(signers=(A, B, C))),
    needs={"update"},
    quick=True,
)
enter(
    "revocation-rolled-back",
    FAMILY,
    "R06 root_rollback; TUF-2; F36",
    "the version before the revocation is offered again",
    init,
    lambda: update(trust(WITHOUT_A)),
    lambda: update(trust(), expect="refuse"),
    refused,
    needs={"update"},
    quick=True,
)
enter(
    "revocation-provisioned-over",
    FAMILY,
    "R06 root_rollback",
    "the first trust root is given again, as a first one",
    init,
    lambda: update(trust(WITHOUT_A)),
    lambda: init(expect="refuse"),
    refused,
    needs={"update"},
    quick=True,
)
enter(
    "revoked-root-key",
    FAMILY,
    "R06 root_rotation; P27",
    "a root key that was replaced signs version 3",
    init,
    lambda: update(rotated()),
    lambda: update(
        trust(trust_value(3, root=(*ROOTS[1:], NEW_ROOTS[0])), ROOTS[:2]), expect="refuse"
    ),
    lambda: update(rotated(3)),
    lambda: verify(statement(signers=(B, C))),
    needs={"update"},
)
enter(
    "fork",
    FAMILY,
    "TUF-7",
    "two authentic versions 2: the second is no successor of the first",
    init,
    lambda: update(rotated()),
    lambda: update(trust(SECOND), expect="refuse"),
    lambda: refused(statement(signers=(A, B))),
    needs={"update"},
)
enter(
    "narrowed-scope",
    FAMILY,
    "P09",
    "a role that may not sign for this target any more",
    init,
    verify,
    lambda: update(
        trust(trust_value(2, roles={"release": role_value(*RELEASERS, targets=["aarch64-none"])}))
    ),
    refused,
    lambda: verify(statement(target="aarch64-none")),
    needs={"update"},
)


# ---- When ------------------------------------------------------------------------------------------

FAMILY = "freeze"
SOON = "2026-06-01T12:00:01Z"


enter(
    "trust-root-expired",
    FAMILY,
    "TUF-3; R06 root_expired; P27; P04",
    "a trust root that ended in February",
    lambda: _expiring("2026-02-01T00:00:00Z"),
    refused,
    quick=True,
)
enter(
    "trust-root-expires-this-second",
    FAMILY,
    "R06 root_expired; R07 outside key validity",
    "valid to the second before `expires`, not at it",
    lambda: init(trust(trust_value(expires="2089-06-01T00:00:00Z"))),
    lambda: verify(now="2089-05-31T23:59:59Z"),
    lambda: refused(now="2089-06-01T00:00:00Z"),
    quick=True,
)
enter(
    "last-of-a-chain-expired",
    FAMILY,
    "R06 root_expired; TUF 5.3.10",
    "a chain may pass through an expired version, and may not end in one",
    init,
    lambda: update(trust(trust_value(2, expires="2026-02-01T00:00:00Z"))),
    refused,
    needs={"update"},
)


FAMILY = "validity window"


enter(
    "window-begins",
    FAMILY,
    "R07 outside key validity; P26",
    "not_before is inclusive",
    lambda: _window(FROM, UNTIL),
    lambda: refused(now="2026-02-28T23:59:59Z"),
    lambda: verify(now=FROM),
    needs={"roles"},
    quick=True,
)
enter(
    "window-ends",
    FAMILY,
    "R07 validity end; P26",
    "not_after is exclusive",
    lambda: _window(FROM, UNTIL),
    lambda: verify(now="2089-02-28T23:59:59Z"),
    lambda: refused(now=UNTIL),
    quick=True,
)
enter(
    "window-open-at-both-ends",
    "honest",
    "R07 outside key validity",
    "no bounds",
    lambda: _window(None, None),
    lambda: verify(now="1970-01-01T00:00:00Z"),
)
enter(
    "window-of-one-role-of-two",
    FAMILY,
    "R07 outside key validity; P26",
    "one role has ended, and the keys of the other do not help it",
    lambda: init(_handover()),
    lambda: verify(statement(signers=(A, B)), now=NOW),
    lambda: refused(statement(signers=(C, D)), now=NOW),
    lambda: verify(statement(signers=(C, D)), now=UNTIL),
    lambda: refused(statement(signers=(A, B)), now=UNTIL),
    lambda: refused(statement(signers=(B, C)), now=UNTIL),
    needs={"roles"},
)
