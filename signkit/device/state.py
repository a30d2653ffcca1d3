"""What a device remembers: its trust root, the floors, and the newest signed time it has seen.

One file, replaced whole. It is never repaired and never taken for empty: what cannot be read is
refused, because a device that forgets accepts what is old.

Spec: docs/formats/device-state.md.
Controls: SK-VERIFY-STATE (docs/design/assurance.md).
"""

from __future__ import annotations

import os

from signkit.device import files
from signkit.errors import FileError, MalformedError, SignkitError, StateRefusedError, TooLargeError
from signkit.verify import limits
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import Fields, decode_base64, encode_base64, encode_json, parse_json
from signkit.verify.trust import Trust, follow_trust, load_trust
from signkit.verify.value import Value
from signkit.verify.verdict import VerifiedStatement, check_expiry, latest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType

FORMAT = "signkit.state.v1"
_TAIL = b',"checksum":{"sha256":"%b"}}'
_OTHERS_WRITE = 0o022
_FULL = "a device has few artifacts and targets: see what asks for so many"
_HINT = "restore the device by provisioning: without its state it cannot tell old from new"


class State(Value):
    """What was accepted before.

    Attributes:
        revision: Rises by one with every write, from 1.
        trust_file: The trust root's envelope, as it was given.
        trust: What it says.
        newest: RFC 3339 UTC text: the latest `issued` of any accepted trust root or statement.
        floors: By artifact and target, the highest sequence accepted.
    """

    revision: int
    trust_file: bytes
    trust: Trust
    newest: str
    floors: Mapping[tuple[str, str], int]


def new_state(trust_file: bytes, *, now: str | None, allow_test_keys: bool = False) -> State:
    """Return the state of a device that has seen nothing but its first trust root.

    Args:
        trust_file: The envelope; whoever provisions the device answers for it.
        now: RFC 3339 UTC text, or None where there is no clock.
        allow_test_keys: As `enrol_public_key`.

    Raises:
        TrustError: it is refused.
        ExpiredError: it is not valid any more.
    """
    trust = load_trust(trust_file, allow_test_keys=allow_test_keys)
    check_expiry("the trust root", trust.expires, latest(now, trust.issued))
    return State(revision=1, trust_file=trust_file, trust=trust, newest=trust.issued, floors={})


def follow(
    state: State, trust_files: Sequence[bytes], *, now: str | None, allow_test_keys: bool = False
) -> State:
    """Follow trust roots, one version after the other: all of them or none.

    Args:
        state: What holds now.
        trust_files: Versions N + 1, N + 2, ... in this order.
        now: RFC 3339 UTC text, or None where there is no clock.
        allow_test_keys: As `enrol_public_key`.

    Raises:
        TrustError, RollbackError: as `follow_trust`.
        ExpiredError: the last of them is not valid any more; those between may be (TUF 5.3.10).
    """
    trust, newest = state.trust, state.newest
    for data in trust_files:
        trust = follow_trust(trust, data, allow_test_keys=allow_test_keys)
        newest = max(newest, trust.issued)
    check_expiry("the trust root", trust.expires, latest(now, newest))
    return _changed(state, trust_file=trust_files[-1], trust=trust, newest=newest)


def accept(
    state: State, accepted: Iterable[VerifiedStatement], *, clock: str | None = None
) -> State:
    """Raise the floors and the newest time to what was accepted; never lower them.

    A statement's `issued` is its requester's word, and one from the future would let everything
    expire, for good. So a clock that can be right, not before the newest time, bounds it.

    Args:
        state: What holds now.
        accepted: What was verified.
        clock: The machine's clock, RFC 3339 UTC text, or None where there is none.

    Returns:
        The next state, or the very same one where nothing rises.

    Raises:
        TooLargeError: more floors than a reader of the state accepts.
    """
    bound = clock if clock is not None and clock >= state.newest else None
    floors, newest = dict(state.floors), state.newest
    for said in (each.statement for each in accepted):
        place = (said.artifact, said.target)
        floors[place] = max(floors.get(place, 0), said.sequence)
        newest = max(newest, min(said.issued, bound or said.issued))
    if len(floors) > limits.ITEM_COUNT:
        message = f"the state is full: expected at most {limits.ITEM_COUNT} artifacts and targets"
        raise TooLargeError(message, hint=_FULL)
    if (floors, newest) == (state.floors, state.newest):
        return state
    return _changed(state, floors=floors, newest=newest)


def _changed(state: State, **changes: object) -> State:
    return State(**{**vars(state), "revision": state.revision + 1, **changes})


def encode_state(state: State) -> bytes:
    """Return the file of a state.

    Raises:
        TooLargeError: no reader would take it.
    """
    floors = [
        {"artifact": artifact, "target": target, "sequence": sequence}
        for (artifact, target), sequence in sorted(state.floors.items())
    ]
    value = {
        "format": FORMAT,
        "revision": state.revision,
        "trust": encode_base64(state.trust_file),
        "newest": state.newest,
        "floors": floors,
    }
    body = encode_json(value)[:-1]
    data = body + _TAIL % compute_digest(body).hex().encode("ascii")
    if len(data) > limits.STATE_SIZE:
        message = f"the state is full: expected at most {limits.STATE_SIZE} bytes, got {len(data)}"
        raise TooLargeError(message, hint=_FULL)
    return data


