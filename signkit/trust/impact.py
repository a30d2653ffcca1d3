"""What a new trust root does to releases that are out: which stop verifying, which start.

Each statement goes through the ground floor twice, under the old trust root and under the new one,
as a device would ask that has no floor and is for any artifact and target.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from signkit.errors import MalformedError, UsageError, VerificationError
from signkit.formats.combined import is_combined, open_answer
from signkit.formats.display import escape, format_table
from signkit.formats.envelope import join_envelopes
from signkit.formats.files import read_file
from signkit.formats.response import PAYLOAD_TYPE as RESPONSE_TYPE
from signkit.formats.statement import read_statement_unverified
from signkit.schemes import statement as scheme
from signkit.verify import limits
from signkit.verify.encoding import encode_json, parse_json
from signkit.verify.statement import Statement
from signkit.verify.trust import Trust
from signkit.verify.verdict import Expectation, release_roles, verify_statement

ACCEPTED = "verifies"
_SUFFIXES = (".statement.json", ".response.json", ".combined.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """One release statement, not verified.

    Attributes:
        source: The file it came from.
        data: Its envelope.
        said: What it says.
    """

    source: str
    data: bytes
    said: Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What becomes of one release.

    Attributes:
        released: Which.
        before: "verifies", or the code of the refusal under the old trust root.
        after: The same under the new one.
    """

    released: Released
    before: str
    after: str

    @property
    def word(self) -> str:
        """Say in a word what changes for devices."""
        ends = (self.before == ACCEPTED, self.after == ACCEPTED)
        words = {(True, False): "STOPS", (False, True): "starts", (True, True): "stays"}
        return words.get(ends, "refused")


def find_released(paths: Sequence[Path]) -> tuple[Released, ...]:
    """Read statements: files of them, responses, and folders that hold either.

    Raises:
        UsageError: nothing was found.
        FileError, FormatError, ResponseError, StatementError: a file cannot be read.
    """
    found = tuple(released for path in paths for file in _files(path) for released in _read(file))
    if paths and not found:
        message = "no release statement was found in what --released names"
        raise UsageError(message, hint="name statements, responses, or folders of them")
    return found


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(each for each in path.iterdir() if each.name.endswith(_SUFFIXES))


def _read(path: Path) -> Iterator[Released]:
    data = read_file(path, limit=limits.RESPONSE_SIZE, what="released document")
    value = parse_json(data, limit=limits.RESPONSE_SIZE, what=f"released document {path}")
    if not isinstance(value, dict):
        message = f"{path}: expected a statement or a response"
        raise MalformedError(message)
    if value.get("payloadType") != RESPONSE_TYPE and not is_combined(data):
        yield _released(path, data)
        return
    for item in open_answer(data).items:
        made = {each.keyid: each.value for each in item.signatures if each.scheme == scheme.NAME}
        if made:
            yield _released(path, encode_json(join_envelopes(made, what="statement")))


def _released(path: Path, data: bytes) -> Released:
    said, _keyids, _payload = read_statement_unverified(data)
    return Released(source=path.name, data=data, said=said)


def compare_released(
    old: Trust, new: Trust, released: Sequence[Released], *, now: str | None
) -> tuple[Effect, ...]:
    """Return what becomes of each release.

    Args:
        old: The trust root that devices have.
        new: The one they are to have.
        released: From `find_released`.
        now: RFC 3339 UTC text, or None: nothing expires then, and every window holds.
    """
    return tuple(
        Effect(
            released=each,
            before=judge(old, each.data, now=now),
            after=judge(new, each.data, now=now),
        )
        for each in released
    )


def effect_table(effects: Sequence[Effect]) -> list[str]:
    """Return what becomes of releases as a table for people, or nothing where there are none."""
    rows = [
        (
            escape(each.released.said.artifact),
            escape(each.released.said.version),
            escape(each.released.said.target),
            each.before,
            each.after,
            each.word,
        )
        for each in effects
    ]
    header = ("ARTIFACT", "VERSION", "TARGET", "UNDER OLD", "UNDER NEW", "EFFECT")
    return [format_table(header, rows)] if rows else []


def effect_values(effects: Sequence[Effect]) -> list[dict[str, str]]:
    """Return what becomes of releases as data."""
    return [
        {
            "source": each.released.source,
            "name": each.released.said.name,
            "artifact": each.released.said.artifact,
            "version": each.released.said.version,
            "target": each.released.said.target,
            "before": each.before,
            "after": each.after,
            "effect": each.word.lower(),
        }
        for each in effects
    ]


def judge(trust: Trust, data: bytes, *, now: str | None) -> str:
    """Return "verifies", or the code of the refusal by a device that has this trust root.

    Args:
        trust: Its trust root.
        data: The statement's envelope.
        now: As `compare_released`.
    """
    anything = Expectation(artifact=None, target=None, floor=0, now=now)
    try:
        verify_statement(data, roles=release_roles(trust, now=now), expectation=anything)
    except VerificationError as error:
        return getattr(error, "reason", None) or error.code
    return ACCEPTED
