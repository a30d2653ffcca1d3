"""What every verifier must accept. A verifier that refuses everything ends here."""

from __future__ import annotations

import json
from collections.abc import Iterator

from signkit.verify.encoding import encode_json
from tests.conformance import world
from tests.conformance.case import Step
from tests.conformance.steps import enter, init, refused, update, verify
from tests.conformance.world import (
    NEW_ROOTS,
    OTHERS,
    RELEASERS,
    ROOTS,
    A,
    B,
    C,
    D,
    E,
    role_value,
    statement,
    trust,
    trust_value,
)

FAMILY = "honest"


def two_roles() -> bytes:
    """A trust root with a role for models and one for firmware."""
    firmware = role_value(D, E, artifacts=["FW-*", "boot"], targets=["*"])
    return trust(
        trust_value(
            keys=(*RELEASERS, *OTHERS),
            roles={"release": role_value(*RELEASERS), "firmware": firmware},
        )
    )


def rotated(version: int = 2) -> bytes:
    """The next version: root-1 replaced, release-a out and firmware-d in."""
    value = trust_value(
        version,
        root=(*ROOTS[1:], NEW_ROOTS[0]),
        keys=(B, C, D),
        roles={"release": role_value(B, C, D)},
    )
    return trust(value, ROOTS[1:])


def _spelled_otherwise() -> bytes:
    return json.dumps(json.loads(statement()), indent=2, sort_keys=True).encode() + b"\n"


def _signatures(signers: tuple[world.Key, ...]) -> bytes:
    return statement(signers=signers)


def _renamed() -> Step:
    step = verify()
    (_, content), second = step.files
    return Step(
        command=step.command,
        files=(("renamed on the device.bin", content), second),
        options=step.options,
    )


def _chain() -> Iterator[Step]:
    yield init()
    for version in (2, 3, 4):
        yield update(trust(trust_value(version)))
    yield verify()


def _oddly_named() -> bytes:
    names = ("../../etc/passwd", "/", "a%2Fb?c#d&e", "-rf", "$(reboot)", "ü 模", "Root", "root ")
    roles = {name: role_value(*RELEASERS) for name in names}
    return encode_json(world.sign(world.TRUST_TYPE, trust_value(roles=roles), ROOTS[:2]))


enter(
    "release",
    FAMILY,
    "-",
    "content, statement and trust root belong together",
    init,
    verify,
    quick=True,
)
enter(
    "release-as-asked",
    FAMILY,
    "-",
    "artifact and target are asked for, and are these",
    init,
    lambda: verify(artifact="ML-Model", target="aarch64-unknown-linux"),
    quick=True,
)
enter("release-twice", FAMILY, "-", "the same release is verified again", init, verify, verify)
enter(
    "release-by-all-three",
    FAMILY,
    "-",
    "more keys signed than it takes",
    init,
    lambda: verify(_signatures((A, B, C))),
)
enter(
    "release-by-the-other-two",
    FAMILY,
    "-",
    "any two of the three will do",
    init,
    lambda: verify(_signatures((C, B))),
    quick=True,
)
enter(
    "release-and-a-stranger",
    FAMILY,
    "-",
    "a signature by an unknown key is passed over",
    init,
    lambda: verify(_signatures((A, world.STRANGER, B))),
    quick=True,
)
enter(
    "release-with-64-signatures",
    FAMILY,
    "-",
    "as many signatures as an envelope may hold",
    init,
    lambda: verify(_signatures((A, B, *(world.Key(f"x-{n}") for n in range(62))))),
)
enter(
    "content-of-0-bytes",
    FAMILY,
    "-",
    "a release of nothing at all",
    init,
    lambda: verify(statement(b""), content=b""),
    quick=True,
)
enter(
    "content-of-8-mib",
    FAMILY,
    "-",
    "content of more than one buffer",
    init,
    lambda: verify(statement(bytes(8 << 20)), content=bytes(8 << 20)),
)
enter(
    "content-under-another-name",
    FAMILY,
    "-",
    "the file's name on the device is the device's own",
    init,
    _renamed,
)
enter(
    "never-expires",
    FAMILY,
    "-",
    "neither statement nor trust root expires",
    lambda: init(trust(trust_value(expires=None))),
    lambda: verify(statement(expires=None)),
)
enter(
    "no-clock", FAMILY, "-", "a device without a clock", init, lambda: verify(now=None), quick=True
)
enter(
    "highest-sequence",
    FAMILY,
    "-",
    "sequence 2^53 - 1",
    init,
    lambda: verify(statement(sequence=2**53 - 1)),
)
enter(
    "labels-with-quotes",
    FAMILY,
    "P16",
    "a label with quotes, spaces and other scripts",
    lambda: init(trust(trust_value(roles={"release": role_value(*RELEASERS, artifacts=["*"])}))),
    lambda: verify(
        statement(artifact='a "b" \\c\\ %s $(x) ?#&é模'), artifact='a "b" \\c\\ %s $(x) ?#&é模'
    ),
)
enter(
    "spelled-by-another-tool",
    FAMILY,
    "-",
    "the same envelope, indented and in another order",
    init,
    lambda: verify(_spelled_otherwise()),
    needs={"spelling"},
    quick=True,
)
enter(
    "newer-release",
    FAMILY,
    "-",
    "one release, then a newer one, then one of another target",
    init,
    verify,
    lambda: verify(statement(sequence=11)),
    lambda: verify(statement(sequence=1, target="aarch64-none")),
)
enter(
    "two-roles",
    FAMILY,
    "-",
    "each role signs what it covers",
    lambda: init(two_roles()),
    verify,
    lambda: verify(statement(signers=(D, E), artifact="FW-1", target="x86_64")),
    needs={"roles"},
    quick=True,
)