def parse_state(data: bytes) -> State:
    """Parse the file of a state.

    Args:
        data: At most limits.STATE_SIZE bytes.

    Raises:
        FormatError: torn, edited, or a field is unknown, missing or wrong.
        TrustError: the trust root in it is refused.
    """
    fields = Fields(parse_json(data, limit=limits.STATE_SIZE, what="state"), "state")
    body = data[: -len(_TAIL % bytes(64))]
    if data != body + _TAIL % compute_digest(body).hex().encode("ascii"):
        message = "state: the checksum does not fit, so the file is torn or was edited"
        raise MalformedError(message)
    fields.take("checksum")
    fields.constant("format", FORMAT)
    revision = fields.integer("revision", least=1)
    trust_file = decode_base64(fields.text("trust"), what="state.trust")
    newest = fields.time("newest")
    floors: dict[tuple[str, str], int] = {}
    for member in fields.array("floors", most=limits.ITEM_COUNT):
        floor = Fields(member, "state.floors")
        place = (floor.label("artifact"), floor.label("target"))
        if place in floors:
            message = f"state.floors: {place!r} stands there twice"
            raise MalformedError(message)
        floors[place] = floor.integer("sequence", least=1)
        floor.done()
    fields.done()
    # Its keys were judged when they came in.
    trust = load_trust(trust_file, allow_test_keys=True)
    return State(
        revision=revision, trust_file=trust_file, trust=trust, newest=newest, floors=floors
    )


def load_state(path: str, *, least_revision: int = 1) -> State:
    """Read a state, to be used and not written.

    Args:
        path: The file itself: no link is followed.
        least_revision: What a counter that cannot be turned back says; older files are refused.

    Raises:
        StateRefusedError: there is none, or it cannot be believed.
    """
    try:
        descriptor = files.open_regular(path, flags=os.O_NOFOLLOW)
        try:
            if os.fstat(descriptor).st_mode & _OTHERS_WRITE:
                message = f"{path} can be written by others than its owner"
                raise FileError(message)
            state = parse_state(
                files.read_descriptor(descriptor, limit=limits.STATE_SIZE, path=path)
            )
        finally:
            os.close(descriptor)
    except SignkitError as error:
        message = f"the state is refused: {error}"
        raise StateRefusedError(message, hint=_HINT, reason=error.code) from error
    if state.revision < least_revision:
        message = f"{path} is an older copy: expected revision {least_revision} or more"
        raise StateRefusedError(f"{message}, got {state.revision}", hint=_HINT)
    return state


class StateFile:
    """A state that is read, and then written, by nobody else meanwhile.

    The lock is on the folder, so it leaves no file behind and holds across the renaming.

    Attributes:
        held: What was read; there is none where a first one is made.
    """

    held: State
    _folder: int

    def __init__(self, path: str, *, least_revision: int = 1, first: bool = False) -> None:
        self._path, self._least, self._first = path, least_revision, first

    def __enter__(self) -> StateFile:
        """Wait for the lock, and read.

        Raises:
            StateRefusedError: as `load_state`; or a first one is to be made where something stands.
        """
        from fcntl import LOCK_EX, flock

        folder = os.path.dirname(self._path) or "."
        try:
            self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            flock(self._folder, LOCK_EX)
        except OSError as error:
            message = f"the state is refused: {files.file_error(folder, 'locked', error)}"
            raise StateRefusedError(message, hint=_HINT) from None
        try:
            if not self._first:
                self.held = load_state(self._path, least_revision=self._least)
            elif os.path.lexists(self._path):
                message = f"{self._path} exists already: a device is provisioned once"
                raise StateRefusedError(message, hint="--update follows a newer trust root")
        except StateRefusedError:
            os.close(self._folder)
            raise
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Give the lock back."""
        os.close(self._folder)

    def save(self, state: State) -> State:
        """Write the next state, whole and durably, or not at all. The same one is not written again.

        Raises:
            FileError, TooLargeError: it cannot be written; what was there is still there.
            ValueError: it would lower something.
        """
        held = None if self._first else self.held
        if state is held:
            return state
        _check_rises(held, state)
        data = encode_state(state)
        folder, name = os.path.split(self._path)
        temporary = os.path.join(folder, f".{name}.tmp")  # ours alone: we hold the lock
        try:
            mode = 0o644 if held is None else os.stat(self._path).st_mode & 0o644
            if os.path.lexists(temporary):  # left behind by a process that was killed
                os.unlink(temporary)
            descriptor = files.create_file(temporary, mode=mode)
            try:
                files.write_all(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(temporary, self._path)
            os.fsync(self._folder)
        except OSError as error:
            raise files.file_error(self._path, "written", error) from None
        self.held, self._first = state, False
        return state


def _check_rises(old: State | None, new: State) -> None:
    if old is None:
        return
    lowered = (
        new.revision <= old.revision
        or new.trust.version < old.trust.version
        or new.newest < old.newest
        or any(new.floors.get(place, 0) < floor for place, floor in old.floors.items())
    )
    if lowered:
        message = "a state only ever rises"
        raise ValueError(message)
