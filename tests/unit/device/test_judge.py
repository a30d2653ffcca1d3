"""One verdict a file: what it says, and what a refusal of one of several says."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from signkit.device.copies import Copies
from signkit.device.judge import Judge, Verdict, judge_file, judge_files
from signkit.errors import DigestMismatchError, FileError, StatementError
from signkit.verify.digest import compute_digest
from signkit.verify.ed25519 import PublicKey
from signkit.verify.encoding import encode_json
from signkit.verify.statement import parse_statement
from signkit.verify.verdict import Expectation, VerifiedStatement, role_of_keys
from tests.support.documents import CONTENT, statement_envelope, statement_value
from tests.support.keys import PROD, SPARE

DIGEST = compute_digest(CONTENT)
ROLE = role_of_keys((PROD.public_key,))
VERIFIED = VerifiedStatement(
    statement=parse_statement(encode_json(statement_value())),
    signers=(PROD.public_key,),
    role=ROLE,
)
BY_PROD = (None, PROD.sign(DIGEST.hex().encode()))


def demanding(**changes: Any) -> Judge:
    whole: dict[str, Any] = {
        "roles": (ROLE,),
        "expectation": Expectation(artifact=None, target=None, floor=0, now=None),
        "floors": {},
        "permits": (),
        "statement_of": lambda _path: encode_json(statement_envelope()),
        "signatures": (),
        "manifest": None,
    }
    return Judge(**whole | changes)


@pytest.fixture
def content(tmp_path: Path) -> str:
    path = tmp_path / "model.bin"
    path.write_bytes(CONTENT)
    return str(path)


def failing(*_given: object) -> int:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize(
    ("changes", "verified", "signers"),
    [
        ({}, VERIFIED, ()),
        ({"signatures": (BY_PROD,)}, VERIFIED, (PROD.public_key,)),
        ({"signatures": (BY_PROD,), "statement_of": None}, None, (PROD.public_key,)),
    ],
)
def test_a_verdict_says_what_it_rests_on(
    content: str,
    changes: dict[str, Any],
    verified: VerifiedStatement | None,
    signers: tuple[PublicKey, ...],
) -> None:
    assert judge_file(demanding(**changes), content) == Verdict(
        path=content, digest=DIGEST, verified=verified, registry_signers=signers
    )


def test_a_refusal_of_one_of_several_says_which(content: str) -> None:
    refusing = demanding(statement_of=lambda _path: encode_json(statement_envelope(SPARE)))
    with pytest.raises(FileError) as missing:
        judge_files(demanding(), [content, f"{content}.none"])
    assert str(missing.value) == f"{content}.none cannot be opened: No such file or directory"
    for paths, before in (([content], ""), ([content, content], f"{content}: ")):
        with pytest.raises(StatementError) as caught:
            judge_files(refusing, paths)
        said = f"the statement is signed by {SPARE.public_key.keyid}, which is none of the keys"
        assert str(caught.value) == f"{before}{said} trusted here"


def test_a_refusal_of_content_says_which_file(content: str) -> None:
    Path(content).write_bytes(CONTENT[:-1])
    with pytest.raises(DigestMismatchError) as caught:
        judge_file(demanding(), content)
    assert str(caught.value) == f"{content} is not what was signed: expected 14 bytes, got 13 bytes"


def test_content_that_cannot_be_read(content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "readv", failing)
    with pytest.raises(FileError) as caught:
        judge_file(demanding(), content)
    assert str(caught.value) == f"{content} cannot be read: Input/output error"


def test_several_are_copied_under_their_names(content: str) -> None:
    folder = Path(content).parent
    (folder / "other.bin").write_bytes(CONTENT)
    with Copies(str(folder / "out"), several=True, force=False) as copies:
        judge_files(demanding(), [content, str(folder / "other.bin")], copies=copies)
        copies.keep()
    copied = {path.name: path.read_bytes() for path in (folder / "out").iterdir()}
    assert copied == {"model.bin": CONTENT, "other.bin": CONTENT}
