"""Attacks on what a device remembers: the floor, the newest signed time, the state itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import sha256

from signkit.verify.encoding import encode_json
from tests.conformance.case import EITHER, Step
from tests.conformance.harness import TAMPERINGS
from tests.conformance.steps import enter, init, refused, tamper, update, verify
from tests.conformance.world import (
    CONTENT,
    NEW_ROOTS,
    OTHER_CONTENT,
    RELEASERS,
    ROOTS,
    STRANGERS,
    A,
    Key,
    role_value,
    sign,
    statement,
    trust,
    trust_value,
)

EPOCH = "1970-01-01T00:00:00Z"
NEWEST = 2**53 - 1
STATE = frozenset({"state"})
PERMIT_TYPE = "application/vnd.signkit.permit.v1+json"

FAMILY = "rollback"
enter(
    "older-release",
    FAMILY,
    "TUF-2; R06 *_rollback; P06",
    "a release older than what was accepted",
    init,
    verify,
    lambda: refused(statement(sequence=9)),
    verify,
    needs=STATE,
    quick=True,
)
enter(
    "old-release-after-a-new-one",
    FAMILY,
    "TUF-2; R06 *_rollback; P06",
    "what was accepted yesterday, after today's",
    init,
    verify,
    lambda: verify(statement(sequence=11)),
    refused,
    lambda: verify(statement(sequence=11)),
    needs=STATE,
    quick=True,
)
enter(
    "older-content-of-the-same-artifact",
    FAMILY,
    "TUF-2; F79",
    "an old release, content and all",
    init,
    lambda: verify(statement(sequence=11)),
    lambda: refused(statement(OTHER_CONTENT, sequence=10), content=OTHER_CONTENT),
    needs=STATE,
)
enter(
    "floors-stand-alone",
    FAMILY,
    "TUF-2",
    "a floor is one artifact's and target's, no other's",
    init,
    lambda: verify(statement(sequence=100)),
    lambda: verify(statement(sequence=1, artifact="ML-Other")),
    lambda: verify(statement(sequence=2, target="aarch64-none")),
    lambda: refused(statement(sequence=1, target="aarch64-none")),
    refused,
    needs=STATE,
)
enter(
    "floor-survives-a-root-update",
    FAMILY,
    "TUF-2; R06 *_rollback",
    "a new trust root does not open the door to old releases",
    init,
    lambda: verify(statement(sequence=11)),
    lambda: update(trust(trust_value(2))),
    refused,
    lambda: verify(statement(sequence=11)),
    needs={"state", "update"},
    quick=True,
)
enter(
    "floor-survives-new-release-keys",
    FAMILY,
    "TUF-2",
    "nor do other keys for the same artifact and target",
    init,
    lambda: verify(statement(sequence=11)),
    lambda: update(
        trust(trust_value(2, keys=NEW_ROOTS, roles={"release": role_value(*NEW_ROOTS)}))
    ),
    lambda: refused(statement(signers=NEW_ROOTS)),
    needs={"state", "update"},
)

FAMILY = "fast forward"
for name, step in {
    "content": lambda: refused(statement(sequence=NEWEST), content=OTHER_CONTENT),
    "signatures": lambda: refused(statement(sequence=NEWEST, signers=STRANGERS)),
    "too-few-keys": lambda: refused(statement(sequence=NEWEST, signers=(A,))),
    "another-artifact": lambda: refused(statement(sequence=NEWEST), artifact="ML-Other"),
    "an-expired-one": lambda: refused(statement(sequence=NEWEST, expires="2026-02-01T00:00:00Z")),
}.items():
    enter(
        f"no-floor-from-{name}",
        FAMILY,
        "TUF-5",
        "what was refused raises no floor",
        init,
        step,
        verify,
        needs=STATE,
        quick=name == "content",
    )
enter(
    "no-version-from-a-refused-root",
    FAMILY,
    "TUF-5; R06 root_fast_forward",
    "a refused trust root of version 2^53 - 1 leaves no trace",
    init,
    lambda: update(trust(trust_value(NEWEST), STRANGERS), expect="refuse"),
    lambda: update(trust(trust_value(2))),
    verify,
    needs={"update"},
)
enter(
    "no-time-from-a-refused-release",
    FAMILY,
    "TUF-5; UP-4",
    "what was refused does not move the newest time, which would expire everything",
    init,
    lambda: refused(statement(issued="2089-12-31T00:00:00Z", signers=(A,)), now=None),
    lambda: verify(statement(expires="2027-01-01T00:00:00Z"), now=None),
    needs=STATE,
)


enter(
    "no-time-ahead-of-the-clock",
    FAMILY,
    "TUF-5; UP-4",
    "one release dated ahead by its requester does not make everything else expire",
    lambda: init(trust(trust_value(expires="2080-01-01T00:00:00Z"))),
    lambda: verify(statement(issued="2089-12-31T00:00:00Z", target="aarch64-none"), expect=EITHER),
    lambda: verify(statement(expires="2027-01-01T00:00:00Z")),
    needs=STATE,
)


def permit(*signers: Key, content: bytes = CONTENT, **changes: object) -> bytes:
    """A permit for one older release."""
    value = {
        "artifact": "ML-Model",
        "target": "aarch64-unknown-linux",
        "sequence": 10,
        "digest": {"sha256": sha256(content).hexdigest()},
        "issued": "2026-05-01T00:00:00Z",
        "expires": "2026-07-01T00:00:00Z",
        **changes,
    }
    return encode_json(sign(PERMIT_TYPE, value, signers or RELEASERS[:2]))


def _refused_with(make: Callable[[], bytes]) -> Step:
    return refused(permit=make())


FAMILY = "downgrade permit"
PERMIT = frozenset({"state", "permit"})
enter(
    "fast-forward-recovery",
    FAMILY,
    "R06 *_fast_forward_recovery; TUF-5; P06",
    "after a release of the highest sequence, an older one comes with a signed permit",
    init,
    lambda: verify(statement(sequence=NEWEST)),
    refused,
    lambda: verify(permit=permit()),
    needs=PERMIT,
    quick=True,
)
enter(
    "permit-lowers-nothing",
    FAMILY,
    "P06",
    "the floor stays where it was, so that the permit is needed each time",
    init,
    lambda: verify(statement(sequence=11)),
    lambda: verify(permit=permit()),
    refused,
    lambda: refused(statement(sequence=9)),
    lambda: verify(permit=permit()),
    needs=PERMIT,
)
for name, make in {
    "by-too-few": lambda: permit(A),
    "by-strangers": lambda: permit(*STRANGERS),
    "by-root-keys": lambda: permit(*ROOTS),
    "of-another-content": lambda: permit(content=OTHER_CONTENT),
    "of-another-sequence": lambda: permit(sequence=9),
    "of-another-target": lambda: permit(target="aarch64-none"),
    "of-another-artifact": lambda: permit(artifact="ML-Other"),
    "expired": lambda: permit(expires="2026-06-01T12:00:00Z"),
    "that-never-expires": lambda: permit(expires=None),
    "with-an-unknown-field": lambda: permit(any="yes"),
    "that-is-a-statement": statement,
    "that-is-empty": lambda: b"",
}.items():
    enter(
        f"permit-{name}",
        FAMILY,
        "P06",
        "the flag alone opens nothing",
        init,
        lambda: verify(statement(sequence=11)),
        partial(_refused_with, make),
        lambda: verify(permit=permit()),
        needs=PERMIT,
    )

FAMILY = "freeze"
enter(
    "clock-set-back",
    FAMILY,
    "TUF-3; P04; F31",
    "a clock at 1970 does not make an expired release valid again",
    init,
    lambda: verify(statement(issued="2026-05-01T00:00:00Z")),
    lambda: refused(statement(target="aarch64-none", expires="2026-04-01T00:00:00Z"), now=EPOCH),
    lambda: verify(now=EPOCH),
    needs=STATE,
    quick=True,
)
enter(
    "clock-that-never-ran",
    FAMILY,
    "TUF-3; P04; F31",
    "a clock that stands at 1970 is as good as none: the newest signed time is still learnt",
    init,
    lambda: verify(statement(issued="2026-05-01T00:00:00Z"), now=EPOCH),
    lambda: refused(statement(target="aarch64-none", expires="2026-04-01T00:00:00Z"), now=EPOCH),
    needs=STATE,
)
enter(
    "no-clock-after-a-newer-release",
    FAMILY,
    "TUF-3; P04",
    "without a clock the newest signed time decides",
    init,
    lambda: verify(statement(target="aarch64-none", expires="2026-04-01T00:00:00Z"), now=None),
    lambda: verify(statement(issued="2026-05-01T00:00:00Z"), now=None),
    lambda: refused(statement(target="aarch64-none", expires="2026-04-01T00:00:00Z"), now=None),
    needs=STATE,
    quick=True,
)
enter(
    "the-trust-root-is-a-signed-time",
    FAMILY,
    "TUF-3; P04",
    "a release that ended before the trust root was made",
    init,
    lambda: refused(
        statement(issued="2025-01-01T00:00:00Z", expires="2026-01-01T00:00:00Z"), now=EPOCH
    ),
    lambda: verify(now=EPOCH),
    needs=STATE,
)
enter(
    "root-expired-and-clock-set-back",
    FAMILY,
    "TUF-3; P04; P27",
    "an expired trust root, with the clock at 1970",
    lambda: init(trust(trust_value(expires="2026-04-01T00:00:00Z")), expect=EITHER),
    # Whether its own time of issue already counts for the statement is the verifier's business.
    lambda: verify(statement(issued="2026-05-01T00:00:00Z"), now=None, expect=EITHER),
    lambda: refused(statement(issued="2026-05-01T00:00:00Z"), now=EPOCH),
    needs=STATE,
)

FAMILY = "state"
for how in TAMPERINGS:
    enter(
        f"state-{how}",
        FAMILY,
        "P60; F08, F36, F77, F78",
        "what cannot be believed is not taken for empty",
        init,
        verify,
        tamper(how),
        refused,
        needs=STATE,
        quick=how in {"remove", "cut"},
    )
    enter(
        f"state-{how}-then-update",
        FAMILY,
        "P60; F36, F77",
        "nor is anything built on it",
        init,
        tamper(how),
        lambda: update(trust(trust_value(2)), expect="refuse"),
        refused,
        needs={"state", "update"},
    )
enter(
    "provisioned-twice",
    FAMILY,
    "P60",
    "a device is provisioned once",
    init,
    verify,
    lambda: init(trust(trust_value(root=STRANGERS), STRANGERS), expect="refuse"),
    verify,
    needs=STATE,
    quick=True,
)
enter(
    "provisioned-after-a-refused-root",
    FAMILY,
    "P20",
    "a refused first trust root is no trust root",
    lambda: init(trust(signers=STRANGERS), expect="refuse"),
    refused,
    init,
    verify,
    quick=True,
)
