"""The trust root: which keys may sign what, and how one version follows another.

Spec: docs/formats/trust-root.md; the semantics are those of TUF's root (specification 5.3).
Controls: SK-TRUST-FIRST, SK-TRUST-CHAIN, SK-VERIFY-SCOPE, SK-VERIFY-WINDOW
(docs/design/assurance.md).
"""

from __future__ import annotations

from signkit.errors import (
    FormatError,
    MalformedError,
    RollbackError,
    TrustError,
    VerificationError,
)
from signkit.verify import limits
from signkit.verify.ed25519 import PUBLIC_KEY_SIZE, PublicKey, enrol_public_key
from signkit.verify.encoding import Fields, check_text, decode_base64, decode_hex, parse_json
from signkit.verify.envelope import Envelope, open_envelope, parse_envelope
from signkit.verify.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PAYLOAD_TYPE = "application/vnd.signkit.trust.v1+json"
ROOT_ROLE = "root"
VERSION_GAP = "version-gap"
_ANY: tuple[str, ...] = ("*",)


class Role(Value):
    """A duty: the keys that may do it, how many it takes, for what, and when.

    Attributes:
        name: 1 to 128 characters.
        keys: By keyid.
        threshold: Distinct keys that it takes, from 1 to the number of keys.
        artifacts: Globs; an artifact must match one.
        targets: Globs; a target must match one.
        not_before: RFC 3339 UTC text, the first second of its window, or None for always.
        not_after: RFC 3339 UTC text, the first second after its window, or None for never.
    """

    name: str
    keys: Mapping[str, PublicKey]
    threshold: int
    artifacts: tuple[str, ...]
    targets: tuple[str, ...]
    not_before: str | None
    not_after: str | None


class Trust(Value):
    """A trust root whose envelope was opened under the root roles that must have signed it.

    Attributes:
        version: From 1.
        issued: RFC 3339 UTC text; informative.
        expires: RFC 3339 UTC text, or None for never.
        names: keyid to the name of the key.
        root: Who may change the trust root.
        roles: All other roles, by name; at least one.
    """

    version: int
    issued: str
    expires: str | None
    names: Mapping[str, str]
    root: Role
    roles: Mapping[str, Role]


def load_trust(data: bytes, *, allow_test_keys: bool = False) -> Trust:
    """Open a trust root under its own root role: for provisioning, and for one kept safely.

    This shows that it is whole, not who made it (docs/formats/trust-root.md section 4).

    Args:
        data: The file, at most limits.TRUST_SIZE bytes.
        allow_test_keys: As `enrol_public_key`.

    Raises:
        TrustError: it is malformed, or its root role did not sign it; `reason` says which.
    """
    envelope, claimed = _read(data, allow_test_keys)
    _open_under(claimed.root, envelope, "trust root")
    return claimed


def follow_trust(current: Trust, data: bytes, *, allow_test_keys: bool = False) -> Trust:
    """Open the trust root that comes directly after the current one (TUF 5.3.3 to 5.3.5).

    Whether it has expired is not asked: only the last one of a chain must not have (TUF 5.3.10),
    and whoever uses it checks that.

    Args:
        current: The one trusted now, version N.
        data: A file, at most limits.TRUST_SIZE bytes.
        allow_test_keys: As `enrol_public_key`.

    Returns:
        Version N + 1, signed by the thresholds of both root roles.

    Raises:
        RollbackError: it is version N or older.
        TrustError: it is malformed, a version between is missing (`reason` "version-gap"), or the
            root role of N or of N + 1 did not sign it.
    """
    envelope, claimed = _read(data, allow_test_keys)
    # The version is not authentic yet. It only chooses between refusals here, and says what is
    # missing where the keys in between are not known.
    wanted = current.version + 1
    if claimed.version < wanted:
        message = f"trust root: expected version {wanted}, got {claimed.version}"
        hint = f"version {current.version} is trusted already, and nothing older is accepted"
        raise RollbackError(message, floor=wanted, offered=claimed.version, hint=hint)
    if claimed.version > wanted:
        message = f"trust root: version {wanted} is missing: got version {claimed.version} first"
        hint = "give every version in its order"
        raise TrustError(message, hint=hint, reason=VERSION_GAP)
    for version, root in ((current.version, current.root), (wanted, claimed.root)):
        what = f"trust root version {wanted} under the root role of version {version}"
        _open_under(root, envelope, what)
    return claimed


def _read(data: bytes, allow_test_keys: bool) -> tuple[Envelope, Trust]:  # noqa: FBT001  (private)
    """Read a trust root before its envelope is opened, as this is how its root role is learnt."""
    try:
        envelope = parse_envelope(
            data, payload_type=PAYLOAD_TYPE, limit=limits.TRUST_SIZE, what="trust root"
        )
        return envelope, parse_trust(envelope._payload, allow_test_keys=allow_test_keys)
    except (FormatError, VerificationError) as error:
        raise TrustError(str(error), hint=error.hint, reason=error.code) from error


