"""The signer that everybody gets: a key, its purpose and its state, which no caller can part.

One opened signer is one ceremony: it counts what it signs, asks the clock itself, and makes each
message from the item that it was told to sign, so that what was checked is what is signed.

Controls: SK-KEY-PURPOSE, SK-KEY-STATE (docs/design/assurance.md).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import final

from signkit.custody.life import Register, check_may_sign, describe_standing
from signkit.custody.purpose import Use, check_use
from signkit.custody.signer import Backend, Clock
from signkit.errors import KeyUseDeniedError
from signkit.model.purpose import OPEN, Purpose
from signkit.model.request import Item, Request
from signkit.schemes.table import find_scheme
from signkit.verify.ed25519 import PublicKey
from signkit.verify.envelope import pre_authentication_encoding
from signkit.verify.trust import PAYLOAD_TYPE, ROOT_ROLE

# A trust root as an item of a request: docs/formats/trust-root.md section 5.
TRUST_SCHEME, TRUST_ARTIFACT, TRUST_TARGET = "trust", "trust-root", "any"


def read_clock() -> str:
    """Return this machine's time as RFC 3339 UTC text with whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@final
class GuardedSigner:
    """A key that signs within its purpose, while it is active.

    Attributes:
        name: What people call the key.
        public_key: Its public key.
        purpose: What it may sign.
        warnings: What the operator should know about how the key is kept.
    """

    __slots__ = (
        "_backend",
        "_clock",
        "_count",
        "_life",
        "name",
        "public_key",
        "purpose",
        "warnings",
    )

    def __init__(
        self,
        backend: Backend,
        *,
        register: Register,
        purpose: Purpose = OPEN,
        clock: Clock = read_clock,
    ) -> None:
        """Take a key that may sign now.

        Raises:
            KeyStateError: the register says that it may not.
        """
        self._backend = backend
        self._clock = clock
        self._count = 0
        self.name = backend.name
        self.public_key: PublicKey = backend.public_key
        self.purpose = purpose
        keyid = self.public_key.keyid
        self._life = register.lives.get(keyid)
        self._check_state()
        standing = describe_standing(register, keyid, clock=clock)
        said = (f"the key {self.name} {standing}",) if standing else ()
        self.warnings = (*backend.warnings, *said)

    def sign_item(self, scheme: str, item: Item, request: Request) -> str | Mapping[str, object]:
        """Sign one item of a request under one scheme; as `custody.signer.Signer`.

        Raises:
            KeyUseDeniedError: the key is not for this.
            KeyStateError: its cryptoperiod ended meanwhile.
            CustodyError: the key cannot be used.
            UnsupportedVersionError: an unknown scheme.
        """
        found = find_scheme(scheme)
        self._count += 1  # one that is refused counts too
        self._check_state()
        if self.purpose is not OPEN:
            roles = tuple(each.role for each in item.wanted if each.scheme == scheme)
            self._check(scheme, artifact=item.artifact, target=item.target, roles=roles)
        return found.sign(self._backend, item, request)

    def for_trust_roots(self) -> Backend:
        """Return the same key for trust roots, made on this machine without a request.

        Raises:
            KeyUseDeniedError: the key is not for trust roots.
            KeyStateError: its cryptoperiod ended meanwhile.
        """
        self._count += 1
        self._check_state()
        self._check(TRUST_SCHEME, artifact=TRUST_ARTIFACT, target=TRUST_TARGET, roles=(ROOT_ROLE,))
        return _TrustRootSigner(self._backend)

    def _check_state(self) -> None:
        if self._life is not None:
            check_may_sign(self._life, name=self.name, now=self._clock())

    def _check(self, scheme: str, *, artifact: str, target: str, roles: tuple[str, ...]) -> None:
        use = Use(
            scheme=scheme,
            artifact=artifact,
            target=target,
            roles=roles,
            now=self._clock(),
            number=self._count,
        )
        check_use(self.name, self.purpose, use)

    def __repr__(self) -> str:
        """Name the key without a private byte."""
        return f"GuardedSigner(name={self.name!r}, keyid={self.public_key.keyid!r})"


class _TrustRootSigner:
    """A key that signs one trust root: a message of another kind, or a second one, is refused."""

    __slots__ = ("_backend", "_used", "name", "public_key", "warnings")
    _PREFIX = pre_authentication_encoding(PAYLOAD_TYPE, b"").removesuffix(b"0 ")

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._used = False
        self.name = backend.name
        self.public_key: PublicKey = backend.public_key
        self.warnings = backend.warnings

    def sign(self, message: bytes) -> bytes:
        """Sign the message of a trust root's envelope; 64 bytes."""
        if self._used or not message.startswith(self._PREFIX):
            what = "a second signature" if self._used else "something else"
            message_ = f"the key {self.name} was opened for one trust root, and is asked for {what}"
            raise KeyUseDeniedError(message_)
        self._used = True
        return self._backend.sign(message)
