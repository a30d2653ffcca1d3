"""The files of the workshop: trust roots, their drafts, and the names they have.

X.json            the newest version
X.N.json          version N, kept for devices that are behind
X.draft.json      the next version while it is edited and signed
"""

from __future__ import annotations

from pathlib import Path

from signkit.errors import FileError, UsageError
from signkit.formats.files import check_target, read_file, write_new
from signkit.formats.trust import Draft, parse_draft
from signkit.verify import limits
from signkit.verify.trust import Trust, load_trust

DRAFT_SUFFIX = ".draft.json"


def read_trust(path: Path) -> Trust:
    """Read a trust root under its own root role; test keys were judged when they came in.

    Raises:
        FileError, TrustError: it cannot be read, or is none.
    """
    return load_trust(
        read_file(path, limit=limits.TRUST_SIZE, what="trust root"), allow_test_keys=True
    )


def read_draft(path: Path) -> Draft:
    """Read a trust root or a draft, unverified.

    Raises:
        FileError, TrustError: it cannot be read, or is neither.
    """
    return parse_draft(read_file(path, limit=limits.TRUST_SIZE, what="trust root"))


def is_draft(path: Path) -> bool:
    """Say whether a file is a draft, by its name: a complete one looks the same inside."""
    return path.name.endswith(DRAFT_SUFFIX)


def draft_stem(path: Path) -> Path:
    """Return the path of a draft without its suffix.

    Raises:
        UsageError: it is not named as a draft.
    """
    if not is_draft(path):
        message = f"expected a draft named X{DRAFT_SUFFIX}, got {path.name!r}"
        raise UsageError(message, hint="`signkit trust add-key` and the like make one")
    return path.with_name(path.name.removesuffix(DRAFT_SUFFIX))


def draft_path(trust_path: Path, trust: Trust) -> Path:
    """Return where the draft of the next version goes; one of an earlier version gives way.

    Raises:
        FileError: a draft of a later version is there.
    """
    path = _draft_name(trust_path)
    if path.exists() and read_draft(path).trust.version > trust.version:
        message = f"{path} is there already, a draft of a later version"
        raise FileError(message, hint="edit that one, or move it away")
    return path


def find_draft(path: Path) -> Path:
    """Return the draft that goes on from a trust root where there is one; else the file itself.

    Raises:
        FileError, TrustError: one of the two cannot be read.
    """
    if is_draft(path):
        return path
    version, draft = read_trust(path).version, _draft_name(path)
    if not draft.exists():
        return path
    return draft if read_draft(draft).trust.version > version else path


def _draft_name(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".json") + DRAFT_SUFFIX)


def publish_trust(path: Path, data: bytes, *, trust: Trust, before: Trust | None) -> None:
    """Write a version under its number, for devices that are behind, and then as the newest.

    Args:
        path: X.json.
        data: The file, complete.
        trust: What it says.
        before: The version before it.

    Raises:
        FileError: another trust root than these two stands there, or it cannot be written.
    """
    numbered = path.with_name(f"{path.name.removesuffix('.json')}.{trust.version}.json")
    for each in (path, numbered):
        check_target(each, replace=True)
        if each.exists() and read_trust(each) not in (before, trust):
            message = f"{each} is another trust root than the current one; it is never overwritten"
            raise FileError(message, hint="move it away, or choose another name with --out")
    write_new(numbered, data, replace=True)
    write_new(path, data, replace=True)
