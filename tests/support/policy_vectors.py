"""The vectors of station policies: valid ones, and one for each defect. TEST ONLY.

`scripts/vectors` writes them to tests/vectors/policy; a test checks that the stored ones are these.
The OpenPGP key in them is none: the file's reader looks at its label only, and gpg at the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.support.keys import PROD, REQUESTER, SPARE
from tests.support.vector_files import Vector, lay_out, write_vectors

FOLDER = Path(__file__).parents[1] / "vectors" / "policy"
ARMOR = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
FINGERPRINT = "332C04EE" * 5
FORMAT = 'format = "signkit.station-policy.v1"\n'
RULE = '\n[[rule]]\nroles = ["release"]\nartifacts = ["ML-*"]\ntargets = ["*"]\n'
KNOWN = f'\n[[requester]]\nname = "build server"\nkeyid = "{REQUESTER.public_key.keyid}"\n'
SMALL = FORMAT + KNOWN + RULE
FULL = f"""\
{FORMAT}
[request]
most_items = 200
most_bytes = 1_000_000_000
rising_sequence = true
follows_last_response = true
unknown_requesters = false

[confirm]
operators = 2
names = ["Ada Lovelace", "Grace Hopper", "Barbara Liskov"]
unattended = false
{KNOWN}
[[requester]]
name = "Ada Lovelace"
openpgp = "{FINGERPRINT}"
openpgp_key = '''
{ARMOR}

TEST ONLY
-----END PGP PUBLIC KEY BLOCK-----
'''
{RULE}keys = ["{PROD.public_key.keyid}", "{SPARE.public_key.keyid}"]
digest_only = false
expires_within_days = 730

[[rule]]
roles = ["root"]
artifacts = ["trust-root"]
targets = ["any"]
schemes = ["trust"]
"""


def _changes() -> Iterator[tuple[str, str, str, str]]:
    """Yield name, a text of FULL, what stands there instead, and the outcome."""
    yield "format-missing", FORMAT, "", "malformed"
    yield "format-of-another-version", "policy.v1", "policy.v2", "malformed"
    yield "unknown-table", "[confirm]", "[confirms]", "malformed"
    yield "unknown-in-request", "most_items", "most_item", "malformed"
    yield "unknown-in-confirm", "unattended", "unatended", "malformed"
    yield "unknown-in-requester", 'name = "build', 'names = "build', "malformed"
    yield "unknown-in-rule", "digest_only", "digest-only", "malformed"
    yield "unknown-scheme", '["trust"]', '["trusts"]', "malformed"
    yield "most-items-zero", "most_items = 200", "most_items = 0", "malformed"
    yield "most-items-text", "most_items = 200", 'most_items = "200"', "malformed"
    yield "most-items-true", "most_items = 200", "most_items = true", "malformed"
    yield "most-bytes-negative", "1_000_000_000", "-1", "malformed"
    yield "most-bytes-fraction", "1_000_000_000", "1e9", "malformed"
    yield "flag-number", "unattended = false", "unattended = 0", "malformed"
    yield "flag-text", "unattended = false", 'unattended = "no"', "malformed"
    yield "operators-zero", "operators = 2", "operators = 0", "malformed"
    yield "operators-nine", "operators = 2", "operators = 9", "malformed"
    yield "operators-more-than-names", "operators = 2", "operators = 4", "malformed"
    yield "names-empty", '["Ada Lovelace", "Grace Hopper", "Barbara Liskov"]', "[]", "malformed"
    yield "names-twice", '"Grace Hopper"', '"Ada Lovelace"', "malformed"
    yield "names-control-character", "Grace Hopper", "Grace\\u001b[2J", "malformed"
    yield "requester-unnamed", 'name = "build server"\n', "", "malformed"
    yield "requester-name-too-long", "build server", "x" * 129, "too-large"
    yield "requester-without-a-key", f'keyid = "{REQUESTER.public_key.keyid}"\n', "", "malformed"
    yield "requester-keyid-short", REQUESTER.public_key.keyid, "ab" * 31, "not-canonical"
    yield (
        "requester-keyid-upper-case",
        REQUESTER.public_key.keyid,
        REQUESTER.public_key.keyid.upper(),
        "not-canonical",
    )
    yield "requester-fingerprint-lower-case", FINGERPRINT, FINGERPRINT.lower(), "malformed"
    yield "requester-key-id-only", FINGERPRINT, FINGERPRINT[-16:], "malformed"
    yield "requester-without-its-openpgp-key", "openpgp_key = '''", "#", "malformed"
    yield "requester-without-its-fingerprint", f'openpgp = "{FINGERPRINT}"\n', "", "malformed"
    yield "requester-private-openpgp-key", "PGP PUBLIC", "PGP PRIVATE", "malformed"
    yield "requester-no-openpgp-key", ARMOR, "Ada's key", "malformed"
    yield "rule-without-roles", 'roles = ["release"]\n', "", "malformed"
    yield "rule-without-artifacts", 'artifacts = ["ML-*"]\n', "", "malformed"
    yield "rule-without-targets", 'targets = ["*"]\n', "", "malformed"
    yield "rule-no-array", '["ML-*"]', '"ML-*"', "malformed"
    yield "rule-empty-globs", '["ML-*"]', "[]", "malformed"
    yield "rule-empty-glob", '["ML-*"]', '[""]', "malformed"
    yield "rule-glob-number", '["ML-*"]', "[1]", "malformed"
    yield "rule-key-number", f'"{SPARE.public_key.keyid}"', "7", "malformed"
    yield "rule-key-twice", SPARE.public_key.keyid, PROD.public_key.keyid, "malformed"
    yield "rule-key-too-long", SPARE.public_key.keyid, "ab" * 33, "not-canonical"
    yield "rule-days-zero", "expires_within_days = 730", "expires_within_days = 0", "malformed"
    yield "rule-days-many", "expires_within_days = 730", "expires_within_days = 36501", "malformed"
    yield "toml-name-twice", "operators = 2", "operators = 2\noperators = 2", "malformed"
    yield "toml-torn", 'schemes = ["trust"]', 'schemes = ["trust', "malformed"


def _invalid() -> Iterator[Vector]:
    for name, old, new, code in _changes():
        assert old in FULL, name
        yield name, FULL.replace(old, new, 1).encode(), code
    yield "empty", b"", "malformed"
    yield "not-utf-8", b"\xff" + FULL.encode(), "malformed"
    yield "nested-deeply", b"format = " + b"[" * 5000, "malformed"
    yield "no-rule", (FORMAT + KNOWN).encode(), "malformed"
    yield "nobody-may-ask", (FORMAT + RULE).encode(), "malformed"
    yield "request-no-table", f"request = 1\n{SMALL}".encode(), "malformed"
    yield "one-requester-twice", (FORMAT + KNOWN + KNOWN + RULE).encode(), "malformed"


def _valid() -> Iterator[Vector]:
    yield "full", FULL.encode(), "accept"
    yield "small", SMALL.encode(), "accept"
    anybody = f"{FORMAT}[request]\nunknown_requesters = true\n{RULE}"
    yield "anybody-may-ask", anybody.encode(), "accept"


def vectors() -> dict[str, tuple[bytes, str]]:
    """Return by file: bytes and the expected outcome ("accept" or an error code)."""
    return lay_out([*_valid(), *_invalid()], suffix=".toml")


if __name__ == "__main__":
    write_vectors(FOLDER, vectors())
