"""A ceremony file: TOML to what is planned.

Spec: docs/formats/ceremony-file.md sections 2 and 3.
"""

from __future__ import annotations

from collections.abc import Collection

from signkit.errors import MalformedError
from signkit.formats.toml import check_names, parse_toml
from signkit.model.ceremony import CeremonyPlan, OwnStep, Person
from signkit.verify import limits
from signkit.verify.digest import Sha256
from signkit.verify.encoding import Fields, check_text, decode_hex

FORMAT = "signkit.ceremony.v1"
CEREMONY_SIZE = limits.MIB
ROLES = ("leader", "operator", "witness")
_AT = ("before", "after")
_COUNT = 64  # people; steps
_WHAT = "ceremony file"
_TOP = (
    "format",
    "title",
    "date",
    "place",
    "request",
    "key",
    "public_key",
    "policy",
    "installation",
    "content",
    "person",
    "step",
)


def parse_ceremony(data: bytes) -> CeremonyPlan:
    """Parse a ceremony file.

    Args:
        data: The TOML file, at most CEREMONY_SIZE bytes.

    Raises:
        TooLargeError: too many bytes, members or characters.
        MalformedError: not TOML; a name is unknown, missing or wrong; a role that nobody has.
        NotCanonicalError: the self-hash is not 64 lower-case hex digits.
    """
    value = parse_toml(data, limit=CEREMONY_SIZE, what=_WHAT)
    check_names(value, _TOP, where=_WHAT)
    top = Fields(value, _WHAT)
    top.constant("format", FORMAT)
    plan = CeremonyPlan(
        title=top.label("title"),
        date=_label(top, "date"),
        place=_label(top, "place"),
        request=_read_path(top, "request"),
        key=top.label("key"),
        public_key=_read_path(top, "public_key") if top.has("public_key") else None,
        policy=_read_path(top, "policy") if top.has("policy") else None,
        installation=_read_digest(top) if top.has("installation") else None,
        content=_label(top, "content"),
        people=tuple(
            _read_person(member, f"{_WHAT}: person {number}")
            for number, member in enumerate(top.array("person", least=1, most=_COUNT), start=1)
        ),
        steps=tuple(
            _read_step(member, f"{_WHAT}: step {number}")
            for number, member in enumerate(_steps(top), start=1)
        ),
    )
    top.done()
    _check_people(plan)
    return plan


def _check_people(plan: CeremonyPlan) -> None:
    names = [person.name for person in plan.people]
    for name in names:
        if names.count(name) > 1:
            message = f"{_WHAT}: {name!r} stands there twice"
            raise MalformedError(message, hint="each person has one role, and one name")
    for role in ("operator", *(step.role for step in plan.steps)):
        if not plan.names(role):
            message = f"{_WHAT}: expected a [[person]] whose role is {role!r}"
            raise MalformedError(message)


def _read_person(value: object, where: str) -> Person:
    check_names(value, ("name", "role"), where=where)
    table = Fields(value, where)
    return Person(name=table.label("name"), role=_one_of(table, "role", where, ROLES))


def _read_step(value: object, where: str) -> OwnStep:
    check_names(value, ("at", "role", "text"), where=where)
    table = Fields(value, where)
    return OwnStep(
        at=_one_of(table, "at", where, _AT),
        role=_one_of(table, "role", where, ROLES),
        text=check_text(
            table.text("text"), what=f"{where}.text", limit=limits.REASON_LENGTH, lines=True
        ),
    )


def _one_of(table: Fields, name: str, where: str, words: Collection[str]) -> str:
    word = table.text(name)
    if word not in words:
        message = f"{where}.{name}: expected one of {', '.join(words)}, got {word[:40]!r}"
        raise MalformedError(message)
    return word


def _label(top: Fields, name: str) -> str | None:
    return top.label(name) if top.has(name) else None


def _read_path(top: Fields, name: str) -> str:
    return check_text(top.text(name), what=f"{_WHAT}.{name}", limit=limits.PATH_SIZE)


def _read_digest(top: Fields) -> Sha256:
    return Sha256(decode_hex(top.text("installation"), size=32, what=f"{_WHAT}.installation"))


def _steps(top: Fields) -> list[object]:
    return top.array("step", most=_COUNT) if top.has("step") else []
