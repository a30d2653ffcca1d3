"""bcrypt_pbkdf, which OpenSSH and signify turn passphrases into keys with: the one door to `bcrypt`.

The library is an extra (`signkit[keys]`): nothing that signkit writes by itself needs it.

Spec: docs/formats/keys.md sections 10 and 11; bcrypt_pbkdf.c of OpenBSD.
"""

from __future__ import annotations

from signkit.errors import TooLargeError, UnsupportedVersionError

LEAST_ROUNDS = 16
"""What ssh-keygen wrote until 2023; no tool's own default is lower."""
NEW_ROUNDS = 48
"""Twice what ssh-keygen writes today; some 0.6 s."""
_MOST_ROUNDS = 1024  # some fifteen seconds
_WHAT = "private key"


def check_bcrypt_rounds(rounds: int, *, again: str) -> None:
    """Check how often a file wants bcrypt done, before anybody is asked for a passphrase.

    Args:
        rounds: As the file says.
        again: What encrypts the key anew, for the hint.

    Raises:
        UnsupportedVersionError: fewer than `LEAST_ROUNDS`, or the library is not installed.
        TooLargeError: more than any honest file asks for.
    """
    if rounds < LEAST_ROUNDS:
        message = (
            f"{_WHAT} is refused: bcrypt with {rounds} rounds is weak;"
            f" expected {LEAST_ROUNDS} or more"
        )
        raise UnsupportedVersionError(message, hint=again)
    if rounds > _MOST_ROUNDS:
        message = (
            f"{_WHAT}: expected at most {_MOST_ROUNDS} rounds of bcrypt, got {rounds}, which takes"
            " more than any honest file asks for"
        )
        raise TooLargeError(message, hint=again)
    try:
        import bcrypt  # noqa: F401
    except ModuleNotFoundError:
        raise _missing() from None


def derive_bcrypt_key(passphrase: bytes, *, salt: bytes, rounds: int, size: int) -> bytes:
    """Derive a key with bcrypt_pbkdf.

    Args:
        passphrase: 1 byte or more.
        salt: 1 byte or more.
        rounds: 1 or more, from `check_bcrypt_rounds` where a file says them.
        size: Bytes wanted, 1 to 512.

    Raises:
        UnsupportedVersionError: the library is not installed.
    """
    try:
        import bcrypt
    except ModuleNotFoundError:
        raise _missing() from None
    # The library warns below 50 rounds; what is too few here was refused before.
    return bcrypt.kdf(passphrase, salt, size, rounds, ignore_few_rounds=True)


def _missing() -> UnsupportedVersionError:
    message = f"{_WHAT}: its passphrase goes through bcrypt, which is not installed"
    hint = "install signkit[keys], or take the encryption off with the tool that made the file"
    return UnsupportedVersionError(message, hint=hint)
