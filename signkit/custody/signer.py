"""The one door to a private key: something with a public key that signs.

A signer is addressed by a reference (`custody/reference.py`). Secrets come through a callback that
the caller gives; the library never prompts, and a private key never leaves this package.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from signkit.verify.ed25519 import PublicKey

Secrets = Callable[[str], bytes]
"""Given what is wanted, for a prompt ("passphrase of prod"), returns the secret as bytes, or raises
KeyLockedError where there is none."""


class Signer(Protocol):
    """A key that signs.

    Attributes:
        name: What people call the key: a name in the store, or a path.
        public_key: Its public key, enrolled.
    """

    @property
    def name(self) -> str:
        """What people call the key."""
        ...

    @property
    def public_key(self) -> PublicKey:
        """The public key that its signatures verify under."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Sign a message as it is (pure Ed25519) and return the 64 bytes of the signature.

        Nothing is verified here: whoever hands a signature out verifies it first, with
        `verify.ed25519.verify_signature`.

        Raises:
            CustodyError: the key cannot be used, for instance because its token is gone.
        """
        ...


class OpenedSigner(Signer, Protocol):
    """A signer as it was opened.

    Attributes:
        warnings: What the operator should know about how the key is kept; sentences.
    """

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the operator should know."""
        ...
