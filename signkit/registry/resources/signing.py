"""What the two kinds of signatures share: whose key, and what the signature has to be over."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from signkit.errors import SignatureInvalidError
from signkit.registry.bodies import Body, Name
from signkit.registry.filters import match_keyid
from signkit.registry.ground_floor import enrolled_key, verify_hash_signature
from signkit.registry.problems import refuse_field
from signkit.registry.resources.common import find_referred
from signkit.registry.tables import SigningKey
from signkit.registry.tokens import Caller


class MadeSignature(Body):
    """A signature; the key by its name, its keyid, or both."""

    signature: Annotated[str, Field(pattern="^[0-9a-fA-F]{128}$")]
    signing_key_prn: Name | None = None
    # PostgreSQL knows no text with U+0000 in it.
    signing_key_keyid: Annotated[str, Field(max_length=128, pattern="^[ -~]*$")] | None = None


def find_signing_key(session: Session, body: MadeSignature, caller: Caller) -> SigningKey:
    """Return the key that signed; where both of its names are given they have to agree.

    Raises:
        RefusedError: 422: no name is given, or they name no key of the organization, or two.
    """
    found: list[SigningKey] = []
    if body.signing_key_prn is not None:
        found.append(
            find_referred(
                session, SigningKey, body.signing_key_prn, caller=caller, field="signing_key_prn"
            )
        )
    if body.signing_key_keyid is not None:
        query = select(SigningKey).where(
            SigningKey.organization_row == caller.organization_row,
            match_keyid(body.signing_key_keyid),
        )
        by_keyid = list(session.scalars(query))
        if len(by_keyid) != 1:
            text = "does not exist" if not by_keyid else "fits more than one key"
            raise refuse_field("signing_key_keyid", text)
        found += by_keyid
    if not found:
        raise refuse_field("signing_key_prn", "expected this or signing_key_keyid")
    if found[0] is not found[-1]:
        raise refuse_field("signing_key_keyid", "is not that of signing_key_prn")
    return found[0]


def verify_over_hash(key: SigningKey, hash_text: str, signature: str) -> None:
    """Verify a signature that came in, over the hash it is said to be for.

    Args:
        key: Whose signature it is said to be.
        hash_text: The hash of a binary or bundle, 64 lower-case hex digits.
        signature: 128 hex digits of any case.

    Raises:
        RefusedError: 422: it does not verify.
    """
    try:
        verify_hash_signature(enrolled_key(key.value), hash_text, signature)
    except SignatureInvalidError as error:
        raise refuse_field("signature", str(error)) from None
