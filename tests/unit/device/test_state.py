"""What a device remembers: what a verdict teaches it, and what it must never write."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from signkit.device.state import (
    State,
    StateFile,
    accept,
    encode_state,
    follow,
    load_state,
    new_state,
    parse_state,
)
from signkit.errors import (
    ExpiredError,
    FileError,
    FormatError,
    MalformedError,
    NotCanonicalError,
    SignkitError,
    StateRefusedError,
    TooLargeError,
    TrustError,
)
from signkit.verify import limits
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_base64, encode_json
from signkit.verify.statement import parse_statement
from signkit.verify.trust import load_trust
from signkit.verify.verdict import VerifiedStatement, role_of_keys
from tests.support.documents import statement_value, trust_file, trust_value
from tests.support.keys import PROD, PUBLISHED, SPARE

FIRST = new_state(trust_file(), now=None)  # its trust root was issued at the start of 2026


def accepted(**changes: object) -> VerifiedStatement:
    said = parse_statement(encode_json(statement_value(**changes)))
    return VerifiedStatement(statement=said, signers=(), role=role_of_keys((PROD.public_key,)))


@pytest.mark.parametrize(
    ("clock", "learnt"),
    [
        (None, "2089-12-31T00:00:00Z"),  # no clock: what is signed is all there is
        ("1970-01-01T00:00:00Z", "2089-12-31T00:00:00Z"),  # a clock that cannot be right
        ("2026-06-01T00:00:00Z", "2026-06-01T00:00:00Z"),
        (FIRST.newest, FIRST.newest),
    ],
)
def test_a_right_clock_bounds_what_a_release_teaches(clock: str | None, learnt: str) -> None:
    """Attacker: sets the requester's clock to 2089, so that everything expires everywhere."""
    state = accept(FIRST, [accepted(issued="2089-12-31T00:00:00Z", expires=None)], clock=clock)
    assert state.newest == learnt


def test_more_floors_than_a_reader_takes_are_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ITEM_COUNT", 2)
    one, two, three = (accepted(target=f"t{number}") for number in range(3))
    full = accept(FIRST, [one, two])
    assert len(full.floors) == 2
    with pytest.raises(TooLargeError, match="the state is full: expected at most 2 artifacts"):
        accept(full, [three])
    assert accept(full, [accepted(target="t1", sequence=9)]).floors["ML-Model", "t1"] == 9


def test_a_state_larger_than_its_reader_takes_is_not_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state: State = accept(FIRST, [accepted(sequence=4)])
    monkeypatch.setattr(limits, "STATE_SIZE", len(encode_state(state)))
    encode_state(state)
    with pytest.raises(TooLargeError, match="the state is full: expected at most"):
        encode_state(accept(state, [accepted(target="one more")]))


PLACE = ("ML-Model", "aarch64-unknown-linux")
ISSUED = "2026-01-01T00:00:00Z"  # the first trust root


def root(version: int = 1, **changes: Any) -> bytes:
    return trust_file(trust_value(version=version, **changes))


def root_with_a_published_key(version: int = 1) -> bytes:
    value = trust_value(version=version)
    release = value["roles"]["release"]["keys"]
    for key in (PROD, SPARE):
        del value["keys"][key.public_key.keyid]
    value["keys"][PUBLISHED.public_key.keyid] = {
        "name": "published",
        "public_key": encode_base64(PUBLISHED.public_key.raw),
    }
    release[:] = [PUBLISHED.public_key.keyid]
    return trust_file(value)


def test_the_first_state() -> None:
    assert new_state(root(), now=None) == State(
        revision=1, trust_file=root(), trust=load_trust(root()), newest=ISSUED, floors={}
    )


def test_a_first_root_is_not_taken_from_the_second_in_which_it_expires() -> None:
    end = "2026-07-01T00:00:00Z"
    assert new_state(root(expires=end), now="2026-06-30T23:59:59Z").trust.expires == end
    assert new_state(root(expires=end), now=None).trust.expires == end
    with pytest.raises(ExpiredError, match=f"^the trust root expired at {end}; it is now {end} "):
        new_state(root(expires=end), now=end)


@pytest.mark.parametrize("clock", [None, "1970-01-01T00:00:00Z"])
def test_without_a_clock_that_can_be_right_the_time_is_that_of_the_root(clock: str | None) -> None:
    """Attacker: sets the clock back, so that a root that was never valid lives."""
    before = "2025-12-31T23:59:59Z"
    said = f"^the trust root expired at {before}; it is now {ISSUED} "
    with pytest.raises(ExpiredError, match=said):
        new_state(root(expires=before), now=clock)
    with pytest.raises(ExpiredError, match=said):
        follow(new_state(root(), now=None), [root(2, expires=before)], now=clock)


