"""Attacks with a statement: forged, replayed, for something else, too old, over other content."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from signkit.verify.encoding import encode_json
from signkit.verify.envelope import pre_authentication_encoding
from tests.conformance import world
from tests.conformance.case import Folder, Missing, Pipe, Sparse, Step
from tests.conformance.cases_honest import two_roles
from tests.conformance.steps import (
    attack_statement,
    enter,
    init,
    refused,
    verify,
)
from tests.conformance.world import (
    CONTENT,
    NOW,
    OTHER_CONTENT,
    RELEASERS,
    ROOTS,
    STATEMENT_TYPE,
    STRANGERS,
    A,
    B,
    D,
    E,
    Key,
    role_value,
    sign,
    signature_value,
    statement,
    statement_value,
    trust,
    trust_value,
)

HONEST = json.loads(statement())
PAYLOAD = statement_value()
MESSAGE = pre_authentication_encoding(STATEMENT_TYPE, encode_json(PAYLOAD))
TOO_MANY = 100_000


def envelope(**changes: Any) -> bytes:
    """The honest envelope with a field changed, or taken out where it is ...."""
    value = {**HONEST, **changes}
    return encode_json({name: field for name, field in value.items() if field is not ...})


def signed_by(*signatures: dict[str, Any]) -> bytes:
    """The honest payload under other signatures."""
    return envelope(signatures=list(signatures))


def by(key: Key, message: bytes = MESSAGE) -> dict[str, Any]:
    """A signature as it should be."""
    return signature_value(key.keyid, key.sign(message))


def payload(value: object, signers: tuple[Key, ...] = (A, B)) -> bytes:
    """Any payload, authentic."""
    return encode_json(sign(STATEMENT_TYPE, value, signers))


def with_field(path: str, change: object) -> dict[str, Any]:
    """The honest payload with the field at a dotted path set, or taken out where change is ...."""
    value = json.loads(json.dumps(PAYLOAD))
    *parents, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    place: Any = value
    for part in parents:
        place = place[part]
    if change is ...:
        del place[last]
    else:
        place[last] = change
    return value


def _sized(size: int) -> bytes:
    return signed_by(by(A), signature_value(B.keyid, (B.sign(MESSAGE) * 2)[:size]))


def _scoped(glob: str) -> Step:
    role = role_value(*RELEASERS, artifacts=[glob, "else"])
    return init(trust(trust_value(roles={"release": role})))


def _refused_for(artifact: str) -> Step:
    return refused(statement(artifact=artifact))


# ---- Arbitrary installation: who signed ----------------------------------------------------------

FAMILY = "arbitrary installation"
attack_statement(
    "signed-by-strangers",
    FAMILY,
    "TUF-1; R07 wrong key",
    "three keys that nobody trusts",
    lambda: statement(signers=STRANGERS),
    quick=True,
)
attack_statement(
    "signed-by-root-keys",
    FAMILY,
    "TUF-1; R07 wrong material",
    "root keys change the trust root and release nothing",
    lambda: statement(signers=ROOTS),
    quick=True,
)
attack_statement(
    "signed-by-strangers-under-our-keyids",
    FAMILY,
    "TUF-1; R07 bad key hint",
    "signatures by strangers that say they are ours",
    lambda: signed_by(
        signature_value(A.keyid, STRANGERS[0].sign(MESSAGE)),
        signature_value(B.keyid, STRANGERS[1].sign(MESSAGE)),
    ),
    quick=True,
)
attack_statement(
    "keyids-swapped",
    FAMILY,
    "R07 bad key hint",
    "each signature under the other's keyid",
    lambda: signed_by(
        signature_value(A.keyid, B.sign(MESSAGE)), signature_value(B.keyid, A.sign(MESSAGE))
    ),
)
attack_statement(
    "one-bad-signature-beside-enough",
    FAMILY,
    "R07 signature mismatch",
    "a key that counts did not sign this, though two others did",
    lambda: signed_by(by(A), by(B), signature_value(world.C.keyid, bytes(64))),
)
attack_statement(
    "signature-of-zeros",
    FAMILY,
    "P46",
    "64 zero bytes for signatures",
    lambda: signed_by(*(signature_value(key.keyid, bytes(64)) for key in (A, B))),
    quick=True,
)
attack_statement(
    "unsigned",
    FAMILY,
    "R06 unsigned_metadata; P46",
    "no signatures",
    lambda: envelope(signatures=[]),
    quick=True,
)
attack_statement(
    "signatures-missing",
    FAMILY,
    "R06 unsigned_metadata; P46",
    "no member `signatures`",
    lambda: envelope(signatures=...),
)
attack_statement(
    "bare-payload",
    FAMILY,
    "R06 unsigned_metadata; P46",
    "the payload without an envelope",
    lambda: encode_json(PAYLOAD),
    quick=True,
)
attack_statement(
    "other-message-signed",
    FAMILY,
    "P34; F70",
    "the payload's bytes are signed, without the type",
    lambda: signed_by(*(by(key, encode_json(PAYLOAD)) for key in (A, B))),
    quick=True,
)
attack_statement(
    "blind-signature-as-statement",
    FAMILY,
    "P34; F70",
    "signatures over the digest's hex, as the registry takes them",
    lambda: signed_by(
        *(by(key, PAYLOAD["subject"][0]["digest"]["sha256"].encode()) for key in (A, B))
    ),
)


# ---- Thresholds -----------------------------------------------------------------------------------

FAMILY = "threshold"
attack_statement(
    "too-few-keys",
    FAMILY,
    "R06 *_does_not_meet_threshold; P07",
    "one key of two",
    lambda: statement(signers=(A,)),
    quick=True,
)
attack_statement(
    "too-few-keys-and-strangers",
    FAMILY,
    "P07",
    "one key of two, and three strangers",
    lambda: statement(signers=(A, *STRANGERS)),
    quick=True,
)
attack_statement(
    "one-key-twice",
    FAMILY,
    "R06 duplicate_sig_keyids; P07",
    "the same signature twice",
    lambda: signed_by(by(A), by(A)),
    quick=True,
)
attack_statement(
    "one-key-twice-beside-enough",
    FAMILY,
    "R06 duplicate_sig_keyids",
    "a keyid twice, where two keys signed",
    lambda: signed_by(by(A), by(A), by(B)),
)
attack_statement(
    "one-key-in-two-cases",
    FAMILY,
    "P07",
    "one keyid in lower and in upper case",
    lambda: signed_by(by(A), {**by(A), "keyid": A.keyid.upper()}),
    quick=True,
)
attack_statement(
    "one-key-and-its-malleable-copy",
    FAMILY,
    "P07; E06",
    "a signature and its copy with S + L",
    lambda: signed_by(by(A), signature_value(A.keyid, world.malleable(A.sign(MESSAGE)))),
)
attack_statement(
    "one-key-under-the-keyid-of-another",
    FAMILY,
    "P07",
    "one signature under two keyids that count",
    lambda: signed_by(by(A), signature_value(B.keyid, A.sign(MESSAGE))),
    quick=True,
)
enter(
    "keys-of-two-roles-added-up",
    FAMILY,
    "P07",
    "one key of each of two roles, both of which take two",
    lambda: init(two_roles()),
    lambda: refused(statement(signers=(A, D))),
    lambda: refused(statement(signers=(A, D), artifact="FW-1")),
    verify,
    needs={"roles"},
    quick=True,
)


# ---- Ed25519 ---------------------------------------------------------------------------------------

FAMILY = "ed25519"
attack_statement(
    "s-plus-l",
    FAMILY,
    "E06",
    "a malleable signature: S + L",
    quick=True,
    make=lambda: signed_by(by(A), signature_value(B.keyid, world.malleable(B.sign(MESSAGE)))),
)
attack_statement(
    "r-of-small-order",
    FAMILY,
    "E01",
    "R is the identity, and the equation holds",
    quick=True,
    make=lambda: signed_by(
        by(A),
        signature_value(
            B.keyid, world.small_order_signature(B, MESSAGE, point=b"\x01" + bytes(31))
        ),
    ),
)
attack_statement(
    "r-in-a-second-spelling",
    FAMILY,
    "E01",
    "R is the identity with y = p + 1",
    make=lambda: signed_by(
        by(A),
        signature_value(
            B.keyid, world.small_order_signature(B, MESSAGE, point=b"\xee" + b"\xff" * 30 + b"\x7f")
        ),
    ),
)
for size in (0, 63, 65, 128):
    attack_statement(
        f"signature-of-{size}-bytes",
        FAMILY,
        "R07 invalid base64; P48",
        "a signature is 64 bytes",
        quick=size == 63,
        make=partial(_sized, size),
    )


# ---- For something else ----------------------------------------------------------------------------

FAMILY = "wrong software"
attack_statement(
    "another-artifact",
    FAMILY,
    "TUF-8; P09",
    "an authentic release of another artifact",
    lambda: statement(artifact="ML-Other"),
    artifact="ML-Model",
    quick=True,
)
attack_statement(
    "another-target",
    FAMILY,
    "TUF-8; P09",
    "an authentic release for another target",
    lambda: statement(target="aarch64-none"),
    target="aarch64-unknown-linux",
    quick=True,
)
attack_statement(
    "artifact-outside-the-scope",
    FAMILY,
    "P09",
    "keys of another product line",
    lambda: statement(artifact="Firmware"),
    quick=True,
)
attack_statement(
    "target-outside-the-scope",
    FAMILY,
    "P09",
    "keys of another architecture",
    lambda: statement(target="x86_64-linux"),
    quick=True,
)
for name, artifact in {
    "scope-matches-the-whole-text": "xML-Model",
    "scope-is-case-sensitive": "ml-Model",
    "scope-does-not-fold": "\uff2d\uff2c-Model",
    "scope-does-not-trim": " ML-Model",
}.items():
    attack_statement(
        name,
        FAMILY,
        "P38",
        f"the artifact {artifact!a} under the glob 'ML-*'",
        partial(statement, artifact=artifact),
    )
for name, asked in {
    "asked-in-another-case": "ml-model",
    "asked-for-a-prefix": "ML-Mod",
    "asked-with-a-glob": "ML-*",
}.items():
    attack_statement(
        name, FAMILY, "P09, P38", f"the device asks for {asked!r}", statement, artifact=asked
    )
GLOBS = {
    "glob-brackets-are-plain": ("ML-[A-Z]*", "ML-Model"),
    "glob-question-mark-is-plain": ("ML-?odel", "ML-Model"),
    "glob-backslash-is-plain": ("ML\\-*", "ML-Model"),
    "glob-is-no-regex": ("ML.Mod.*", "ML-Model"),
    "glob-pieces-do-not-overlap": ("ML-aba*aba", "ML-aba"),
}
for name, (glob, artifact) in GLOBS.items():
    enter(
        name,
        FAMILY,
        "P38",
        f"the glob {glob!r} does not match {artifact!r}",
        partial(_scoped, glob),
        partial(_refused_for, artifact),
        lambda: verify(statement(artifact="else")),
    )
enter(
    "the-other-roles-keys",
    FAMILY,
    "P09",
    "firmware signed by the keys for models",
    lambda: init(two_roles()),
    lambda: refused(statement(artifact="FW-1")),
    lambda: verify(statement(artifact="FW-1", signers=(D, E))),
    needs={"roles"},
    quick=True,
)
attack_statement(
    "another-organisation",
    FAMILY,
    "R07 wrong instance; F27",
    "a release of another organisation, with keys of the same names",
    lambda: statement(signers=(Key("acme/release-a"), Key("acme/release-b"))),
)


# ---- Mix and match, content ------------------------------------------------------------------------

FAMILY = "mix and match"
attack_statement(
    "content-of-another-release",
    FAMILY,
    "TUF-7; P05; F79",
    "the content of release B, of the same size, with the statement of release A",
    statement,
    content=OTHER_CONTENT,
    quick=True,
)
attack_statement(
    "statement-of-another-release",
    FAMILY,
    "TUF-7; P05",
    "the statement of release B with the content of release A",
    lambda: statement(OTHER_CONTENT, sequence=11),
    quick=True,
)
attack_statement(
    "payload-of-another-release",
    FAMILY,
    "P05; R07 envelope mismatch",
    "the payload of release B under the signatures of release A",
    lambda: envelope(payload=json.loads(statement(OTHER_CONTENT))["payload"]),
    quick=True,
)
attack_statement(
    "signatures-of-two-releases",
    FAMILY,
    "P05",
    "one signature of each release",
    lambda: signed_by(by(A), json.loads(statement(sequence=11))["signatures"][1]),
)

FAMILY = "content"
for name, content in {
    "content-with-one-bit-flipped": bytes([CONTENT[0] ^ 1]) + CONTENT[1:],
    "content-cut-short": CONTENT[:-1],
    "content-with-a-tail": CONTENT + b"\0",
    "content-empty": b"",
    "content-doubled": CONTENT * 2,
}.items():
    attack_statement(
        name,
        FAMILY,
        "P01; R06 *_hash_mismatch; R07 digest mismatch",
        "not the bytes that were signed",
        statement,
        content=content,
        quick=True,
    )
attack_statement(
    "content-missing",
    FAMILY,
    "F77",
    "there is no content",
    statement,
    content=Missing(),
    quick=True,
)
attack_statement(
    "content-is-a-folder", FAMILY, "F73", "a folder in its place", statement, content=Folder()
)
attack_statement(
    "content-is-a-pipe",
    FAMILY,
    "F73; TUF-10",
    "a pipe that nobody writes to",
    statement,
    content=Pipe(),
    seconds=5,
)
attack_statement(
    "digest-of-other-content",
    FAMILY,
    "R06 *_hash_mismatch",
    "size right, digest wrong",
    lambda: payload(with_field("subject.0.digest.sha256", "ab" * 32)),
)
attack_statement(
    "size-of-other-content",
    FAMILY,
    "R06 *_hash_mismatch",
    "digest right, size wrong",
    lambda: statement(size=len(CONTENT) + 1),
    quick=True,
)

FAMILY = "endless data"
attack_statement(
    "endless-content",
    FAMILY,
    "TUF-4; P02",
    "a tebibyte where some bytes were signed: refused at the first one too many",
    statement,
    content=Sparse(1 << 40),
    seconds=2,
    quick=True,
)
attack_statement(
    "endless-statement",
    FAMILY,
    "TUF-4; P02",
    "a statement of a gibibyte",
    lambda: Sparse(1 << 30),
    seconds=2,
    quick=True,
)
attack_statement(
    "many-signatures",
    FAMILY,
    "P11",
    f"{TOO_MANY} signatures",
    lambda: signed_by(*[signature_value("ab" * 32, bytes(64))] * TOO_MANY),
    seconds=1,
)
attack_statement(
    "signatures-one-past-the-limit",
    FAMILY,
    "P11",
    "65 signatures, two of them good",
    lambda: statement(signers=(A, B, *(Key(f"x-{n}") for n in range(63)))),
    quick=True,
)
attack_statement(
    "statement-one-past-the-limit",
    FAMILY,
    "P11",
    "1 MiB and one byte",
    lambda: statement() + b" " * ((1 << 20) + 1 - len(statement())),
)
attack_statement(
    "nested-deeply",
    FAMILY,
    "P15; K08",
    "100,000 opening brackets",
    lambda: b"[" * 100_000,
    seconds=1,
)


# ---- Expiry ----------------------------------------------------------------------------------------

FAMILY = "freeze"
SOON = "2026-06-01T12:00:01Z"
enter(
    "statement-expires-this-second",
    FAMILY,
    "TUF-3; R06 *_expired; P04",
    "valid to the second before `expires`, not at it",
    init,
    lambda: verify(statement(expires=SOON)),
    lambda: refused(statement(expires=NOW)),
    quick=True,
)
attack_statement(
    "statement-expired-long-ago",
    FAMILY,
    "TUF-3; R06 *_expired; P04",
    "a release that ended in February",
    quick=True,
    make=lambda: statement(expires="2026-02-01T00:00:00Z"),
)
enter(
    "a-year-of-four-digits",
    FAMILY,
    "F31",
    "the last second that a time can say",
    init,
    lambda: refused(now="9999-12-31T23:59:59Z"),
    lambda: verify(statement(expires=None, sequence=11), now="2089-12-31T23:59:59Z"),
)
enter(
    "after-2038",
    FAMILY,
    "F31",
    "a clock past 32 bits of seconds",
    init,
    lambda: verify(now="2038-01-19T03:14:08Z"),
    lambda: refused(statement(expires="2038-01-19T03:14:08Z"), now="2038-01-19T03:14:08Z"),
)
attack_statement(
    "expires-before-issued",
    FAMILY,
    "R07 outside key validity",
    "a statement that ended before it began",
    lambda: statement(expires="2026-01-31T12:00:00Z"),
    now=None,
)
