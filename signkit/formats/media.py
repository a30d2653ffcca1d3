"""Documents on a stick: what is looked at, and what is not.

A stick comes from somebody else, so all that is believed of it is the names in one folder. Taken
are regular files whose names end as documents do; links, FIFOs, devices, folders and hidden files
are counted and never opened.

Control: SK-MEDIA-READ (docs/design/assurance.md).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from signkit.errors import FileError

_REQUEST = ".request.json"
_RESPONSE = ".response.json"


class Carried(NamedTuple):
    """A document on a stick.

    Attributes:
        path: Where it is; its name may hold any character.
        size: In bytes, as the file system says.
        answered: Whether a file with the name of its response lies beside it.
    """

    path: Path
    size: int
    answered: bool


class Stick(NamedTuple):
    """What was found on a stick.

    Attributes:
        requests: Sorted by name.
        others: How many entries beside them were not looked at.
    """

    requests: tuple[Carried, ...]
    others: int


def list_requests(folder: Path) -> Stick:
    """List the requests in a folder, not in the folders beneath it; none is opened.

    Raises:
        FileError: it is no folder, or cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            found = {entry.name: entry for entry in entries}
        requests = tuple(
            Carried(
                path=folder / name,
                size=entry.stat(follow_symlinks=False).st_size,
                answered=name.removesuffix(_REQUEST) + _RESPONSE in found,
            )
            for name, entry in sorted(found.items())
            if _is_request(entry)
        )
    except OSError as error:
        message = f"{folder} cannot be read: {(error.strerror or str(error)).lower()}"
        hint = "name the folder where the stick is mounted; `findmnt` lists them"
        raise FileError(message, hint=hint) from error
    return Stick(requests=requests, others=len(found) - len(requests))


def _is_request(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    return (
        name.endswith(_REQUEST)
        and not name.startswith(".")
        and entry.is_file(follow_symlinks=False)
    )
