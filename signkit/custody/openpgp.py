"""OpenPGP through the `gpg` program: to a person's public key, back with their own, and signed by it.

The one door to python-gnupg. It starts gpg from a list of arguments, never through a shell, and
believes exit codes and lines of `--status-fd`, never sentences. In that list stand only our own
options, the path of a GnuPG home and fingerprints of 40 hex digits: no name, no file, no secret.
What is encrypted or decrypted goes through pipes, as does a passphrase.

Encrypting has a home of its own, made for the act, which holds public keys alone and starts no
agent; so has verifying. Decrypting and signing use the home of the person; an agent that was
started for it is ended.

Spec: docs/formats/key-backup.md sections 2 to 4; docs/formats/station-policy.md section 3.
"""

from __future__ import annotations

import logging
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import gnupg

from signkit.errors import (
    CustodyError,
    KeyLockedError,
    KeyNotFoundError,
    MalformedError,
    SignatureInvalidError,
    UsageError,
)

PASSPHRASE_SIZE = 255
"""The most bytes of a passphrase that gpg-agent takes; it cuts a longer one off."""
_FINGERPRINT_LENGTH = 40
_HEX = frozenset("0123456789ABCDEF")
_SECRET_LABEL = b"PGP PRIVATE KEY"
_SECRET_TAGS = (5, 7)  # RFC 9580 section 5: secret key, secret subkey
_RSA_BITS = 2048
_RSA_AND_ELGAMAL = {"1", "2", "16", "20"}
# No configuration, no network, no sentence about who wrote the message.
_OPTIONS = ("--no-options", "--disable-dirmngr", "--no-auto-key-locate", "--no-auto-key-retrieve")
_ENCRYPT = ("--no-autostart", "--no-random-seed-file", "--no-encrypt-to", "--trust-model", "always")
_LIST = ("--no-autostart", "--no-auto-check-trustdb", "--trust-model", "always")
_FORM = ("--cipher-algo", "AES256", "--compress-algo", "none", "--set-filename", "")
# What gpg says to people goes nowhere: on the descriptor of the status lines stands nothing else.
_QUIET = ("--logger-file", "/dev/null")
_VERIFY = ("--no-autostart", "--no-random-seed-file", "--trust-model", "always", *_QUIET)
_STATUS = "[GNUPG:] "
_ONCE = ("NEWSIG", "GOODSIG", "VALIDSIG")
_VALIDSIG_WORDS = 11  # its name, fingerprint, times, ..., hash, class, primary key
_DIGESTS = {"8", "9", "10"}  # SHA-256, SHA-384, SHA-512 (RFC 9580 section 9.5)
_BINARY = "00"  # a signature of a document, byte for byte
_FAULTS = {
    "BADSIG": "it is of other bytes, or was damaged",
    "ERRSIG": "it is by a key that the policy does not name, or is of another time",
    "EXPSIG": "it has expired",
    "EXPKEYSIG": "its key has expired",
    "REVKEYSIG": "its key was revoked",
}
_NO_GPG = "GnuPG is not there: the program gpg cannot be run"
_GPG_HINT = "install GnuPG 2.2 or newer (Debian: apt install gnupg)"

# It would write status lines, with names out of keys, wherever the caller's logging goes.
logging.getLogger("gnupg").disabled = True


def parse_fingerprint(text: str) -> str:
    """Parse the fingerprint of an OpenPGP key, version 4.

    Args:
        text: 40 hex digits, in capitals or not, spaces among them or not, as gpg prints them.

    Returns:
        40 digits in capitals.

    Raises:
        MalformedError: anything else; a short key id is never enough.
    """
    digits = "".join(text.split()).upper()
    if len(digits) != _FINGERPRINT_LENGTH or not set(digits) <= _HEX:
        message = f"OpenPGP fingerprint {text!r:.100}: expected {_FINGERPRINT_LENGTH} hex digits"
        raise MalformedError(message, hint="gpg --fingerprint shows it; a key id is not enough")
    return digits


def encrypt_to_each(
    data: bytes, fingerprints: Sequence[str], *, key_files: Sequence[tuple[str, bytes]]
) -> tuple[bytes, ...]:
    """Encrypt to several people, to each alone.

    Args:
        data: What to encrypt.
        fingerprints: Of their primary keys, from `parse_fingerprint`.
        key_files: Their public keys as they came, armored or not, each with its name.

    Returns:
        One armored message for each fingerprint, in that order.

    Raises:
        CustodyError: GnuPG is missing, no key of that fingerprint is among them, or it cannot be
            encrypted to: expired, revoked, without an encryption key, too weak.
        MalformedError: a file holds no OpenPGP key, or a private one.
    """
    for name, content in key_files:
        _check_public(content, name=name)
    # Public keys only: whoever finds this folder after a power cut has learnt nothing.
    with tempfile.TemporaryDirectory(prefix="signkit-gnupg-") as home:
        gpg = _start(home, options=(*_OPTIONS, *_ENCRYPT))
        known: set[str] = set()
        for name, content in key_files:
            known |= _import(gpg, content, name=name)
        for fingerprint in fingerprints:
            _check_recipient(gpg, fingerprint, known)
        return tuple(_encrypt(gpg, data, fingerprint) for fingerprint in fingerprints)


