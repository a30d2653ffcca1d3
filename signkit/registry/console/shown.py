"""What the pages show of records: rows with the ground floor's verdict beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from signkit.errors import MalformedError, SignkitError, UnknownKeyError
from signkit.formats.words import encode_words
from signkit.registry.bundle_tables import Bundle, BundleSignature
from signkit.registry.ground_floor import (
    bundle_hash,
    enrolled_key,
    verify_binary_statement,
    verify_hash_signature,
)
from signkit.registry.states import BinaryState
from signkit.registry.tables import Binary, BinarySignature, SigningKey
from signkit.registry.tokens import Caller
from signkit.verify.ed25519 import PublicKey
from signkit.verify.statement import Statement


class Tone(StrEnum):
    """How a verdict looks; it is always said in words as well."""

    GOOD = "good"
    BAD = "bad"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the ground floor says.

    Attributes:
        tone: How it looks.
        text: In a word or two.
        reason: Why, where it is not good; empty otherwise.
    """

    tone: Tone
    text: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSignature:
    """A signature, and what it is worth.

    Attributes:
        key: Whose it is.
        signature: 128 hex digits, as they came.
        inserted_at: Microseconds since 1970.
        verdict: Under that key, over the hash on record.
    """

    key: SigningKey
    signature: str
    inserted_at: int
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownStatement:
    """A release statement, and what it is worth.

    Attributes:
        said: What it says, or None where it does not verify: nothing of it is shown then.
        signers: The names of the enrolled keys that signed it.
        verdict: By the keys enrolled here.
    """

    said: Statement | None
    signers: tuple[str, ...]
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBinary:
    """A binary with everything that is said of it.

    Attributes:
        row: The record.
        signatures: Each with its verdict.
        statement: None where it carries none.
        verdict: Of all of them together.
    """

    row: Binary
    signatures: tuple[ShownSignature, ...]
    statement: ShownStatement | None
    verdict: Verdict


class Keys:
    """The signing keys of whoever looks; loaded when the first statement is to be verified."""

    def __init__(self, session: Session, caller: Caller) -> None:
        self._session = session
        self._caller = caller
        self._loaded: dict[str, tuple[PublicKey, str]] | None = None

    def all(self) -> dict[str, tuple[PublicKey, str]]:
        """Return each usable key and its name, by keyid."""
        if self._loaded is None:
            query = select(SigningKey).where(
                SigningKey.organization_row == self._caller.organization_row
            )
            self._loaded = {}
            for row in self._session.scalars(query):
                try:
                    key = enrolled_key(row.value)
                except SignkitError:
                    continue  # damaged; `registry verify` names it
                self._loaded[key.keyid] = (key, row.name)
        return self._loaded


def show_binary(binary: Binary, keys: Keys) -> ShownBinary:
    """Return a binary with its verdicts."""
    signatures = show_signatures(binary.signatures, binary.hash)
    statement = _show_statement(binary, keys)
    return ShownBinary(
        row=binary,
        signatures=signatures,
        statement=statement,
        verdict=_sum_up(binary, signatures, statement),
    )


def show_signatures(
    rows: Iterable[BinarySignature | BundleSignature], hash_text: str
) -> tuple[ShownSignature, ...]:
    """Return signatures with their verdicts over a hash."""
    return tuple(
        ShownSignature(
            key=row.signing_key,
            signature=row.signature,
            inserted_at=row.inserted_at,
            verdict=_judge(row, hash_text),
        )
        for row in rows
    )


def _judge(row: BinarySignature | BundleSignature, hash_text: str) -> Verdict:
    try:
        verify_hash_signature(enrolled_key(row.signing_key.value), hash_text, row.signature)
    except (SignkitError, ValueError) as error:
        return Verdict(tone=Tone.BAD, text="refused", reason=str(error))
    return Verdict(tone=Tone.GOOD, text="verified")


def _show_statement(binary: Binary, keys: Keys) -> ShownStatement | None:
    if '"signkit"' not in (binary.custom_metadata or ""):
        return None
    known = keys.all()
    try:
        verified = verify_binary_statement(binary, [key for key, _name in known.values()])
    except (SignkitError, ValueError) as error:
        if getattr(error, "reason", None) == UnknownKeyError.code:
            text = "by a key that is not enrolled here"
            verdict = Verdict(tone=Tone.OPEN, text=text, reason=str(error))
        else:
            verdict = Verdict(tone=Tone.BAD, text="refused", reason=str(error))
        return ShownStatement(said=None, signers=(), verdict=verdict)
    if verified is None:
        return None
    return ShownStatement(
        said=verified.statement,
        signers=tuple(known[key.keyid][1] for key in verified.signers),
        verdict=Verdict(tone=Tone.GOOD, text="verified"),
    )


def _sum_up(
    binary: Binary, signatures: tuple[ShownSignature, ...], statement: ShownStatement | None
) -> Verdict:
    """Return one verdict of all: a refusal counts more than anything that verifies."""
    verdicts = [each.verdict for each in signatures]
    if statement is not None:
        verdicts.append(statement.verdict)
    for verdict in verdicts:
        if verdict.tone is Tone.BAD:
            return verdict
    if not signatures:
        text = "not signed yet" if binary.state != BinaryState.DESTROYED else "never signed"
        return Verdict(tone=Tone.OPEN, text=text)
    if statement is None:
        return Verdict(tone=Tone.OPEN, text="signature only")
    return statement.verdict


def show_bundle_hash(bundle: Bundle, members: Iterable[Binary], caller: Caller) -> Verdict:
    """Return whether a bundle's hash is that of its members."""
    settled = [
        (binary, member.custom_metadata)
        for binary, member in zip(members, bundle.members, strict=True)
    ]
    try:
        computed = bundle_hash(settled, caller.organization)
    except (MalformedError, ValueError) as error:
        return Verdict(tone=Tone.BAD, text="refused", reason=str(error))
    if computed != bundle.hash:
        reason = f"its members come to {computed}"
        return Verdict(tone=Tone.BAD, text="refused", reason=reason)
    return Verdict(tone=Tone.GOOD, text="verified")


def sum_up_bundle(
    hash_verdict: Verdict, signatures: Sequence[ShownSignature], members: Sequence[ShownBinary]
) -> Verdict:
    """Return one verdict of a bundle: no better than that of any of its members."""
    for verdict in (hash_verdict, *(each.verdict for each in signatures)):
        if verdict.tone is Tone.BAD:
            return verdict
    for member in members:
        if member.verdict.tone is Tone.BAD:
            return Verdict(tone=Tone.BAD, text="a binary is refused")
    if not signatures:
        return Verdict(tone=Tone.OPEN, text="not signed yet")
    return hash_verdict


def show_metadata(text: str | None) -> str:
    """Return custom metadata without the statement, indented; empty where there is none."""
    value = {} if text is None else json.loads(text)
    if isinstance(value, dict):
        value = {name: member for name, member in value.items() if name != "signkit"}
    return json.dumps(value, ensure_ascii=False, indent=2) if value else ""


def fingerprint_words(keyid: str) -> str:
    """Return a keyid as people compare it over the phone: one word a byte."""
    return " ".join(encode_words(bytes.fromhex(keyid)))
