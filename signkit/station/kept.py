"""The responses that this station made, kept so that they can be given out again.

    SEQUENCE-DIGEST.response.json    of the ledger's line SEQUENCE
    pending                          of the line that is about to be appended

A response is kept before its line is appended, so that whatever was counted can be given out.

Spec: docs/formats/ledger.md sections 5 and 6.
Controls: SK-SIGN-ONCE (docs/design/assurance.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from signkit.errors import FileError, ResponseError, SignkitError
from signkit.formats.files import read_file, write_new
from signkit.formats.response import open_response
from signkit.model.response import Response
from signkit.station.ledger import Ledger, LedgerLine
from signkit.verify import limits
from signkit.verify.digest import Sha256

_SUFFIX = ".response.json"
_PENDING = "pending"
_PRIVATE_FOLDER = 0o700
_GONE = "put it back from a backup, or have the request prepared again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response and its file.

    Attributes:
        response: What it says.
        data: The response file.
        digest: SHA-256 of the response file.
    """

    response: Response
    data: bytes
    digest: Sha256


def keep_answer(folder: Path, answer: Answer) -> None:
    """Keep a response whose line is about to be appended.

    Raises:
        FileError: it cannot be written; nothing is kept then.
    """
    try:
        folder.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
    except OSError as error:
        raise _refusal(folder, error) from error
    write_new(folder / _PENDING, answer.data, mode=0o600, replace=True)


def name_answer(folder: Path, answer: Answer) -> None:
    """Give a kept response its name: its line is in the ledger.

    Raises:
        FileError: the folder cannot be written.
    """
    name = f"{answer.response.sequence}-{answer.digest.hex()}{_SUFFIX}"
    try:
        (folder / _PENDING).replace(folder / name)
    except OSError as error:
        raise _refusal(folder, error) from error


def settle_pending(folder: Path, ledger: Ledger) -> bool:
    """Mend what a killed ceremony left: a kept response gets its name, or goes with its line.

    Returns:
        Whether a response was removed: no line was appended for it, so it was never given out.

    Raises:
        FileError: the folder cannot be read or written.
    """
    path = folder / _PENDING
    if not path.exists():
        return False
    try:
        name_answer(folder, _load(path, ledger.lines[-1]))
    except (ResponseError, IndexError):
        try:
            path.unlink()
        except OSError as error:
            raise _refusal(folder, error) from error
        return True
    return False


def load_answer(folder: Path, line: LedgerLine) -> Answer:
    """Return the response of a line, checked against it.

    Raises:
        FileError: it is not there, or cannot be read.
        ResponseError: damaged, or the response of something else.
    """
    refusal: SignkitError | None = None
    for path in sorted(folder.glob(f"{line.sequence}-*{_SUFFIX}")):
        try:
            return _load(path, line)
        except ResponseError as error:  # of a ledger that was here before this one
            refusal = error
    message = f"the response of ceremony {line.sequence} is no longer in {folder}"
    raise refusal or FileError(message, hint=_GONE)


def _load(path: Path, line: LedgerLine) -> Answer:
    data = read_file(path, limit=limits.RESPONSE_SIZE, what="kept response")
    opened = open_response(data)
    said = opened.response
    expected = (line.entry.request, line.sequence, line.before, line.after)
    if (said.request, said.sequence, said.ledger_before, said.ledger_after) != expected:
        message = f"{path} is not the response of ceremony {line.sequence}"
        raise ResponseError(message, hint=_GONE, reason="context")
    return Answer(response=said, data=data, digest=opened.digest)


def find_ceremony(folder: Path, response: Sha256) -> int | None:
    """Return which ceremony's response has a digest, or None where none here has."""
    for path in folder.glob(f"*-{response.hex()}{_SUFFIX}"):
        number = path.name.partition("-")[0]
        if number.isascii() and number.isdigit():
            return int(number)
    return None


def _refusal(folder: Path, error: OSError) -> FileError:
    message = f"{folder} cannot be written: {error.strerror}"
    return FileError(message, hint="check the folder, its permissions and free space")
