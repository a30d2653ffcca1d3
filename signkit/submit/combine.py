"""Combining what several stations answered: each verified by itself first, so the bad one is named.

Spec: docs/formats/combined.md section 4.
"""

from __future__ import annotations

from collections.abc import Iterable

from signkit.errors import ResponseError
from signkit.formats.combined import combine_answers, open_answer
from signkit.model.request import VerifiedRequest
from signkit.submit.answer import verify_answer


def combine(files: Iterable[tuple[str, bytes]], request: VerifiedRequest) -> bytes:
    """Return the file that holds all responses and imported signatures of some files.

    Args:
        files: Name, for messages, and bytes of each.
        request: What they answer.

    Raises:
        ResponseError: one is damaged, for another request, or holds a signature that does not
            verify, and its name is said; or together they hold a conflict.
    """
    found: list[bytes] = []
    for name, data in files:
        try:
            verify_answer(open_answer(data), request)
        except ResponseError as error:
            message = f"{name}: {error}"
            raise ResponseError(message, hint=error.hint, reason=error.reason) from error
        found.append(data)
    return combine_answers(found)
