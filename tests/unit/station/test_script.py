"""The script of a ceremony: whole on paper, the same each time, and nothing in it acts."""

from __future__ import annotations

from typing import Any

import pytest

from signkit.formats.ceremony import parse_ceremony
from signkit.formats.request import open_request
from signkit.formats.words import encode_words
from signkit.model.ceremony import CeremonyPlan, OwnStep, Person
from signkit.model.policy import NO_POLICY, Policy
from signkit.station.script import Script, build_script
from signkit.station.script_page import script_page
from signkit.station.script_text import script_text, script_value
from signkit.verify.digest import Sha256
from tests.support.ceremony_vectors import FULL, SMALL
from tests.support.documents import item_value, request_file, request_value
from tests.support.keys import PROD, REQUESTER

VERIFIED = open_request(request_file())
TWO = Policy(digest=Sha256(b"\xcd" * 32), operators=2)
HOSTILE = ("\x1b[2J", "\u202e", "<script>alert(1)</script>", "a\u200bb", "</code>", "&lt;")


def script_of(text: str = FULL, policy: Policy = TWO, **changes: Any) -> Script:
    said: dict[str, Any] = {"name": "model.request.json", "key": PROD.public_key, **changes}
    return build_script(parse_ceremony(text.encode()), VERIFIED, policy=policy, **said)


def texts(script: Script) -> list[str]:
    return [f"{step.who}: {step.text}" for step in script.steps]


def test_the_steps_are_in_order() -> None:
    assert texts(script_of()) == [
        "Edith Clarke (witness): The bag of the station is sealed. Its number: ____",
        "Ada Lovelace (leader): Switch the station on, without a cable and without a stick.",
        "Grace Hopper (operator): Show that there is no network.",
        "Grace Hopper (operator): Show what is installed.",
        "Grace Hopper (operator): Show which policy is asked.",
        (
            "Grace Hopper (operator): Mount the stick, go to its folder, and show the request as it"
            " arrived."
        ),
        "Grace Hopper (operator): Begin, and open the key.",
        (
            "Ada Lovelace (leader): Compare the first screen with what is expected above. Items that"
            " want a look: ____. Look at each of them; with one doubt type q, and nothing is signed."
        ),
        "Grace Hopper (operator): Type the words that Ada Lovelace reads, then your name.",
        "Barbara Liskov (operator): Type the words that Ada Lovelace reads, then your name.",
        "Grace Hopper (operator): The response lies there: model.response.json.",
        "Grace Hopper (operator): Show what the ledger says, and write it down.",
        "Grace Hopper (operator): Unmount the stick, and switch the station off.",
        "Ada Lovelace (leader): Put the station into a new bag.\nIts number: ____",
        "Ada Lovelace (leader): Everybody signs above. A witness keeps this script.",
    ]


def test_each_operator_is_read_words_of_their_own() -> None:
    words = encode_words(VERIFIED.digest)
    expected = [step.expected for step in script_of().steps if step.text.startswith("Type")]
    assert expected == [(" ".join(words[:4]),), (" ".join(words[4:8]),)]


def test_every_digest_is_expected_in_hex_and_in_words() -> None:
    text = script_text(script_of())
    keyids = [bytes.fromhex(key.public_key.keyid) for key in (REQUESTER, PROD)]
    for digest in (VERIFIED.digest, *keyids, TWO.digest, b"\x0f" * 32):
        assert digest is not None
        assert digest.hex() in text
        assert " ".join(encode_words(digest)) in " ".join(text.split())


def test_the_small_one_asks_for_no_more_than_there_is() -> None:
    script = script_of(SMALL, NO_POLICY, key=None)
    text = script_text(script)
    assert "self-hash" not in text
    assert "policy" not in text
    (typed,) = [step for step in script.steps if step.text.startswith("Type")]
    assert typed.text == "Type the words that the other side reads."
    assert script.steps[-1].who == "Grace Hopper (operator)"


def test_what_is_typed_is_quoted_for_a_shell() -> None:
    commands = [step.command for step in script_of(name="a b.request.json").steps]
    assert "sha256sum 'a b.request.json'" in commands
    sign = "signkit sign 'a b.request.json' --key prod --content '/media/stick/out put'"
    assert sign in commands


def test_the_text_fits_and_the_page_says_the_same() -> None:
    script = script_of()
    text, page = script_text(script), script_page(script)
    assert all(
        len(line) <= 78 or line.lstrip().startswith(("$", "=>")) for line in text.split("\n")
    )
    for step in script.steps:
        assert all(row in page for row in step.expected)
    assert "http-equiv" in page
    assert (script_text(script_of()), script_page(script_of())) == (text, page)


def test_json_says_all_of_it() -> None:
    value = script_value(script_of())
    assert value["title"] == "Release 2.4.0 of the gateways"
    assert [fact["label"] for fact in value["facts"]] == [  # type: ignore[attr-defined]
        "date",
        "place",
        "request",
        "asked by",
        "items",
        "key",
        "policy",
        "self-hash",
    ]
    assert len(value["steps"]) == 15  # type: ignore[arg-type]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_outside_stays_text(text: str) -> None:
    """Attacker: names a file, a person, a step. Move: rewrites the screen, or the page."""
    plan = CeremonyPlan(
        title=text,
        date=text,
        place=text,
        request=text,
        key=text,
        public_key=None,
        policy=None,
        installation=None,
        content=text,
        people=(Person(text, "operator"),),
        steps=(OwnStep("before", "operator", text),),
    )
    verified = open_request(request_file(request_value(item_value())))
    script = build_script(plan, verified, name=text, key=None, policy=NO_POLICY)
    assert all(line.isprintable() for line in script_text(script).split("\n"))
    page = script_page(script)
    assert all(line.isprintable() for line in page.split("\n"))
    assert "<script" not in page
    assert page.count("</code>") == page.count("<code")
