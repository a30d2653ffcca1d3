"""The registry's manifest as its devices read it, and what they do not check (contract 5.1, 5.2).

Each test that beats them names the line of 5.2 that it beats.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from signkit.device.manifest import parse_manifest
from signkit.errors import SignkitError
from signkit.schemes.peridio import compute_message
from signkit.verify.digest import Sha256, compute_digest
from signkit.verify.ed25519 import enrol_public_key
from signkit.verify.encoding import canonical_json, encode_base64, encode_json
from signkit.verify.pem import encode_pem
from signkit.verify.public_key import encode_public_der
from signkit.verify.verdict import role_of_keys, verify_registry_signatures
from tests.interop import test_registry
from tests.support.device import Device
from tests.support.documents import CONTENT, statement_envelope, trust_file, trust_value
from tests.support.keys import PROD, SPARE, STRANGER, KeyOfTest

DIGEST = compute_digest(CONTENT)
METADATA = {"peridiod": {"installer": "file", "installer_opts": {"path": "/opt"}}}


def signature(key: KeyOfTest = PROD, **changes: Any) -> dict[str, Any]:
    """One entry as the registry sends it."""
    return {
        "signature": key.sign(compute_message(DIGEST)).hex().upper(),
        "public_value": encode_base64(key.public_key.raw),
        "keyid": "00" * 32,
        "signing_key_prn": "prn:1:x",
        **changes,
    }


def item(*signatures: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """One item, with the statement in its custom metadata."""
    said = changes.pop("statement", statement_envelope(custom_metadata=METADATA))
    return {
        "binary_prn": "prn:1:b",
        "hash": DIGEST.hex(),
        "size": len(CONTENT),
        "target": "aarch64-unknown-linux",
        "url": "ignored",
        "signatures": list(signatures) or [signature()],
        "custom_metadata": {**METADATA, "signkit": said},
        **changes,
    }


def judged(device: Device, *items: Any, options: tuple[str, ...] = ("--key", "public.pem")) -> int:
    device.write("manifest.json", encode_json(list(items)))
    return device.run("model.bin", *options, "--manifest", "manifest.json")


def test_an_item(device: Device) -> None:
    assert judged(device, item()) == 0
    assert f"registry  {PROD.public_key.keyid}" in device.out
    assert "artifact  ML-Model" in device.out


def test_an_object_that_holds_the_list(device: Device) -> None:
    device.write("manifest.json", encode_json({"id": 1, "manifest": [item()], "x": None}))
    assert device.run("model.bin", "--key", "public.pem", "--manifest", "manifest.json") == 0


def test_every_spelling_that_devices_take(device: Device) -> None:
    """[M] hex in any case; PEM or base64 raw keys; raw-32 and hex-text messages."""
    blind = PROD.sign(compute_message(DIGEST)).hex()
    pem = encode_pem("PUBLIC KEY", encode_public_der(PROD.public_key)).decode()
    for change in (
        {"signature": blind},
        {"signature": blind.upper()},
        {"signature": blind[:64] + blind[64:].upper()},
        {"signature": PROD.sign(DIGEST).hex()},
        {"public_value": pem},
        {"public_value": pem.rstrip()},
    ):
        assert judged(device, item({**signature(), **change})) == 0, change
    for digest in (DIGEST.hex().upper(), DIGEST.hex()[:32] + DIGEST.hex()[32:].upper()):
        assert judged(device, item(hash=digest)) == 0


def test_a_message_that_nobody_signs(device: Device) -> None:
    """Never accepted anywhere: upper-case hex text, the content itself."""
    for message in (DIGEST.hex().upper().encode(), CONTENT, DIGEST.hex().encode() + b"\n"):
        wrong = signature(signature=PROD.sign(message).hex())
        assert judged(device, item(wrong)) == 4


def test_beats_exactly_one_signature(device: Device) -> None:
    """[B] any number of signatures: they crash on 0 and on 2, and threshold 2 can never succeed."""
    assert judged(device, item(signatures=[])) == 4
    assert judged(device, item(signature(), signature(SPARE))) == 0
    assert judged(device, item(signature(STRANGER), signature())) == 0
    assert judged(device, item(*[signature(STRANGER)] * 63, signature())) == 0
    assert judged(device, item(*[signature(STRANGER)] * 64, signature())) == 3


def two_of_two(device: Device) -> tuple[str, ...]:
    value = trust_value()
    value["roles"]["release"]["threshold"] = 2
    return ("--trust", device.write("two.json", trust_file(value)))


def both_signed() -> dict[str, Any]:
    said = statement_envelope(custom_metadata=METADATA)
    said["signatures"] += statement_envelope(SPARE, custom_metadata=METADATA)["signatures"]
    return said


def test_beats_counting_before_verifying(device: Device) -> None:
    """[B] distinct keys that verify, not entries that name a trusted key."""
    options, said = two_of_two(device), both_signed()
    named = signature(SPARE, signature=signature(STRANGER)["signature"])
    for signatures, code in (
        ((signature(), signature(SPARE)), 0),
        ((signature(), signature()), 17),  # one key twice
        ((signature(), signature(signature=PROD.sign(DIGEST).hex())), 17),  # in both ways
        ((signature(), named), 17),  # names a trusted key, and does not verify
        ((named, named), 4),
    ):
        assert judged(device, item(*signatures, statement=said), options=options) == code


def test_beats_keys_out_of_the_manifest(device: Device) -> None:
    """[B] keys are resolved from what is trusted here, never from public_value."""
    assert judged(device, item(signature(STRANGER))) == 4
    # Signed by a trusted key and said to be of another: that one did not sign.
    other = encode_base64(STRANGER.public_key.raw)
    assert judged(device, item(signature(public_value=other))) == 4


@pytest.mark.parametrize(
    "value", ["", "x", "A" * 44, "-----BEGIN PUBLIC KEY-----", "\u00e4", "AQ" + "A" * 41 + "="]
)
def test_beats_keys_that_are_none(device: Device, value: str) -> None:
    """[B] an entry with a key of another kind is none of ours, and harms none of ours."""
    assert judged(device, item(signature(public_value=value))) == 4
    assert judged(device, item(signature(public_value=value), signature())) == 0


def test_beats_bytes_before_the_verdict(device: Device) -> None:
    """[B] verify before bytes are handed over; [B] hash what is on disk, never a stream."""
    out = device.folder / "out"
    device.write("manifest.json", encode_json([item(signature(STRANGER))]))
    arguments = [
        "model.bin",
        "--key",
        "public.pem",
        "--manifest",
        "manifest.json",
        "--output",
        "out",
    ]
    assert device.run(*arguments) == 4
    assert not out.exists()
    device.write("manifest.json", encode_json([item()]))
    device.write("model.bin", b"left over" + CONTENT)
    assert device.run(*arguments) == 10
    assert not out.exists()
    device.write("model.bin", CONTENT)
    assert device.run(*arguments) == 0
    assert out.read_bytes() == CONTENT


def test_beats_null(device: Device) -> None:
    """[B] null-safe: signatures, custom metadata, a missing installer."""
    assert judged(device, item(signatures=None)) == 4
    assert judged(device, item(custom_metadata=None)) == 11  # no statement: demanded, so refused
    assert judged(device, item(target=None)) == 0
    bare = {name: item()[name] for name in ("hash", "size")}
    assert judged(device, bare) == 11
    blind = ("--key", "public.pem", "--no-statement")
    assert judged(device, item(custom_metadata=None), options=blind) == 0
    assert judged(device, item(signatures=None), options=blind) == 4
    device.release(1)
    plain = {**item(statement=statement_envelope()), "custom_metadata": None}
    plain["custom_metadata"] = {"signkit": statement_envelope()}
    assert judged(device, plain) == 0  # no installer


def test_beats_unsigned_metadata(device: Device) -> None:
    """[B] sign and check metadata: the installer and its path are the server's word on devices."""
    said = item()["custom_metadata"]["signkit"]
    other = {"peridiod": {"installer": "file", "installer_opts": {"path": "/etc"}}}
    for metadata in (other, {}, {**METADATA, "x": 1}):
        assert judged(device, item(custom_metadata={**metadata, "signkit": said})) == 10
        assert "custom metadata" in device.err


