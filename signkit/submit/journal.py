"""The journal: one small file for each upload under way, so that the next run can say so.

It is a note to the person and never an authority: which parts are there is asked of the registry,
what they must be is in the plan. So a journal that does not fit is thrown away and said, and one
that is lost loses nothing.

Spec: docs/formats/plan-and-journal.md section 7.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from signkit.errors import FileError, FormatError, SignkitError
from signkit.formats.files import read_file, write_new
from signkit.verify import limits
from signkit.verify.digest import Sha256
from signkit.verify.encoding import Fields, check_text, encode_json, parse_json

FORMAT = "signkit.journal.v1"
_SIZE = 64 * 1024
_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600
_TEXT_LENGTH = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """One upload under way.

    Attributes:
        registry: The registry's address.
        binary_prn: The record that is uploaded to.
        digest: SHA-256 of the content.
        part_size: Bytes of every part but the last.
        request: SHA-256 of the request file.
        begun: RFC 3339 UTC text; when the first run began.
        run_count: Runs so far, this one included.
        error_code: What ended the last run; None where it was killed, or none ended yet.
        error_message: The same in a sentence.
    """

    registry: str
    binary_prn: str
    digest: Sha256
    part_size: int
    request: Sha256
    begun: str
    run_count: int = 1
    error_code: str | None = None
    error_message: str | None = None


class JournalFile:
    """The journal of one upload on disk; made by `open_journal`."""

    def __init__(self, path: Path, journal: Journal) -> None:
        self.path = path
        self.journal = journal

    def note_failure(self, error: SignkitError) -> None:
        """Write down what ended this run.

        Raises:
            FileError: the journal cannot be written.
        """
        text = "".join(each if each.isprintable() else "?" for each in str(error))
        self.journal = replace(
            self.journal, error_code=error.code, error_message=text[:_TEXT_LENGTH] or error.code
        )
        _write(self.path, self.journal)

    def finish(self) -> None:
        """Remove the journal: the upload is done.

        Raises:
            FileError: it cannot be removed.
        """
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            message = f"journal {self.path} cannot be removed: {error.strerror}"
            raise FileError(message) from error


def open_journal(folder: Path, fresh: Journal) -> tuple[JournalFile, str | None]:
    """Take up the journal of an upload, or begin one.

    Args:
        folder: Where the journals are; it is made if need be.
        fresh: What this run would begin with.

    Returns:
        The journal, written; and what to tell the person of an earlier one, or None.

    Raises:
        FileError: the folder or the file cannot be written.
    """
    path = folder / journal_name(fresh)
    try:
        folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        message = f"{folder} cannot be made: {error.strerror}"
        raise FileError(message) from error
    journal, said = fresh, None
    if path.exists():
        journal, said = _take_up(path, fresh)
    _write(path, journal)
    return JournalFile(path, journal), said


def journal_name(journal: Journal) -> str:
    """Return the file name: content digest, part size and the binary's id."""
    identity = journal.binary_prn.rpartition(":")[2].lower()
    return f"{journal.digest.hex()}-{journal.part_size}-{identity}.json"


def _take_up(path: Path, fresh: Journal) -> tuple[Journal, str]:
    try:
        earlier = parse_journal(read_file(path, limit=_SIZE, what="journal"))
    except (FormatError, FileError) as error:
        return fresh, f"the journal of an earlier run is thrown away: {error}"
    for name in ("registry", "binary_prn", "digest", "part_size", "request"):
        if getattr(earlier, name) != getattr(fresh, name):
            return fresh, f"the journal of an earlier run is thrown away: it has another {name}"
    ended = (
        f"it ended with: {earlier.error_message}"
        if earlier.error_message
        else "how it ended is not known"
    )
    said = f"going on with the upload of {earlier.begun} (run {earlier.run_count}; {ended})"
    return replace(fresh, begun=earlier.begun, run_count=earlier.run_count + 1), said


def parse_journal(data: bytes) -> Journal:
    """Parse a journal file.

    Raises:
        FormatError: torn, malformed, or of another version.
    """
    fields = Fields(parse_json(data, limit=_SIZE, what="journal"), "journal")
    fields.constant("format", FORMAT)
    journal = Journal(
        registry=fields.label("registry", limit=_TEXT_LENGTH),
        binary_prn=fields.label("binary_prn", limit=_TEXT_LENGTH),
        digest=Sha256(fields.sha256("digest")),
        part_size=fields.integer("part_size", least=1),
        request=Sha256(fields.sha256("request")),
        begun=fields.time("begun"),
        run_count=fields.integer("run_count", least=1, most=limits.INTEGER_MAX - 1),
    )
    if not fields.is_null("error"):
        error = fields.member("error")
        message = check_text(error.text("message"), what="journal.error", limit=_TEXT_LENGTH)
        journal = replace(journal, error_code=error.label("code"), error_message=message)
        error.done()
    fields.done()
    return journal


def _write(path: Path, journal: Journal) -> None:
    error = None
    if journal.error_code is not None:
        error = {"code": journal.error_code, "message": journal.error_message}
    value = {
        "format": FORMAT,
        "registry": journal.registry,
        "binary_prn": journal.binary_prn,
        "digest": {"sha256": journal.digest.hex()},
        "part_size": journal.part_size,
        "request": {"sha256": journal.request.hex()},
        "begun": journal.begun,
        "run_count": journal.run_count,
        "error": error,
    }
    write_new(path, encode_json(value), mode=_PRIVATE_FILE, replace=True)
