"""Keys on PKCS#11 tokens: chosen by name, unlocked once, and used for as many signatures as asked.

The only module that knows python-pkcs11. One session is opened and kept, so one PIN signs a whole
ceremony. Before a PIN is spent, what the token says about its tries is in the prompt. A private
key never leaves its token: neither do its bytes through here, whatever the token would allow.

Spec: PKCS#11 version 3.1, sections 5 and 6.3.16 (EdDSA); RFC 7512.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, cast, final

import pkcs11
from pkcs11 import Attribute, Key, KeyType, Mechanism, ObjectClass, Session, Slot, Token, TokenFlag
from pkcs11.types import SignMixin

from signkit.custody.signer import Secrets
from signkit.custody.token_uri import TokenUri
from signkit.errors import (
    BackendUnavailableError,
    CustodyError,
    KeyLockedError,
    KeyNotFoundError,
    UsageError,
)
from signkit.formats.display import escape
from signkit.formats.key_evidence import KeyFacts, KeyReport, LibraryReport, TokenReport, said
from signkit.verify.ed25519 import (
    PUBLIC_KEY_SIZE,
    SIGNATURE_SIZE,
    PublicKey,
    enrol_public_key,
)

_OCTET_STRING = bytes((0x04, PUBLIC_KEY_SIZE))  # DER: how PKCS#11 3.x wraps a point
_PRESENT = "is the token plugged in, and --pkcs11-module its maker's?"


@final
class TokenKey:
    """A private key on a token, in a session that stays open.

    Attributes:
        name: What people call the key: its URI.
        public_key: Its public key.
        warnings: What the operator should know.
    """

    __slots__ = ("_gone", "_key", "_module", "_session", "_token", "name", "public_key", "warnings")

    def __init__(
        self, key: Key, session: Session, *, name: str, module: Path, public_key: PublicKey
    ) -> None:
        self._module = module
        self._key = cast("SignMixin", key)
        self._session = session  # kept: the key lives as long as it does
        self._token = _label(session.token)
        self._gone = False
        self.name = name
        self.public_key = public_key
        self.warnings = ("the token may wait to be touched: watch it while it signs",)

    def sign(self, message: bytes) -> bytes:
        """Sign a message as it is; 64 bytes, not yet verified.

        Raises:
            BackendUnavailableError: the token is gone, or failed; it is not asked again.
        """
        if self._gone:
            self._refuse("it failed before")
        try:
            signature = bytes(self._key.sign(message, mechanism=Mechanism.EDDSA))
        except pkcs11.PKCS11Error as error:
            self._gone = True
            self._refuse(_name(error))
        if len(signature) != SIGNATURE_SIZE:
            self._gone = True
            self._refuse(f"expected a signature of {SIGNATURE_SIZE} bytes, got {len(signature)}")
        return signature

    def report(self) -> KeyFacts:
        """Ask the token what it is, and what it says about the key.

        Raises:
            BackendUnavailableError: the token is gone, or failed.
        """
        key, token = cast("Key", self._key), self._session.token
        with _translated(self._token):
            return KeyFacts(
                library=_report_library(self._module),
                token=_report_token(token),
                key=_report_key(key),
                certificates=_read_certificates(self._session, key.id),
            )

    def _refuse(self, why: str) -> NoReturn:
        message = f"the token {self._token} did not sign: {why}"
        hint = "plug it in again and sign the request again; finished items stay as they are"
        raise BackendUnavailableError(message, hint=hint)

    def __repr__(self) -> str:
        """Name the key."""
        return f"TokenKey(name={self.name!r}, keyid={self.public_key.keyid!r})"


def open_token_key(uri: TokenUri, *, module: Path | None, secrets: Secrets, name: str) -> TokenKey:
    """Find a key on a token and unlock it.

    Args:
        uri: Which token and key.
        module: The shared library of the token's maker, an absolute path, as the operator named it.
        secrets: Gives the PIN; what it is asked for says how many tries the token still allows.
        name: What to call the key.

    Raises:
        UsageError: no module was named, or not by its whole path.
        BackendUnavailableError: the module or the token fails, or the token has no EdDSA.
        KeyNotFoundError: no such token or key; the message says which there are.
        KeyLockedError: the PIN is wrong, or locked.
        CustodyError: more than one token or key of that name, or a key of another kind.
    """
    module = _check_module(module)
    token = _find_token(_load(module), uri)
    label = _label(token)
    _check_mechanism(token, label)
    session = _open_session(token, label, secrets)
    with _translated(label):
        key = _find_key(session, uri, label)
        public_key = _read_public(session, key, label)
    return TokenKey(key, session, name=name, module=module, public_key=public_key)


def load_token_public_key(uri: TokenUri, *, module: Path | None) -> PublicKey:
    """Read the public key of a key on a token, without a PIN: tokens show public objects to all.

    Raises:
        UsageError, BackendUnavailableError, KeyNotFoundError, CustodyError: as `open_token_key`.
    """
    token = _find_token(_load(_check_module(module)), uri)
    label = _label(token)
    with _translated(label):
        session = token.open()
        return _decode_point(_find_public(session, _match(uri), label), label)


def _check_module(module: Path | None) -> Path:
    if module is None or not os.path.isabs(module):
        message = f"expected the whole path of a PKCS#11 module, got {module or 'none'}"
        raise UsageError(message, hint="--pkcs11-module /usr/lib/softhsm/libsofthsm2.so, or such")
    return module


def _load(module: Path) -> list[Slot]:
    try:
        return pkcs11.lib(os.fspath(module)).get_slots(token_present=True)
    except pkcs11.PKCS11Error as error:
        message = f"the PKCS#11 module cannot be used: {_name(error)}"
        raise BackendUnavailableError(message, hint=_PRESENT) from error


def _find_token(slots: list[Slot], uri: TokenUri) -> Token:
    with _translated("in the slot"):
        tokens = [slot.get_token() for slot in slots]
        tokens = [token for token in tokens if TokenFlag.TOKEN_INITIALIZED in token.flags]
    found = [token for token in tokens if _is_meant(token, uri)]
    if len(found) > 1:
        message = f"more than one token of that name: {_names(found)}"
        raise CustodyError(message, hint="name it by its serial number: pkcs11:serial=...")
    if not found:
        message = f"no such token; there are: {_names(tokens) or 'none'}"
        raise KeyNotFoundError(message, hint=_PRESENT)
    return found[0]


def _names(tokens: list[Token]) -> str:
    return ", ".join(f"{_label(token)} (serial {_serial(token)})" for token in tokens)


def _is_meant(token: Token, uri: TokenUri) -> bool:
    return all(
        wanted is None or wanted == found
        for wanted, found in ((uri.token, token.label), (uri.serial, _serial(token)))
    )


def _serial(token: Token) -> str:
    return bytes(token.serial).decode("utf-8", "replace").strip()


def _label(token: Token) -> str:
    return escape(str(token.label))


def _check_mechanism(token: Token, label: str) -> None:
    with _translated(label):
        mechanisms = token.slot.get_mechanisms()
    if Mechanism.EDDSA not in mechanisms:
        names = sorted(f"CKM_{getattr(each, 'name', each)}" for each in mechanisms)
        signing = [name for name in names if "ECDSA" in name or "RSA_PKCS" in name]
        message = (
            f"the token {label} cannot sign Ed25519: it has no mechanism CKM_EDDSA"
            f" (it has {', '.join(signing[:4]) or 'none that signs'})"
        )
        raise BackendUnavailableError(message, hint="use a token of PKCS#11 3.0 with EdDSA")


def _open_session(token: Token, label: str, secrets: Secrets) -> Session:
    flags = token.flags
    if TokenFlag.USER_PIN_LOCKED in flags:
        message = f"the PIN of the token {label} is locked"
        raise KeyLockedError(message, hint="its security officer can set a new one")
    if TokenFlag.PROTECTED_AUTHENTICATION_PATH in flags:
        pin: Any = pkcs11.PROTECTED_AUTH  # typed on the token's own keys
    else:
        pin = _decode_pin(secrets(f"PIN of the token {label}{_tries(flags)}"))
    with _translated(label):
        try:
            return token.open(user_pin=pin)
        except pkcs11.UserAlreadyLoggedIn:  # another key of the same token is open already
            return token.open()


def _decode_pin(pin: bytes) -> str:
    try:
        return pin.decode()
    except UnicodeDecodeError:
        message = "the PIN is not UTF-8"
        raise KeyLockedError(message) from None


def _tries(flags: TokenFlag) -> str:
    """Say what the token says about its tries; most tell no number."""
    if TokenFlag.USER_PIN_FINAL_TRY in flags:
        return " (LAST TRY: a wrong PIN locks the token)"
    if TokenFlag.USER_PIN_COUNT_LOW in flags:
        return " (a wrong PIN was given before: few tries are left)"
    return ""


def _match(uri: TokenUri) -> dict[Attribute, object]:
    named = {Attribute.LABEL: uri.label, Attribute.ID: uri.key_id}
    return {attribute: value for attribute, value in named.items() if value is not None}


def _find(session: Session, wanted: Mapping[Attribute, object], label: str, what: str) -> Key:
    found = cast("list[Key]", list(session.get_objects(dict(wanted))))
    if len(found) == 1:
        return found[0]
    if found:
        message = f"the token {label} has {len(found)} such {what} keys"
        raise CustodyError(message, hint="name it by object and id: pkcs11:...;object=...;id=%01")
    kind = {Attribute.CLASS: wanted[Attribute.CLASS]}
    others = cast("list[Key]", list(session.get_objects(kind)))
    names = [escape(str(key.label)) for key in others]
    message = f"the token {label} has no such {what} key; it has: {', '.join(names) or 'none'}"
    raise KeyNotFoundError(message, hint="object is the key's label, id its CKA_ID as %XX")


def _find_key(session: Session, uri: TokenUri, label: str) -> Key:
    key = _find(session, _match(uri) | {Attribute.CLASS: ObjectClass.PRIVATE_KEY}, label, "private")
    if key.key_type is not KeyType.EC_EDWARDS:
        kind = getattr(key.key_type, "name", "unknown")
        message = f"the key is of the kind CKK_{kind}: expected CKK_EC_EDWARDS (Ed25519)"
        raise CustodyError(message, hint="make an Ed25519 key on the token")
    return key


def _read_public(session: Session, key: Key, label: str) -> PublicKey:
    """Return the public key of a private one: its own point, or that of its public object."""
    try:
        return _decode_point(key, label)
    except (pkcs11.AttributeTypeInvalid, pkcs11.AttributeSensitive):
        pass
    match = {Attribute.ID: key.id} if key.id else {Attribute.LABEL: key.label}
    return _decode_point(_find_public(session, match, label), label)


def _find_public(session: Session, match: Mapping[Attribute, object], label: str) -> Key:
    wanted = {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.KEY_TYPE: KeyType.EC_EDWARDS}
    return _find(session, {**match, **wanted}, label, "public")


def _decode_point(key: Key, label: str) -> PublicKey:
    """Decode CKA_EC_POINT: the 32 bytes in an OCTET STRING (3.0, 3.1) or as they are (older)."""
    point = bytes(key[Attribute.EC_POINT])
    raw = point.removeprefix(_OCTET_STRING) if len(point) == PUBLIC_KEY_SIZE + 2 else point
    if len(raw) != PUBLIC_KEY_SIZE:
        message = f"the token {label}: expected an Ed25519 point, got {len(point)} bytes"
        raise CustodyError(message)
    return enrol_public_key(raw)


def _report_library(module: Path) -> LibraryReport:
    library = pkcs11.lib(os.fspath(module))
    return LibraryReport(
        manufacturer=said(library.manufacturer_id),
        description=said(library.library_description),
        version=_version(library.library_version),
        cryptoki_version=_version(library.cryptoki_version),
    )


def _report_token(token: Token) -> TokenReport:
    return TokenReport(
        label=said(token.label),
        serial=said(_serial(token)),
        manufacturer=said(token.manufacturer_id),
        model=said(token.model),
        hardware_version=_version(token.hardware_version),
        firmware_version=_version(token.firmware_version),
    )


def _report_key(key: Key) -> KeyReport:
    generation = _ask(key, Attribute.KEY_GEN_MECHANISM)
    return KeyReport(
        label=said(str(key.label)),
        key_id=key.id,
        generation=None if generation is None else f"CKM_{getattr(generation, 'name', generation)}",
        local=_flag(key, Attribute.LOCAL),
        sensitive=_flag(key, Attribute.SENSITIVE),
        always_sensitive=_flag(key, Attribute.ALWAYS_SENSITIVE),
        extractable=_flag(key, Attribute.EXTRACTABLE),
        never_extractable=_flag(key, Attribute.NEVER_EXTRACTABLE),
    )


def _flag(key: Key, attribute: Attribute) -> bool | None:
    value = _ask(key, attribute)
    return value if isinstance(value, bool) else None


def _ask(key: Key, attribute: Attribute) -> object:
    """Return an attribute, or None where the token does not say."""
    try:
        return key[attribute]
    except (pkcs11.AttributeTypeInvalid, pkcs11.AttributeSensitive):
        return None
    except ValueError:  # CK_UNAVAILABLE_INFORMATION: the token did not make the key
        return None


def _read_certificates(session: Session, key_id: bytes) -> tuple[bytes, ...]:
    if not key_id:  # it would match every certificate of the token
        return ()
    wanted = {Attribute.CLASS: ObjectClass.CERTIFICATE, Attribute.ID: key_id}
    found = cast("list[Key]", list(session.get_objects(wanted)))
    return tuple(sorted({bytes(each[Attribute.VALUE]) for each in found}))


def _version(version: tuple[int, int]) -> str:
    major, minor = version
    return f"{major}.{minor}"


@contextmanager
def _translated(label: str) -> Iterator[None]:
    """Turn what the token says into errors of ours."""
    try:
        yield
    except pkcs11.PinLocked as error:
        message = f"the PIN of the token {label} is locked now"
        raise KeyLockedError(message, hint="its security officer can set a new one") from error
    except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange) as error:
        message = f"the PIN does not open the token {label}"
        hint = "each wrong PIN brings the token closer to locking; the next prompt says how close"
        raise KeyLockedError(message, hint=hint) from error
    except pkcs11.PKCS11Error as error:
        message = f"the token {label} failed: {_name(error)}"
        raise BackendUnavailableError(message, hint=_PRESENT) from error


def _name(error: Exception) -> str:
    """Return the PKCS#11 name of what happened; python-pkcs11 seldom has a message."""
    said = type(error).__name__
    return f"{said} ({escape(str(error))})" if str(error) else said