def test_beats_order_and_expiry(device: Device) -> None:
    """[B] order, version, anti-rollback and expiry: they have none."""
    later = item(statement=statement_envelope(custom_metadata=METADATA, sequence=2))
    state = ("--state", "state", "--now", "2026-06-01T00:00:00Z")
    assert judged(device, later, options=state) == 0
    assert judged(device, item(), options=state) == 16
    ended = statement_envelope(custom_metadata=METADATA, sequence=3, expires="2026-01-31T12:00:01Z")
    assert judged(device, item(statement=ended), options=state) == 15


def test_beats_a_map_that_loses_its_order(device: Device) -> None:
    """[B] canonical JSON: theirs loses the order beyond 32 names."""
    many = {f"name{place:02}": place for place in range(40)}
    said = statement_envelope(custom_metadata=many)
    turned = dict(reversed(list(many.items())))
    assert judged(device, item(custom_metadata={**turned, "signkit": said})) == 0
    assert canonical_json(turned) == canonical_json(many)


def test_the_target_of_an_item(device: Device) -> None:
    """[M] per-target filtering; and what the registry says has to be what was signed."""
    arm, x86 = item(), item(target="x86")
    here = ("--key", "public.pem", "--target", "aarch64-unknown-linux")
    assert judged(device, arm, x86, options=here) == 0
    assert judged(device, arm, x86) == 4  # which of the two?
    assert judged(device, x86) == 4
    assert judged(device, x86, options=here) == 4


def test_content_that_is_not_in_it(device: Device) -> None:
    device.write("model.bin", CONTENT.upper())
    assert judged(device, item()) == 10
    assert "is not in the manifest" in device.err
    device.write("model.bin", CONTENT)
    assert judged(device, item(size=len(CONTENT) + 1)) == 10
    assert judged(device) == 10