def test_published_keys_are_kept_only_where_it_is_said() -> None:
    first, second = root_with_a_published_key(), root_with_a_published_key(2)
    with pytest.raises(TrustError, match="is published"):
        new_state(first, now=None)
    state = new_state(first, now=None, allow_test_keys=True)
    assert parse_state(encode_state(state)) == state
    with pytest.raises(TrustError, match="is published"):
        follow(state, [second], now=None)
    assert follow(state, [second], now=None, allow_test_keys=True).trust.version == 2


def test_roots_are_followed_one_after_the_other() -> None:
    second = root(2, issued="2026-03-01T00:00:00Z", expires="2026-03-02T00:00:00Z")
    third = root(3, issued="2026-02-01T00:00:00Z", expires="2026-07-01T00:00:00Z")
    used = accept(FIRST, [accepted(sequence=4, issued="2026-01-31T12:00:00Z")])
    assert follow(used, [second, third], now="2026-06-30T23:59:59Z") == State(
        revision=3,
        trust_file=third,
        trust=load_trust(third),
        newest="2026-03-01T00:00:00Z",
        floors={PLACE: 4},
    )
    for now, known in (("2026-07-01T00:00:00Z", "2026-07-01"), (None, "2026-03-01")):
        last = root(3, expires="2026-03-01T00:00:00Z") if now is None else third
        with pytest.raises(ExpiredError, match=rf"^the trust root expired .* it is now {known}"):
            follow(used, [second, last], now=now)


def test_floors_and_the_newest_time_rise_and_never_fall() -> None:
    state = accept(FIRST, [accepted(sequence=4), accepted(sequence=3), accepted(target="b")])
    assert (state.revision, state.floors) == (2, {PLACE: 4, ("ML-Model", "b"): 1})
    assert state.newest == "2026-01-31T12:00:00Z"
    assert accept(state, [accepted(sequence=2, issued="2026-01-02T00:00:00Z")]) is state
    assert accept(state, [accepted(issued="2026-02-01T00:00:00Z")]).floors == state.floors
    assert accept(state, [accepted(sequence=5)]).newest == state.newest


def test_a_state_as_it_is_written() -> None:
    """The specification's fields in its order, floors sorted, and a checksum over all before it."""
    state = accept(FIRST, [accepted(target="b", sequence=7), accepted(target="a")])
    data = encode_state(state)
    body, checksum = data.rsplit(b',"checksum":', 1)
    assert checksum == b'{"sha256":"%b"}}' % compute_digest(body).hex().encode()
    assert json.loads(body + b"}") == {
        "format": "signkit.state.v1",
        "revision": 2,
        "trust": encode_base64(trust_file()),
        "newest": "2026-01-31T12:00:00Z",
        "floors": [
            {"artifact": "ML-Model", "target": "a", "sequence": 1},
            {"artifact": "ML-Model", "target": "b", "sequence": 7},
        ],
    }
    assert parse_state(data) == state


def sealed(value: object) -> bytes:
    """A state's file with a checksum that fits, whatever it says."""
    body = encode_json(value)[:-1]
    return body + b',"checksum":{"sha256":"%b"}}' % compute_digest(body).hex().encode()


FLOOR = {"artifact": "ML-Model", "target": "a", "sequence": 1}


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"format": "signkit.state.v2"}, MalformedError, r"^state.format: expected 'signkit.state"),
        ({"revision": 0}, MalformedError, r"^state.revision: expected 1 to 9\d+, got 0$"),
        ({"trust": 1}, MalformedError, r"^state.trust: expected a text, got a"),
        ({"trust": "e30"}, NotCanonicalError, r"^state.trust: expected standard padded base64"),
        ({"trust": "e30="}, TrustError, r"^trust root: the field 'payloadType' is missing"),
        ({"newest": None}, MalformedError, r"^state.newest: expected a text, got null$"),
        ({"floors": {}}, MalformedError, r"^state.floors: expected an array, got an object$"),
        ({"floors": [[]]}, MalformedError, r"^state.floors: expected an object, got an array$"),
        (
            {"floors": [{**FLOOR, "artifact": ""}]},
            MalformedError,
            r"^state.floors.artifact is empty",
        ),
        ({"floors": [{**FLOOR, "target": ""}]}, MalformedError, r"^state.floors.target is empty"),
        (
            {"floors": [{**FLOOR, "sequence": 0}]},
            MalformedError,
            r"^state.floors.sequence: expected 1 to 9\d+, got 0$",
        ),
        ({"floors": [{**FLOOR, "x": 1}]}, MalformedError, r"^state.floors: unknown field 'x'$"),
        (
            {"floors": [FLOOR, {**FLOOR, "sequence": 2}]},
            MalformedError,
            r"^state.floors: \('ML-Model', 'a'\) stands there twice$",
        ),
        ({"x": 1}, MalformedError, r"^state: unknown field 'x'$"),
    ],
)
def test_a_state_of_another_shape(
    changes: dict[str, Any], error: type[SignkitError], said: str
) -> None:
    value = json.loads(encode_state(FIRST))
    del value["checksum"]
    with pytest.raises(error, match=said):
        parse_state(sealed(value | changes))


