"""The station's policy: TOML to values. What it demands is asked in `signkit/policy`.

Spec: docs/formats/station-policy.md sections 2 and 3.
"""

from __future__ import annotations

from typing import NoReturn

from signkit.errors import MalformedError
from signkit.formats.toml import check_names, parse_toml
from signkit.model.policy import Policy, Requester, Rule
from signkit.verify import limits
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import Fields, check_text, decode_hex, json_kind

FORMAT = "signkit.station-policy.v1"
POLICY_SIZE = 4 * limits.MIB
_COUNT = 1024  # requesters, rules, globs, keys
_OPERATORS = 8  # each types four of the 32 words of a digest
_NAMES = 64
_DAYS = 36_500
_FINGERPRINT_LENGTH = 40
_HEX = frozenset("0123456789ABCDEF")
_KEY_LENGTH = 64 * 1024  # characters of one armored OpenPGP key
_ARMOR = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
_SECRET = "PGP PRIVATE KEY"  # noqa: S105  (the label of one)
_WHAT = "policy"

_TOP = ("format", "request", "confirm", "requester", "rule")
_REQUEST = (
    "most_items",
    "most_bytes",
    "rising_sequence",
    "follows_last_response",
    "unknown_requesters",
)
_CONFIRM = ("operators", "names", "unattended")
_REQUESTER = ("name", "keyid", "openpgp", "openpgp_key")
_RULE = (
    "roles",
    "artifacts",
    "targets",
    "schemes",
    "keys",
    "digest_only",
    "expires_within_days",
)
_SCHEMES = ("peridio", "statement")


def parse_policy(data: bytes) -> Policy:
    """Parse a station's policy.

    Args:
        data: The TOML file, at most POLICY_SIZE bytes.

    Raises:
        TooLargeError: too many bytes, members or characters.
        MalformedError: not TOML; a name is unknown, missing or wrong; nobody could ask.
        NotCanonicalError: a keyid in a second spelling.
    """
    value = parse_toml(data, limit=POLICY_SIZE, what=_WHAT)
    top = _table(value, _WHAT, _TOP)
    top.constant("format", FORMAT)
    request = _table(_given(top, "request"), f"{_WHAT}.request", _REQUEST)
    confirm = _table(_given(top, "confirm"), f"{_WHAT}.confirm", _CONFIRM)
    requesters = _read_requesters(top)
    policy = Policy(
        digest=compute_digest(data),
        requesters=requesters,
        unknown_requesters=_flag(request, "unknown_requesters", otherwise=False),
        most_items=_number(request, "most_items", least=1),
        most_bytes=_number(request, "most_bytes"),
        rising_sequence=_flag(request, "rising_sequence", otherwise=True),
        follows_last_response=_flag(request, "follows_last_response", otherwise=False),
        operators=_number(confirm, "operators", least=1, most=_OPERATORS) or 1,
        operator_names=_texts(confirm, "names", most=_NAMES) if confirm.has("names") else None,
        unattended=_flag(confirm, "unattended", otherwise=False),
        rules=tuple(
            _read_rule(member, f"{_WHAT}: rule {number}")
            for number, member in enumerate(top.array("rule", least=1, most=_COUNT), start=1)
        ),
    )
    top.done()
    _check_possible(policy)
    return policy


def _check_possible(policy: Policy) -> None:
    """Refuse a policy by which no request at all could be signed."""
    if not policy.requesters and not policy.unknown_requesters:
        message = f"{_WHAT}: nobody may ask: expected a [[requester]]"
        hint = "or admit everybody: unknown_requesters = true under [request]"
        raise MalformedError(message, hint=hint)
    names = policy.operator_names
    if names is not None and len(names) < policy.operators:
        message = (
            f"{_WHAT}.confirm.names: expected at least {policy.operators} names for"
            f" {policy.operators} operators, got {len(names)}"
        )
        raise MalformedError(message)


def _read_requesters(top: Fields) -> tuple[Requester, ...]:
    members = top.array("requester", most=_COUNT) if top.has("requester") else []
    requesters: list[Requester] = []
    known: dict[tuple[str | None, str | None], int] = {}
    for number, member in enumerate(members, start=1):
        requester = _read_requester(member, f"{_WHAT}: requester {number}")
        first = known.setdefault((requester.keyid, requester.openpgp), number)
        if first != number:
            message = f"{_WHAT}: requesters {first} and {number} are known by the same keys"
            raise MalformedError(message)
        requesters.append(requester)
    return tuple(requesters)


