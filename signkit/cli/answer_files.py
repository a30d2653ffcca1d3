"""The files round what came back: the request and plan beside it, and the trust root of devices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from signkit.errors import UsageError

if TYPE_CHECKING:
    from signkit.model.request import VerifiedRequest

RESPONSE_SUFFIX = ".response.json"
COMBINED_SUFFIX = ".combined.json"


def sibling(answer: Path, suffix: str, option: str) -> Path:
    """Return the path of a file that lies beside a response or combined response.

    Args:
        answer: X.response.json or X.combined.json.
        suffix: Its own, such as ".request.json".
        option: What names it otherwise, such as "--request".

    Raises:
        UsageError: the response has another ending, or nothing is there.
    """
    what = option.removeprefix("--")
    ending = next(
        (end for end in (RESPONSE_SUFFIX, COMBINED_SUFFIX) if answer.name.endswith(end)), ""
    )
    if not ending:
        message = (
            f"{answer}: expected a name that ends in {RESPONSE_SUFFIX} or {COMBINED_SUFFIX},"
            f" to find the {what} beside it"
        )
        raise UsageError(message, hint=f"give the {what} with {option}")
    path = answer.with_name(answer.name.removesuffix(ending) + suffix)
    if not path.exists():
        message = f"no {what} beside the response: {path} is missing"
        hint = f"give the {what} with {option}; if it is lost, prepare and sign again"
        raise UsageError(message, hint=hint)
    return path


def read_request(path: Path) -> VerifiedRequest:
    """Read a request.

    Raises:
        FileError, TooLargeError, RequestError: it cannot be read, or is damaged.
    """
    from signkit.formats.files import read_file
    from signkit.formats.request import open_request
    from signkit.verify import limits

    return open_request(read_file(path, limit=limits.REQUEST_SIZE, what="request"))
