"""The vectors of the custody register: a valid one, and one for each defect. TEST ONLY.

`scripts/vectors` writes them to tests/vectors/custody-register; a test checks that the stored ones
are these. The outcome is that of following the chain and then the lives in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from signkit.formats.chain import EMPTY_HEAD
from signkit.formats.custody_register import PAYLOAD_TYPE
from signkit.model.custody import NewKey, State, Transition
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_json
from tests.support.documents import document
from tests.support.keys import PROD, SPARE, STATION, STRANGER, KeyOfTest
from tests.support.vector_files import lay_out, write_vectors

FOLDER = Path(__file__).parents[1] / "vectors" / "custody-register"
KEYID, NEXT_KEYID = PROD.public_key.keyid, SPARE.public_key.keyid
Vector = tuple[str, bytes, str]


def transition(state: State | str, key: NewKey | None = None, **changes: Any) -> Transition:
    """One transition of the key PROD."""
    said = {"time": "2026-01-31T12:00:00Z", "who": "ana@station", "keyid": KEYID, "reason": "why"}
    return Transition(**{**said, **changes}, state=State(state), key=key)


def payload_value(said: Transition, sequence: int, previous: bytes) -> dict[str, Any]:
    """The payload of a line."""
    return {
        "sequence": sequence,
        "previous": {"sha256": previous.hex()},
        "time": said.time,
        "who": said.who,
        "keyid": said.keyid,
        "state": str(said.state),
        "reason": said.reason,
        "key": said.key
        and {
            "name": said.key.name,
            "cryptoperiod_days": said.key.cryptoperiod_days,
            "predecessor": said.key.predecessor,
        },
    }


def line(payload: object, sequence: int, previous: bytes, key: KeyOfTest = STATION) -> bytes:
    """A line of any payload, signed by any key, without its line feed."""
    signed = document(PAYLOAD_TYPE, payload, key, carry_key=False)
    return encode_json(
        {"sequence": sequence, "previous": {"sha256": previous.hex()}, "signed": signed}
    )


def lines_of(*said: Transition, key: KeyOfTest = STATION) -> list[bytes]:
    """The lines of a register."""
    lines: list[bytes] = []
    head: bytes = EMPTY_HEAD
    for sequence, each in enumerate(said, 1):
        lines.append(line(payload_value(each, sequence, head), sequence, head, key))
        head = compute_digest(lines[-1])
    return lines


NEW = NewKey(name="prod", cryptoperiod_days=730)
LIFE = (
    transition("pre-active", NEW, reason="made here"),
    transition("active", time="2026-02-01T00:00:00Z", reason="in the trust root\nof 2026"),
    transition("suspended", time="2026-03-01T00:00:00Z"),
    transition("active", time="2026-03-02T00:00:00Z"),
    transition("active", NewKey(name="prod-2", predecessor=KEYID), keyid=NEXT_KEYID),
    transition("deactivated", time="2027-03-01T00:00:00Z"),
    transition("destroyed", time="2027-03-02T00:00:00Z"),
    transition("compromised", time="2027-03-03T00:00:00Z"),
)


def joined(lines: list[bytes]) -> bytes:
    """Lines as their file."""
    return b"".join(each + b"\n" for each in lines)


def _with_last(**changes: Any) -> bytes:
    """The register of a new key whose second line says something else."""
    lines = lines_of(transition("active", NEW))
    head = compute_digest(lines[0])
    said = payload_value(transition("suspended"), 2, head)
    for name, change in changes.items():
        if change is ...:
            del said[name]
        else:
            said[name] = change
    return joined([*lines, line(said, 2, head)])


def _with_new(**changes: Any) -> bytes:
    """A register whose first line says something else of its key."""
    said = payload_value(transition("active", NEW), 1, EMPTY_HEAD)
    key = {name: value for name, value in (said["key"] | changes).items() if value is not ...}
    return joined([line(said | {"key": key}, 1, EMPTY_HEAD)])


def _fields() -> Iterator[Vector]:
    for name in ("sequence", "previous", "time", "who", "keyid", "state", "reason", "key"):
        yield f"missing-{name}", _with_last(**{name: ...}), "malformed"
    yield "unknown-field", _with_last(note=""), "malformed"
    yield "time-with-offset", _with_last(time="2026-01-31T12:00:00+00:00"), "malformed"
    yield "who-empty", _with_last(who=""), "malformed"
    yield "who-control-character", _with_last(who="a\x1b[2J"), "malformed"
    yield "keyid-upper-case", _with_last(keyid=KEYID.upper()), "malformed"
    yield "state-unknown", _with_last(state="lost"), "malformed"
    yield "state-upper-case", _with_last(state="Suspended"), "malformed"
    yield "reason-empty", _with_last(reason=""), "malformed"
    yield "reason-too-long", _with_last(reason="x" * 2001), "malformed"
    yield "sequence-of-another-line", _with_last(sequence=1), "malformed"
    yield "previous-of-another-line", _with_last(previous={"sha256": "00" * 32}), "malformed"
    for name in ("name", "cryptoperiod_days", "predecessor"):
        yield f"missing-key-{name}", _with_new(**{name: ...}), "malformed"
    yield "key-unknown-field", _with_new(kind="sealed"), "malformed"
    yield "key-name-empty", _with_new(name=""), "malformed"
    yield "key-no-days", _with_new(cryptoperiod_days=0), "malformed"
    yield "key-too-many-days", _with_new(cryptoperiod_days=36_501), "malformed"
    yield "key-days-as-text", _with_new(cryptoperiod_days="2y"), "malformed"
    yield "key-follows-itself", _with_new(predecessor=KEYID), "malformed"


def _lives() -> Iterator[Vector]:
    first = transition("active", NEW)
    yield "no-first-line", joined(lines_of(transition("active"))), "malformed"
    yield "first-line-twice", joined(lines_of(first, transition("suspended", NEW))), "malformed"
    for state in ("suspended", "deactivated", "compromised", "destroyed"):
        yield f"begins-{state}", joined(lines_of(transition(state, NEW))), "malformed"
    back = (first, transition("deactivated"), transition("active"))
    yield "active-after-deactivated", joined(lines_of(*back)), "malformed"
    again = (first, transition("compromised"), transition("active"))
    yield "active-after-compromised", joined(lines_of(*again)), "malformed"
    same = (first, transition("active"))
    yield "active-after-active", joined(lines_of(*same)), "malformed"


def _chains() -> Iterator[Vector]:
    whole = lines_of(*LIFE)
    yield "line-missing", joined([*whole[:2], *whole[3:]]), "malformed"
    yield "lines-swapped", joined([whole[0], whole[2], whole[1], *whole[3:]]), "malformed"
    yield "line-twice", joined([*whole[:2], whole[1]]), "malformed"
    edited = whole[1].replace(b'"sequence":2', b'"sequence":3')
    yield "line-edited", joined([whole[0], edited, *whole[2:]]), "malformed"
    flipped = json.loads(whole[7])
    flipped["signed"]["payload"] = flipped["signed"]["payload"].replace("Y29t", "Y29u")
    assert flipped != json.loads(whole[7])
    yield "payload-edited", joined([*whole[:7], encode_json(flipped)]), "signature-invalid"
    yield "signed-by-another-key", joined(lines_of(*LIFE, key=STRANGER)), "signature-invalid"
    moved = [whole[0], _moved(whole[1], compute_digest(whole[0]), 2), _moved(whole[1], b"", 3)]
    yield "line-moved", joined(moved), "malformed"
    carried = json.loads(whole[0])
    carried["signed"] = document(PAYLOAD_TYPE, payload_value(LIFE[0], 1, EMPTY_HEAD), STATION)
    yield "key-carried", joined([encode_json(carried)]), "malformed"
    other = json.loads(whole[0])
    other["signed"]["payloadType"] = "application/vnd.signkit.request.v1+json"
    yield "another-type", joined([encode_json(other)]), "malformed"
    yield "spelled-with-spaces", joined([whole[0].replace(b'":', b'": ', 1)]), "malformed"
    yield "no-json", b"{\n", "malformed"
    yield "empty-line", joined([whole[0], b""]), "malformed"


def _moved(said: bytes, previous: bytes, sequence: int) -> bytes:
    """A genuine line in a place where it was not signed; no previous is that of the line itself."""
    value = json.loads(said)
    place = {"sequence": sequence, "previous": {"sha256": (previous or compute_digest(said)).hex()}}
    return encode_json(value | place)


def vectors() -> dict[str, tuple[bytes, str]]:
    """Return by file: bytes and the expected outcome ("accept" or an error code)."""
    cases = [
        ("life", joined(lines_of(*LIFE)), "accept"),
        ("empty", b"", "accept"),
        ("torn", joined(lines_of(*LIFE))[:-9], "accept"),
        *_fields(),
        *_lives(),
        *_chains(),
    ]
    return lay_out(cases, suffix=".jsonl")


if __name__ == "__main__":
    write_vectors(FOLDER, vectors())
