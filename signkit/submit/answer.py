"""Proof of what came back: every signature, under its scheme, for exactly the item that was asked for.

Nothing is believed because a response says so: it asserts, and this module proves.

Spec: docs/formats/response.md section 4; docs/formats/combined.md section 5.
Controls: SK-SUBMIT-VERIFIED (docs/design/assurance.md).
"""

from __future__ import annotations

from signkit.errors import ContextError, FormatError, ResponseError, VerificationError
from signkit.model.request import Request, VerifiedRequest
from signkit.model.response import Answer, ItemResult
from signkit.schemes.table import find_scheme
from signkit.verify.ed25519 import PublicKey


def verify_answer(answer: Answer, request: VerifiedRequest) -> None:
    """Verify all that came back against the request.

    Args:
        answer: What came back.
        request: What was asked for.

    Raises:
        ResponseError: for another request, or a signature in it does not hold; `reason` says which.
    """
    try:
        _check_request(answer, request)
        keys = {key.public_key.keyid: key.public_key for key in answer.keys}
        for result in answer.items:
            _verify_item(result, request.request, keys)
    except (FormatError, VerificationError) as error:
        hint = error.hint or "copy the response again from the station, or sign the request again"
        raise ResponseError(str(error), hint=hint, reason=error.code) from error


def _check_request(answer: Answer, request: VerifiedRequest) -> None:
    if answer.request != request.digest:
        message = (
            f"the response answers another request: expected {request.digest.hex()},"
            f" got {answer.request.hex()}"
        )
        raise ContextError(message, hint="give the request that was signed, with --request")
    asked, answered = len(request.request.items), len(answer.items)
    if asked != answered:
        message = f"the response answers {answered} items: the request has {asked}"
        raise ContextError(message)


def _verify_item(result: ItemResult, request: Request, keys: dict[str, PublicKey]) -> None:
    item = request.items[result.item]
    if result.digest != item.digest:
        message = (
            f"the response signs another digest for {item.name!r}: expected"
            f" {item.digest.hex()}, got {result.digest.hex()}"
        )
        raise ContextError(message)
    wanted = {each.scheme for each in item.wanted}
    for made in result.signatures:
        if made.scheme not in wanted:
            message = f"{item.name!r} is signed under {made.scheme!r}, which was not asked for"
            raise ContextError(message)
        find_scheme(made.scheme).verify(keys[made.keyid], item, request, made.value)
    missing = wanted - {made.scheme for made in result.signatures}
    if missing and result.error is None:
        message = f"{item.name!r} has no signature under {', '.join(sorted(missing))}"
        raise ContextError(message)
