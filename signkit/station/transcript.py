"""The transcript: who held a ceremony, with what, and under which rules.

It stands in the ledger's line; its digest stands in the response.

Spec: docs/formats/ledger.md section 3.
Controls: SK-SIGN-TRANSCRIPT (docs/design/assurance.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from signkit.errors import MalformedError
from signkit.station.installation import Installation
from signkit.verify.digest import Sha256, compute_digest
from signkit.verify.encoding import Fields, encode_json

HOW = ("words", "digest")
RESULTS = ("held", "refused", "not-asked")
_CONFIRMATION_COUNT = 64
_CONTROL_COUNT = 1024


class Confirmation(NamedTuple):
    """That somebody confirmed.

    Attributes:
        operator: Who, as they or their system say; 1 to 128 characters.
        how: One of HOW: typed words of the request's digest, or gave the digest whole.
        time: RFC 3339 UTC text, by the station's clock.
    """

    operator: str
    how: str
    time: str


class ControlResult(NamedTuple):
    """What became of one control.

    Attributes:
        control: Its id, as in docs/design/assurance.md.
        result: One of RESULTS.
    """

    control: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """Who, with what, under which rules.

    Attributes:
        station: What the station calls itself, 1 to 128 characters.
        installation: What runs here.
        policy: SHA-256 of the policy file; None where there is none.
        began: RFC 3339 UTC text: when the request was opened.
        confirmed: Who confirmed.
        controls: Every control that was asked, and how it answered.
    """

    station: str
    installation: Installation
    policy: Sha256 | None = None
    began: str
    confirmed: tuple[Confirmation, ...] = ()
    controls: tuple[ControlResult, ...] = field(default=())


def transcript_digest(transcript: Transcript) -> Sha256:
    """Return what the response says of the transcript: SHA-256 of its one spelling."""
    return compute_digest(encode_json(encode_transcript(transcript)))


def encode_transcript(transcript: Transcript) -> dict[str, object]:
    """Return a transcript as JSON, its fields in the order of the specification."""
    runs = transcript.installation
    policy = transcript.policy
    return {
        "station": transcript.station,
        "signkit": runs.signkit,
        "python": runs.python,
        "pynacl": runs.pynacl,
        "openssl": runs.openssl,
        "installation": {"sha256": runs.digest.hex()},
        "policy": None if policy is None else {"sha256": policy.hex()},
        "began": transcript.began,
        "confirmed": [
            {"operator": each.operator, "how": each.how, "time": each.time}
            for each in transcript.confirmed
        ],
        "controls": [
            {"control": each.control, "result": each.result} for each in transcript.controls
        ],
    }


def parse_transcript(fields: Fields, where: str) -> Transcript:
    """Parse a transcript.

    Args:
        fields: Its fields.
        where: What it is called in messages.

    Raises:
        FormatError: a field is unknown, missing or wrong; the place is named.
    """
    transcript = Transcript(
        station=fields.label("station"),
        installation=Installation(
            signkit=fields.label("signkit"),
            python=fields.label("python"),
            pynacl=fields.label("pynacl"),
            openssl=fields.label("openssl"),
            digest=Sha256(fields.sha256("installation")),
        ),
        policy=None if fields.is_null("policy") else Sha256(fields.sha256("policy")),
        began=fields.time("began"),
        confirmed=tuple(
            _parse_confirmation(member, f"{where}.confirmed[{place}]")
            for place, member in enumerate(fields.array("confirmed", most=_CONFIRMATION_COUNT))
        ),
        controls=tuple(
            _parse_control(member, f"{where}.controls[{place}]")
            for place, member in enumerate(fields.array("controls", most=_CONTROL_COUNT))
        ),
    )
    fields.done()
    return transcript


def _parse_confirmation(value: object, where: str) -> Confirmation:
    fields = Fields(value, where)
    made = Confirmation(
        operator=fields.label("operator"), how=fields.text("how"), time=fields.time("time")
    )
    fields.done()
    _check_word(made.how, HOW, f"{where}.how")
    return made


def _parse_control(value: object, where: str) -> ControlResult:
    fields = Fields(value, where)
    made = ControlResult(control=fields.label("control"), result=fields.text("result"))
    fields.done()
    _check_word(made.result, RESULTS, f"{where}.result")
    return made


def _check_word(word: str, words: tuple[str, ...], where: str) -> None:
    if word not in words:
        message = f"{where}: expected one of {', '.join(words)}, got {word!r:.40}"
        raise MalformedError(message)