def test_several_files(device: Device) -> None:
    second = b"second"
    digest = compute_digest(second)
    blind = signature(signature=PROD.sign(compute_message(digest)).hex())
    said = statement_envelope(
        size=6, digest={"sha256": digest.hex()}, artifact="ML-2", custom_metadata=METADATA
    )
    device.write("second.bin", second)
    device.write(
        "manifest.json",
        encode_json([item(), item(blind, hash=digest.hex(), size=6, statement=said)]),
    )
    arguments = ["--key", "public.pem", "--manifest", "manifest.json", "--json"]
    assert device.run("model.bin", "second.bin", *arguments) == 0
    assert [each["artifact"] for each in json.loads(device.out)["files"]] == ["ML-Model", "ML-2"]
    device.write("second.bin", second + b"\0")
    assert device.run("model.bin", "second.bin", *arguments) == 10
    assert device.error["error"].startswith("second.bin is not in the manifest")


JUNK: list[Any] = [None, True, -1, 2**53 - 1, "", "x", [], {}, [[]], {"a": 1}]


def test_anything_at_every_place(device: Device) -> None:
    """Attacker: is the registry. Only refusals come out of the reader."""
    for junk in JUNK:
        values = [junk, [junk], {"manifest": junk}]
        values += [[{**item(), name: junk}] for name in item()]
        values += [[item(signature(**{name: junk}))] for name in signature()]
        for value in values:
            try:
                parse_manifest(encode_json(value))
            except SignkitError as error:
                code = error.exit_code
            else:
                code = 3
            assert code == 3
            device.write("manifest.json", encode_json(value))
            arguments = ["model.bin", "--key", "public.pem", "--manifest", "manifest.json"]
            assert device.run(*arguments) in {0, 3, 4, 10, 11}


# The registry's signature alone


def given(*keys: KeyOfTest) -> list[str]:
    return [f"--signature={key.sign(compute_message(DIGEST)).hex()}" for key in keys]


def test_a_signature_as_well(device: Device) -> None:
    key = ["--key", "public.pem"]
    assert device.run("model.bin", *key, *given(PROD)) == 0
    assert device.run("model.bin", *key, *given(STRANGER, PROD)) == 0
    assert device.run("model.bin", *key, *given(STRANGER)) == 4
    assert device.run("model.bin", *key, "--signature", "ab" * 63) == 3
    assert device.run("model.bin", *key, "--signature", "xy" * 64) == 3
    assert device.run("model.bin", *key, f"--signature={PROD.sign(DIGEST).hex().upper()}") == 0
    device.write("model.bin", CONTENT.upper())
    assert device.run("model.bin", *key, *given(PROD)) == 10


def test_by_too_few_keys(device: Device) -> None:
    options = [*two_of_two(device), "--statement", device.write("s", encode_json(both_signed()))]
    assert device.run("model.bin", *options, *given(PROD, SPARE)) == 0
    assert device.run("model.bin", *options, *given(PROD, PROD)) == 17


def test_alone(device: Device) -> None:
    blind = ["model.bin", "--no-statement"]
    assert device.run(*blind, "--key", "public.pem", *given(PROD)) == 0
    assert device.out.splitlines()[1:] == [
        f"SHA-256   {DIGEST.hex()}",
        f"registry  {PROD.public_key.keyid}",
    ]
    assert device.run(*blind, "--key", "public.pem", *given(SPARE)) == 4
    assert device.run(*blind, "--key", "public.pem") == 2
    for demand in (["--artifact", "x"], ["--target", "x"], ["--floor", "1"], ["--statement", "s"]):
        assert device.run(*blind, "--key", "public.pem", *given(PROD), *demand) == 2
    assert device.run(*blind, "--state", "state", *given(PROD)) == 2  # it has no sequence to hold


def test_alone_under_a_role_with_a_scope(device: Device) -> None:
    """Attacker: has a key of one product sign for another, which a blind signature cannot say."""
    blind = ["model.bin", "--no-statement", *given(PROD), "--trust"]
    assert device.run(*blind, "1.root.json") == 4
    assert "a registry signature names none" in device.err
    value = trust_value()
    value["roles"]["release"] |= {"artifacts": ["*"], "targets": ["x", "*"]}
    assert device.run(*blind, device.write("any.json", trust_file(value))) == 0
    value["roles"]["release"] |= {"not_after": "2026-01-02T00:00:00Z"}
    assert device.run(*blind, device.write("old.json", trust_file(value))) == 15
    assert device.run(*blind, "old.json", "--now", "none") == 0


@pytest.mark.parametrize("name", test_registry.ANSWERS)
def test_known_answers_of_a_device(name: str) -> None:
    """Contract 5.3: both messages count, the upper-case text does not."""
    key, digest, given_hex, _as_text = test_registry.ANSWERS[name]
    role = role_of_keys((enrol_public_key(bytes.fromhex(key), allow_test_keys=True),))
    offered = [(None, bytes.fromhex(given_hex))]
    if "upper-case" in name:
        with pytest.raises(SignkitError):
            verify_registry_signatures(Sha256(bytes.fromhex(digest)), offered, role=role)
    else:
        assert verify_registry_signatures(Sha256(bytes.fromhex(digest)), offered, role=role)
