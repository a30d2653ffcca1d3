"""A signer is told what it signs, and signs nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from signkit.custody.guarded import GuardedSigner
from signkit.custody.life import NO_REGISTER, Register, advance
from signkit.custody.software import SoftwareSigner
from signkit.errors import KeyStateError, KeyUseDeniedError, UnsupportedVersionError
from signkit.formats.envelope import sign_payload
from signkit.formats.private_key import PrivateKey
from signkit.model.custody import NewKey
from signkit.model.purpose import OPEN, Purpose
from signkit.schemes.table import SCHEMES
from signkit.verify.trust import PAYLOAD_TYPE
from tests.support.custody_lines import transition
from tests.support.documents import item_value, request_of, request_value
from tests.support.key_files import KEYID, SEED

NOW = "2026-06-30T12:00:00Z"
PURPOSE = Purpose(
    role="release",
    artifacts=("ML-Model",),
    targets=("aarch64-*", "armv7"),
    schemes=("peridio", "statement"),
    not_before="2026-01-01T00:00:00Z",
    not_after="2026-07-01T00:00:00Z",
    most_signatures=1000,
)


def signer(purpose: Purpose = PURPOSE, clock: Callable[[], str] = lambda: NOW) -> GuardedSigner:
    backend = SoftwareSigner(PrivateKey(SEED), name="prod")
    return GuardedSigner(backend, register=NO_REGISTER, purpose=purpose, clock=clock)


def sign(by: GuardedSigner, scheme: str = "statement", **changes: Any) -> None:
    """Sign one item, and verify what came back."""
    request = request_of(request_value(item_value(**changes)))
    item = request.items[0]
    value = by.sign_item(scheme, item, request)
    SCHEMES[scheme].verify(by.public_key, item, request, value)


def refused(by: GuardedSigner, scheme: str = "statement", **changes: Any) -> str:
    with pytest.raises(KeyUseDeniedError) as caught:
        sign(by, scheme, **changes)
    start = "the key prod is not for this: "
    assert str(caught.value).startswith(start)
    return str(caught.value).removeprefix(start)


def test_signs_what_it_is_for() -> None:
    sign(signer())
    sign(signer(), "peridio", target="armv7")


def test_a_key_without_a_purpose_signs_anything() -> None:
    sign(signer(OPEN, lambda: "9999-12-31T23:59:59Z"), artifact="x", target="y")
    assert Purpose() == OPEN


def test_another_artifact() -> None:
    assert refused(signer(), artifact="ML-Model-2") == (
        "expected the artifact ML-Model, got 'ML-Model-2'"
    )


def test_another_target() -> None:
    assert refused(signer(), target="x86_64-unknown-linux") == (
        "expected the target aarch64-* or armv7, got 'x86_64-unknown-linux'"
    )


def test_another_scheme() -> None:
    by = signer(Purpose(schemes=("statement",)))
    assert refused(by, "peridio") == "expected the scheme statement, got peridio"


def test_another_role() -> None:
    wanted = [{"scheme": "statement", "role": "staging"}]
    assert refused(signer(), wanted=wanted) == (
        "its role is 'release', and the request wants statement of 'staging'"
    )
    both = [{"scheme": "statement", "role": role} for role in ("staging", "release")]
    sign(signer(), wanted=both)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ("2025-12-31T23:59:59Z", "it may sign from 2026-01-01T00:00:00Z on, and it is 2025"),
        ("2026-07-01T00:00:00Z", "it might sign until 2026-07-01T00:00:00Z, and it is 2026-07-01"),
        ("2027-01-01T00:00:00Z", "it might sign until 2026-07-01T00:00:00Z, and it is 2027-01-01"),
    ],
)
def test_outside_its_window(now: str, said: str) -> None:
    assert refused(signer(clock=lambda: now)).startswith(said)


@pytest.mark.parametrize("now", ["2026-01-01T00:00:00Z", "2026-06-30T23:59:59Z"])
def test_the_ends_of_its_window(now: str) -> None:
    sign(signer(clock=lambda: now))


def test_its_window_closes_during_a_ceremony() -> None:
    times = iter(["2026-06-30T23:59:59Z", "2026-07-01T00:00:00Z"])
    by = signer(clock=lambda: next(times))
    sign(by)
    assert refused(by).startswith("it might sign until 2026-07-01T00:00:00Z")


def test_the_1001st_signature_of_a_ceremony_limited_to_1000() -> None:
    by = signer()
    for scheme in ("peridio", "statement"):
        for _ in range(500):
            sign(by, scheme)
    assert refused(by) == "a ceremony is limited to 1000 signatures, and this is 1001"
    assert refused(by).endswith("this is 1002")
    sign(signer())  # another ceremony


def test_an_unknown_scheme_is_no_question_of_purpose() -> None:
    with pytest.raises(UnsupportedVersionError, match="unknown scheme 'x'"):
        sign(signer(), "x")


def test_names_itself_without_a_private_byte() -> None:
    assert repr(signer()) == f"GuardedSigner(name='prod', keyid='{KEYID}')"


ROOT = Purpose(schemes=("trust",), role="root")


def test_a_trust_root() -> None:
    by = signer(ROOT).for_trust_roots()
    made = sign_payload(PAYLOAD_TYPE, b"{}", by, carry_key=False)
    assert (made.keyid, by.name, by.warnings) == (KEYID, "prod", ())
    with pytest.raises(KeyUseDeniedError, match="is asked for a second signature"):
        sign_payload(PAYLOAD_TYPE, b"{}", by, carry_key=False)


@pytest.mark.parametrize("payload_type", ["application/vnd.in-toto+json", PAYLOAD_TYPE + "x"])
def test_something_else_than_a_trust_root(payload_type: str) -> None:
    with pytest.raises(KeyUseDeniedError, match="is asked for something else"):
        sign_payload(payload_type, b"{}", signer(ROOT).for_trust_roots(), carry_key=False)


def test_a_release_key_signs_no_trust_root() -> None:
    with pytest.raises(KeyUseDeniedError, match="expected the scheme peridio or statement"):
        signer().for_trust_roots()


def with_life(clock: Callable[[], str], *states: str) -> GuardedSigner:
    """A signer of a key that the register knows; its cryptoperiod is one day."""
    register, key = Register(), NewKey(name="prod", cryptoperiod_days=1)
    for state in states:
        step = transition(state, key, keyid=KEYID, time="2026-06-30T00:00:00Z")
        register, key = advance(register, step), None  # type: ignore[assignment]
    return GuardedSigner(
        SoftwareSigner(PrivateKey(SEED), name="prod"), register=register, clock=clock
    )


def test_a_key_of_the_register_signs_and_says_when_it_ends() -> None:
    by = with_life(lambda: NOW, "active")
    sign(by)
    (warning,) = by.warnings
    assert warning.startswith("the key prod may sign until 2026-07-01T00:00:00Z: its cryptoperiod")


@pytest.mark.parametrize("state", ["suspended", "deactivated", "compromised", "destroyed"])
def test_a_key_that_is_not_active_is_no_signer(state: str) -> None:
    with pytest.raises(KeyStateError, match=rf"does not sign: it is {state} since"):
        with_life(lambda: NOW, "active", state)


def test_its_cryptoperiod_ends_during_a_ceremony() -> None:
    times = iter([NOW, NOW, "2026-06-30T23:59:59Z", "2026-07-01T00:00:00Z", "2026-07-01T00:00:00Z"])
    by = with_life(lambda: next(times), "active")
    sign(by)
    with pytest.raises(KeyStateError, match=r"its cryptoperiod ended at 2026-07-01T00:00:00Z"):
        sign(by)
    with pytest.raises(KeyStateError, match=r"its cryptoperiod ended"):
        by.for_trust_roots()
