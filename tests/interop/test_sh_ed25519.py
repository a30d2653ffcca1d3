"""The sh verifier's own Ed25519 and text rules: the same answers as the library, case by case."""

from __future__ import annotations

import json
from hashlib import sha512
from pathlib import Path
from typing import Any

import pytest
from nacl.bindings import crypto_core_ed25519_scalar_mul, crypto_core_ed25519_scalar_reduce

from signkit.errors import FormatError, KeyRefusedError
from signkit.verify import limits
from signkit.verify.ed25519 import enrol_public_key
from signkit.verify.encoding import check_text, encode_base64, encode_json, parse_json
from signkit.verify.public_key import PUBLIC_PREFIX
from tests.support.keys import PROD
from tests.support.sh_verifier import SHELLS, Device, every_case_in_each_shell

VECTORS = Path(__file__).parents[1] / "vectors"
# Each line of a list: a name, a key, and the files of message and signature.
ED25519 = """
while read -r name key message signature; do
  if is_signed "$key" "$message" "$signature"; then echo "$name accept"; else echo "$name reject"; fi
done <"$1"
"""
# Each line of a list: a file that holds what stands after the opening quote. Prints what was read.
TEXTS = """
while read -r file; do
  if is_one_line "$file"; then
    (rest=$(cat "$file") && take_text text 128 2>/dev/null && [ "$rest" = '"' ] && printf '%s\\n' "$value") ||
      echo REFUSED
  else
    echo REFUSED
  fi
done <"$1"
"""
TIMES = 'while read -r time; do if is_time "$time"; then echo "$time"; fi; done <"$1"'
BELOW = 'while read -r a b; do if below "$a" "$b"; then echo yes; else echo no; fi; done <"$1"'


@pytest.fixture(params=SHELLS)
def device(request: pytest.FixtureRequest, tmp_path: Path) -> Device:
    return Device(tmp_path, request.param)


def answers(device: Device, cases: list[dict[str, Any]]) -> list[str]:
    lines = []
    for number, case in enumerate(cases):
        key = encode_base64(PUBLIC_PREFIX + bytes.fromhex(case["pub"]))
        message = device.write(f"m{number}", bytes.fromhex(case["msg"]))
        signature = device.write(f"s{number}", bytes.fromhex(case["sig"]))
        lines.append(f"{number} {key} {message} {signature}\n")
    said = device.library(ED25519, device.write("list", "".join(lines).encode())).split()
    assert said[::2] == [str(number) for number in range(len(cases))]
    return said[1::2]


def may_be_pinned(key: str) -> bool:
    try:
        enrol_public_key(bytes.fromhex(key), allow_test_keys=True)
    except KeyRefusedError:
        return False
    return True


@every_case_in_each_shell
def test_every_published_case_whose_key_can_be_pinned(device: Device) -> None:
    published = (VECTORS / "ed25519" / "verify.jsonl").read_text().splitlines()
    cases = [case for case in map(json.loads, published) if may_be_pinned(case["pub"])]
    assert len(cases) == 272
    # OpenSSL's command cannot read an empty message; what a device verifies has 32 bytes and more.
    expected = [case["expect"] if case["msg"] else "reject" for case in cases]
    assert answers(device, cases) == expected
    assert expected.count("accept") == 208


def of_identity(message: bytes) -> dict[str, str]:
    """Sign with R = 0: the one small-order R that the equation allows under an honest key."""
    r = bytes([1]) + bytes(31)
    digest = sha512(PROD.seed).digest()
    clamped = bytes([digest[0] & 248]) + digest[1:31] + bytes([digest[31] & 127 | 64])
    k = crypto_core_ed25519_scalar_reduce(sha512(r + PROD.public_key.raw + message).digest())
    s = crypto_core_ed25519_scalar_mul(k, crypto_core_ed25519_scalar_reduce(clamped + bytes(32)))
    return {"pub": PROD.public_key.raw.hex(), "msg": message.hex(), "sig": (r + s).hex()}


def test_what_openssl_alone_would_accept_is_refused(device: Device) -> None:
    case = of_identity(b"any message at all")
    device.library("")  # writes the library
    text = (device.folder / "verify.sh").read_text()
    assert answers(device, [case]) == ["reject"]
    small = '    "${ZEROS}0000" | "${ZEROS}0001") return 1 ;;\n'
    assert small in text
    device.write("verify.sh", text.replace(small, "").encode())
    assert answers(device, [case]) == ["accept"]  # so it is this line that refuses it


def strings() -> list[str]:
    folder = VECTORS / "strings"
    named = [entry["value"] for entry in json.loads((folder / "hostile_names.json").read_bytes())]
    return [*named, *json.loads((folder / "blns.json").read_bytes())]


