"""Signatures made without signkit: imported where all verify, and told apart where one does not."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256, sha512
from pathlib import Path

import pytest

from signkit.errors import FileError, SignatureInvalidError
from signkit.formats.combined import open_answer
from signkit.formats.request import open_request
from signkit.model.request import VerifiedRequest
from signkit.model.response import NamedKey
from signkit.schemes.messages import Message, list_messages
from signkit.submit.answer import verify_answer
from signkit.submit.diagnosis import Fault, Problem
from signkit.submit.imported import Judged, find_files, judge_signatures, make_answer
from tests.support.documents import item_value, request_file, request_value
from tests.support.keys import PROD, SPARE, STRANGER, KeyOfTest
from tests.support.signature_files import minisign, signature_files, sshsig

ITEMS = [item_value(target=f"t{place}", name=f"f{place}.bin") for place in range(2)]
REQUEST = open_request(request_file(request_value(*ITEMS)))
MESSAGES = list_messages(REQUEST)
KEY, OTHER = (NamedKey(name=key.name, public_key=key.public_key) for key in (PROD, SPARE))


def sign_all(folder: Path, key: KeyOfTest = PROD, form: str = "raw") -> None:
    for message in MESSAGES:
        (folder / f"{message.name}.sig").write_bytes(signature_files(message.data, key)[form])


def judged(
    folder: Path, *others: NamedKey, request: VerifiedRequest = REQUEST
) -> tuple[Judged, ...]:
    return judge_signatures(
        request, find_files(folder), key=KEY, others=others, advance=lambda _count: None
    )


def problem_of(folder: Path, data: bytes, *others: NamedKey, place: int = 0) -> Problem:
    """Judge a folder in which one signature is another, and return what is said of it."""
    sign_all(folder)
    (folder / f"{MESSAGES[place].name}.sig").write_bytes(data)
    problems = {each.message.name: each.problem for each in judged(folder, *others)}
    problem = problems.pop(MESSAGES[place].name)
    assert set(problems.values()) == {None}
    assert problem is not None
    return problem


@pytest.mark.parametrize("form", ["raw", "hex", "base64", "minisign", "signify"])
def test_what_signs_the_message_is_imported(tmp_path: Path, form: str) -> None:
    sign_all(tmp_path, form=form)
    found = judged(tmp_path)
    assert {each.found.form for each in found if each.found} == {form}
    answer = open_answer(make_answer(REQUEST, found, KEY))
    verify_answer(answer, REQUEST)
    assert [key.public_key for key in answer.keys] == [PROD.public_key]
    assert [len(item.signatures) for item in answer.items] == [2, 2]


def test_names_as_the_tools_and_fat_write_them(tmp_path: Path) -> None:
    names = ("00001-PERIDIO.SIG", "00001-statement.msg.sig", "00002-peridio.msg.minisig", "00002-statement.b64")  # fmt: skip
    for name, message in zip(names, MESSAGES, strict=True):
        (tmp_path / name).write_bytes(PROD.sign(message.data))
        (tmp_path / f"{message.name}.msg").write_bytes(message.data)
    (tmp_path / "System Volume Information").mkdir()
    (tmp_path / "1-peridio.sig").write_bytes(b"x")
    assert all(each.problem is None for each in judged(tmp_path))


def test_a_link_and_a_fifo_are_left_alone(tmp_path: Path) -> None:
    import os

    sign_all(tmp_path)
    path = tmp_path / "00001-peridio.sig"
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "00001-peridio.hex")
    first, *rest = judged(tmp_path)
    assert first.problem is not None
    assert first.problem.fault is Fault.MISSING
    assert {each.problem for each in rest} == {None}


def test_one_missing_and_one_twice(tmp_path: Path) -> None:
    sign_all(tmp_path)
    (tmp_path / "00001-statement.sig").unlink()
    (tmp_path / "00002-peridio.hex").write_bytes(b"x")
    found = judged(tmp_path)
    said = {each.message.name: each.problem.text for each in found if each.problem}
    assert said == {
        "00001-statement": "there is no 00001-statement.sig",
        "00002-peridio": "there are several: 00002-peridio.hex, 00002-peridio.sig",
    }
    with pytest.raises(FileError, match="2 of 4 signatures"):
        make_answer(REQUEST, found, KEY)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read"):
        find_files(tmp_path / "missing")


def raw(data: Callable[[Message], bytes], place: int = 0) -> tuple[bytes, int]:
    return PROD.sign(data(MESSAGES[place])), place


@pytest.mark.parametrize(
    ("signed", "said"),
    [
        (raw(lambda each: each.data + b"\n"), "line feed"),
        (raw(lambda each: each.data + b"\r\n"), "CR and LF"),
        (raw(lambda each: sha256(each.data).digest()), "the SHA-256 of the message"),
        (raw(lambda each: sha512(each.data).hexdigest().encode()), "SHA-512 of the message in hex"),
        (raw(lambda each: each.item.digest), "32 raw bytes"),
        (raw(lambda each: each.data.upper()), "upper-case"),
        (raw(lambda each: each.data + b"  f0.bin\n"), "line of sha256sum"),
        (raw(lambda each: each.data.partition(b" 28 ")[2].split(b" ", 2)[2], 1), "without its DSSE frame"),
        (raw(lambda _each: MESSAGES[1].data), "the message of item 1 under statement"),
        (raw(lambda _each: MESSAGES[1].data, 3), "the message of item 1 under statement"),
        ((minisign(MESSAGES[0].data, algorithm=b"ED"), 0), "key and message are right, but minisign"),
        ((sshsig(MESSAGES[1].data), 1), "key and message are right, but ssh-keygen"),
        ((sshsig(b"other"), 1), "with another key or over another message"),
    ],
)  # fmt: skip
def test_the_bytes_are_wrong(tmp_path: Path, signed: tuple[bytes, int], said: str) -> None:
    data, place = signed
    problem = problem_of(tmp_path, data, place=place)
    assert problem.fault is Fault.BYTES
    assert said in problem.text


@pytest.mark.parametrize("form", ["raw", "minisign", "minisign prehashed", "sshsig"])
def test_the_key_is_wrong(tmp_path: Path, form: str) -> None:
    data = signature_files(MESSAGES[0].data, SPARE)[form]
    problem = problem_of(tmp_path, data, OTHER)
    assert (problem.fault, SPARE.public_key.keyid in problem.text) == (Fault.KEY, True)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (PROD.sign(MESSAGES[0].data)[::-1], "with its bytes reversed"),
        (PROD.sign(MESSAGES[0].data)[32:] + PROD.sign(MESSAGES[0].data)[:32], "halves swapped"),
        (PROD.sign(MESSAGES[0].data)[:63], "got 63 bytes"),
        (b"x" * 20_000, "too large"),
        (b"", "got 0 bytes"),
    ],
)
def test_the_encoding_is_wrong(tmp_path: Path, data: bytes, said: str) -> None:
    problem = problem_of(tmp_path, data)
    assert problem.fault is Fault.ENCODING
    assert said in problem.text


def test_what_cannot_be_told_is_not_guessed(tmp_path: Path) -> None:
    problem = problem_of(tmp_path, STRANGER.sign(MESSAGES[0].data), OTHER)
    assert problem.fault is Fault.UNKNOWN


def test_one_bad_signature_imports_nothing(tmp_path: Path) -> None:
    sign_all(tmp_path)
    (tmp_path / "00002-statement.sig").write_bytes(STRANGER.sign(MESSAGES[3].data))
    with pytest.raises(
        SignatureInvalidError, match=r"1 of 4 signatures .*; 00002-statement: key or"
    ):
        make_answer(REQUEST, judged(tmp_path), KEY)


def test_only_the_first_are_looked_into(tmp_path: Path) -> None:
    items = [item_value(target=f"t{place}", name=f"f{place}") for place in range(15)]
    many = open_request(request_file(request_value(*items)))
    for message in list_messages(many):
        (tmp_path / f"{message.name}.sig").write_bytes(PROD.sign(message.data + b"\n"))
    faults = [each.problem.fault for each in judged(tmp_path, request=many) if each.problem]
    assert faults == [Fault.BYTES] * 20 + [Fault.UNKNOWN] * 10
