"""Signatures that were made without signkit: found in a folder, verified, and told apart.

    1. find_files          one signature file for each message, by its name
    2. judge_signatures    each verified under the key, under its scheme; or why not
    3. make_answer         the combined response that holds them, if all verified

Spec: docs/formats/payloads.md. Controls: SK-IMPORT-VERIFIED (docs/design/assurance.md).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from signkit.errors import FileError, FormatError, SignatureInvalidError
from signkit.formats.combined import encode_combined, make_imported
from signkit.formats.display import one_line
from signkit.formats.files import read_file
from signkit.formats.signature_file import FoundSignature, parse_signature_file
from signkit.model.request import VerifiedRequest
from signkit.model.response import ItemSignature, NamedKey
from signkit.schemes.messages import Message, list_messages, write_signature
from signkit.submit.diagnosis import Fault, Problem, diagnose, verifies
from signkit.verify import limits

Advance = Callable[[int], None]
_NAME = re.compile(r"([0-9]{5}-[a-z]+)\.(?!msg$)")
_EXPLAINED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What became of one message: a signature that verified, or a problem.

    Attributes:
        message: The message.
        file: The name of its signature file, or None.
        found: What was read in it, or None where nothing was understood.
        made: The signature, verified, as a response carries it.
        problem: Why there is none.
    """

    message: Message
    file: str | None = None
    found: FoundSignature | None = None
    made: ItemSignature | None = None
    problem: Problem | None = None


def find_files(folder: Path) -> dict[str, list[Path]]:
    """Return the signature files of a folder by the name of their message, in lower case.

    Only regular files are looked at; nothing is opened.

    Raises:
        FileError: the folder cannot be read.
    """
    found: dict[str, list[Path]] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda each: each.name):
                named = _NAME.match(entry.name.lower())
                if named and stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                    found.setdefault(named[1], []).append(Path(entry.path))
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        message = f"the folder {folder} cannot be read: {reason}"
        raise FileError(message, hint="name the folder with the signature files") from error
    return found


def judge_signatures(
    verified: VerifiedRequest,
    files: Mapping[str, Sequence[Path]],
    *,
    key: NamedKey,
    others: Sequence[NamedKey],
    advance: Advance,
) -> tuple[Judged, ...]:
    """Verify the signature of each message of a request.

    Args:
        verified: The request.
        files: From `find_files`.
        key: Who is to have signed all of them.
        others: Keys that may have been taken by mistake, to say so.
        advance: Told the messages just done.

    Raises:
        PolicyError, FormatError: as `list_messages`: a station would not sign the request either.
        FileError, TooLargeError: a signature file cannot be read.
    """
    judged: list[Judged] = []
    for message in list_messages(verified):
        judged.append(_judge(message, files.get(message.name, ()), verified, key))
        advance(1)
    return tuple(_explain(judged, key, others))


def _judge(
    message: Message, paths: Sequence[Path], verified: VerifiedRequest, key: NamedKey
) -> Judged:
    if len(paths) != 1:
        text = (
            f"there is no {message.name}.sig"
            if not paths
            else (f"there are several: {', '.join(one_line(path.name) for path in paths)}")
        )
        return Judged(message=message, problem=Problem(fault=Fault.MISSING, text=text))
    name = paths[0].name
    try:
        data = read_file(paths[0], limit=limits.KEY_FILE_SIZE, what="signature", follow=False)
        found = parse_signature_file(data)
    except FormatError as error:
        problem = Problem(fault=Fault.ENCODING, text=one_line(str(error)))
        return Judged(message=message, file=name, problem=problem)
    public = key.public_key
    if not found.signs_message or not verifies(public, message.data, found.signature):
        return Judged(message=message, file=name, found=found)
    value = write_signature(message, verified.request, key=public, signature=found.signature)
    made = ItemSignature(scheme=message.scheme, keyid=public.keyid, value=value)
    return Judged(message=message, file=name, found=found, made=made)


def _explain(
    judged: Sequence[Judged], key: NamedKey, others: Sequence[NamedKey]
) -> Iterator[Judged]:
    """Yield them all, with a problem where there is no signature; the first few are looked into."""
    messages = [each.message for each in judged]
    left = _EXPLAINED
    for each in judged:
        if each.made is not None or each.problem is not None or each.found is None:
            yield each
            continue
        problem = Problem(fault=Fault.UNKNOWN, text="it does not verify either")
        if left:
            left -= 1
            problem = diagnose(
                each.found, each.message, key=key.public_key, others=others, messages=messages
            )
        yield replace(each, problem=problem)


def make_answer(verified: VerifiedRequest, judged: Sequence[Judged], key: NamedKey) -> bytes:
    """Return the combined response that holds the signatures of one key.

    Raises:
        SignatureInvalidError, FileError: as `check_imported`.
    """
    check_imported(judged)
    made: list[list[ItemSignature]] = [[] for _item in verified.request.items]
    for each in judged:
        if each.made is not None:
            made[each.message.place].append(each.made)
    digests = (item.digest for item in verified.request.items)
    items = list(zip(digests, made, strict=True))
    return encode_combined(verified.digest, [], imported=make_imported(key, items))


def check_imported(judged: Sequence[Judged]) -> None:
    """Check that every message has a signature that verified: control SK-IMPORT-VERIFIED.

    Raises:
        SignatureInvalidError: one of them cannot be imported; says which and why.
        FileError: nothing is wrong but that some are missing.
    """
    problems = [(each.message.name, each.problem) for each in judged if each.problem is not None]
    if not problems:
        return
    name, problem = next(
        (pair for pair in problems if pair[1].fault is not Fault.MISSING), problems[0]
    )
    message = (
        f"{len(problems)} of {len(judged)} signatures cannot be imported; {name}:"
        f" {problem.fault}: {problem.text}"
    )
    if problem.fault is Fault.MISSING:
        raise FileError(
            message, hint="all of them come from one key: name the folder that holds them"
        )
    raise SignatureInvalidError(message, hint="sign what the table names again, and import again")
