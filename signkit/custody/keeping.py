"""What is done to a key over its life: it is enrolled, changes its state, and is destroyed.

    enrol          a key that was just made or imported gets its first line
    change_state   a transition; a key without a line is adopted first
    wipe_private   its private file is overwritten and removed

Spec: docs/formats/custody-register.md sections 6 and 7.
Controls: SK-KEY-DESTROY (docs/design/assurance.md).
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from signkit.custody.life import Life
from signkit.custody.register import OpenRegister
from signkit.errors import FileError, UsageError
from signkit.formats.files import sync_folder
from signkit.model.custody import NewKey, State, Transition

ADOPTED = "adopted: it was here without a line in the register"
_BLOCK = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who does something, when and why.

    Attributes:
        time: RFC 3339 UTC text.
        who: `user@machine`.
        reason: Why.
    """

    time: str
    who: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What the first line of a key is to say.

    Attributes:
        act: Who, when and why.
        cryptoperiod_days: How long it may sign, or None for ever.
        pre_active: Whether somebody has to put it into use first.
        predecessor: keyid of the key that it follows, or None.
    """

    act: Act
    cryptoperiod_days: int | None = None
    pre_active: bool = False
    predecessor: str | None = None

    def check_default(self, why: str) -> None:
        """Refuse what only a register can keep, where there will be no line.

        Raises:
            UsageError: it was asked for.
        """
        if self.cryptoperiod_days is not None or self.pre_active:
            message = f"--cryptoperiod and --pre-active are kept in the custody register; {why}"
            raise UsageError(message, hint="leave them out, or put the key into the store")


def enrol(register: OpenRegister, keyid: str, *, name: str, enrolment: Enrolment) -> Life:
    """Write the first line of a key, unless there is one: a key that comes back is what it was.

    Raises:
        Others: as `custody.register.OpenRegister.append`.
    """
    if known := register.said.lives.get(keyid):
        return known
    register.append(
        Transition(
            time=enrolment.act.time,
            who=enrolment.act.who,
            keyid=keyid,
            state=State.PRE_ACTIVE if enrolment.pre_active else State.ACTIVE,
            reason=enrolment.act.reason,
            key=NewKey(
                name=name,
                cryptoperiod_days=enrolment.cryptoperiod_days,
                predecessor=enrolment.predecessor,
            ),
        )
    )
    return register.said.lives[keyid]


def change_state(register: OpenRegister, keyid: str, *, name: str, state: State, act: Act) -> Life:
    """Write a transition of a key, after a line that adopts it where it has none.

    Args:
        register: Open for writing.
        keyid: Of the key.
        name: What it is called, should it be adopted.
        state: Its state from now on.
        act: Who, when and why.

    Raises:
        KeyStateError: the state may not follow; a key was adopted all the same.
        Others: as `custody.register.OpenRegister.append`.
    """
    if keyid not in register.said.lives:
        adoption = Enrolment(act=Act(time=act.time, who=act.who, reason=ADOPTED))
        life = enrol(register, keyid, name=name, enrolment=adoption)
        if state is State.ACTIVE:
            return life
    register.append(
        Transition(time=act.time, who=act.who, keyid=keyid, state=state, reason=act.reason)
    )
    return register.said.lives[keyid]


def wipe_private(path: Path) -> None:
    """Overwrite a private key file with zeros, and remove it.

    A flash disk and a file system that copies on write may keep the old bytes all the same
    (docs/design/limitations.md). Killed in between, it can be run again.

    Raises:
        FileError: it is no regular file, or cannot be overwritten or removed.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _overwrite(descriptor, path)
        finally:
            os.close(descriptor)
        path.unlink()
        sync_folder(path.parent, private=True)
    except OSError as error:
        message = f"{path} cannot be wiped: {(error.strerror or str(error)).lower()}"
        hint = "it is still there, though the register lets it sign nothing; destroy it by hand"
        raise FileError(message, hint=hint) from error


def _overwrite(descriptor: int, path: Path) -> None:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        message = f"{path} is not a regular file"
        raise FileError(message)
    for start in range(0, status.st_size, _BLOCK):
        zeros = memoryview(bytes(min(_BLOCK, status.st_size - start)))
        while zeros:
            zeros = zeros[os.write(descriptor, zeros) :]
    os.fsync(descriptor)
