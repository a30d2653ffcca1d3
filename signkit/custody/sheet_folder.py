"""The folder of a set of share sheets: one folder for each holder, and the register.

The register is written last, so a folder without one is a set that was not finished. Nothing is
ever overwritten: a set is split anew, never written again.

Spec: docs/formats/key-shares.md section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from signkit.custody.access import check_private_folder
from signkit.custody.shares import SHARE_FILE_SIZE, parse_share_text
from signkit.custody.sheet import Sheet, SheetContext, read_sheet, render_register, render_sheet
from signkit.custody.slip39 import ShareWords
from signkit.errors import CustodyError, FileError
from signkit.formats.files import PRIVATE_MODE, read_file, write_new

_FOLDER_MODE = 0o700
_SHEET = "sheet.html"
_REGISTER = "register.txt"


def write_sheets(folder: Path, sheets: Sequence[Sheet], context: SheetContext) -> tuple[Path, ...]:
    """Write the sheets of a set, and read each one again.

    Args:
        folder: A new folder; the one that it lies in exists, and others may not write that.
        sheets: The sheets.
        context: What they all say.

    Returns:
        Where each sheet is.

    Raises:
        FileError: the folder exists, or cannot be written.
        CustodyError: others may write where it is to lie, or a sheet reads otherwise.
    """
    check_private_folder(folder.absolute().parent)
    _make_folder(folder)
    paths: list[Path] = []
    for sheet in sheets:
        path = folder / _folder_name(sheet, context) / _SHEET
        _make_folder(path.parent)
        write_new(path, render_sheet(sheet, context).encode("utf-8"), mode=PRIVATE_MODE)
        if read_share_file(path) != sheet.share:
            message = f"{path} does not read as the share that was written"
            raise CustodyError(message, hint="this machine's memory or disk may be faulty")
        paths.append(path)
    named = [(path.parent.name, sheet) for path, sheet in zip(paths, sheets, strict=True)]
    text = render_register(named, context)
    write_new(folder / _REGISTER, text.encode("utf-8"), mode=PRIVATE_MODE)
    return tuple(paths)


def _folder_name(sheet: Sheet, context: SheetContext) -> str:
    share = f"share-{sheet.share.number}"
    return share if len(context.plan.groups) == 1 else f"group-{sheet.share.group}-{share}"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=_FOLDER_MODE)
    except FileExistsError:
        message = f"{folder} exists already: expected the name of a new folder"
        raise FileError(message, hint="a set is never written twice; choose another name") from None
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        message = f"the folder {folder} cannot be made: {reason}"
        raise FileError(message, hint="check the path and its permissions") from error


def read_share_file(path: Path) -> ShareWords:
    """Read a share from a file: a sheet, or words as a QR code holds them.

    Raises:
        FileError, TooLargeError: it cannot be read, or is too large.
        MalformedError: as `slip39.parse_share`.
    """
    data = read_file(path, limit=SHARE_FILE_SIZE, what="share")
    return parse_share_text(read_sheet(data.decode("utf-8", "replace")), what=f"share {path}")
