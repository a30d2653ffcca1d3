from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import MalformedError
from signkit.registry.prn import Kind, Prn, parse_organization_prn, parse_prn, parse_uuid

SPELLINGS = (str, lambda u: u.hex, lambda u: f"{{{u}}}")


@given(st.uuids(), st.uuids(), st.sampled_from(SPELLINGS), st.booleans(), st.sampled_from(Kind))
def test_any_spelling_comes_in_and_one_goes_out(organization, identity, spell, upper, kind):
    text = f"{spell(organization)}:{kind}:{spell(identity)}"
    spelled = f"prn:1:{text.upper().replace(kind.upper(), kind) if upper else text}"
    prn = parse_prn(spelled, kind=kind, what="prn")
    assert prn == Prn(organization=organization, kind=kind, id=identity)
    assert str(prn) == f"prn:1:{organization}:{kind}:{identity}"


O = "8ced1740-7fbf-407e-9d6e-afec9399cc41"  # noqa: E741


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"prn:1:{O}",
        f"prn:2:{O}:binary:{O}",
        f"prn:1:{O}:binaries:{O}",
        f"prn:1:{O}:artifact:{O}",
        f"prn:1:{O}:binary:{O}:",
        f"prn:1:{O}:binary:{O}\n",
        f"prn:1:o:binary:{O}",
        f"prn:1:{O}:binary:{{{O}",
        f"prn:1:{O}:binary:{{{O.replace('-', '')}}}",
        f"prn:1:{O}:binary:urn:uuid:{O}",
        f"prn:1:{O}:binary:{O[:-1]}\N{ARABIC-INDIC DIGIT ONE}",
    ],
)
def test_refuses(text):
    with pytest.raises(MalformedError, match="prn: expected "):
        parse_prn(text, kind=Kind.BINARY, what="prn")


def test_organization():
    assert parse_organization_prn(f"prn:1:{O}", what="o") == UUID(O)
    with pytest.raises(MalformedError):
        parse_organization_prn(f"prn:1:{O}:organization:{O}", what="o")
    with pytest.raises(MalformedError):
        parse_uuid("x" * 32, what="id")
