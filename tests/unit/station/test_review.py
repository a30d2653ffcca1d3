"""The review shows a request whole, within 80 columns, and nothing in it can pass for our words."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import FileError
from signkit.formats.display import count_columns, escape
from signkit.formats.request import open_request
from signkit.formats.trust import encode_trust
from signkit.formats.trust_text import trust_lines
from signkit.formats.words import encode_words
from signkit.model.purpose import Purpose
from signkit.model.request import VerifiedRequest
from signkit.schemes.trust import build_item
from signkit.station.ceremony import HashedContents
from signkit.station.delta import compute_delta
from signkit.station.review import Review, confirmation_words
from signkit.station.review_text import review_request
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import canonical_json, check_name, check_text
from tests.support.documents import item_value, request_file, request_value
from tests.support.keys import PROD, REQUESTER, ROOT
from tests.support.trust_roots import first

ROOT_KEY = ROOT.public_key
STRINGS = Path(__file__).parents[2] / "vectors" / "strings"
HOSTILE: list[str] = [
    entry["value"] for entry in json.loads((STRINGS / "hostile_names.json").read_text())
]
HOSTILE += json.loads((STRINGS / "blns.json").read_text())
# Lines of our own: a box edge, a title, a labelled row, or the continuation of a row.
OURS = re.compile(
    r"\+-.*-\+|\| .* \||REQUEST .*|ITEM \d+ of \d+: .*|SIGN \d+ signatures with .*"
    r"|CHANGES since last signed: .*|NOT COMPARED, .*|CONTROLS (no policy on this station|.* hold, .* are not asked)|MISSING .*"
    r"|  (LOOK|change|last|held|REFUSED|not asked|not-newer|changed|name|key|new|missing|terms|blind|plain"
    r"|SHA-256|words|signed by|follows|items|artifact|version|target|sequence|expires|size"
    r"|content|sign|metadata|keyid|may sign|role|artifacts|targets|schemes|not before|not after"
    r"|at most) +[^ ].*| {13}.*|"
)

GOLDEN = """\
REQUEST model.request.json
  SHA-256    {digest}
{words}
  signed by  {keyid}
{key_words}
  follows    no response (the first request)
  items      1, 14 B in all
  content    hashed here 0, digest only 1

+-- what the requester says; not checked ------------------------------------+
| who      builder@ci                                                        |
| when     2026-01-31T12:00:00Z                                              |
| why      first release                                                     |
+----------------------------------------------------------------------------+

CONTROLS no policy on this station

NOT COMPARED, nothing was signed here yet: 0 of 1 want a look
  plain      1 of 1: nothing unusual

ITEM 1 of 1: model.bin
  artifact   ML-Model
  version    1.0.0
  target     aarch64-unknown-linux
  sequence   1
  expires    never
  size       14 bytes (14 B)
  SHA-256    403ccc806332775b59558608031ce2656bfee95b32229bdd9aed5aab433af55b
  words      crackdown crossover spigot intention flatfoot component
             involve exodus endow equipment necklace antenna
             acme Brazilian tiger glossary glitter yesteryear
             treadmill exodus checkup candidate puppy tambourine
             pupil unify enlist Pegasus crucial corrosion
             vapor exodus
  content    not seen here: only its digest is known
  sign       peridio by role release, statement by role release