enter(
    "root-rotation",
    FAMILY,
    "R06 root_rotation",
    "a root key and a release key are replaced",
    init,
    lambda: update(rotated()),
    lambda: verify(statement(signers=(C, D))),
    lambda: refused(statement(signers=(A, B))),
    needs={"update"},
    quick=True,
)
enter(
    "non-root-rotation",
    FAMILY,
    "R06 non_root_rotations",
    "only the release keys are replaced",
    init,
    lambda: update(trust(trust_value(2, keys=OTHERS, roles={"release": role_value(*OTHERS)}))),
    lambda: verify(statement(signers=OTHERS)),
    needs={"update"},
)
enter(
    "root-rotation-of-every-key",
    FAMILY,
    "R06 root_rotation",
    "every root key is replaced: the old and the new ones sign",
    init,
    lambda: update(trust(trust_value(2, root=NEW_ROOTS), (*ROOTS[:2], *NEW_ROOTS))),
    lambda: update(trust(trust_value(3, root=NEW_ROOTS), NEW_ROOTS)),
    verify,
    needs={"update"},
    quick=True,
)
enter(
    "chain-of-versions",
    FAMILY,
    "R06 root_rotation",
    "version 1 to 4, one after another",
    _chain,
    needs={"update"},
)
enter(
    "chain-over-an-expired-version",
    FAMILY,
    "R06 root_rotation; TUF 5.3.10",
    "a version in between that expired long ago is passed through",
    init,
    lambda: update(trust(trust_value(2, expires="2026-01-02T00:00:00Z"))),
    lambda: update(trust(trust_value(3))),
    verify,
    needs={"update"},
)
enter(
    "root-update-and-a-stranger",
    FAMILY,
    "R06 root_rotation",
    "a signature by an unknown key is passed over in a trust root as well",
    init,
    lambda: update(trust(trust_value(2), (*ROOTS[:2], world.STRANGER))),
    verify,
    needs={"update"},
)
enter(
    "threshold-raised",
    FAMILY,
    "R06 root_rotation",
    "the root role grows to three of three",
    init,
    lambda: update(trust(trust_value(2, threshold=3), ROOTS)),
    verify,
    needs={"update"},
)
enter(
    "first-version-is-5",
    FAMILY,
    "-",
    "a device is provisioned with a later version",
    lambda: init(trust(trust_value(5))),
    lambda: update(trust(trust_value(6))),
    verify,
    needs={"update"},
)
enter(
    "role-names-of-any-kind",
    FAMILY,
    "R06 unusual_role_name; P12, P16",
    "roles whose names look like paths, URLs, options and code",
    lambda: init(_oddly_named()),
    verify,
    needs={"roles"},
    quick=True,
)