def decrypt(
    data: bytes, *, home: Path | None, passphrase: bytes | None, limit: int, what: str
) -> bytes:
    """Decrypt a message with a private key of a GnuPG home, which may be on a card.

    Args:
        data: The message.
        home: The GnuPG home; None for the person's own.
        passphrase: Of the OpenPGP key; None where gpg-agent is to ask for it, or for a PIN.
        limit: The most bytes taken.
        what: The message, for errors ("backup FILE").

    Returns:
        What was encrypted.

    Raises:
        CustodyError: GnuPG is missing, no key here opens the message, or it was damaged.
        KeyLockedError: the passphrase is wrong, or is none that GnuPG takes.
        MalformedError: it is no encrypted OpenPGP message, or holds more than the limit.
        UsageError: home is no folder.
    """
    secret = None if passphrase is None else check_passphrase(passphrase).decode("latin-1")
    path = _check_home(home)
    with _agent_as_before(path):
        gpg = _start(path, options=(*_OPTIONS, "--max-output", str(limit)))
        result = gpg.decrypt_file(BytesIO(data), passphrase=secret)
    if not result.ok or result.returncode != 0:
        raise _explain(str(result.status), what=what, asked=secret is not None)
    return bytes(result.data)


def find_ed25519_key(fingerprint: str, *, home: Path | None) -> str:
    """Find a key that can sign with Ed25519, by what GnuPG knows of its public half.

    Args:
        fingerprint: Of the primary key or of a subkey, from `parse_fingerprint`.
        home: The GnuPG home; None for the person's own.

    Returns:
        Its keygrip, 40 hex digits: what gpg-agent calls it.

    Raises:
        KeyNotFoundError: GnuPG does not have it there.
        CustodyError: GnuPG is missing; or the key is of another kind, expired, revoked, or not for
            signing: the message says which.
        UsageError: home is no folder.
    """
    gpg = _start(_check_home(home), options=(*_OPTIONS, *_LIST))
    for primary in gpg.list_keys(keys=[fingerprint]):
        for key in (primary, *primary.get("subkey_info", {}).values()):
            if key.get("fingerprint") == fingerprint:
                _check_signs(fingerprint, key, primary)
                return str(key.get("keygrip"))
    message = f"no OpenPGP key {fingerprint} in this GnuPG home"
    hint = (
        "gpg --list-keys --with-subkey-fingerprint shows them; --gnupg-home or GNUPGHOME: another"
    )
    raise KeyNotFoundError(message, hint=hint)


def _check_signs(fingerprint: str, key: Mapping[str, Any], primary: Mapping[str, Any]) -> None:
    curve = str(key.get("curve") or "")
    what = f"the OpenPGP key {fingerprint}"
    states = {str(each.get("trust"))[:1] for each in (key, primary)}
    for state in states & set(_UNUSABLE):
        message = f"{what} {_UNUSABLE[state]}"
        raise CustodyError(message, hint="its owner makes a new one; signkit signs with no other")
    if curve.lower() != "ed25519":
        kind = f"on the curve {curve}" if curve else _KINDS.get(str(key.get("algo")), "of its kind")
        message = f"{what} is {kind}: expected Ed25519"
        raise CustodyError(message, hint="gpg --quick-add-key FINGERPRINT ed25519 sign")
    if "s" not in str(key.get("cap")):
        message = f"{what} is not for signing: it can {key.get('cap')} (e: encrypt, c: certify)"
        raise CustodyError(message, hint="gpg --quick-add-key FINGERPRINT ed25519 sign")


_UNUSABLE = {"e": "expired", "r": "was revoked", "i": "is invalid", "d": "is disabled"}
_KINDS = {"1": "RSA", "2": "RSA", "3": "RSA", "16": "Elgamal", "17": "DSA"}


