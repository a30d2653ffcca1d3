"""Scheme `peridio`: the registry's own signature, over the digest's hex text.

Blind by construction: the message is a bare digest. Whoever signs it signs the statement too.

Spec: docs/formats/schemes.md; registry contract section 3.2.
"""

from __future__ import annotations

from signkit.errors import NotCanonicalError
from signkit.formats.envelope import Signing
from signkit.model.request import Item, Request
from signkit.verify.digest import Sha256
from signkit.verify.ed25519 import SIGNATURE_SIZE, PublicKey, verify_signature

NAME = "peridio"


def compute_message(digest: Sha256) -> bytes:
    """Return what is signed: 64 ASCII bytes, the digest in lower-case hex."""
    return digest.hex().encode("ascii")


def sign(signer: Signing, item: Item, request: Request) -> str:  # noqa: ARG001
    """Sign one item.

    Returns:
        128 upper-case hex digits, not yet verified.

    Raises:
        CustodyError: the signer cannot sign.
    """
    return signer.sign(compute_message(item.digest)).hex().upper()


def verify(key: PublicKey, item: Item, request: Request, value: object) -> bytes:  # noqa: ARG001
    """Verify one signature of one item.

    Args:
        key: The key that is said to have signed.
        item: What is said to be signed.
        request: The request it stands in.
        value: 128 upper-case hex digits.

    Returns:
        The 64 bytes of the signature, verified.

    Raises:
        NotCanonicalError: another spelling.
        SignatureInvalidError: it does not verify.
    """
    signature = decode_signature(value)
    verify_signature(key, compute_message(item.digest), signature)
    return signature


def decode_signature(value: object) -> bytes:
    """Return the 64 bytes of a signature as the response carries it, not verified.

    Raises:
        NotCanonicalError: anything but 128 upper-case hex digits.
    """
    if isinstance(value, str) and len(value) == 2 * SIGNATURE_SIZE:
        try:
            signature = bytes.fromhex(value)
        except ValueError:
            signature = b""
        if signature.hex().upper() == value:
            return signature
    message = f"peridio signature: expected 128 upper-case hex digits, got {value!r:.80}"
    raise NotCanonicalError(message)
