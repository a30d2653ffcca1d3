"""The custody register of a home: its two files, read and written.

    custody-register.jsonl       the chain of signed lines
    custody-register.head.json   where it ended last: a chain does not notice that its end is gone

Spec: docs/formats/custody-register.md sections 5 and 6.
Controls: SK-KEY-REGISTER (docs/design/assurance.md).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from signkit.custody.access import make_private_folder
from signkit.custody.identity import load_or_create_identity
from signkit.custody.life import NO_REGISTER, Register, advance
from signkit.custody.signer import Backend
from signkit.errors import CustodyError, FileError, KeyStateError, MalformedError
from signkit.formats.chain import EMPTY_HEAD, Chain, Line, open_chain, read_chain
from signkit.formats.custody_register import (
    WHAT,
    SignedTransition,
    register_shape,
    sign_transition,
)
from signkit.formats.files import PRIVATE_MODE, read_file, write_new
from signkit.model.custody import PlacedTransition, Transition
from signkit.verify.digest import Sha256
from signkit.verify.encoding import Fields, encode_json, parse_json

_NAME = "custody-register.jsonl"
_HEAD_NAME = "custody-register.head.json"
_HEAD_SIZE = 4096
_HINT = (
    "the custody register was changed: keep it as it is, find out why, and sign nothing until then"
)


class OpenRegister:
    """A register that nobody else writes to meanwhile; use `open_register`.

    Attributes:
        said: What it says now.
    """

    def __init__(self, home: Path, chain: Chain[SignedTransition], signer: Backend) -> None:
        self._home = home
        self._chain = chain
        self._signer = signer
        self.said = follow_lines(chain.lines)
        _check_head(chain.lines, _read_head(home / _HEAD_NAME))
        self._write_head()  # it may be one line behind: a crash between the two files

    def append(self, transition: Transition) -> None:
        """Write one transition, durably.

        Raises:
            KeyStateError: it may not follow; nothing is written.
            FormatError: a text of it is none that a reader takes; nothing is written.
            FileError: it cannot be written.
            SignatureInvalidError, CustodyError: the station's own key failed.
        """
        said = advance(self.said, transition)
        end = self._chain.end
        placed = PlacedTransition(
            sequence=end.sequence + 1, previous=end.head, transition=transition
        )
        self._chain.append(sign_transition(placed, self._signer))
        self.said = said
        self._write_head()

    def _write_head(self) -> None:
        end = self._chain.end
        value = {"sequence": end.sequence, "head": {"sha256": end.head.hex()}}
        write_new(self._home / _HEAD_NAME, encode_json(value), mode=PRIVATE_MODE, replace=True)


@contextmanager
def open_register(home: Path) -> Iterator[OpenRegister]:
    """Open the register for writing; it and the station's own key are made on first use.

    Args:
        home: signkit's home; made where it is missing.

    Raises:
        FileError: it cannot be opened, or another signkit holds it.
        MalformedError, SignatureInvalidError: it was changed; the first bad line is named.
        CustodyError: the station's own key is not what it was, or others may write the home.
    """
    make_private_folder(home)
    _check_there(home)
    signer = load_or_create_identity(home, "station")
    with open_chain(home / _NAME, register_shape(signer.public_key)) as chain:
        yield OpenRegister(home, chain, signer)


def read_register(home: Path) -> Register:
    """Read the register, without a lock and without writing; NO_REGISTER where there is none.

    Raises:
        FileError, MalformedError, SignatureInvalidError, CustodyError: as `open_register`.
    """
    if not _check_there(home):
        return NO_REGISTER
    key = load_or_create_identity(home, "station").public_key
    head = _read_head(home / _HEAD_NAME)  # before the lines: somebody may append meanwhile
    lines, _end = read_chain(home / _NAME, register_shape(key))
    register = follow_lines(lines)
    _check_head(lines, head)
    return register


def _check_there(home: Path) -> bool:
    """Say whether there is a register; refuse one that somebody took away, whole or its key."""
    if not _exists(home / _NAME):
        if _exists(home / _HEAD_NAME):
            message = f"the {WHAT} {home / _NAME} is gone: {_HEAD_NAME} says that there was one"
            raise CustodyError(message, hint=_HINT)
        return False
    if not _exists(home / "station.pem"):
        message = f"{home / 'station.pem'} is gone, whose key signed the {WHAT}"
        raise CustodyError(message, hint="get both from one backup; nothing is signed until then")
    return True


def _exists(path: Path) -> bool:
    """Say whether there is anything; where that cannot be known, it is not taken for nothing."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        message = f"{path} cannot be looked at: {(error.strerror or str(error)).lower()}"
        raise FileError(message, hint="check the path and its permissions") from error
    return True


def _read_head(path: Path) -> tuple[int, Sha256] | None:
    """Return the number of the newest line and its digest, as last written; None for no file.

    Raises:
        FileError, FormatError: it cannot be read, or is no such file.
    """
    if not _exists(path):
        return None
    data = read_file(path, limit=_HEAD_SIZE, what=_HEAD_NAME)
    fields = Fields(parse_json(data, limit=_HEAD_SIZE, what=_HEAD_NAME), _HEAD_NAME)
    sequence, head = fields.integer("sequence"), Sha256(fields.sha256("head"))
    fields.done()
    return sequence, head


def follow_lines(lines: Sequence[Line[SignedTransition]]) -> Register:
    """Return what the lines of a chain say, each of them verified already.

    Raises:
        MalformedError: a line was signed for another place, or is no legal transition.
    """
    register = Register()
    for line in lines:
        placed, where = line.entry.placed, f"{WHAT} line {line.sequence}"
        if (placed.sequence, placed.previous) != (line.sequence, line.before):
            message = f"{where} was signed for another place: line {placed.sequence}"
            raise MalformedError(message, hint=_HINT)
        try:
            register = advance(register, placed.transition)
        except KeyStateError as error:
            message = f"{where}: {error}"
            raise MalformedError(message, hint=_HINT) from error
    return register


def _check_head(lines: Sequence[Line[SignedTransition]], head: tuple[int, Sha256] | None) -> None:
    """Refuse a register whose end is missing. It may be longer than was written down: a crash."""
    if head is None:
        if lines:
            message = f"{_HEAD_NAME} is gone, which says where the {WHAT} ended"
            raise CustodyError(message, hint=_HINT)
        return
    sequence, digest = head
    if sequence > len(lines):
        message = f"{WHAT} line {len(lines) + 1} is gone: expected {sequence} lines"
        raise MalformedError(message, hint=_HINT)
    if digest != (lines[sequence - 1].after if sequence else EMPTY_HEAD):
        message = f"{WHAT} line {sequence} is not the one that {_HEAD_NAME} says"
        raise MalformedError(message, hint=_HINT)
