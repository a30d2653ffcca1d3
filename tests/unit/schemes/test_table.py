"""The one table of schemes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from signkit.errors import PolicyError, UnsupportedVersionError
from signkit.model.request import Wanted
from signkit.schemes.table import SCHEMES, check_request, check_wanted, find_scheme
from tests.support.documents import RELEASE_SCHEMES, item_value, request_of, request_value
from tests.support.keys import PROD, SPARE

REQUEST = request_of(request_value(item_value(expires="2036-01-31T12:00:00Z")))


def test_every_scheme_is_found_by_its_own_name() -> None:
    assert set(SCHEMES) == {"peridio", "statement", "trust", "permit"}
    for name, scheme in SCHEMES.items():
        assert find_scheme(name) is scheme
        assert name == scheme.NAME


@pytest.mark.parametrize("name", ["", "Peridio", "peridio ", "minisign", "x" * 10_000])
def test_an_unknown_scheme(name: str) -> None:
    said = r"^unknown scheme '.{0,79}: expected one of peridio, statement, trust, permit$"
    with pytest.raises(UnsupportedVersionError, match=said):
        find_scheme(name)


@pytest.mark.parametrize("name", RELEASE_SCHEMES)
def test_what_a_scheme_signs_it_verifies(name: str) -> None:
    scheme, item = find_scheme(name), REQUEST.items[0]
    scheme.verify(PROD.public_key, item, REQUEST, scheme.sign(PROD, item, REQUEST))


@pytest.mark.parametrize("name", RELEASE_SCHEMES)
@pytest.mark.parametrize("other", SCHEMES)
def test_no_signature_of_one_scheme_is_one_of_another(name: str, other: str) -> None:
    """F70: no message of one scheme is a message of another."""
    item = REQUEST.items[0]
    value = find_scheme(name).sign(PROD, item, REQUEST)
    if name != other:
        with pytest.raises(Exception, match=r"expected|holds no trust root"):
            find_scheme(other).verify(PROD.public_key, item, REQUEST, value)
    with pytest.raises(Exception, match=r"verify|signed by"):
        find_scheme(name).verify(SPARE.public_key, item, REQUEST, value)


def test_a_blind_signature_never_goes_alone() -> None:
    """Attacker: asks for the bare digest's signature only, to say later what it stands for."""
    blind = Wanted(scheme="peridio", role="release")
    said = Wanted(scheme="statement", role="release")
    check_wanted([blind, said])
    check_wanted([said])
    for asked in ([blind], [blind, Wanted(scheme="statement", role="other")]):
        with pytest.raises(PolicyError, match="SK-SIGN-BLIND"):
            check_wanted(asked)


def test_a_trust_root_is_never_asked_for_with_a_release() -> None:
    check_request(REQUEST)
    item = REQUEST.items[0]
    wanted = (*item.wanted, Wanted(scheme="trust", role="root"))
    with pytest.raises(PolicyError, match="SK-SIGN-TRUST"):
        check_request(replace(REQUEST, items=(item._replace(wanted=wanted),)))
