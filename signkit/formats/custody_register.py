"""Lines of the custody register: what happened to a key, signed together with its place.

Files, locks and crashes are those of every chain (`formats/chain.py`). Whether a transition is a legal
one is not decided here (`custody/life.py`).

Spec: docs/formats/custody-register.md section 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from signkit.errors import (
    MalformedError,
    NotCanonicalError,
    SignatureInvalidError,
    UsageError,
    VerificationError,
)
from signkit.formats.chain import Shape
from signkit.formats.envelope import Signing, envelope_value, sign_payload
from signkit.model.custody import NewKey, PlacedTransition, State, Transition
from signkit.verify import limits
from signkit.verify.digest import Sha256
from signkit.verify.ed25519 import PublicKey, verify_signature
from signkit.verify.encoding import Fields, check_text, decode_hex, encode_json, parse_json
from signkit.verify.envelope import (
    Signature,
    open_envelope,
    pre_authentication_encoding,
    read_envelope,
)

PAYLOAD_TYPE = "application/vnd.signkit.custody-line.v1+json"
WHAT = "custody register"
LINE_SIZE = 16 * 1024
DAYS_MOST = 36_500
_DAYS = {"d": 1, "y": 365}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTransition:
    """A transition as a line holds it.

    Attributes:
        placed: What was signed.
        signature: By the station's own key.
    """

    placed: PlacedTransition
    signature: Signature


def register_shape(key: PublicKey) -> Shape[SignedTransition]:
    """Return what the lines of a register hold that is signed by one key."""

    def parse(fields: Fields, where: str) -> SignedTransition:
        return parse_signed_transition(fields.take("signed"), key, where=where)

    return Shape(what=WHAT, line_size=LINE_SIZE, parse=parse, encode=_encode)


def sign_transition(placed: PlacedTransition, signer: Signing) -> SignedTransition:
    """Sign a transition and its place, and verify the signature.

    Raises:
        FormatError: no reader would take it: a text is empty, too long or has a control character.
        SignatureInvalidError, CustodyError: the station's own key failed.
    """
    payload = _encode_payload(placed)
    _parse_payload(payload, WHAT)
    made = sign_payload(PAYLOAD_TYPE, payload, signer, carry_key=False)
    message = pre_authentication_encoding(PAYLOAD_TYPE, payload)
    verify_signature(signer.public_key, message, made.signature)
    return SignedTransition(placed=placed, signature=made)


def parse_signed_transition(value: object, key: PublicKey, *, where: str) -> SignedTransition:
    """Verify the envelope of a line, and read what is in it.

    Args:
        value: The member `signed` of the line.
        key: The home's station key.
        where: The line, for messages.

    Raises:
        FormatError: its shape is wrong.
        SignatureInvalidError: it is not signed by that key.
    """
    envelope = read_envelope(value, payload_type=PAYLOAD_TYPE, what=f"{where}.signed")
    if len(envelope.signatures) != 1 or envelope.signatures[0].public_key is not None:
        message = f"{where}.signed: expected one signature, without its public key"
        raise MalformedError(message)
    try:
        opened = open_envelope(envelope, keys={key.keyid: key}, threshold=1, what=where)
    except VerificationError as error:
        message = f"{where} is not signed by the station's key of this home: {error}"
        hint = (
            "the register was changed, or station.pem was replaced: find out which, and get"
            " both from one backup; nothing is signed until then"
        )
        raise SignatureInvalidError(message, hint=hint) from error
    placed = _parse_payload(opened.payload, where)
    return SignedTransition(placed=placed, signature=envelope.signatures[0])


def _encode(entry: SignedTransition) -> Mapping[str, object]:
    payload = _encode_payload(entry.placed)
    return {"signed": envelope_value(PAYLOAD_TYPE, payload, [entry.signature])}


def _encode_payload(placed: PlacedTransition) -> bytes:
    said = placed.transition
    return encode_json(
        {
            "sequence": placed.sequence,
            "previous": {"sha256": placed.previous.hex()},
            "time": said.time,
            "who": said.who,
            "keyid": said.keyid,
            "state": said.state,
            "reason": said.reason,
            "key": said.key
            and {
                "name": said.key.name,
                "cryptoperiod_days": said.key.cryptoperiod_days,
                "predecessor": said.key.predecessor,
            },
        }
    )


def _parse_payload(payload: bytes, where: str) -> PlacedTransition:
    fields = Fields(parse_json(payload, limit=LINE_SIZE, what=where), where)
    placed = PlacedTransition(
        sequence=fields.integer("sequence", least=1),
        previous=Sha256(fields.sha256("previous")),
        transition=_parse_transition(fields, where),
    )
    fields.done()
    if _encode_payload(placed) != payload:
        message = f"{where} is not spelled as a writer spells it"
        raise NotCanonicalError(message)
    return placed


def _parse_transition(fields: Fields, where: str) -> Transition:
    said = Transition(
        time=fields.time("time"),
        who=fields.label("who"),
        keyid=_keyid(fields, "keyid", where),
        state=_state(fields.text("state"), where),
        reason=check_text(
            fields.text("reason"),
            what=f"{where}.reason",
            limit=limits.REASON_LENGTH,
            lines=True,
        ),
        key=None if fields.is_null("key") else _parse_key(fields.member("key"), f"{where}.key"),
    )
    if said.key is not None and said.key.predecessor == said.keyid:
        message = f"{where}.key.predecessor: a key cannot follow itself"
        raise MalformedError(message)
    return said


def _parse_key(fields: Fields, where: str) -> NewKey:
    key = NewKey(
        name=fields.label("name"),
        cryptoperiod_days=None
        if fields.is_null("cryptoperiod_days")
        else fields.integer("cryptoperiod_days", least=1, most=DAYS_MOST),
        predecessor=None if fields.is_null("predecessor") else _keyid(fields, "predecessor", where),
    )
    fields.done()
    return key


def _keyid(fields: Fields, name: str, where: str) -> str:
    return decode_hex(fields.text(name), size=32, what=f"{where}.{name}").hex()


def _state(text: str, where: str) -> State:
    try:
        return State(text)
    except ValueError:
        message = f"{where}.state: expected one of {', '.join(State)}, got {text!r:.40}"
        raise MalformedError(message) from None


def parse_cryptoperiod(text: str) -> int | None:
    """Read how long a key may sign, as a person types it: `90d`, `2y`, `never`.

    Returns:
        Days, a year counting 365, or None for ever.

    Raises:
        UsageError: it is no such period.
    """
    if text == "never":
        return None
    number, unit = text[:-1], text[-1:]
    digits = number.isascii() and number.isdigit() and len(number) <= len(str(DAYS_MOST))
    days = int(number) * _DAYS[unit] if digits and unit in _DAYS else 0
    if not 1 <= days <= DAYS_MOST:
        message = f"--cryptoperiod: expected days or years such as 90d or 2y, got {text!r:.40}"
        hint = f"1d to {DAYS_MOST}d, a year counts 365 days; `never` for no end"
        raise UsageError(message, hint=hint)
    return days
