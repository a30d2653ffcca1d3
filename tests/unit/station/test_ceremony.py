"""The ceremony: what is signed, what is refused, and that nothing unverified leaves."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from signkit.errors import (
    CustodyError,
    FileError,
    KeyLockedError,
    MalformedError,
    PolicyError,
    SignatureInvalidError,
    TooLargeError,
)
from signkit.formats.chain import EMPTY_HEAD
from signkit.formats.request import open_request
from signkit.formats.response import open_response
from signkit.model.request import Item, Request, VerifiedRequest
from signkit.model.response import ItemError, ItemResult, NamedKey, VerifiedResponse
from signkit.schemes.table import SCHEMES
from signkit.station.ceremony import (
    NOT_SEEN,
    HashedContents,
    Station,
    answer,
    hash_contents,
    sign_items,
)
from signkit.station.ledger import LedgerKey, open_ledger, read_ledger
from signkit.station.record import Record
from signkit.station.transcript import transcript_digest
from signkit.verify.digest import compute_digest
from signkit.verify.ed25519 import PublicKey
from tests.support.documents import (
    CONTENT,
    item_value,
    request_file,
    request_value,
)
from tests.support.keys import PROD, SPARE, STATION
from tests.support.ledgers import TRANSCRIPT

NOW = "2026-01-31T13:00:00Z"


def verified(*items: dict[str, Any]) -> VerifiedRequest:
    return open_request(request_file(request_value(*items)))


def nothing(_count: int) -> None:
    """No progress bar."""


def signed(request: VerifiedRequest, signer: Any = PROD, **options: Any) -> tuple[ItemResult, ...]:
    return sign_items(
        request.request, signer, **{"contents": NOT_SEEN, "advance": nothing, **options}
    )


class Faulty:
    """A signer whose answers are altered on their way, as faulty memory would."""

    name = "faulty"

    def __init__(self, alter: Callable[[bytes], bytes], *, skip: int = 0) -> None:
        self.alter = alter
        self.skip = skip

    @property
    def public_key(self) -> PublicKey:
        return PROD.public_key

    def sign(self, message: bytes) -> bytes:
        self.skip -= 1
        signature = PROD.sign(message)
        return signature if self.skip >= 0 else self.alter(signature)

    def sign_item(self, scheme: str, item: Item, request: Request) -> str | Mapping[str, object]:
        return SCHEMES[scheme].sign(self, item, request)


def locked(_signature: bytes) -> bytes:
    message = "the token is gone"
    raise KeyLockedError(message)


def flipped(place: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]


def test_every_wanted_signature_of_every_item_verifies() -> None:
    request = verified(*[item_value(target=f"t{place}") for place in range(3)])
    results = signed(request)
    assert [result.item for result in results] == [0, 1, 2]
    for result, item in zip(results, request.request.items, strict=True):
        assert (result.error, result.content_hashed, result.digest) == (None, False, item.digest)
        assert [made.scheme for made in result.signatures] == ["peridio", "statement"]
        for made in result.signatures:
            assert made.keyid == PROD.public_key.keyid
            SCHEMES[made.scheme].verify(PROD.public_key, item, request.request, made.value)


def test_a_scheme_wanted_of_two_roles_is_signed_once() -> None:
    wanted = [{"scheme": "statement", "role": role} for role in ("release", "backup")]
    (result,) = signed(verified(item_value(wanted=wanted)))
    assert [made.scheme for made in result.signatures] == ["statement"]


def test_more_items_than_one_batch() -> None:
    told: list[int] = []
    request = verified(*[item_value(target=f"t{place}") for place in range(600)])
    results = signed(request, advance=told.append)
    assert [result.item for result in results] == list(range(600))
    assert all(result.error is None for result in results)
    assert sum(told) == 600


def test_an_unknown_scheme_is_an_error_of_its_item_alone() -> None:
    odd = item_value(target="odd", wanted=[{"scheme": "minisign", "role": "release"}])
    first, second, third = signed(verified(item_value(), odd, item_value(target="t")))
    assert (first.error, third.error) == (None, None)
    assert second.signatures == ()
    assert second.error is not None
    assert second.error.code == "unsupported-version"
    assert (
        second.error.message
        == "unknown scheme 'minisign': expected one of peridio, statement, trust, permit"
    )


@pytest.mark.parametrize("place", [0, 31, 32, 63])
@pytest.mark.parametrize("skip", [0, 1])
def test_a_flipped_bit_in_a_signature_never_leaves(place: int, skip: int) -> None:
    """A fault while signing can give the private key away: what is made is verified first."""
    (result,) = signed(verified(), Faulty(flipped(place), skip=skip))
    assert result.signatures == ()
    assert result.error is not None
    assert result.error.code == "signature-invalid"


@pytest.mark.parametrize(
    "alter", [lambda _: b"", lambda data: data + b"\0", lambda data: data[:63]]
)
def test_a_signature_of_another_size_never_leaves(alter: Callable[[bytes], bytes]) -> None:
    (result,) = signed(verified(), Faulty(alter))
    assert result.signatures == ()
    assert result.error is not None


def test_a_signer_that_fails_on_the_way() -> None:
    items = [item_value(target=f"t{place}") for place in range(3)]
    first, second, third = signed(verified(*items), Faulty(locked, skip=3))
    assert first.error is None
    for result in (second, third):
        assert result.signatures == ()
        assert result.error is not None
        assert (result.error.code, result.error.message) == ("key-locked", "the token is gone")


def test_another_key_than_it_says() -> None:
    class Liar(Faulty):
        def sign(self, message: bytes) -> bytes:
            return SPARE.sign(message)

    (result,) = signed(verified(), Liar(flipped(0)))
    assert result.error is not None
    assert result.error.code == "signature-invalid"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.bin").write_bytes(CONTENT)
    return tmp_path


def three() -> Request:
    names = ("model.bin", "missing.bin", "other.bin")
    return verified(*[item_value(name=name, target=name) for name in names]).request


def test_content_that_travels_along_is_hashed(folder: Path) -> None:
    told: list[int] = []
    (folder / "other.bin").write_bytes(CONTENT.upper())
    found = hash_contents(three(), folder, advance=told.append)
    assert found.matching == {0}
    assert {place: error.code for place, error in found.refused.items()} == {
        1: "file",
        2: "digest-mismatch",
    }
    assert f"got {compute_digest(CONTENT.upper()).hex()} and 14" in str(found.refused[2])
    assert sum(told) == 28


def test_only_content_that_matches_is_signed(folder: Path) -> None:
    (folder / "other.bin").write_bytes(CONTENT + b"\0")
    request = three()
    contents = hash_contents(request, folder, advance=nothing)
    first, second, third = sign_items(request, PROD, contents=contents, advance=nothing)
    assert (first.error, first.content_hashed) == (None, True)
    for result, code in ((second, "file"), (third, "digest-mismatch")):
        assert (result.signatures, result.content_hashed) == ((), False)
        assert result.error is not None
        assert result.error.code == code


@pytest.mark.parametrize("kind", ["folder", "fifo", "dangling"])
def test_content_that_is_no_file(folder: Path, kind: str) -> None:
    path = folder / "missing.bin"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("nowhere")
    found = hash_contents(three(), folder, advance=nothing)
    assert isinstance(found.refused[1], FileError)


PROD_KEY = NamedKey(name="prod", public_key=PROD.public_key)


def station_in(folder: Path, signer: Any = STATION) -> Station:
    return Station(signer=signer, responses=folder / "responses", now=NOW)


def answered(
    folder: Path,
    results: Any,
    request: VerifiedRequest | None = None,
    *,
    name: str = "vault-1",
    key: NamedKey = PROD_KEY,
    signer: Any = STATION,
) -> VerifiedResponse:
    request = request or verified()
    transcript = replace(TRANSCRIPT, station=name)
    with open_ledger(folder / "ledger") as ledger:
        record = Record(ledger, request, transcript)
        station = station_in(folder, signer)
        made = answer(request, results, key=key, station=station, record=record)
    return open_response(made.data)


def test_the_answer_is_whole_and_in_the_ledger(tmp_path: Path) -> None:
    request = verified()
    results = signed(request)
    found = answered(tmp_path, results, request)
    response = found.response
    assert found.station_key == STATION.public_key
    assert (response.request, response.items) == (request.digest, results)
    assert (response.station, response.sequence, response.created) == ("vault-1", 1, NOW)
    assert response.keys == (PROD_KEY,)
    assert response.ledger_before == EMPTY_HEAD
    assert response.ledger_after == compute_digest((tmp_path / "ledger").read_bytes()[:-1])
    assert response.transcript == transcript_digest(TRANSCRIPT)
    again = answered(tmp_path, results, request).response
    assert (again.sequence, again.ledger_before) == (2, response.ledger_after)


def test_the_ledger_says_what_was_signed(tmp_path: Path) -> None:
    request = verified(item_value(), item_value(target="other"))
    results = signed(
        request, contents=HashedContents(matching=frozenset({0}), refused={1: FileError("gone")})
    )
    answered(tmp_path, results, request)
    ((line,), _end) = read_ledger(tmp_path / "ledger")
    entry, (first, second) = line.entry, line.entry.items
    assert (entry.event, entry.request, entry.time) == ("signed", request.digest, NOW)
    assert entry.key == LedgerKey("prod", PROD.public_key.keyid)
    assert entry.transcript == TRANSCRIPT
    assert (entry.signed_count, entry.reason) == (1, "1 of 2 items were refused")
    asked = request.request.items[0]
    names = ("name", "artifact", "version", "target", "sequence", "size", "digest")
    assert [getattr(first, name) for name in names] == [getattr(asked, name) for name in names]
    assert (first.content_hashed, second.content_hashed) == (True, False)
    assert first.schemes == ("peridio", "statement")
    assert (second.schemes, second.error) == ((), ItemError(code="file", message="gone"))


def test_an_answer_without_signatures_names_no_key(tmp_path: Path) -> None:
    results = signed(verified(), Faulty(locked))
    response = answered(tmp_path, results).response
    assert response.keys == ()
    assert b'"event":"refused"' in (tmp_path / "ledger").read_bytes()


def test_where_the_station_keeps_its_files_does_not_leave(tmp_path: Path) -> None:
    """A response says which content, not in which folder; here one that no response could spell."""
    folder = tmp_path / os.fsdecode(b"\xff\n\x1b")
    folder.mkdir()
    request = verified()
    contents = hash_contents(request.request, folder, advance=nothing)
    results = signed(request, contents=contents)
    (item,) = answered(tmp_path, results, request).response.items
    assert item.error is not None
    assert item.error.message == "model.bin cannot be read: no such file or directory"


def test_a_long_error_can_be_read_again(tmp_path: Path) -> None:
    contents = HashedContents(matching=frozenset(), refused={0: FileError("x" * 9000)})
    (item,) = answered(tmp_path, signed(verified(), contents=contents)).response.items
    assert item.error is not None
    assert item.error.message == "x" * 2000


@pytest.mark.parametrize(
    ("name", "error"), [("", MalformedError), ("a\n", MalformedError), ("x" * 129, TooLargeError)]
)
def test_a_station_that_nobody_could_read_signs_nothing(
    tmp_path: Path, name: str, error: type[Exception]
) -> None:
    with pytest.raises(error, match="the station's name"):
        answered(tmp_path, signed(verified()), name=name)
    assert (tmp_path / "ledger").read_bytes() == b""


def test_a_key_name_that_nobody_could_read_signs_nothing(tmp_path: Path) -> None:
    key = NamedKey(name="/home/\x1b", public_key=PROD.public_key)
    with pytest.raises(MalformedError, match="the key's name holds the control character"):
        answered(tmp_path, signed(verified()), key=key)
    assert (tmp_path / "ledger").read_bytes() == b""


def test_a_station_key_that_fails(tmp_path: Path) -> None:
    results = signed(verified())
    for alter, error in ((flipped(5), SignatureInvalidError), (locked, CustodyError)):
        with pytest.raises(error):
            answered(tmp_path, results, signer=Faulty(alter))


def test_a_ledger_that_fails_gives_no_response(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    request = verified()
    with open_ledger(path) as ledger:
        record = Record(ledger, request, TRANSCRIPT)
        path.write_bytes(b"x")
        with pytest.raises(FileError, match="was changed while"):
            answer(
                request,
                signed(request),
                key=PROD_KEY,
                station=station_in(tmp_path),
                record=record,
            )
    assert record.ended
    assert os.listdir(tmp_path / "responses") == ["pending"]


def test_a_response_that_cannot_be_kept_is_not_counted(tmp_path: Path) -> None:
    (tmp_path / "responses").touch()
    with pytest.raises(FileError, match=r"responses cannot be written: "):
        answered(tmp_path, signed(verified()))
    assert (tmp_path / "ledger").read_bytes() == b""


def test_a_blind_signature_alone_is_not_made() -> None:
    blind = item_value(target="other", wanted=[{"scheme": "peridio", "role": "release"}])
    with pytest.raises(PolicyError, match="SK-SIGN-BLIND"):
        signed(verified(item_value(), blind))


def test_a_trust_root_beside_a_release_refuses_the_whole_request() -> None:
    """Attacker: hides a trust root among the items of a release."""
    wanted = [{"scheme": "trust", "role": "root"}]
    request = verified(item_value(), item_value(target="other", wanted=wanted))
    with pytest.raises(PolicyError, match="SK-SIGN-TRUST"):
        signed(request)