def as_python(written: bytes) -> str:
    """What the library makes of the same bytes, as the text of an object."""
    try:
        value = parse_json(b'["%b]' % written, limit=limits.STATEMENT_SIZE, what="text")
        assert isinstance(value, list)
        return check_text(value[0], what="text", limit=limits.LABEL_LENGTH)
    except FormatError:
        return "REFUSED"


def read(device: Device, texts: list[bytes]) -> list[str]:
    files = [str(device.write(f"t{number}", text)) for number, text in enumerate(texts)]
    list_of_files = device.write("list", "".join(f"{file}\n" for file in files).encode())
    return device.library(TEXTS, list_of_files).split("\n")[:-1]


@every_case_in_each_shell
def test_hostile_texts_are_read_as_python_reads_them(device: Device) -> None:
    written = [
        encode_json(text).removeprefix(b'"')
        for text in strings()
        if text.isprintable() or "\\" in text
    ]
    assert len(written) > 300
    assert read(device, written) == [as_python(text) for text in written]


POINTS = [
    0x7F,
    0x80,
    0x9F,
    0xA0,
    0xC1,
    0x7FF,
    0x800,
    0x1041,
    0xD7FF,
    0xE000,
    0xFFFF,
    0x10000,
    0x10FFFF,
]
BYTES = [
    *(bytes([0xC2 + byte % 2, byte]) for byte in range(0x80, 0xC0)),  # each second byte there is
    *(chr(point).encode() for point in POINTS),
    *(bytes([byte]) for byte in (0, 9, 10, 13, 0x1B, 0x80, 0xC0, 0xFF)),
    b"\xc0\x80",  # NUL in two bytes
    b"\xc1\xbf",
    b"\xe0\x9f\xbf",
    b"\xed\xa0\x80",  # a surrogate
    b"\xf0\x8f\xbf\xbf",
    b"\xf4\x90\x80\x80",  # beyond the last code point
    b"\xf5\x80\x80\x80",
    b"\xc3",
    b"\xe2\x82",
    b"\xf0\x9f\x92",
    rb"\\",
    rb"\"",
    rb"\\\"",
    b"\\",
    rb"\n",
]


@every_case_in_each_shell
def test_bytes_are_text_or_not_as_for_python(device: Device) -> None:
    written = [text + b'"' for byte in BYTES for text in (byte, b"a" + byte + b"z")]
    written += [
        b'"',
        b"x" * 128 + b'"',
        b"x" * 129 + b'"',
        "é".encode() * 128 + b'"',
        "é".encode() * 129 + b'"',
    ]
    assert read(device, written) == [as_python(text) for text in written]


def test_a_second_spelling_is_refused_where_python_reads_on(device: Device) -> None:
    written = [rb'\u0041"', rb'\/"', rb'\u00e9"']
    assert [as_python(text) for text in written] == ["A", "/", "é"]
    assert read(device, written) == ["REFUSED"] * 3


def test_times_exist(device: Device) -> None:
    there = (
        "2026-01-31 2024-02-29 2000-02-29 2026-04-30 2026-12-31 0001-01-01 9999-12-01 2026-10-10"
    )
    not_there = (
        "2026-02-29 1900-02-29 2100-02-29 2026-04-31 2026-06-31 2026-09-31 2026-11-31 2026-02-30"
        " 2026-00-10 2026-13-10 2026-20-10 2026-01-00 2026-01-32 2026-01-40 0000-01-01 202-01-01"
    )
    good = [f"{day}T23:59:59Z" for day in there.split()]
    bad = [f"{day}T00:00:00Z" for day in not_there.split()]
    clocks = [
        "24:00:00Z",
        "23:60:00Z",
        "23:59:60Z",
        "00:00:00",
        "00:00:00z",
        "00:00:00ZZ",
        "0:00:00Z",
    ]
    bad += [f"2026-01-31T{clock}" for clock in clocks]
    said = device.library(TIMES, device.write("list", "\n".join([*good, *bad, ""]).encode()))
    assert said.split() == good


def test_numbers_are_compared_without_a_word_size(device: Device) -> None:
    numbers = [0, 1, 9, 10, 2**31 - 1, 2**31, 2**32, 2**53 - 1, 2**63, 2**64, 10**40]
    pairs = [(a, b) for a in numbers for b in numbers]
    listed = device.write("list", "".join(f"{a} {b}\n" for a, b in pairs).encode())
    said = device.library(BELOW, listed).split()
    assert said == ["yes" if a < b else "no" for a, b in pairs]
