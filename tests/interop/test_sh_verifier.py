"""The verdict of the sh verifier, under every shell that is here: the exit codes of the Python one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from signkit.device.main import run
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_json
from tests.support.documents import (
    CONTENT,
    STATEMENT_TYPE,
    document,
    statement_envelope,
    statement_value,
    trust_file,
    trust_value,
)
from tests.support.keys import PROD, REQUESTER, SPARE, STATION, STRANGER, KeyOfTest
from tests.support.sh_verifier import (
    LAST_LINE,
    ROOT,
    SHELLS,
    TOOLS,
    Device,
    build,
    every_case_in_each_shell,
    require,
)

VECTORS = Path(__file__).parents[1] / "vectors" / "statement"
HOWTO = ROOT / "docs" / "howto" / "verify-on-a-device.md"
DIGEST = compute_digest(CONTENT)


@pytest.fixture(params=SHELLS)
def device(request: pytest.FixtureRequest, tmp_path: Path) -> Device:
    return Device(tmp_path, request.param)


def signed(payload: object, signer: KeyOfTest = PROD) -> bytes:
    return encode_json(document(STATEMENT_TYPE, payload, signer, carry_key=False))


def signed_by(*signers: KeyOfTest) -> bytes:
    envelope = statement_envelope(signers[0])
    envelope["signatures"] = [statement_envelope(each)["signatures"][0] for each in signers]
    return encode_json(envelope)


def blind(key: KeyOfTest, message: bytes = DIGEST.hex().encode()) -> str:
    return key.sign(message).hex()


def test_content_that_was_released_is_verified(device: Device) -> None:
    done = device.run("model.bin", "--artifact", "ML-Model", "--target", "aarch64-unknown-linux")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == (
        "verified: model.bin\n"
        "artifact  ML-Model\n"
        "version   1.0.0\n"
        "target    aarch64-unknown-linux\n"
        "sequence  1\n"
        "size      14 bytes\n"
        f"SHA-256   {DIGEST.hex()}\n"
        "expires   never\n"
        f"keyid     {PROD.public_key.keyid}\n"
    )


@every_case_in_each_shell
def test_every_statement_vector_ends_as_in_python(
    device: Device, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    vectors = sorted([*VECTORS.glob("valid/*.json"), *VECTORS.glob("invalid/*.json")])
    assert len(vectors) > 80
    codes = {}
    for path in vectors:
        files = [str(tmp_path / "model.bin"), "--key", str(tmp_path / "public.pem")]
        python = run([*files, "--statement", str(path)], program="signkit-verify")
        codes[path.name] = (device.code("--statement", path), python)
    capsys.readouterr()
    # The one spelling: what another tool spaced is the same envelope to Python.
    assert codes.pop("spaced-by-another-tool.json") == (11, 0)
    assert {name: pair for name, pair in codes.items() if pair[0] != pair[1]} == {}
    assert sum(pair == (0, 0) for pair in codes.values()) == 3


@pytest.mark.parametrize(
    "content", [b"", CONTENT[:-1], CONTENT + b"\n", CONTENT.swapcase(), bytes(14)]
)
def test_other_content_is_refused(device: Device, content: bytes) -> None:
    device.write("model.bin", content)
    assert device.code() == 10


@pytest.mark.parametrize("content", [b"", b"\0", bytes(range(256)) * 4097])
def test_content_of_any_kind_is_verified(device: Device, content: bytes) -> None:
    device.write("model.bin", content)
    digest = {"sha256": compute_digest(content).hex()}
    assert device.judge(encode_json(statement_envelope(size=len(content), digest=digest))) == 0


def test_more_than_32_bits_of_size(device: Device) -> None:
    size = 2**32 + 5
    with (device.folder / "model.bin").open("wb") as file:
        file.truncate(size)
    assert device.judge(encode_json(statement_envelope(size=5))) == 10
    assert device.judge(encode_json(statement_envelope(size=size + 1))) == 10


def test_each_demand_is_refused_with_its_own_code(device: Device) -> None:
    statement = encode_json(statement_envelope(sequence=10, expires="2036-01-31T00:00:00Z"))
    assert device.judge(statement, "--now", "2036-01-30T23:59:59Z", "--floor", 10) == 0
    assert device.judge(statement, "--now", "none", "--floor", "000000000000000000009") == 0
    assert device.judge(statement, "--artifact", "ML-Model2") == 4
    assert device.judge(statement, "--target", "aarch64-unknown") == 4
    assert device.judge(statement, "--floor", 11) == 16
    assert device.judge(statement, "--floor", 2**53 - 1) == 16
    assert device.judge(statement, "--now", "2036-01-31T00:00:00Z") == 15
    assert device.judge(encode_json(statement_envelope(expires="2026-02-01T00:00:00Z"))) == 15


def test_a_statement_of_other_content_is_refused(device: Device) -> None:
    digest = {"sha256": compute_digest(b"another").hex()}
    assert device.judge(encode_json(statement_envelope(size=7, digest=digest))) == 10


def flipped(data: bytes) -> Iterator[bytes]:
    for place in range(0, len(data), 29):
        yield data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def test_no_changed_byte_and_no_cut_is_accepted(device: Device) -> None:
    statement = encode_json(statement_envelope())
    for changed in [
        *flipped(statement),
        *(statement[:end] for end in range(0, len(statement), 97)),
    ]:
        assert device.judge(changed) == 11


def test_no_byte_around_the_envelope_is_accepted(device: Device) -> None:
    statement = encode_json(statement_envelope())
    for around in (b"\n", b"\r\n", b" ", b"\0", b"{}", b"\xef\xbb\xbf", b" " * 40_000):
        assert device.judge(statement + around) == 11
        assert device.judge(around + statement) == 11


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'{"_type"', b' {"_type"'),
        (b',"predicate"', b', "predicate"'),
        (b"ML-Model", rb"ML\u002dModel"),
        (b"}}}", b"}}}\n"),
        (b"}}}", b"}}} "),
        (b'"size":14', b'"size":014'),
        (b'"size":14', b'"size":14.0'),
        (b'"sequence":1', b'"sequence":0'),
        (b'"sequence":1', b'"sequence":9007199254740992'),
        (b'"sequence":1', b'"sequence":"1"'),
        (b'"artifact":"ML-Model","version":"1.0.0"', b'"version":"1.0.0","artifact":"ML-Model"'),
        (b'"expires":null', b'"expires":null,"expires":null'),
        (b"model.bin", b"../model.bin"),
        (b"model.bin", b".."),
        (b"model.bin", rb"model\\bin"),
        (b"model.bin", b"model\0bin"),
        (b"model.bin", b"model\xc2\x85bin"),
        (b"model.bin", b"model\xffbin"),
        (b"model.bin", b""),
        (b"model.bin", b"x" * 256),
    ],
)
def test_a_signed_payload_in_another_spelling_is_refused(
    device: Device, old: bytes, new: bytes
) -> None:
    payload = encode_json(statement_value())
    assert payload.count(old) == 1
    assert device.judge(signed(payload)) == 0
    assert device.judge(signed(payload.replace(old, new))) == 11


NAMES = [
    'say "hi"',
    "back\\slash",
    "$(touch owned)",
    "`id`",
    "a'b",
    "*",
    "[a-z]",
    "%s%n\\n",
    "-n",
    "é\u202e中",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_compared_as_they_are(device: Device, name: str) -> None:
    statement = signed(statement_value(artifact=name, target=name, version=name))
    assert device.judge(statement, "--artifact", name, "--target", name) == 0
    assert device.judge(statement, "--artifact", "ML-Model") == 4
    assert device.judge(signed(statement_value()), "--artifact", name) == 4
    assert not (device.folder / "owned").exists()


def test_the_file_name_is_never_more_than_a_name(device: Device) -> None:
    for name in ('a"b\\c', "$(touch owned)", "new\nline", "\x1b[2K", " ", "é"):
        path = device.write(name, CONTENT)
        device.write(f"{name}.statement.json", encode_json(statement_envelope()))
        assert device.run(path.name).returncode == 0
    assert not (device.folder / "owned").exists()
    device.write("--help", CONTENT)
    device.write("--help.statement.json", encode_json(statement_envelope()))
    assert device.run("--help").returncode == 2
    assert device.run("./--help").returncode == 0


def test_signatures_are_counted_by_distinct_keys(device: Device) -> None:
    keys = [device.key(f"{key.name}.pem", key) for key in (PROD, SPARE, STATION)]
    device.pin(*keys, arguments=("--threshold", "2"))
    assert device.judge(signed_by(PROD, STATION)) == 0
    assert device.judge(signed_by(STRANGER, SPARE, PROD)) == 0
    assert device.judge(signed_by(PROD)) == 17
    assert device.judge(signed_by(PROD, STRANGER)) == 17
    assert device.judge(signed_by(PROD, PROD)) == 11
    assert device.judge(signed_by(STRANGER)) == 11
    bad = json.loads(signed_by(PROD, SPARE, STATION))
    bad["signatures"][1]["sig"] = bad["signatures"][0]["sig"]
    assert device.judge(encode_json(bad)) == 11  # even though two others would do


def test_a_stranger_and_another_key_under_a_pinned_keyid_are_refused(device: Device) -> None:
    assert device.judge(signed_by(STRANGER)) == 11
    forged = json.loads(signed_by(STRANGER))
    forged["signatures"][0]["keyid"] = PROD.public_key.keyid
    assert device.judge(encode_json(forged)) == 11


def test_the_registry_signature_is_checked_as_well(device: Device) -> None:
    good, raw = blind(PROD), blind(PROD, DIGEST)
    assert device.code("--signature", good.upper()) == 0
    assert device.code("--signature", raw) == 0
    assert device.code("--signature", blind(STRANGER), "--signature", good) == 0
    assert device.code("--signature", blind(STRANGER)) == 4
    assert device.code("--signature", blind(PROD, CONTENT)) == 4
    assert device.code("--signature", blind(PROD, DIGEST.hex().upper().encode())) == 4
    assert device.code("--signature", good[:-2] + "ff") == 4
    for malformed in (
        good[:-1],
        good + "00",
        good[:-1] + "g",
        " " + good[1:],
        good[:64] + "\n" + good[65:],
    ):
        assert device.code("--signature", malformed) == 3
    # It never stands in for the statement.
    assert device.judge(signed_by(STRANGER), "--signature", good) == 11


def test_the_registry_signature_alone(device: Device) -> None:
    keys = [device.key(f"{key.name}.pem", key) for key in (PROD, SPARE)]
    one, two = ["--signature", blind(PROD)], ["--signature", blind(SPARE)]
    assert device.run("model.bin", "--no-statement", *one).stdout.decode() == (
        f"verified: model.bin\nSHA-256   {DIGEST.hex()}\n"
    )
    device.pin(*keys, arguments=("--threshold", "2"))
    assert device.code("--no-statement", *one, *two) == 0
    assert device.code("--no-statement", *one) == 17
    assert device.code("--no-statement", *one, *one) == 17
    assert device.code("--no-statement", *one, "--signature", blind(PROD, DIGEST)) == 17
    assert device.code("--no-statement", *one, *two, "--floor", "1") == 2
    assert device.code("--no-statement", *one, *two, "--target", "any") == 2
    assert device.code("--no-statement") == 2
    device.write("model.bin", b"another")
    assert device.code("--no-statement", *one, *two) == 4


def trust(device: Device, **role: Any) -> None:
    value = trust_value(expires="2036-01-01T00:00:00Z")
    value["roles"]["release"].update(role)
    path = device.write("trust.json", trust_file(value))
    device.pin(arguments=("--trust", path))


def test_a_trust_root_is_pinned_with_its_scope_and_expiry(device: Device) -> None:
    trust(device)
    assert device.code() == 0
    assert device.code("--now", "2036-01-01T00:00:00Z") == 15
    assert device.judge(encode_json(statement_envelope(artifact="Firmware"))) == 4
    assert device.judge(encode_json(statement_envelope(target="riscv64-linux"))) == 4
    assert device.code("--signature", blind(SPARE)) == 0
    assert device.code("--no-statement", "--signature", blind(PROD)) == 4
    trust(device, threshold=2)
    assert device.code() == 17
    assert device.judge(signed_by(SPARE, PROD)) == 0


def test_globs_are_no_shell_patterns(device: Device) -> None:
    trust(device, artifacts=["a[b]?*c'd\\", "é*$(touch owned)", "ends*"], targets=["*"])
    for name, code in {
        "a[b]?c'd\\": 0,
        "a[b]?xyzc'd\\": 0,
        "ab?c'd\\": 4,
        "a[b]xc'd\\": 4,
        "é\u0081"[0] + "Á$(touch owned)": 0,
        "ends": 0,
        "xends": 4,
    }.items():
        assert device.judge(signed(statement_value(artifact=name))) == code, name
    assert not (device.folder / "owned").exists()


def test_usage_and_files(device: Device) -> None:
    assert device.run().returncode == 2
    assert device.run("--help").returncode == 2  # 0 means verified, and nothing else
    for wrong in (
        ["other"],
        ["--what"],
        ["--floor", "-1"],
        ["--floor", "1x"],
        ["--floor", str(2**53)],
        ["--floor"],
        ["--artifact", ""],
        ["--now", "yesterday"],
        ["--now", "2026-02-29T00:00:00Z"],
    ):
        assert device.code(*wrong) == 2, wrong
    assert device.code("--statement", "missing.json") == 8
    assert device.run("missing.bin").returncode == 8
    assert device.run(".").returncode == 8
    assert device.run("/dev/zero", "--statement", "model.bin.statement.json").returncode == 8
    assert device.code("--statement", "/dev/zero") == 8


def test_a_verdict_that_nobody_gets_is_none(device: Device) -> None:
    shell = " ".join(device.shell)
    for redirect in (">/dev/full", ">&-"):
        command = f"exec {shell} verify.sh model.bin {redirect} 2>/dev/null"
        done = subprocess.run(["bash", "-c", command], cwd=device.folder, check=False)
        assert done.returncode == 8


def test_a_verifier_that_is_cut_off_never_says_yes(device: Device) -> None:
    whole = (device.folder / "verify.sh").read_bytes()
    ends = {match.end() for match in re.finditer(rb"\n", whole)}
    pinned = whole.index(b"# ---- Saying no")
    cuts = sorted(end for end in ends if whole[:end].count(b"\n") > 1)
    # One in seven, all around the last function, and the last line letter by letter.
    chosen = cuts[:12] + cuts[12::7] + [end for end in cuts if pinned < end][-30:]
    chosen = sorted({*chosen, *range(len(whole) - 12, len(whole) - 1)} - {len(whole)})
    for end in chosen:
        done = device.run_file(device.write("cut.sh", whole[:end]), "model.bin")
        assert done.returncode != 0 or end == len(whole) - 1, end
    assert whole.endswith(LAST_LINE.encode())


def test_an_openssl_that_cannot_verify_is_said(device: Device) -> None:
    openssl = device.tools / "openssl"
    real = openssl.resolve()
    for version in ("OpenSSL 1.1.1w  11 Sep 2023", "LibreSSL 3.9.2", ""):
        openssl.unlink(missing_ok=True)
        openssl.write_text(f'#!/bin/sh\n[ "$1" = version ] && echo "{version}"\n')
        openssl.chmod(0o755)
        done = device.run("model.bin")
        assert done.returncode == 4
        assert b"expected OpenSSL 3.0 or newer, got" in done.stderr
    openssl.unlink()
    assert b"expected the program openssl" in device.run("model.bin").stderr
    openssl.symlink_to(real)
    assert device.code() == 0


@pytest.mark.parametrize("tool", TOOLS)
def test_without_a_tool_nothing_is_verified(device: Device, tool: str) -> None:
    (device.tools / tool).unlink()
    done = device.run("model.bin")
    assert done.returncode == 4
    assert f"expected the program {tool}".encode() in done.stderr
    if tool != "rm":  # which only removes what is left
        (device.tools / tool).symlink_to(shutil.which("false") or "")  # it is there and fails
        assert device.run("model.bin").returncode != 0


@pytest.mark.parametrize("shell", SHELLS)
def test_hexdump_does_where_there_is_no_od(shell: str, tmp_path: Path) -> None:
    require("hexdump")
    device = Device(tmp_path, shell, tools=[*(set(TOOLS) - {"od"}), "hexdump"])
    assert device.code("--signature", blind(PROD)) == 0


def test_the_environment_changes_nothing(device: Device) -> None:
    hostile = {
        "PATH": "/nowhere",
        "LC_ALL": "C.UTF-8",
        "IFS": "0123456789abcdef",
        "work": "x",
        "OPENSSL_CONF": "/nowhere",
        "verdict": "0",
        "hex": "1",
        "ENV": "/nowhere",
        "POSIXLY_CORRECT": "1",
    }
    done = subprocess.run(
        [shutil.which(device.shell[0]) or "", *device.shell[1:], "verify.sh", "model.bin"],
        cwd=device.folder,
        env=hostile,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_it_needs_a_folder_that_can_be_written(device: Device) -> None:
    assert device.run("model.bin", TMPDIR="/nowhere").returncode == 8


def test_shellcheck_finds_nothing(tmp_path: Path) -> None:
    require("shellcheck")
    key, trust_path = Device(tmp_path, "bash").folder / "public.pem", tmp_path / "trust.json"
    trust_path.write_bytes(trust_file())
    for arguments in (("--key", key), ("--trust", trust_path)):
        output = tmp_path / "checked.sh"
        assert build(*arguments, output=output).returncode == 0
        done = subprocess.run(
            ["shellcheck", "--shell=sh", output], capture_output=True, text=True, check=False
        )
        assert done.stdout == ""


def test_what_is_pinned_is_checked_first(tmp_path: Path) -> None:
    device = Device(tmp_path, "bash")
    key, output = device.folder / "public.pem", tmp_path / "made.sh"
    first, again = tmp_path / "first.sh", tmp_path / "again.sh"
    assert build("--key", key, output=first).returncode == 0
    assert build("--key", key, output=again).returncode == 0
    assert first.read_bytes() == again.read_bytes()
    identity = device.write("identity.hex", b"01" + b"00" * 31)
    expired = device.write("expired.json", trust_file(trust_value(expires="2026-01-02T00:00:00Z")))
    forged = device.write("forged.json", trust_file(signer=REQUESTER))
    for arguments, code in (
        (("--key", identity), 4),
        (("--key", key, "--key", key, "--threshold", "2"), 2),
        (("--key", tmp_path / "missing.pem"), 8),
        (("--trust", expired), 15),
        (("--trust", forged), 14),
        (("--trust", device.write("trust.json", trust_file()), "--threshold", "1"), 2),
        ((), 2),
    ):
        done = build(*arguments, output=output)
        assert (done.returncode, done.stderr.count("Traceback")) == (code, 0), done.stderr
        assert not output.exists()


def test_the_page_names_every_tool() -> None:
    page = HOWTO.read_text("utf-8")
    assert all(f"`{tool}`" in page for tool in TOOLS)
