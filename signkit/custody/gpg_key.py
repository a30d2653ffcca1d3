"""Ed25519 keys that GnuPG holds, in its key folder or on a card: its agent signs bytes as they are.

What gpg itself signs is no signature for us: an OpenPGP signature is over a hash of the message and
a trailer. Its agent signs what it is given with the bare key. For bytes of any length that takes
the agent's command `SETHASH --inquire`, which GnuPG has from 2.4 on (decision 15).

Controls: SK-KEY-GNUPG (docs/design/assurance.md).

Spec: docs/formats/keys.md section 15.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn, final

from signkit.custody.agent import Agent, Answer
from signkit.custody.openpgp import check_passphrase, find_ed25519_key, parse_fingerprint
from signkit.custody.signer import Secrets
from signkit.errors import (
    BackendUnavailableError,
    CustodyError,
    FormatError,
    KeyLockedError,
    VerificationError,
)
from signkit.formats.display import escape
from signkit.formats.sexp import find_part, parse_sexp
from signkit.verify.ed25519 import (
    PUBLIC_KEY_SIZE,
    SIGNATURE_SIZE,
    PublicKey,
    enrol_public_key,
    verify_signature,
)

MESSAGE_SIZE = 2048
"""The most bytes that the agent takes to be signed (its cmd_sethash)."""
_HALF = SIGNATURE_SIZE // 2
_NATIVE = b"\x40"  # how OpenPGP marks a point that is written as its curve writes it
_WRONG_SECRET = frozenset({11, 87})  # GPG_ERR_BAD_PASSPHRASE, GPG_ERR_BAD_PIN
_NO_SECRET_KEY = frozenset({17, 27})  # GPG_ERR_NO_SECKEY, GPG_ERR_NOT_FOUND
_PIN_BLOCKED = 130
# No scheme signs bytes that start so, and it is longer than any hash.
_CHALLENGE = b"signkit: does this key of GnuPG sign for the public key that GnuPG says?\0"


@final
class GpgKey:
    """A private key of GnuPG, in a conversation with an agent of its own.

    Attributes:
        name: What people call the key: its URI.
        public_key: Its public key.
        warnings: What the operator should know.
    """

    __slots__ = ("_agent", "_gone", "_grip", "_secret", "name", "public_key", "warnings")

    def __init__(self, agent: Agent, grip: str, *, name: str, secret: bytes | None) -> None:
        self._agent = agent
        self._grip = grip
        self._secret = secret
        self._gone = False
        self.name = name
        self.public_key = _read_public(agent, grip, name)
        self.warnings = ("GnuPG holds this key, and signs whatever else GnuPG is asked to with it",)

    def sign(self, message: bytes) -> bytes:
        """Sign a message as it is; 64 bytes, not yet verified.

        Raises:
            BackendUnavailableError: more than 2,048 bytes; or the agent is gone, or failed, and is
                not asked again: each wrong PIN brings a card closer to locking.
            KeyLockedError: the passphrase or PIN is wrong.
        """
        if len(message) > MESSAGE_SIZE:
            message_ = (
                f"the key {self.name} did not sign: GnuPG signs at most {MESSAGE_SIZE} bytes as they"
                f" are, got {len(message)}"
            )
            raise BackendUnavailableError(message_, hint="sign this with a key file or a token")
        if self._gone:
            self._refuse("it failed before")
        self._gone = True
        for command, answers in (
            (f"SIGKEY {self._grip}", {}),
            ("SETHASH --inquire", {"TBSDATA": message}),
        ):
            self._check(self._agent.ask(command, answers))
        secret = {} if self._secret is None else {"PASSPHRASE": self._secret}
        signed = self._agent.ask("PKSIGN", secret)
        self._check(signed)
        signature = self._read_signature(signed.data)
        self._gone = False
        return signature

    def _check(self, answer: Answer) -> None:
        if answer.code in _WRONG_SECRET:
            message = f"the passphrase or PIN does not open the key {self.name}"
            hint = "of a card, each wrong PIN brings it closer to locking: gpg --card-status"
            raise KeyLockedError(message, hint=hint)
        if answer.code == _PIN_BLOCKED:
            message = f"the PIN of the card that holds the key {self.name} is locked"
            raise KeyLockedError(
                message, hint="gpg --card-edit, with the admin PIN, sets a new one"
            )
        if answer.code:
            self._refuse(f"GnuPG's agent says {escape(answer.text)}")

    def _read_signature(self, data: bytes) -> bytes:
        try:
            value = parse_sexp(data)
        except FormatError:
            value = b""
        halves = [find_part(value, b"eddsa", name) or b"" for name in (b"r", b"s")]
        if [len(half) for half in halves] != [_HALF, _HALF]:
            self._refuse("GnuPG's agent answers with no Ed25519 signature")
        return b"".join(halves)

    def _refuse(self, why: str) -> NoReturn:
        message = f"the key {self.name} did not sign: {why}"
        hint = "of a card: is it there, and does no other program hold it? gpgconf --kill all"
        raise BackendUnavailableError(message, hint=hint)

    def __repr__(self) -> str:
        """Name the key."""
        return f"GpgKey(name={self.name!r}, keyid={self.public_key.keyid!r})"


def open_gpg_key(rest: str, *, home: Path | None, secrets: Secrets) -> GpgKey:
    """Find a key of GnuPG, unlock it, and have it prove that it signs.

    Args:
        rest: What follows `gpg:`, the fingerprint of the key or subkey.
        home: The GnuPG home; None for the person's own.
        secrets: Gives the passphrase or PIN, where the key has one.

    Raises:
        MalformedError: no fingerprint.
        KeyNotFoundError, CustodyError, UsageError: as `openpgp.find_ed25519_key`.
        BackendUnavailableError: GnuPG is too old to sign bytes as they are, or its agent failed.
        KeyLockedError: the passphrase or PIN is missing or wrong.
        KeyRefusedError: the key must not be used.
    """
    fingerprint = parse_fingerprint(rest)
    name = f"gpg:{fingerprint}"
    grip = find_ed25519_key(fingerprint, home=home)
    agent = Agent(home)
    _check_agent(agent)
    secret = None
    if _is_locked(agent, grip, name):
        secret = check_passphrase(secrets(f"passphrase or PIN of {name}"))
    key = GpgKey(agent, grip, name=name, secret=secret)
    challenge = _CHALLENGE + os.urandom(32)
    try:
        verify_signature(key.public_key, challenge, key.sign(challenge))
    except VerificationError:
        message = f"GnuPG's agent signs, but not for the public key of {name}"
        raise CustodyError(
            message, hint="its key folder was altered, or its card exchanged"
        ) from None
    return key


def load_gpg_public_key(rest: str) -> PublicKey:
    """Read the public key of a key in GnuPG's own home; no passphrase, and any GnuPG will do.

    Args:
        rest: What follows `gpg:`.

    Raises:
        MalformedError, KeyNotFoundError, CustodyError, KeyRefusedError: as `open_gpg_key`.
    """
    fingerprint = parse_fingerprint(rest)
    grip = find_ed25519_key(fingerprint, home=None)
    return _read_public(Agent(None), grip, f"gpg:{fingerprint}")


def _check_agent(agent: Agent) -> None:
    """Have the agent ask back for secrets instead of a person, keep none, and take any message."""
    for option in ("pinentry-mode=loopback", "use-cache-for-signing=0"):
        refused = agent.ask(f"OPTION {option}")
        if refused.code:
            message = f"GnuPG's agent does not allow {option}: {escape(refused.text)}"
            raise BackendUnavailableError(message, hint="allow-loopback-pinentry in gpg-agent.conf")
    if agent.ask("SETHASH --inquire", {"TBSDATA": _CHALLENGE}).code:
        version = escape(agent.ask("GETINFO version").data.decode("utf-8", "replace"))
        message = (
            f"GnuPG {version} signs hashes only, and no message as it is: expected 2.4 or newer"
        )
        hint = (
            "install GnuPG 2.4, or use the key through PKCS#11 or as a key file: most cards have a"
            " PKCS#11 module, and signkit keys new makes a key file"
        )
        raise BackendUnavailableError(message, hint=hint)


def _is_locked(agent: Agent, grip: str, name: str) -> bool:
    """Say whether the key has a passphrase, or lies on a card (KEYINFO's second and sixth word)."""
    answer = agent.ask(f"KEYINFO {grip}")
    words = answer.status.get("KEYINFO", "").split(" ")
    if answer.code in _NO_SECRET_KEY:
        message = f"GnuPG has only the public half of {name} in this home"
        raise CustodyError(
            message, hint="insert its card and run gpg --card-status, or bring the home"
        )
    if answer.code or len(words) < 6:
        message = f"GnuPG's agent does not know how {name} is kept: {escape(answer.text)}"
        raise BackendUnavailableError(message)
    return words[1] != "D" or words[5] != "C"


def _read_public(agent: Agent, grip: str, name: str) -> PublicKey:
    answer = agent.ask(f"READKEY {grip}")
    try:
        value = parse_sexp(answer.data)
    except FormatError:
        value = b""
    point = find_part(value, b"ecc", b"q") or b""
    curve = find_part(value, b"ecc", b"curve")
    raw = point.removeprefix(_NATIVE) if len(point) == PUBLIC_KEY_SIZE + 1 else point
    if curve != b"Ed25519" or len(raw) != PUBLIC_KEY_SIZE:
        message = f"GnuPG's agent does not give the public key of {name}: {escape(answer.text)}"
        raise BackendUnavailableError(message)
    return enrol_public_key(raw)
