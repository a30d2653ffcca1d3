"""The vectors of ceremony files: valid ones, and one for each defect. TEST ONLY.

`scripts/vectors` writes them to tests/vectors/ceremony; a test checks that the stored ones are these.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.support.vector_files import Vector, lay_out, write_vectors

FOLDER = Path(__file__).parents[1] / "vectors" / "ceremony"
FORMAT = 'format = "signkit.ceremony.v1"\n'
OPERATOR = '\n[[person]]\nname = "Grace Hopper"\nrole = "operator"\n'
SMALL = f'{FORMAT}title = "Release"\nrequest = "model.request.json"\nkey = "prod"\n{OPERATOR}'
FULL = f"""\
{FORMAT}title = "Release 2.4.0 of the gateways"
date = "2026-02-01"
place = "Vault 1"
request = "model.request.json"
key = "prod"
public_key = "prod.pub.pem"
policy = "station.toml"
installation = "{"0f" * 32}"
content = "/media/stick/out put"

[[person]]
name = "Ada Lovelace"
role = "leader"
{OPERATOR}
[[person]]
name = "Barbara Liskov"
role = "operator"

[[person]]
name = "Edith Clarke"
role = "witness"

[[step]]
at = "before"
role = "witness"
text = "The bag of the station is sealed. Its number: ____"

[[step]]
at = "after"
role = "leader"
text = '''
Put the station into a new bag.
Its number: ____'''
"""


def _changes() -> Iterator[tuple[str, str, str, str]]:
    """Yield name, a text of FULL, what stands there instead, and the outcome."""
    yield "format-missing", FORMAT, "", "malformed"
    yield "format-of-another-version", "ceremony.v1", "ceremony.v2", "malformed"
    yield "unknown-at-the-top", "place =", "places =", "malformed"
    yield "unknown-in-person", 'name = "Ada', 'nane = "Ada', "malformed"
    yield "unknown-in-step", "text = '''", "texts = '''", "malformed"
    yield "title-missing", "title =", "#", "malformed"
    yield "title-empty", "Release 2.4.0 of the gateways", "", "malformed"
    yield "title-two-lines", "Release 2.4.0", "Release\\n2.4.0", "malformed"
    yield "title-too-long", "Release 2.4.0", "x" * 129, "too-large"
    yield "date-no-text", '"2026-02-01"', "2026-02-01", "malformed"
    yield "request-missing", "request =", "#", "malformed"
    yield "request-empty", '"model.request.json"', '""', "malformed"
    yield "key-number", 'key = "prod"', "key = 1", "malformed"
    yield "installation-short", "0f" * 32, "0f" * 31, "not-canonical"
    yield "installation-upper-case", "0f" * 32, "0F" * 32, "not-canonical"
    yield "content-escape", "/media/stick", "\\u001b[2J", "malformed"
    yield "person-without-a-role", 'role = "leader"\n', "", "malformed"
    yield "person-of-another-role", 'role = "leader"\n', 'role = "boss"\n', "malformed"
    yield "person-twice", "Barbara Liskov", "Grace Hopper", "malformed"
    yield "person-no-array", "[[person]]\nname", "[person]\nname", "malformed"
    yield "step-at-another-time", 'at = "before"', 'at = "during"', "malformed"
    yield "step-of-nobody", '"Edith Clarke"\nrole = "witness"', '"E"\nrole = "leader"', "malformed"
    yield "step-empty", "The bag of the station is sealed. Its number: ____", "", "malformed"
    yield "step-too-long", "The bag", "x" * 2000, "too-large"
    yield "toml-torn", "Its number: ____'''", "Its number: ____'", "malformed"


def _invalid() -> Iterator[Vector]:
    for name, old, new, code in _changes():
        assert old in FULL, name
        yield name, FULL.replace(old, new, 1).encode(), code
    yield "empty", b"", "malformed"
    yield "not-utf-8", b"\xff" + FULL.encode(), "malformed"
    yield "nobody", SMALL.replace(OPERATOR, "").encode(), "malformed"
    yield "no-operator", SMALL.replace('"operator"', '"leader"').encode(), "malformed"
    yield "people-65", (SMALL + 64 * OPERATOR).encode(), "too-large"


def vectors() -> dict[str, tuple[bytes, str]]:
    """Return by file: bytes and the expected outcome ("accept" or an error code)."""
    valid = [("full", FULL.encode(), "accept"), ("small", SMALL.encode(), "accept")]
    return lay_out([*valid, *_invalid()], suffix=".toml")


if __name__ == "__main__":
    write_vectors(FOLDER, vectors())
