"""Sealed keys: the seed in a box of libsodium, beside the digest of the header that was signed.

The only module of custody that knows PyNaCl. What is refused without the passphrase is refused by
`formats/sealed_key.py`, before anything here runs.

Spec: docs/formats/sealed-key.md sections 4 and 5.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from nacl.bindings import crypto_secretbox, crypto_secretbox_open
from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id

from signkit.custody.memory import wipe
from signkit.custody.software import SoftwareSigner
from signkit.errors import CustodyError, SignkitError, TooLargeError
from signkit.formats.pbes2 import wrong_passphrase
from signkit.formats.private_key import SEED_SIZE, PrivateKey
from signkit.formats.sealed_key import (
    MEMORY_LEAST,
    NONCE_SIZE,
    PASSES_LEAST,
    PASSES_MOST,
    SALT_SIZE,
    WORK_MOST,
    Argon2Cost,
    SealedHeader,
    SealedKey,
    check_purpose,
    compute_header_digest,
    encode_sealed_key,
    parse_sealed_key,
)
from signkit.model.purpose import Purpose

_NEW_MEMORY = 4 * MEMORY_LEAST
_KEY_SIZE = 32
_SECONDS = 1.0  # that opening is to take
_SECONDS_LEAST_PASSES = 1.5  # that the fewest passes may take before memory is halved
LEAST_COST = Argon2Cost(passes=PASSES_LEAST, memory=MEMORY_LEAST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """What a key is sealed with.

    Attributes:
        purpose: What it may sign.
        predecessor: keyid of the key that it follows, or None.
        created: RFC 3339 UTC text.
        cost: What a guess at the passphrase is to cost; see `choose_cost`.
    """

    purpose: Purpose
    predecessor: str | None
    created: str
    cost: Argon2Cost


def seal_key(
    key: PrivateKey,
    sealing: Sealing,
    *,
    passphrase: bytes,
    random: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """Seal a key, and open it again before anyone relies on it.

    Args:
        key: The key.
        sealing: What its file is to say.
        passphrase: 1 byte or more; its quality is not judged here.
        random: Where salt and nonce come from.

    Returns:
        The file.

    Raises:
        FormatError: the purpose is not one that a key file may hold.
        CustodyError: the file does not open again.
    """
    header = SealedHeader(
        keyid=key.public_key.keyid,
        created=sealing.created,
        purpose=check_purpose(sealing.purpose),
        predecessor=sealing.predecessor,
        cost=sealing.cost,
        salt=random(SALT_SIZE),
        nonce=random(NONCE_SIZE),
    )
    sealed = key.seed + compute_header_digest(header)
    box_key = _derive(passphrase, header)
    box = crypto_secretbox(sealed, header.nonce, box_key)
    wipe(sealed, box_key)
    data = encode_sealed_key(header, box, SoftwareSigner(key, name="the key"))
    _check_opens(data, passphrase)
    return data


def _check_opens(data: bytes, passphrase: bytes) -> None:
    try:
        again = open_sealed_key(parse_sealed_key(data), lambda: passphrase)
    except SignkitError as error:
        message = f"the private key was sealed but does not open again: {error}"
        hint = "this machine's memory or processor may be faulty"
        raise CustodyError(message, hint=hint) from error
    wipe(again.seed)  # that it is the same follows from the public key, which opening compares


def open_sealed_key(sealed: SealedKey, passphrase: Callable[[], bytes]) -> PrivateKey:
    """Open the box of a sealed key.

    Args:
        sealed: From `parse_sealed_key`, so its header is what its own key signed.
        passphrase: Called once.

    Raises:
        KeyLockedError: the passphrase is wrong.
        TooLargeError: the derivation takes more memory than there is.
        CustodyError: another key is in the box, or it was sealed with another header.
    """
    box_key = _derive(passphrase(), sealed.header)
    try:
        opened = crypto_secretbox_open(sealed.box, sealed.header.nonce, box_key)
    except CryptoError:
        raise wrong_passphrase() from None
    finally:
        wipe(box_key)
    seed, digest = opened[:SEED_SIZE], opened[SEED_SIZE:]
    wipe(opened)
    key = PrivateKey(seed)
    # Nobody without the passphrase can reach this: it is the second lock, not the first.
    if key.public_key != sealed.public_key or digest != sealed.digest:
        what = "another key" if key.public_key != sealed.public_key else "another purpose"
        wipe(key.seed)
        message = f"the box of the sealed key {sealed.public_key.keyid} was made for {what}"
        raise CustodyError(message, hint="the file was put together from two; get its backup")
    return key


def _derive(passphrase: bytes, header: SealedHeader) -> bytes:
    return _argon2id(passphrase, header.salt, header.cost)


def _argon2id(passphrase: bytes, salt: bytes, cost: Argon2Cost) -> bytes:
    try:
        return argon2id.kdf(_KEY_SIZE, passphrase, salt, opslimit=cost.passes, memlimit=cost.memory)
    except (CryptoError, MemoryError, RuntimeError):  # libsodium fails in one way: no memory
        message = f"not enough memory to open the key: its derivation takes {cost.memory} bytes"
        raise TooLargeError(message, hint="close other programs, or use a larger machine") from None


def choose_cost(clock: Callable[[], float] = time.perf_counter) -> Argon2Cost:
    """Measure this machine, and choose a derivation that takes about a second here.

    Args:
        clock: Seconds.
    """
    memory = _NEW_MEMORY
    seconds = _measure(memory, clock)
    while memory > MEMORY_LEAST and seconds * PASSES_LEAST > _SECONDS_LEAST_PASSES:
        memory //= 2
        seconds = _measure(memory, clock)
    passes = round(_SECONDS / seconds) if seconds else PASSES_LEAST
    most = min(PASSES_MOST, WORK_MOST // memory)
    return Argon2Cost(passes=min(max(passes, PASSES_LEAST), most), memory=memory)


def _measure(memory: int, clock: Callable[[], float]) -> float:
    """Return the seconds of one pass, the better of two: the first has to find its memory.

    Infinite where there is not as much memory.
    """
    return min(_measure_once(memory, clock), _measure_once(memory, clock))


def _measure_once(memory: int, clock: Callable[[], float]) -> float:
    start = clock()
    try:
        _argon2id(b"benchmark", bytes(SALT_SIZE), Argon2Cost(passes=1, memory=memory))
    except TooLargeError:
        return float("inf")
    return clock() - start
