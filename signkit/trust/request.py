"""Asking custodians to sign a draft: an ordinary request, with the trust root whole in its one item.

Spec: docs/formats/trust-root.md section 5.
"""

from __future__ import annotations

from signkit.formats.envelope import Signing
from signkit.formats.request import parse_metadata, sign_request
from signkit.formats.trust import Draft
from signkit.model.request import Request
from signkit.schemes.trust import build_item
from signkit.verify.digest import Sha256


def request_signatures(
    draft: Draft,
    requester: Signing,
    *,
    name: str,
    reason: str | None,
    created: str,
    previous_response: Sha256 | None,
) -> bytes:
    """Return the request file that asks for signatures of a draft.

    Args:
        draft: What is to be signed.
        requester: This machine's own key.
        name: Who asks.
        reason: Why, or None.
        created: RFC 3339 UTC text.
        previous_response: SHA-256 of the last response file this side has seen, or None.

    Raises:
        FormatError: the draft is not as signkit writes it, or too large to travel.
        SignatureInvalidError, CustodyError: the requester's key failed.
    """
    item = build_item(draft.payload)
    parse_metadata(item.custom_metadata, what="the trust root's request")
    request = Request(
        requester=name,
        reason=reason,
        created=created,
        previous_response=previous_response,
        items=(item,),
    )
    return sign_request(request, requester)
