"""The one door to a private key, and what stands behind it.

    Signer     what everybody else gets: it is told which item to sign and under which scheme, makes
               the message itself, and refuses what its key is not for
    Backend    what a kind of key storage offers: it signs bytes. It stays in this package; only a
               machine's own key (`custody/identity.py`), which signs no content, is handed out as one

A signer is addressed by a reference (`custody/reference.py`). Secrets come through a callback that
the caller gives; the library never prompts, and a private key never leaves this package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from signkit.model.purpose import Purpose
from signkit.model.request import Item, Request
from signkit.verify.ed25519 import PublicKey

Secrets = Callable[[str], bytes]
"""Given what is wanted, for a prompt ("passphrase of prod"), returns the secret as bytes, or raises
KeyLockedError where there is none."""

Clock = Callable[[], str]
"""Returns the time as RFC 3339 UTC text with whole seconds."""


class Backend(Protocol):
    """A private key as its storage offers it.

    Attributes:
        name: What people call the key: a name in the store, a path, or a URI.
        public_key: Its public key, enrolled.
        warnings: What the operator should know about how the key is kept; sentences.
    """

    @property
    def name(self) -> str:
        """What people call the key."""
        ...

    @property
    def public_key(self) -> PublicKey:
        """The public key that its signatures verify under."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the operator should know."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Sign a message as it is (pure Ed25519) and return the 64 bytes of the signature.

        Nothing is verified here: whoever hands a signature out verifies it first, with
        `verify.ed25519.verify_signature`.

        Raises:
            CustodyError: the key cannot be used, for instance because its token is gone.
        """
        ...


class Signer(Protocol):
    """A key that signs what it is for, and nothing else.

    Attributes:
        name: What people call the key.
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

    def sign_item(self, scheme: str, item: Item, request: Request) -> str | Mapping[str, object]:
        """Sign one item of a request under one scheme.

        Args:
            scheme: A name in the table of `schemes/table.py`.
            item: What to sign.
            request: The request it stands in.

        Returns:
            The signature as the response carries it; not yet verified.

        Raises:
            KeyUseDeniedError: the key is not for this.
            KeyStateError: its cryptoperiod ended meanwhile.
            CustodyError: the key cannot be used, for instance because its token is gone.
            UnsupportedVersionError: an unknown scheme.
        """
        ...


class OpenedSigner(Signer, Protocol):
    """A signer as it was opened.

    Attributes:
        purpose: What it may sign.
        warnings: What the operator should know about how the key is kept; sentences.
    """

    @property
    def purpose(self) -> Purpose:
        """What it may sign."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the operator should know."""
        ...

    def for_trust_roots(self) -> Backend:
        """Return the same key for trust roots: what it signs must be one.

        Raises:
            KeyUseDeniedError: the key is not for trust roots.
            KeyStateError: its cryptoperiod ended meanwhile.
        """
        ...
