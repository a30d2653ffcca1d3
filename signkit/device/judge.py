"""One verdict a file, out of everything that was demanded: statement, manifest, blind signature.

Controls: SK-VERIFY-ALL (docs/design/assurance.md).
"""

from __future__ import annotations

import os

from signkit.device import files
from signkit.errors import SignkitError
from signkit.verify.digest import Sha256, compute_stream_digest
from signkit.verify.value import Value
from signkit.verify.verdict import (
    Expectation,
    VerifiedStatement,
    check_content,
    verify_blind,
    verify_registry_signatures,
    verify_statement,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from signkit.device.copies import Copies
    from signkit.device.manifest import ManifestItem
    from signkit.verify.digest import Sink
    from signkit.verify.ed25519 import PublicKey
    from signkit.verify.trust import Role

    Offered = Sequence[tuple[bytes | None, bytes]]


class Verdict(Value):
    """That one file may be used.

    Attributes:
        path: Its name, as it was given.
        digest: SHA-256 of the bytes that were read.
        verified: Its statement, or None where only the registry's signature was asked for.
        registry_signers: The keys whose registry signatures verified, where these were asked for.
    """

    path: str
    digest: Sha256
    verified: VerifiedStatement | None
    registry_signers: tuple[PublicKey, ...]


class Judge(Value):
    """What every file has to meet.

    Attributes:
        roles: Who may sign.
        expectation: What the caller asks of a statement.
        floors: The least sequence by artifact and target.
        permits: Downgrade permits, as read.
        statement_of: Returns the statement's envelope for a path; None where none is asked for, so
            that the registry's signatures stand alone.
        signatures: Registry signatures that must verify as well, as `verify_registry_signatures`
            takes them.
        manifest: From `parse_manifest`, or None: says signatures and statement for each file.
    """

    roles: Sequence[Role]
    expectation: Expectation
    floors: Mapping[tuple[str, str], int]
    permits: Sequence[bytes]
    statement_of: Callable[[str], bytes] | None
    signatures: Offered
    manifest: Mapping[Sha256, Sequence[ManifestItem]] | None


def judge_files(
    judge: Judge, paths: Sequence[str], *, copies: Copies | None = None
) -> list[Verdict]:
    """Judge several files, all or nothing.

    Args:
        judge: What they have to meet.
        paths: Their names.
        copies: Where copies go while they are hashed; whoever calls keeps them afterwards.

    Raises:
        SignkitError: the refusal of the first bad one, which its message names.
    """
    verdicts = []
    for path in paths:
        try:
            verdicts.append(judge_file(judge, path, copies=copies))
        except SignkitError as error:
            if len(paths) > 1 and path not in str(error):
                error.args = (f"{path}: {error}",)
            raise
    return verdicts


def judge_file(judge: Judge, path: str, *, copies: Copies | None = None) -> Verdict:
    """Judge one file: open it once, and hash what was opened.

    Raises:
        FileError: it cannot be read, or its copy not be written.
        VerificationError: it is refused; see `verdict.py`.
    """
    source = files.open_regular(path)
    try:
        if copies is None:
            return _judge(judge, source, path, sink=None)
        target = copies.create(path)
        try:
            found = _judge(judge, source, path, sink=lambda view: files.write_all(target, view))
            os.fsync(target)
            return found
        finally:
            os.close(target)
    finally:
        os.close(source)


def _judge(judge: Judge, source: int, path: str, *, sink: Sink | None) -> Verdict:
    verified: VerifiedStatement | None = None
    signers: tuple[PublicKey, ...] = ()
    if judge.manifest is None and judge.statement_of is not None:  # all that is cheap comes first
        verified = _verify(judge, judge.statement_of(path))
        if judge.signatures:
            signers = _verify_registry(judge, verified, verified.statement.digest)
    size = os.fstat(source).st_size if verified is None else verified.statement.size
    digest, count = compute_stream_digest(
        lambda view: files.read_into(source, view, path=path), size=size, sink=sink
    )
    if verified is None:
        verified, signers = _judge_after(judge, digest, count, path)
    if verified is not None:
        check_content(verified, digest=digest, size=count, name=path)
    return Verdict(path=path, digest=digest, verified=verified, registry_signers=signers)


def _judge_after(
    judge: Judge, digest: Sha256, size: int, path: str
) -> tuple[VerifiedStatement | None, tuple[PublicKey, ...]]:
    """Judge where the digest has to be known first: it finds the item, or is all there is."""
    verified, offered = None, judge.signatures
    if judge.manifest is not None:
        from signkit.device.manifest import check_item, find_item

        target = judge.expectation.target
        item = find_item(judge.manifest, digest, size=size, name=path, target=target)
        offered = (*offered, *item.signatures)
        if judge.statement_of is not None:
            verified = _verify(judge, item.statement)
            check_item(item, verified)
    return verified, _verify_registry(judge, verified, digest, offered)


def _verify(judge: Judge, statement: bytes) -> VerifiedStatement:
    return verify_statement(
        statement,
        roles=judge.roles,
        expectation=judge.expectation,
        floors=judge.floors,
        permits=judge.permits,
    )


def _verify_registry(
    judge: Judge, verified: VerifiedStatement | None, digest: Sha256, offered: Offered = ()
) -> tuple[PublicKey, ...]:
    if verified is not None:
        return verify_registry_signatures(digest, offered or judge.signatures, role=verified.role)
    return verify_blind(digest, offered, roles=judge.roles, now=judge.expectation.now)
