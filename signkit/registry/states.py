"""The state machine of a binary, as one table; pure, so that it can be read and tested whole.

    uploadable -> hashable -> hashing -> signable -> signed -> destroyed
        ^------------------------------------'

The client asks for hashable, hashing, signed, destroyed and, as a reset, uploadable. The server
moves hashing to signable when the content has the declared hash (back to uploadable when it has
not), and signable to signed when a signature is attached.

Spec: docs/formats/registry-protocol.md section 6; contract section 2.5.
"""

from __future__ import annotations

from enum import StrEnum

from signkit.errors import RegistryError


class BinaryState(StrEnum):
    """Where a binary stands; no other word may leave the server."""

    UPLOADABLE = "uploadable"
    HASHABLE = "hashable"
    HASHING = "hashing"
    SIGNABLE = "signable"
    SIGNED = "signed"
    DESTROYED = "destroyed"


class PartState(StrEnum):
    """Where a part stands."""

    UPLOADABLE = "uploadable"
    INVALID_SIZE = "invalid_size"
    INVALID_HASH = "invalid_hash"
    VALID = "valid"


class Step(StrEnum):
    """What a transition that a client asked for takes."""

    STAY = "stay"
    RESET = "reset"
    FINALIZE = "finalize"
    HASH = "hash"
    SIGN = "sign"
    DESTROY = "destroy"


class IllegalTransitionError(RegistryError):
    """A client asked for a state that the binary cannot go to from where it is."""

    code = "illegal-transition"


_S = BinaryState
_STEPS = {
    (_S.UPLOADABLE, _S.UPLOADABLE): Step.RESET,
    (_S.HASHABLE, _S.UPLOADABLE): Step.RESET,
    (_S.HASHING, _S.UPLOADABLE): Step.RESET,
    (_S.SIGNABLE, _S.UPLOADABLE): Step.RESET,
    (_S.UPLOADABLE, _S.HASHABLE): Step.FINALIZE,
    (_S.HASHABLE, _S.HASHABLE): Step.STAY,
    (_S.HASHABLE, _S.HASHING): Step.HASH,
    # Asked again: the answer may have been lost, and the verdict may be there already.
    (_S.HASHING, _S.HASHING): Step.HASH,
    (_S.SIGNABLE, _S.HASHING): Step.STAY,
    (_S.SIGNABLE, _S.SIGNABLE): Step.STAY,
    (_S.SIGNABLE, _S.SIGNED): Step.SIGN,
    # Asked after every signature, also after the server moved by itself.
    (_S.SIGNED, _S.SIGNED): Step.STAY,
    (_S.SIGNABLE, _S.DESTROYED): Step.DESTROY,
    (_S.SIGNED, _S.DESTROYED): Step.DESTROY,
    (_S.DESTROYED, _S.DESTROYED): Step.STAY,
}


def plan_transition(current: BinaryState, wanted: BinaryState) -> Step:
    """Say what it takes to go where the client asks.

    Raises:
        IllegalTransitionError: there is no way; the message says what would work.
    """
    step = _STEPS.get((current, wanted))
    if step is None:
        ways = [target for source, target in _STEPS if source == current]
        allowed = ", ".join(dict.fromkeys(ways))
        message = f"a binary that is {current} cannot become {wanted}, only: {allowed}"
        raise IllegalTransitionError(message)
    return step
