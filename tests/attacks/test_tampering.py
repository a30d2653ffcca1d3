"""Attacker: may change any file between two stages, and holds no key. Every change is refused.

Each kind of file ends in an exit code of its own: content 10, statement 11, request 12, response 13,
trust root 14.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from signkit.errors import SignkitError
from signkit.formats.request import open_request
from signkit.formats.response import open_response
from signkit.formats.statement import statement_from_response
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_json
from signkit.verify.trust import load_trust
from signkit.verify.verdict import (
    Expectation,
    role_of_keys,
    verify_statement,
)
from tests.support.documents import (
    CONTENT,
    request_file,
    response_file,
    statement_envelope,
    trust_file,
)
from tests.support.keys import PROD
from tests.support.verifier import Place


@pytest.fixture
def place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Place:
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, capsys)


def changed(data: bytes, *, each: int = 3) -> Iterator[bytes]:
    """Every byte in turn, in so many ways: a bit of it flipped, another value, lost, doubled."""
    chance = random.Random(len(data))
    for place, byte in enumerate(data):
        ways = [bytes([byte ^ 1 << bit]) for bit in range(8)]
        ways += [bytes([byte ^ 0xFF]), b"", bytes([byte, byte])]
        for way in chance.sample(ways, each):
            yield data[:place] + way + data[place + 1 :]


def code_of(read: Callable[[bytes], object], data: bytes) -> int:
    try:
        read(data)
    except SignkitError as error:
        return error.exit_code
    return 0


def test_content(place: Place) -> None:
    """Move: changes the content after it was signed."""
    for data in changed(CONTENT, each=11):
        place.write("model.bin", data)
        assert place.verify() == 10, data
        assert place.err.startswith("error: model.bin is not what was signed: expected ")


def test_content_of_many_buffers(place: Place) -> None:
    """Move: flips one bit somewhere in content that is read in many pieces."""
    content = random.Random(2).randbytes(9 << 20)
    digest = {"sha256": compute_digest(content).hex()}
    place.statement(size=len(content), digest=digest)
    for at in (0, (1 << 20) - 1, 1 << 20, (8 << 20) + 5, len(content) - 1, None):
        data = bytearray(content)
        if at is not None:
            data[at] ^= 0x80
        place.write("model.bin", bytes(data))
        assert place.verify("--statement", "other.json") == (0 if at is None else 10), at


ANYTHING = Expectation(artifact=None, target=None, floor=0, now=None)
ON_THE_DEVICE: dict[str, tuple[Callable[[bytes], object], bytes, int, list[str]]] = {
    "statement": (
        lambda data: verify_statement(
            data, roles=(role_of_keys((PROD.public_key,)),), expectation=ANYTHING
        ),
        encode_json(statement_envelope()),
        11,
        ["--key", "public.pem", "--statement"],
    ),
    "response": (
        lambda data: statement_from_response(data, name="model.bin", expectation=ANYTHING),
        response_file(),
        13,
        ["--key", "public.pem", "--response"],
    ),
    "trust root": (load_trust, trust_file(), 14, ["--trust"]),
}


@pytest.mark.parametrize("kind", ON_THE_DEVICE)
def test_every_byte_on_the_device(kind: str) -> None:
    """Move: changes what a document says, who signed it, or how it is spelled."""
    read, document, code, _options = ON_THE_DEVICE[kind]
    assert code_of(read, document) == 0
    for data in changed(document):
        assert code_of(read, data) == code, data


@pytest.mark.parametrize("kind", ON_THE_DEVICE)
def test_the_command_says_so_in_one_sentence(place: Place, kind: str) -> None:
    """The same through the command: one sentence, perhaps what to do next, and no more."""
    _read, document, code, options = ON_THE_DEVICE[kind]
    for data in list(changed(document, each=1))[::40]:
        place.write("changed.json", data)
        assert place.run("model.bin", *options, "changed.json") == code, data
        lines = place.err.splitlines()
        assert lines[0].startswith("error: ")
        assert [line.partition(":")[0] for line in lines[1:]] in ([], ["hint"])


@pytest.mark.parametrize("tail", [b"x", b"\0", bytes(4096), b"{}", b"]"])
def test_statement_with_a_tail(place: Place, tail: bytes) -> None:
    """Move: appends to the statement."""
    place.write("model.bin.statement.json", encode_json(statement_envelope()) + tail)
    assert place.verify() == 11


def test_key_file(place: Place) -> None:
    """Move: changes the public key on the device: another key, or none, never the same one."""
    key = (place.folder / "public.pem").read_bytes()
    for data in changed(key):
        place.write("public.pem", data)
        same = data == key[:-1]  # the last line end may be missing
        assert place.verify() in ({0} if same else {3, 4, 11}), data


def test_request_on_the_station() -> None:
    """Move: changes the request on its way to the station."""
    for data in changed(request_file()):
        assert code_of(open_request, data) == 12, data


def test_response_on_its_way_back() -> None:
    """Move: changes the response on its way back."""
    for data in changed(response_file()):
        assert code_of(open_response, data) == 13, data


@pytest.mark.parametrize("kind", ["request", "response"])
def test_two_documents_in_one_file(kind: str) -> None:
    """Move: puts two whole documents into one file; or one and something else."""
    read, data, code = {
        "request": (open_request, request_file(), 12),
        "response": (open_response, response_file(), 13),
    }[kind]
    for joined in (
        data + data,
        data + b"\n" + data,
        data + b"\n",
        b"[" + data + b"]",
        b"\n" + data,
    ):
        assert code_of(read, joined) == code