def _read_requester(value: object, where: str) -> Requester:
    table = _table(value, where, _REQUESTER)
    requester = Requester(
        name=table.label("name"),
        keyid=_read_keyid(table.text("keyid"), f"{where}.keyid") if table.has("keyid") else None,
        openpgp=_read_fingerprint(table, where) if table.has("openpgp") else None,
        openpgp_key=_read_openpgp_key(table, where) if table.has("openpgp_key") else None,
    )
    if requester.keyid is None and requester.openpgp is None:
        message = f"{where}: expected keyid or openpgp, by which the requester is known"
        raise MalformedError(message)
    if (requester.openpgp is None) != (requester.openpgp_key is None):
        message = f"{where}: expected openpgp and openpgp_key together"
        hint = "gpg --armor --export --export-options export-minimal FINGERPRINT writes the key"
        raise MalformedError(message, hint=hint)
    return requester


def _read_keyid(text: object, what: str) -> str:
    if not isinstance(text, str):
        message = f"{what}: expected 64 hex digits, got {json_kind(text)}"
        raise MalformedError(message)
    return decode_hex(text, size=32, what=what).hex()


def _read_fingerprint(table: Fields, where: str) -> str:
    text = table.text("openpgp")
    if len(text) != _FINGERPRINT_LENGTH or not set(text) <= _HEX:
        message = f"{where}.openpgp: expected 40 upper-case hex digits, got {text[:80]!r}"
        hint = "gpg --with-colons --fingerprint shows it; a key id is not enough"
        raise MalformedError(message, hint=hint)
    return text


def _read_openpgp_key(table: Fields, where: str) -> str:
    text = table.text("openpgp_key", limit=_KEY_LENGTH)
    if _SECRET in text:
        message = f"{where}.openpgp_key holds a private OpenPGP key: expected a public one"
        hint = "take it out, and take it for known to everybody who could read the file"
        raise MalformedError(message, hint=hint)
    if not text.lstrip().startswith(_ARMOR):
        message = f"{where}.openpgp_key: expected an armored OpenPGP public key"
        raise MalformedError(message, hint=f"its first line is {_ARMOR}")
    return text


def _read_rule(value: object, where: str) -> Rule:
    table = _table(value, where, _RULE)
    keys = _members(table, "keys", most=_COUNT) if table.has("keys") else None
    return Rule(
        roles=_texts(table, "roles"),
        artifacts=_texts(table, "artifacts"),
        targets=_texts(table, "targets"),
        schemes=_texts(table, "schemes") if table.has("schemes") else _SCHEMES,
        keys=None if keys is None else tuple(_read_keyid(each, f"{where}.keys") for each in keys),
        digest_only=_flag(table, "digest_only", otherwise=False),
        expires_within_days=_number(table, "expires_within_days", least=1, most=_DAYS),
    )


def _table(value: object, where: str, known: tuple[str, ...]) -> Fields:
    """Return the fields of a table in which only known names stand."""
    check_names(value, known, where=where)
    return Fields(value, where)


def _given(top: Fields, name: str) -> object:
    return top.take(name) if top.has(name) else {}


def _flag(table: Fields, name: str, *, otherwise: bool) -> bool:
    if not table.has(name):
        return otherwise
    value = table.take(name)
    if not isinstance(value, bool):
        _refuse(name, "true or false", value)
    return value


def _number(
    table: Fields, name: str, *, least: int = 0, most: int = limits.INTEGER_MAX
) -> int | None:
    return table.integer(name, least=least, most=most) if table.has(name) else None


def _texts(table: Fields, name: str, *, most: int = _COUNT) -> tuple[str, ...]:
    """Return an array of labels or globs."""
    members = _members(table, name, most=most)
    return tuple(
        check_text(member, what=f"{_WHAT}: {name}", limit=limits.LABEL_LENGTH)
        if isinstance(member, str)
        else _refuse(name, "texts", member)
        for member in members
    )


def _members(table: Fields, name: str, *, most: int) -> list[object]:
    members = table.array(name, least=1, most=most)
    for place, member in enumerate(members):
        if member in members[:place]:
            message = f"{_WHAT}: {name}: {str(member)[:80]!r} stands there twice"
            raise MalformedError(message)
    return members


def _refuse(name: str, expected: str, value: object) -> NoReturn:
    message = f"{_WHAT}: {name}: expected {expected}, got {json_kind(value)}"
    raise MalformedError(message)