def verify_detached(data: bytes, signature: bytes, *, keys: Mapping[str, bytes]) -> str:
    """Verify a detached signature by one of several people.

    Args:
        data: What was signed.
        signature: The file beside it, armored or not.
        keys: By fingerprint, their primary keys.

    Returns:
        The fingerprint of the primary key whose signature it is.

    Raises:
        SignatureInvalidError: anything but exactly one good signature, by a key among those that
            has neither expired nor been revoked.
        CustodyError: GnuPG is missing, or a key is another than its fingerprint says.
        MalformedError: one of the keys is none, or a private one.
    """
    with tempfile.TemporaryDirectory(prefix="signkit-gnupg-") as home:
        gpg = _start(home, options=(*_OPTIONS, *_VERIFY))
        for fingerprint, content in keys.items():
            name = f"the OpenPGP key {fingerprint}"
            _check_public(content, name=name)
            if (found := _import(gpg, content, name=name)) != {fingerprint}:
                message = f"{name} is another: expected that one alone, got {min(found)}"
                raise CustodyError(message, hint="gpg --armor --export FINGERPRINT writes one key")
        path = os.path.join(home, "signature")
        with open(path, "wb") as file:
            file.write(signature)
        result = gpg.verify_data(path, data)
    signer = _read_verdict(result.stderr, ended_well=result.returncode == 0)
    if signer not in keys:
        message = f"it is by the OpenPGP key {signer}, which was not asked for"
        raise SignatureInvalidError(message)
    return signer


def _read_verdict(status: str, *, ended_well: bool) -> str:
    """Read the fingerprint of the primary key out of status lines that say exactly one thing."""
    lines = [line.split() for line in status.splitlines() if line.startswith(_STATUS)]
    said = [words[1:] or [""] for words in lines]
    names = [words[0] for words in said]
    for name in set(names) & _FAULTS.keys():
        raise SignatureInvalidError(_FAULTS[name])
    if not ended_well or any(names.count(name) != 1 for name in _ONCE):
        message = "expected exactly one detached OpenPGP signature"
        raise SignatureInvalidError(message)
    return _read_valid(said[names.index("VALIDSIG")])


def _read_valid(words: Sequence[str]) -> str:
    digest, kind, primary = words[-3:] if len(words) == _VALIDSIG_WORDS else ("", "", "")
    if digest not in _DIGESTS or kind != _BINARY:
        message = "expected a signature of class 00 under SHA-256 or longer"
        raise SignatureInvalidError(message, hint="sign again: gpg --detach-sign --armor")
    return primary


def sign_detached(
    data: bytes, *, fingerprint: str, home: Path | None, passphrase: bytes | None
) -> bytes:
    """Sign with a person's private key, which may be on a card, and verify what was signed.

    Args:
        data: What to sign.
        fingerprint: Of the primary key, from `parse_fingerprint`.
        home: The GnuPG home; None for the person's own.
        passphrase: Of the OpenPGP key; None where gpg-agent is to ask for it, or for a PIN.

    Returns:
        One armored detached signature.

    Raises:
        CustodyError: GnuPG is missing, or the key is not there, cannot sign, or has expired.
        KeyLockedError: the passphrase is none that GnuPG takes.
        SignatureInvalidError: what was signed does not verify.
        UsageError: home is no folder.
    """
    secret = None if passphrase is None else check_passphrase(passphrase).decode("latin-1")
    path = _check_home(home)
    user = ("--local-user", fingerprint, "--digest-algo", "SHA512")
    with _agent_as_before(path):
        gpg = _start(path, options=(*_OPTIONS, *_QUIET))
        result = gpg.sign_file(BytesIO(data), detach=True, passphrase=secret, extra_args=list(user))
        public = str(gpg.export_keys(fingerprint))
    if result.returncode != 0 or not result.data or not public:
        message = f"nothing was signed with the OpenPGP key {fingerprint}"
        hint = (
            "it is not in this GnuPG home (--gnupg-home), cannot sign, has expired, or nobody"
            " unlocked it; is the card there? gpg --card-status"
        )
        raise CustodyError(message, hint=hint)
    signature = bytes(result.data)
    verify_detached(data, signature, keys={fingerprint: public.encode()})
    return signature


def _check_home(home: Path | None) -> str | None:
    if home is not None and not home.is_dir():
        message = f"--gnupg-home {home}: expected a folder"
        raise UsageError(message)
    return None if home is None else str(home.absolute())


def _start(home: str | None, *, options: Sequence[str]) -> gnupg.GPG:
    try:
        return gnupg.GPG(gnupghome=home, options=list(options), env=_environment())
    except (OSError, ValueError) as error:
        raise CustodyError(_NO_GPG, hint=_GPG_HINT) from error