def test_a_state_is_bounded_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode_state(FIRST)
    torn = "state: the checksum does not fit, so the file is torn or was edited"
    for edited in (data.replace(b'"revision":1', b'"revision":2'), b"{}"):
        with pytest.raises(MalformedError) as caught:
            parse_state(edited)
        assert str(caught.value) == torn
    with pytest.raises(FormatError, match=r"^state: expected an object, got an array$"):
        parse_state(b"[]")
    monkeypatch.setattr(limits, "STATE_SIZE", len(data))
    assert parse_state(data) == FIRST
    with pytest.raises(TooLargeError, match=r"^state is too large"):
        parse_state(data + b" ")


def test_as_many_floors_as_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode_state(accept(FIRST, [accepted(target="a"), accepted(target="b")]))
    monkeypatch.setattr(limits, "ITEM_COUNT", 2)
    assert len(parse_state(data).floors) == 2
    monkeypatch.setattr(limits, "ITEM_COUNT", 1)
    with pytest.raises(
        TooLargeError, match=r"^state.floors is too long: expected at most 1 member"
    ):
        parse_state(data)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where a first state stands, in a folder that is not the current one."""
    path = str(tmp_path / "state")
    with StateFile(path, first=True) as file:
        assert file.save(FIRST) is FIRST
    return path


def test_the_first_state_is_written_once(path: str) -> None:
    assert load_state(path) == FIRST
    assert os.stat(path).st_mode & 0o777 == 0o644
    assert os.listdir(os.path.dirname(path)) == ["state"]
    with pytest.raises(StateRefusedError) as caught, StateFile(path, first=True):
        pass
    assert str(caught.value) == f"{path} exists already: a device is provisioned once"


def test_a_first_state_rises_as_any_other(tmp_path: Path) -> None:
    with StateFile(str(tmp_path / "state"), first=True) as file:
        file.save(FIRST)
        second = file.save(accept(FIRST, [accepted()]))
        assert file.held is second
        with pytest.raises(ValueError, match=r"^a state only ever rises$"):
            file.save(FIRST)


def test_a_floor_is_not_forgotten(path: str) -> None:
    with StateFile(path) as file:
        held = file.save(accept(FIRST, [accepted(sequence=1)]))
        with pytest.raises(ValueError, match=r"^a state only ever rises$"):
            file.save(State(**{**vars(held), "revision": 3, "floors": {}}))


def test_a_permission_that_a_state_needs_not_is_taken_away(path: str) -> None:
    os.chmod(path, 0o701)
    with StateFile(path) as file:
        file.save(accept(FIRST, [accepted()]))
    assert os.stat(path).st_mode & 0o777 == 0o600


@pytest.mark.parametrize("least", [1, 2, 3])
def test_the_least_revision(path: str, least: int) -> None:
    with StateFile(path) as file:
        held = file.save(accept(FIRST, [accepted()]))
    if least <= 2:
        assert load_state(path, least_revision=least) == held
        with StateFile(path, least_revision=least) as file:
            assert file.held == held
        return
    said = "is an older copy: expected revision 3 or more, got 2$"
    with pytest.raises(StateRefusedError, match=said):
        load_state(path, least_revision=3)
    with pytest.raises(StateRefusedError, match=said), StateFile(path, least_revision=3):
        pass


def test_a_folder_that_cannot_be_locked(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for name, why in (("none", "No such file or directory"), ("file", "Not a directory")):
        folder = tmp_path / name
        with pytest.raises(StateRefusedError) as caught, StateFile(str(folder / "state")):
            pass
        assert str(caught.value) == f"the state is refused: {folder} cannot be locked: {why}"


def failing(*_given: object) -> bytes:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_state_that_cannot_be_read(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "read", failing)
    with pytest.raises(StateRefusedError) as caught:
        load_state(path)
    said = f"the state is refused: {path} cannot be read: Input/output error"
    assert (str(caught.value), caught.value.reason) == (said, "file")


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_state_that_cannot_be_written(
    path: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there is still there, and the new one was begun nowhere but beside it."""
    elsewhere = Path(path).with_name("elsewhere")
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    with StateFile(path) as file, monkeypatch.context() as patch:
        patch.setattr(os, step, failing)
        with pytest.raises(FileError) as caught:
            file.save(accept(FIRST, [accepted()]))
    assert str(caught.value) == f"{path} cannot be written: Input/output error"
    assert load_state(path) == FIRST
    assert os.listdir() == []
