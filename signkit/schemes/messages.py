"""The bytes that a request asks to be signed, for whoever signs them without signkit.

They are taken from the schemes themselves: a signer that only listens is told the very bytes that a
station's key would sign, and one that only repeats puts a foreign signature where a station's would
stand. So there is no second description of any message.

Spec: docs/formats/payloads.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from signkit.model.request import Item, Request, VerifiedRequest
from signkit.schemes.table import check_request, check_wanted, find_scheme
from signkit.verify.ed25519 import SIGNATURE_SIZE, PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message that somebody is to sign.

    Attributes:
        place: The item's place in the request, from 0.
        item: The item.
        scheme: Under which it is signed.
        data: The exact bytes.
    """

    place: int
    item: Item
    scheme: str
    data: bytes

    @property
    def name(self) -> str:
        """What its files are called, without their ending: safe on FAT, ordered as the request."""
        return f"{self.place + 1:05}-{self.scheme}"


class _Repeats:
    """A signer that keeps what it is asked to sign, and returns what it was given."""

    def __init__(self, key: PublicKey, signature: bytes) -> None:
        self.public_key = key
        self.heard = b""
        self._signature = signature

    def sign(self, message: bytes) -> bytes:
        self.heard = message
        return self._signature


def list_messages(verified: VerifiedRequest) -> tuple[Message, ...]:
    """Return every message of a request, in its order.

    Raises:
        PolicyError: it asks for what a station would not sign: a bare digest alone, or a trust
            root beside something else.
        UnsupportedVersionError: a scheme that this signkit does not know.
        FormatError, KeyRefusedError, ContextError: an item from which its scheme makes no message.
    """
    check_request(verified.request)
    found: list[Message] = []
    for place, item in enumerate(verified.request.items):
        check_wanted(item.wanted)
        for scheme in dict.fromkeys(wanted.scheme for wanted in item.wanted):
            # The key names itself in what the scheme returns, which is thrown away.
            listener = _Repeats(verified.requester_key, bytes(SIGNATURE_SIZE))
            find_scheme(scheme).sign(listener, item, verified.request)
            found.append(Message(place=place, item=item, scheme=scheme, data=listener.heard))
    return tuple(found)


def write_signature(
    message: Message, request: Request, *, key: PublicKey, signature: bytes
) -> str | Mapping[str, object]:
    """Return a signature made elsewhere as a response carries it, verified.

    Args:
        message: What was signed.
        request: The request that it stands in.
        key: Who signed.
        signature: 64 bytes.

    Raises:
        SignatureInvalidError: it does not verify.
    """
    scheme = find_scheme(message.scheme)
    value = scheme.sign(_Repeats(key, signature), message.item, request)
    scheme.verify(key, message.item, request, value)
    return value
