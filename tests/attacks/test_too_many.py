"""Attacker: hands over documents of a hundred thousand keys or signatures (P11). Refused at once."""

from __future__ import annotations

import time

import pytest

from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_base64, encode_json
from tests.support.device import NOW, Device
from tests.support.documents import (
    CONTENT,
    TRUST_TYPE,
    document,
    statement_envelope,
    trust_file,
    trust_value,
)
from tests.support.keys import ROOT

COUNT = 100_000
SECOND = 1.0


def many_signatures() -> bytes:
    value = statement_envelope()
    value["signatures"] = [
        {**value["signatures"][0], "keyid": f"{place:064x}"} for place in range(COUNT)
    ]
    return encode_json(value)


def many_keys() -> bytes:
    value = trust_value()
    value["keys"] |= {
        f"{place:064x}": {"name": "x", "public_key": encode_base64(place.to_bytes(32, "big"))}
        for place in range(COUNT)
    }
    return trust_file(value)


def many_signatures_of_a_root() -> bytes:
    value = document(TRUST_TYPE, trust_value(), ROOT, carry_key=False)
    value["signatures"] *= COUNT
    return encode_json(value)


def many_globs() -> bytes:
    value = trust_value()
    value["roles"]["release"]["artifacts"] = ["*" * 128] * 1024
    return trust_file(value)


CASES = {
    "signatures of a statement": (many_signatures, ["--key", "public.pem", "--statement"], 11),
    "keys of a trust root": (many_keys, ["--trust"], 14),
    "signatures of a trust root": (many_signatures_of_a_root, ["--trust"], 14),
    "keys of a root that follows": (many_keys, [], 14),
    "signatures of a permit": (
        many_signatures,
        ["--key", "public.pem", "--floor", "9", "--allow-downgrade"],
        16,
    ),
    "globs": (many_globs, ["--artifact", "x", "--trust"], 4),
}


@pytest.mark.parametrize("case", CASES)
def test_refused_within_a_second(device: Device, case: str) -> None:
    make, options, code = CASES[case]
    name = device.write("many", make())
    start = time.perf_counter()
    if options:
        assert device.run("model.bin", *options, name) == code
    else:
        assert device.offer(name, "--update") == code
    assert time.perf_counter() - start < SECOND


@pytest.mark.parametrize("count", [65, COUNT])
def test_signatures_of_a_manifest(device: Device, count: int) -> None:
    entry = {"signature": "ab" * 64, "public_value": "x"}
    item = {"hash": "ab" * 32, "size": len(CONTENT), "signatures": [entry] * count}
    device.write("many", encode_json([item]))
    start = time.perf_counter()
    assert device.run("model.bin", "--key", "public.pem", "--manifest", "many") == 3
    assert time.perf_counter() - start < SECOND


def test_many_items_of_a_manifest_for_one_content(device: Device) -> None:
    """Move: has the search for an item take for ever."""
    item = {"hash": compute_digest(CONTENT).hex(), "size": len(CONTENT)}
    device.write("many", encode_json([item] * COUNT))
    start = time.perf_counter()
    assert device.run("model.bin", "--key", "public.pem", "--manifest", "many", "--now", NOW) == 4
    assert time.perf_counter() - start < 10 * SECOND
