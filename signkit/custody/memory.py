"""What this process does so that a key in its memory does not end up elsewhere. Best effort.

    protect_process   before a private key is opened: no core dump, no reading by other processes of
                      this user, and no swap where the system allows it
    wipe              a secret that is no longer needed

Controls: SK-KEY-MEMORY (docs/design/assurance.md).

What this cannot do is said in docs/design/limitations.md. None of it is a reason to refuse to
sign: a system that does not offer one of them is no worse than signkit without this module.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from dataclasses import dataclass

_PR_SET_DUMPABLE = 4  # Linux, <linux/prctl.h>
# Linux, <sys/mman.h>. MCL_ONFAULT (4.4): pages are locked when they are first touched, so that
# locking does not fill memory with every page that any library might use.
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4
_BYTES_HEADER = bytes.__basicsize__ - 1  # of CPython: where the bytes of a `bytes` begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """What the system granted.

    Attributes:
        no_core: No core file is written when the process is killed.
        private: No other process of this user reads its memory, and no core goes to a pipe.
        locked: Its memory is not written to swap.
    """

    no_core: bool
    private: bool
    locked: bool


def protect_process() -> Protection:
    """Keep this process's memory to itself, as far as the system lets it; for its whole life.

    Returns:
        What was granted; a second call changes nothing and says the same.
    """
    return Protection(no_core=_refuse_core(), private=_refuse_readers(), locked=_lock_memory())


def _refuse_core() -> bool:
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError):
        return False
    return True


def _refuse_readers() -> bool:
    """Say to the kernel that the process is not dumpable.

    The limit alone does not hold where core dumps go to a program (`core_pattern` with a pipe).
    """
    return _call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)


def _lock_memory() -> bool:
    """Lock all memory, now and later, where there is no limit to how much may be locked.

    Under a limit nothing is locked: what is allocated later would fail instead of being swapped.
    """
    try:
        _soft, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
        if os.geteuid() != 0:
            if hard != resource.RLIM_INFINITY:
                return False
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (hard, hard))
    except (AttributeError, OSError, ValueError):
        return False
    return _call("mlockall", _MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT)


def _call(name: str, *arguments: int) -> bool:
    """Call a function of the C library that returns 0 when it did what it was asked."""
    if not sys.platform.startswith("linux"):  # the numbers above are Linux's
        return False
    try:
        function = getattr(ctypes.CDLL(None), name)
        return bool(function(*arguments) == 0)
    except (AttributeError, OSError):
        return False


def wipe(*secrets: bytes | bytearray) -> None:
    """Overwrite secrets with zeros: each must be the caller's own, and is worthless after.

    A `bytes` is overwritten in place, which Python does not foresee. So only what nobody else
    holds may be given: what was just decoded, sliced or decrypted, never a literal or a key of a
    dictionary. Copies that libraries made on the way are not reached.

    Args:
        secrets: Of 2 bytes or more; shorter ones are shared by the interpreter and left alone.
    """
    for secret in secrets:
        if isinstance(secret, bytearray):
            secret[:] = bytes(len(secret))
        elif len(secret) > 1 and sys.implementation.name == "cpython":
            ctypes.memset(id(secret) + _BYTES_HEADER, 0, len(secret))
