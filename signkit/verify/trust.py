"""The trust root: which keys may sign what.

Spec: docs/formats/trust-root.md; the semantics are those of TUF's root (specification 5.3).
"""

from __future__ import annotations

from signkit.errors import FormatError, MalformedError, TrustError, VerificationError
from signkit.verify import limits
from signkit.verify.ed25519 import PUBLIC_KEY_SIZE, PublicKey, enrol_public_key
from signkit.verify.encoding import Fields, check_text, decode_base64, decode_hex, parse_json
from signkit.verify.envelope import Envelope, open_envelope, parse_envelope
from signkit.verify.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PAYLOAD_TYPE = "application/vnd.signkit.trust.v1+json"
_ANY = ("*",)


class Role(Value):
    """A duty: the keys that may do it, how many it takes, and for what.

    Attributes:
        keys: By keyid.
        threshold: Distinct keys that it takes, from 1 to the number of keys.
        artifacts: Globs; an artifact must match one.
        targets: Globs; a target must match one.
    """

    __slots__ = ("artifacts", "keys", "targets", "threshold")
    keys: Mapping[str, PublicKey]
    threshold: int
    artifacts: tuple[str, ...]
    targets: tuple[str, ...]


class Trust(Value):
    """A trust root whose envelope was opened under its own root role.

    Attributes:
        version: From 1.
        expires: RFC 3339 UTC text, or None for never.
        names: keyid to the name of the key.
        root: Who may change the trust root.
        release: Who may sign releases.
    """

    __slots__ = ("expires", "issued", "names", "release", "root", "version")
    version: int
    issued: str
    expires: str | None
    names: Mapping[str, str]
    root: Role
    release: Role


def load_trust(data: bytes, *, allow_test_keys: bool = False) -> Trust:
    """Open a trust root under its own root role.

    Args:
        data: The file, at most limits.TRUST_SIZE bytes.
        allow_test_keys: As `enrol_public_key`.

    Raises:
        TrustError: it is malformed, or its root role did not sign it.
    """
    try:
        envelope = parse_envelope(
            data, payload_type=PAYLOAD_TYPE, limit=limits.TRUST_SIZE, what="trust root"
        )
        # The one payload that is read before it is opened: only to learn its own root role.
        root = parse_trust(_untrusted_payload(envelope), allow_test_keys=allow_test_keys).root
        opened = open_envelope(
            envelope, keys=root.keys, threshold=root.threshold, what="trust root"
        )
        return parse_trust(opened.payload, allow_test_keys=allow_test_keys)
    except (FormatError, VerificationError) as error:
        raise TrustError(str(error), hint=error.hint, reason=error.code) from error


def _untrusted_payload(envelope: Envelope) -> bytes:
    return envelope._payload


def parse_trust(payload: bytes, *, allow_test_keys: bool = False) -> Trust:
    """Parse the payload of a trust root.

    Raises:
        FormatError: a field is unknown, missing or wrong.
        KeyRefusedError: a key must not be used.
    """
    fields = Fields(parse_json(payload, limit=limits.TRUST_SIZE, what="trust root"), "trust root")
    version = fields.integer("version", least=1)
    issued = fields.time("issued")
    expires = fields.optional_time("expires")
    keys, names = _read_keys(fields.take("keys"), allow_test_keys=allow_test_keys)
    roles = fields.member("roles")
    fields.done()
    root = _read_role(roles.member("root"), keys, scoped=False)
    release = _read_role(roles.member("release"), keys, scoped=True)
    roles.done()
    idle = set(keys) - set(root.keys) - set(release.keys)
    if idle:
        message = f"trust root: the key {min(idle)} has no role"
        raise MalformedError(message)
    return Trust(
        version=version, issued=issued, expires=expires, names=names, root=root, release=release
    )


def _read_keys(
    value: object, *, allow_test_keys: bool
) -> tuple[dict[str, PublicKey], dict[str, str]]:
    if not isinstance(value, dict) or not 1 <= len(value) <= limits.KEY_COUNT:
        message = f"trust root.keys: expected an object of 1 to {limits.KEY_COUNT} keys"
        raise MalformedError(message)
    keys: dict[str, PublicKey] = {}
    names: dict[str, str] = {}
    for keyid, member in value.items():
        where = f"trust root.keys.{keyid[:64]}"
        decode_hex(keyid, size=32, what=where)
        fields = Fields(member, where)
        names[keyid] = fields.label("name")
        text = fields.text("public_key")
        fields.done()
        key = enrol_public_key(
            decode_base64(text, what=f"{where}.public_key", size=PUBLIC_KEY_SIZE),
            allow_test_keys=allow_test_keys,
        )
        if key.keyid != keyid:
            message = f"{where}: expected keyid {key.keyid}, the SHA-256 of the key"
            raise MalformedError(message)
        keys[keyid] = key
    return keys, names


def _read_role(fields: Fields, keys: Mapping[str, PublicKey], *, scoped: bool) -> Role:
    members: dict[str, PublicKey] = {}
    for keyid in fields.array("keys", least=1, most=limits.KEY_COUNT):
        if not isinstance(keyid, str) or keyid not in keys or keyid in members:
            message = f"trust root: a role names the key {keyid!r:.80}, unknown or named twice"
            raise MalformedError(message)
        members[keyid] = keys[keyid]
    threshold = fields.integer("threshold", least=1, most=len(members))
    artifacts: tuple[str, ...] = _ANY
    targets: tuple[str, ...] = _ANY
    if scoped:
        artifacts, targets = _read_globs(fields, "artifacts"), _read_globs(fields, "targets")
    fields.done()
    return Role(keys=members, threshold=threshold, artifacts=artifacts, targets=targets)


def _read_globs(fields: Fields, name: str) -> tuple[str, ...]:
    globs: list[str] = []
    for value in fields.array(name, least=1, most=limits.KEY_COUNT):
        if not isinstance(value, str):
            message = f"trust root: {name} holds something that is not a text: expected a glob"
            raise MalformedError(message)
        globs.append(check_text(value, what=f"trust root: {name}", limit=limits.LABEL_LENGTH))
    return tuple(globs)


def matches_glob(glob: str, text: str) -> bool:
    """Say whether a whole text matches a glob, in which only `*` is special.

    Linear in the text for each `*`: the pieces between stars are found from left to right.

    Spec: docs/formats/trust-root.md section 2.
    """
    first, *rest = glob.split("*")
    if not rest:
        return text == glob
    if not text.startswith(first):
        return False
    *middle, last = rest
    place = len(first)
    for piece in middle:
        found = text.find(piece, place)
        if found < 0:
            return False
        place = found + len(piece)
    return len(text) - place >= len(last) and text.endswith(last)


def covers(role: Role, *, artifact: str, target: str) -> bool:
    """Say whether a role's keys may sign for an artifact and target."""
    return any(matches_glob(glob, artifact) for glob in role.artifacts) and any(
        matches_glob(glob, target) for glob in role.targets
    )