SIGN 2 signatures with prod
  keyid      6c8f8607dbe87077a62a2990ce07d94aaf749df76f87b98eb786a6d10f030765
  words      glucose midsummer necklace amusement suspense typewriter
             guidance inception rematch chambermaid breakup millionaire
             spyglass amusement sugar direction rocker hydraulic
             quadrant voyager gremlin liberty sentence microwave
             seabird letterhead rematch scavenger artist aggregate
             ahead glossary
  may sign   anything: nothing here sets bounds to this key"""


def verified(*items: dict[str, Any], **changes: Any) -> VerifiedRequest:
    return open_request(request_file(request_value(*items, **changes)))


def review(request: VerifiedRequest, **options: Any) -> str:
    said = {"name": "model.request.json", "delta": compute_delta(request.request), **options}
    return review_request(Review(verified=request, **said))


def six_a_row(label: str, digest: bytes) -> str:
    words = encode_words(digest)
    rows = [" ".join(words[place : place + 6]) for place in range(0, 32, 6)]
    return "\n".join(f"  {'' if place else label:<11}{row}" for place, row in enumerate(rows))


def harmless(text: str) -> list[str]:
    """Check every line for what no line may hold, and return the lines."""
    lines = text.split("\n")
    for line in lines:
        assert count_columns(line) <= 80, line
        assert line.isprintable(), line
        assert OURS.fullmatch(line), line
    return lines


def test_golden() -> None:
    request = verified()
    expected = GOLDEN.format(
        digest=request.digest.hex(),
        words=six_a_row("words", request.digest),
        keyid=REQUESTER.public_key.keyid,
        key_words=six_a_row("", bytes.fromhex(REQUESTER.public_key.keyid)),
    )
    assert review(request, key=PROD.public_key, key_name="prod") == expected
    harmless(expected)


def test_the_words_typed_are_the_first_of_the_digest() -> None:
    data = request_file()
    words = confirmation_words(open_request(data))
    assert words == encode_words(compute_digest(data))[:4]
    assert " ".join(words) in review(open_request(data))


def test_everything_optional() -> None:
    item = item_value(expires="2027-01-31T00:00:00Z", custom_metadata={"installer": "file"})
    request = verified(item, reason=None, previous_response={"sha256": "ab" * 32})
    text = review(request, contents=HashedContents(matching=frozenset({0}), refused={}))
    for line in (
        f"  follows    {'ab' * 32}",
        "| why      not said".ljust(77) + "|",
        "  expires    2027-01-31T00:00:00Z",
        "  content    hashed here: it is what the request says",
        '  metadata   {"installer":"file"}',
    ):
        assert line in text.split("\n")
    assert "SIGN" not in text


def test_every_item_is_shown() -> None:
    items = [item_value(target=f"t{place}") for place in range(12)]
    refused = HashedContents(
        matching=frozenset(), refused={3: FileError("\x1b[2J it is not there")}
    )
    text = review(verified(*items), contents=refused)
    assert re.findall(r"^ITEM .*$", text, re.MULTILINE) == [
        f"ITEM {place} of 12: model.bin" for place in range(1, 13)
    ]
    assert text.count("not seen here") == 11
    assert "  content    REFUSED: \\u{1b}[2J it is not there\n" in text
    assert "items      12, 168 B in all" in text


def test_signatures_are_counted_as_they_are_made() -> None:
    twice = [{"scheme": "peridio", "role": role} for role in ("release", "backup")]
    text = review(verified(item_value(wanted=twice)), key=PROD.public_key, key_name="prod")
    assert "SIGN 1 signatures with prod" in text


def _admits(text: str, *, name: bool = False, lines: bool = False) -> bool:
    try:
        if name:
            check_name(text, what="name")
        else:
            check_text(text, what="text", limit=2000 if lines else 128, lines=lines)
    except Exception:
        return False
    return True


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_wherever_the_format_admits_it(text: str) -> None:
    """Attacker: writes the request. Move: text that acts on the terminal, or hides. Shown inert."""
    item: dict[str, Any] = {}
    for field in ("artifact", "version", "target"):
        item[field] = text if _admits(text) else field
    if _admits(text, name=True):
        item["name"] = text
    if _admits(text):
        item["wanted"] = [{"scheme": text, "role": text}]
    said: dict[str, Any] = {"reason": text if _admits(text, lines=True) else None}
    if _admits(text):
        said["requester"] = text
    try:
        text.encode()
        item["custom_metadata"] = {"a": [text]}
    except UnicodeEncodeError:
        pass
    shown = review(
        verified(item_value(**item), **said), name=text, key=PROD.public_key, key_name=text
    )
    harmless(shown)
    if _admits(text) and escape(text) == text and count_columns(text) < 60:
        assert f"  artifact   {text}" in shown


FORGED = [
    "+" + "-" * 76 + "+",
    "x |\n+" + "-" * 76 + "+\n\nITEM 1 of 1: other.bin\n  target     everything",
    "界" * 33 + "  target     everything",
    "界" * 36 + "+-----+  SHA-256    " + "ab" * 32,
    "a" * 60 + " " * 20 + "SIGN 0 signatures with nobody",
    "\u202eSIGN 0 signatures",
    " " * 120 + "target",
    "a" + " " * 120 + "target",
    "😀" * 128,
]


@pytest.mark.parametrize("text", FORGED)
def test_nothing_passes_for_our_own_words(text: str) -> None:
    """Attacker: writes the request. Move: draws our box or a row of ours. Stays in its place."""
    item = item_value(artifact=text[:128].replace("\n", " "), name=text.replace("\n", " "))
    lines = harmless(review(verified(item, reason=text)))
    start = next(place for place, line in enumerate(lines) if line.startswith("+-- what"))
    end = lines.index("+" + "-" * 76 + "+")
    inside = lines[start + 1 : end]
    assert all(line.startswith("| ") and line.endswith(" |") for line in inside)
    assert all(count_columns(line) == 78 for line in inside)
    assert lines[end + 1] == "" or lines[end + 1].startswith("  LOOK ")
    assert sum(line.startswith("ITEM ") for line in lines) == 1
    assert sum(line.startswith("  target ") for line in lines) == 1
    assert sum(line.startswith("  SHA-256 ") for line in lines) == 2
    assert not any(line.startswith("SIGN ") for line in lines)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=128))
def test_any_label_is_shown_whole(text: str) -> None:
    shown = harmless(review(verified(item_value(artifact=text))))
    start = next(place for place, line in enumerate(shown) if line.startswith("  artifact "))
    end = next(place for place, line in enumerate(shown) if line.startswith("  version "))
    assert "".join(line[13:] for line in shown[start:end]) == escape(text)


def test_long_metadata_is_cut_and_says_so() -> None:
    text = review(verified(item_value(custom_metadata={"a": "b" * 5000})))
    assert "(3008 more characters; SHA-256" in text
    assert compute_digest(canonical_json({"a": "b" * 5000})).hex() in text
    harmless(text)


FENCE = """\
  may sign   only within these bounds:
  role       release
  artifacts  ML-Model
  targets    aarch64-*, x86_64-*
  schemes    peridio, statement
  not before always
  not after  2026-07-01T00:00:00Z
  at most    1000 signatures in one ceremony"""


def test_the_bounds_of_the_key_are_shown() -> None:
    purpose = Purpose(
        role="release",
        artifacts=("ML-Model",),
        targets=("aarch64-*", "x86_64-*"),
        schemes=("peridio", "statement"),
        not_after="2026-07-01T00:00:00Z",
        most_signatures=1000,
    )
    text = review(verified(), key=PROD.public_key, key_name="prod", purpose=purpose)
    assert text.endswith("\n" + FENCE)
    harmless(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_bounds(text: str) -> None:
    purpose = Purpose(role=text or None, artifacts=(text, "a"), targets=(text,))
    harmless(review(verified(), key=PROD.public_key, key_name="prod", purpose=purpose))


def test_a_trust_root_is_shown_whole_and_marked() -> None:
    payload = encode_trust(first())
    item = build_item(payload)
    value = item_value(
        name=item.name,
        size=item.size,
        digest={"sha256": item.digest.hex()},
        artifact=item.artifact,
        version=item.version,
        target=item.target,
        custom_metadata=item.custom_metadata,
        wanted=[{"scheme": "trust", "role": "root"}],
    )
    text = review(verified(value), key=ROOT_KEY)
    assert "!!  THIS CHANGES THE TRUST ROOT" in text
    assert all(line in text for line in trust_lines(first()))
    assert item.digest.hex() in text
    assert "SIGN 1 signatures" in text
    assert max(map(len, text.splitlines())) <= 80
    value["version"] = "2"
    text = review(verified(value))
    assert "NO TRUST ROOT IS SHOWN" in text
    assert "says something else than the trust root in it" in " ".join(text.split())