def _environment() -> Mapping[str, str]:
    """Return the environment of gpg: plain messages, and the terminal that a pinentry asks on."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    with suppress(OSError):  # no terminal: a pinentry with windows may still ask
        environment.setdefault("GPG_TTY", os.ttyname(0))
    return environment


def _check_public(content: bytes, *, name: str) -> None:
    """Refuse a private key before it is written anywhere (RFC 9580 sections 4.2 and 6.2)."""
    first = content[:1]
    tag = 0
    if first and first[0] & 0x80:
        tag = first[0] & 0x3F if first[0] & 0x40 else (first[0] & 0x3C) >> 2
    if tag in _SECRET_TAGS or _SECRET_LABEL in content:
        message = f"{name} holds a private OpenPGP key: expected a public one"
        hint = "its owner exports the public part: gpg --armor --export FINGERPRINT"
        raise MalformedError(message, hint=hint)


def _import(gpg: gnupg.GPG, content: bytes, *, name: str) -> set[str]:
    result = gpg.import_keys(content)
    if not result.fingerprints:
        message = f"{name} holds no OpenPGP public key"
        raise MalformedError(message, hint="gpg --armor --export FINGERPRINT writes one")
    return {str(fingerprint).upper() for fingerprint in result.fingerprints}


def _check_recipient(gpg: gnupg.GPG, fingerprint: str, known: set[str]) -> None:
    if fingerprint not in known:
        message = f"no OpenPGP key with the fingerprint {fingerprint} in the files"
        raise CustodyError(message, hint="name its file: --recipient-keys FILE")
    for key in gpg.list_keys(keys=[fingerprint]):
        for algorithm, length, uses in _parts(key):
            if "e" in uses and algorithm in _RSA_AND_ELGAMAL and length < _RSA_BITS:
                message = f"the OpenPGP key {fingerprint} is too weak: {length} bits"
                hint = f"its owner makes a key of {_RSA_BITS} bits or more, or an elliptic one"
                raise CustodyError(message, hint=hint)


def _parts(key: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    """Yield algorithm, bits and uses of a key and its subkeys, from gpg's colon lines."""
    for part in (key, *key.get("subkey_info", {}).values()):
        yield str(part.get("algo")), int(part.get("length") or 0), str(part.get("cap"))


def _encrypt(gpg: gnupg.GPG, data: bytes, fingerprint: str) -> bytes:
    result = gpg.encrypt_file(BytesIO(data), [fingerprint], armor=True, extra_args=list(_FORM))
    if not result.ok or result.returncode != 0 or not result.data:
        message = f"nothing can be encrypted to the OpenPGP key {fingerprint}"
        hint = "it expired, was revoked, or has no key for encryption; its owner sends a new one"
        raise CustodyError(message, hint=hint)
    return bytes(result.data)


def check_passphrase(passphrase: bytes) -> bytes:
    """Check that a passphrase is one that GnuPG takes as it is; returns it.

    Raises:
        KeyLockedError: it is not.
    """
    fault = None
    if not passphrase:
        fault = "is empty"
    elif len(passphrase) > PASSPHRASE_SIZE:
        fault = f"is longer than the {PASSPHRASE_SIZE} bytes that GnuPG takes"
    elif any(byte in passphrase for byte in (b"\0", b"\n", b"\r")):
        fault = "has more than one line, or a NUL byte"
    if fault:
        message = f"the passphrase of the OpenPGP key {fault}"
        raise KeyLockedError(message)
    return passphrase


_REASONS = {
    "no secret key": "no OpenPGP key in this GnuPG home opens it",
    "need symmetric passphrase": "it is encrypted under a passphrase and not to a key",
}


def _explain(status: str, *, what: str, asked: bool) -> CustodyError | MalformedError:
    """Return the error for what gpg said on its status lines."""
    if status in {"", "no data was provided"}:
        message = f"{what} is no encrypted OpenPGP message"
        return MalformedError(message)
    if status in _REASONS:
        message = f"{what} was not decrypted: {_REASONS[status]}"
        hint = "name the home with --gnupg-home, or insert the card: gpg --card-status"
        return CustodyError(message, hint=hint)
    if asked:
        message = f"{what} was not decrypted: the passphrase of the OpenPGP key is wrong"
        return KeyLockedError(message, hint="if it is right, the file was damaged: try another")
    message = f"{what} was not decrypted: nobody unlocked the OpenPGP key, or it was damaged"
    return CustodyError(message, hint="give its passphrase with --gnupg-passphrase-file, or a PIN")


@contextmanager
def _agent_as_before(home: str | None) -> Iterator[None]:
    """End a gpg-agent that was started while the body ran: it keeps passphrases for minutes."""
    before = _agent_socket(home)
    try:
        yield
    finally:
        if before is not None and not before:
            _gpgconf(home, "--kill", "all")


def _agent_socket(home: str | None) -> bool | None:
    """Say whether a gpg-agent listens; None where that cannot be told."""
    done = _gpgconf(home, "--list-dirs", "agent-socket")
    path = done.strip()
    return os.path.exists(path) if path else None


def _gpgconf(home: str | None, *arguments: str) -> str:
    where = ("--homedir", home) if home is not None else ()
    command = ["gpgconf", *where, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)  # noqa: S603  (a list, of our own words and a path)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return os.fsdecode(done.stdout)