def _open_under(root: Role, envelope: Envelope, what: str) -> None:
    try:
        open_envelope(envelope, keys=root.keys, threshold=root.threshold, what=what)
    except VerificationError as error:
        raise TrustError(str(error), hint=error.hint, reason=error.code) from error


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
    roles = _read_roles(fields.take("roles"), keys)
    fields.done()
    idle = set(keys).difference(*(role.keys for role in roles.values()))
    if idle:
        message = f"trust root: the key {min(idle)} has no role"
        raise MalformedError(message)
    root = roles.pop(ROOT_ROLE)
    return Trust(
        version=version, issued=issued, expires=expires, names=names, root=root, roles=roles
    )


def _read_keys(
    value: object, *, allow_test_keys: bool
) -> tuple[dict[str, PublicKey], dict[str, str]]:
    if type(value) is not dict or not 1 <= len(value) <= limits.KEY_COUNT:
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


def _read_roles(value: object, keys: Mapping[str, PublicKey]) -> dict[str, Role]:
    if (
        type(value) is not dict
        or ROOT_ROLE not in value
        or not 2 <= len(value) <= limits.ROLE_COUNT
    ):
        message = (
            f"trust root.roles: expected an object of 2 to {limits.ROLE_COUNT} roles,"
            f" {ROOT_ROLE!r} among them"
        )
        raise MalformedError(message)
    return {
        check_text(name, what="trust root.roles: a name", limit=limits.LABEL_LENGTH): _read_role(
            name, member, keys
        )
        for name, member in value.items()
    }


def _read_role(name: str, value: object, keys: Mapping[str, PublicKey]) -> Role:
    where = f"trust root.roles.{name}"
    fields = Fields(value, where)
    members: dict[str, PublicKey] = {}
    for keyid in fields.array("keys", least=1, most=limits.KEY_COUNT):
        if not isinstance(keyid, str) or keyid not in keys or keyid in members:
            message = f"{where}.keys: the key {keyid!r:.80} is unknown or named twice"
            raise MalformedError(message)
        members[keyid] = keys[keyid]
    threshold = fields.integer("threshold", least=1, most=len(members))
    artifacts = targets = _ANY
    not_before = not_after = None
    if name != ROOT_ROLE:
        artifacts = _read_globs(fields, "artifacts", where)
        targets = _read_globs(fields, "targets", where)
        not_before, not_after = _read_window(fields, where)
    fields.done()
    return Role(
        name=name,
        keys=members,
        threshold=threshold,
        artifacts=artifacts,
        targets=targets,
        not_before=not_before,
        not_after=not_after,
    )


def _read_window(fields: Fields, where: str) -> tuple[str | None, str | None]:
    begin, end = fields.optional_time("not_before"), fields.optional_time("not_after")
    if begin and end and begin >= end:
        message = f"{where}: not_before {begin} is not before not_after {end}"
        raise MalformedError(message)
    return begin, end


def _read_globs(fields: Fields, name: str, where: str) -> tuple[str, ...]:
    globs: list[str] = []
    for value in fields.array(name, least=1, most=limits.KEY_COUNT):
        if not isinstance(value, str):
            message = f"{where}.{name} holds something that is not a text: expected a glob"
            raise MalformedError(message)
        globs.append(check_text(value, what=f"{where}.{name}", limit=limits.LABEL_LENGTH))
    return tuple(globs)


def matches_glob(glob: str, text: str) -> bool:
    """Say whether a whole text matches a glob, in which only `*` is special.

    Linear in the text for each `*`: the pieces between stars are found from left to right.

    Spec: docs/formats/trust-root.md section 3; vectors in tests/vectors/trust/globs.json.
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


def holds_at(role: Role, now: str) -> bool:
    """Say whether a role may sign at a time: from not_before inclusive to not_after exclusive.

    Args:
        role: The role.
        now: RFC 3339 UTC text.
    """
    return (role.not_before is None or role.not_before <= now) and (
        role.not_after is None or now < role.not_after
    )


def covering_roles(trust: Trust, *, artifact: str, target: str) -> tuple[Role, ...]:
    """Return the roles whose scope covers an artifact and target; the root role never does.

    Any one of them suffices whose window holds and whose threshold is met. The price: where two
    overlap, the weaker one decides (docs/formats/trust-root.md section 3).
    """
    return tuple(
        role for role in trust.roles.values() if covers(role, artifact=artifact, target=target)
    )
