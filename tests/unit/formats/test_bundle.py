"""The hash of a bundle: the page's example, and that nothing of a bundle can change beside it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from signkit.errors import MalformedError
from signkit.formats.bundle import compute_bundle_hash
from signkit.model.bundle import BundleMember

PAGE = (Path(__file__).parents[3] / "docs/formats/bundle.md").read_text()
EXAMPLE = PAGE.partition("## 5. Example\n\n")[2].partition("\n\n")[0]
LINES = "".join(f"{line.removeprefix('    ')}\n" for line in EXAMPLE.splitlines())
_TAG, _COUNT, PRN, SIZE, HASH, TARGET, _METADATA = LINES.splitlines()
MEMBER = BundleMember(PRN, int(SIZE), HASH, TARGET, None)


def test_the_example_of_the_page() -> None:
    (said,) = re.findall(r"has the hash `([0-9a-f]{64})`", PAGE)
    assert compute_bundle_hash([MEMBER]) == said


def test_openssl_says_so_too() -> None:
    command = ["openssl", "dgst", "-sha512-256", "-r"]
    done = subprocess.run(command, input=LINES.encode(), capture_output=True, check=True)
    assert done.stdout.split()[0].decode() == compute_bundle_hash([MEMBER])


@pytest.mark.parametrize(
    "change",
    [
        {"prn": PRN.replace("d0cc", "d0cd")},
        {"size": 15},
        {"hash": HASH.replace("4", "5")},
        {"target": "arm"},
        {"custom_metadata": {}},
        {"custom_metadata": {"a": None}},
    ],
)
def test_every_field_counts(change: dict[str, Any]) -> None:
    assert compute_bundle_hash([MEMBER._replace(**change)]) != compute_bundle_hash([MEMBER])


def test_order_and_number_count() -> None:
    other = MEMBER._replace(target="riscv64")
    hashes = {
        compute_bundle_hash(members)
        for members in ([MEMBER], [other], [MEMBER, other], [other, MEMBER], [MEMBER, MEMBER], [])
    }
    assert len(hashes) == 6


def test_the_order_of_names_in_metadata_does_not_count() -> None:
    first, second = {"a": 1, "b": [True, "\u00fc"]}, {"b": [True, "\u00fc"], "a": 1}
    one, two = (MEMBER._replace(custom_metadata=each) for each in (first, second))
    assert compute_bundle_hash([one]) == compute_bundle_hash([two])


@pytest.mark.parametrize("number", [1.5, 2**53, -(2**53), [{"x": 0.0}]])
def test_a_number_that_not_everybody_holds_is_refused(number: object) -> None:
    member = MEMBER._replace(custom_metadata={"a": number})
    with pytest.raises(MalformedError, match="custom_metadata of binary 2: expected texts"):
        compute_bundle_hash([MEMBER, member])
