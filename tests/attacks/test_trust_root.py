"""The trust root under attack: the cases of tuf-conformance that concern it, under their own names.

Attacker: stands between the vendor and the device, and may hold keys that are not enough. Reference
R06 (tuf-conformance, names only); rows P07, P08, P11, P12 and P27 of the attack list. Each refusal
has a code of its own.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from typing import Any

import pytest

from signkit.errors import RollbackError, TrustError
from signkit.formats.envelope import envelope_value
from signkit.formats.trust import encode_trust, new_draft, sign_draft
from signkit.trust.edit import (
    RoleChange,
    add_key,
    next_version,
    remove_key,
    replaced,
    set_expiry,
    set_role,
)
from signkit.verify import limits
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_base64, encode_json
from signkit.verify.trust import (
    PAYLOAD_TYPE,
    Trust,
    covering_roles,
    follow_trust,
    load_trust,
    parse_trust,
)
from tests.support.keys import PROD, SPARE, STRANGER, KeyOfTest
from tests.support.trust_roots import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    ERIN,
    FRANK,
    GINA,
    ISSUED,
    first,
    signed,
    signed_file,
    value_of,
)

FIRST = load_trust(signed_file(first(), ALICE, BOB, CAROL))


def offer(data: bytes, current: Trust | None) -> Trust:
    """Give a file to a device: as its first trust root, or as the next one."""
    return load_trust(data) if current is None else follow_trust(current, data)


def refused(
    data: bytes, reason: str, said: str | None = None, *, current: Trust | None = None
) -> None:
    with pytest.raises(TrustError, match=said) as caught:
        offer(data, current)
    assert caught.value.reason == reason


def following(trust: Trust, *signers: KeyOfTest, **changes: Any) -> bytes:
    """The next version, signed by keys that need not suffice."""
    return signed(value_of(next_version(trust, issued=ISSUED)) | changes, *signers)


def test_duplicate_keys() -> None:
    """Move: lists one key twice in a role, to reach a threshold alone."""
    value = value_of(first())
    root = value["roles"]["root"]
    root["keys"] = [ALICE.public_key.keyid] * 5
    refused(signed(value, ALICE), "malformed", "is unknown or named twice")


def test_duplicate_keys_under_two_keyids() -> None:
    """Move: lists one key under a second keyid, upper-case or made up (P07)."""
    for keyid, reason in ((ALICE.public_key.keyid.upper(), "not-canonical"), ("ab" * 32, "malf")):
        value = value_of(first())
        value["keys"][keyid] = value["keys"][ALICE.public_key.keyid]
        value["roles"]["root"]["keys"].append(keyid)
        with pytest.raises(TrustError) as caught:
            load_trust(signed(value, ALICE, BOB, CAROL))
        assert (caught.value.reason or "").startswith(reason)


def test_duplicate_keys_in_the_json_object() -> None:
    """Move: names one keyid twice in the object, hoping that two readers take different ones."""
    text = encode_trust(first()).decode()
    member = text[text.index('"keys":{') + len('"keys":{') :].split("},", 1)[0] + "},"
    twice = text.replace('"keys":{', '"keys":{' + member, 1)
    refused(signed(twice.encode(), ALICE, BOB, CAROL), "malformed", "twice in one object")


def test_duplicate_sig_keyids() -> None:
    """Move: signs twice with one key."""
    data = following(FIRST, ALICE, ALICE, BOB)
    refused(data, "malformed", "one key signed twice; a key counts once", current=FIRST)


@pytest.mark.parametrize(
    "change",
    [
        {"keytype": "ed25519"},
        {"scheme": "ed25519"},
        {"keytype": "rsa", "scheme": "rsassa-pss-sha256"},
        {"public_key": 7},
        {"public_key": "AAAA"},
    ],
)
def test_keytype_and_scheme(change: dict[str, Any]) -> None:
    """A key has no type to be confused about: 32 bytes of Ed25519, and no other field."""
    value = value_of(first())
    value["keys"][ALICE.public_key.keyid] |= change
    refused(signed(value, ALICE, BOB, CAROL), "malformed", "keys")


def test_unsigned_initial_root() -> None:
    refused(signed(value_of(first())), "malformed", "signatures: expected at least 1 members")


def test_unsigned_metadata() -> None:
    refused(following(FIRST), "malformed", "expected at least 1 members", current=FIRST)


def test_invalid_initial_root() -> None:
    refused(b'{"signed":{},"signatures":[]}', "malformed")
    refused(signed(value_of(first()), ALICE, BOB), "threshold", "3 distinct keys, got 2")
    refused(signed(value_of(first()), PROD, SPARE, STRANGER), "unknown-key")


@pytest.mark.parametrize(
    "kind",
    [
        "application/vnd.in-toto+json",
        "application/vnd.signkit.request.v1+json",
        "application/vnd.signkit.trust.v2+json",
        "",
    ],
)
def test_incorrect_metadata_type(kind: str) -> None:
    data = signed(value_of(first()), ALICE, BOB, CAROL, kind=kind)
    refused(data, "malformed", "payloadType: expected")


def test_the_type_is_signed() -> None:
    """Move: puts a payload that was signed under another type into a trust root's envelope."""
    data = signed(value_of(first()), ALICE, BOB, CAROL, kind="application/vnd.in-toto+json")
    relabelled = data.replace(b"application/vnd.in-toto+json", PAYLOAD_TYPE.encode())
    refused(relabelled, "signature-invalid")


def test_url_and_metadata_version_mismatch() -> None:
    """Move: serves version 3, signed by all, where version 2 is asked for."""
    third = next_version(next_version(FIRST, issued=ISSUED), issued=ISSUED)
    data = signed(value_of(third), ALICE, BOB, CAROL)
    refused(data, "version-gap", "version 2 is missing: got version 3 first", current=FIRST)


def test_root_expired() -> None:
    """Expiry is the last version's, and the verdict's to ask: the chain goes on over an old one."""
    second = follow_trust(FIRST, following(FIRST, ALICE, BOB, CAROL, expires=ISSUED))
    assert second.expires == ISSUED
    third = next_version(set_expiry(second, None), issued=ISSUED)
    assert follow_trust(second, signed(value_of(third), ALICE, BOB, CAROL)).expires is None


@pytest.mark.parametrize("version", [1, 2])
def test_root_rollback(version: int) -> None:
    second = follow_trust(FIRST, following(FIRST, ALICE, BOB, CAROL))
    with pytest.raises(RollbackError) as caught:
        follow_trust(second, signed(value_of(second) | {"version": version}, ALICE, BOB, CAROL))
    assert caught.value.exit_code == 16


def test_root_rotation() -> None:
    """Every root key is replaced, one version at a time, and each step is followed."""
    trust, keys = FIRST, [ALICE, BOB, CAROL, DAVE, ERIN]
    coming = [FRANK, GINA, PROD, SPARE, STRANGER]
    for old, new in zip([*keys], coming, strict=True):
        drafted = next_version(trust, issued=ISSUED)
        drafted = add_key(drafted, new.public_key, name=new.name, roles=["root"])
        drafted = remove_key(drafted, old.public_key, roles=["root"])
        signers = [*(key for key in keys if key != old)][:3]
        trust = follow_trust(trust, signed_file(drafted, *signers, current=trust))
        keys = [*(key for key in keys if key != old), new]
    assert trust.version == 6
    assert set(trust.root.keys) == {key.public_key.keyid for key in coming}
    refused(following(trust, ALICE, BOB, CAROL), "unknown-key", current=trust)


def test_root_rotation_by_the_new_keys_alone() -> None:
    """Move: makes a version that names his own keys as root, and signs it with them."""
    own = RoleChange(keys={"a": STRANGER.public_key, "b": FRANK.public_key}, threshold=1)
    taken = set_role(next_version(FIRST, issued=ISSUED), "root", own)
    data = signed(value_of(taken), STRANGER, FRANK)
    refused(data, "unknown-key", "under the root role of version 1", current=FIRST)


def test_root_rotation_by_the_old_keys_alone() -> None:
    own = RoleChange(keys={"a": STRANGER.public_key, "b": FRANK.public_key}, threshold=2)
    drafted = set_role(next_version(FIRST, issued=ISSUED), "root", own)
    data = signed(value_of(drafted), ALICE, BOB, CAROL)
    refused(data, "unknown-key", "under the root role of version 2", current=FIRST)
    data = signed(value_of(drafted), ALICE, BOB, CAROL, FRANK)
    refused(data, "threshold", "version 2: expected .* 2 distinct keys, got 1", current=FIRST)


def test_root_does_not_meet_threshold() -> None:
    data = following(FIRST, ALICE, BOB)
    refused(data, "threshold", "3 distinct keys, got 2", current=FIRST)


def test_root_has_too_few_keys() -> None:
    value = value_of(first())
    value["roles"]["root"]["keys"] = value["roles"]["root"]["keys"][:2]
    refused(signed(value, ALICE, BOB, CAROL), "malformed", "threshold: expected 1 to 2, got 3")


def test_non_root_rotations() -> None:
    """The release key is replaced: what it signs stops, what the new one signs starts."""
    drafted = next_version(FIRST, issued=ISSUED)
    drafted = add_key(drafted, FRANK.public_key, name="frank", roles=["release"])
    drafted = remove_key(drafted, PROD.public_key)
    second = follow_trust(FIRST, signed_file(drafted, ALICE, BOB, CAROL, current=FIRST))
    (role,) = covering_roles(second, artifact="ML-1", target="aarch64-x")
    assert FRANK.public_key.keyid in role.keys
    assert PROD.public_key.keyid not in role.keys


def test_release_keys_sign_no_root() -> None:
    refused(following(FIRST, PROD, SPARE), "unknown-key", current=FIRST)


def test_root_fast_forward_recovery() -> None:
    """Move: with stolen root keys jumps to the highest version, so that no other can follow.

    One version follows another, so a jump is refused. Whoever holds a threshold of root keys could
    still walk there; then devices have to be provisioned again, as TUF says too.
    """
    jump = signed(value_of(FIRST) | {"version": limits.INTEGER_MAX}, ALICE, BOB, CAROL)
    refused(jump, "version-gap", current=FIRST)
    last = replaced(FIRST, version=limits.INTEGER_MAX)
    over = value_of(FIRST) | {"version": limits.INTEGER_MAX + 1}
    refused(signed(over, ALICE, BOB, CAROL), "malformed", "at most 53 bits", current=last)
    assert load_trust(jump).version == limits.INTEGER_MAX  # recovery: provisioned anew, below it
    assert load_trust(signed_file(first(), ALICE, BOB, CAROL)).version == 1


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/abs",
        "%2e%2e",
        "?",
        "#",
        "a b",
        ".",
        "..",
        "CON",
        "\u0440\u043e\u043b\u044c",
        "ROOT",
        "-rf",
    ],
)
def test_unusual_role_name(name: str) -> None:
    """A role's name is for people: any label, never a path, and `ROOT` is not `root` (P12)."""
    change = RoleChange(keys={"frank": FRANK.public_key})
    drafted = set_role(next_version(FIRST, issued=ISSUED), name, change)
    second = follow_trust(FIRST, signed_file(drafted, ALICE, BOB, CAROL, current=FIRST))
    assert second.roles[name].name == name
    assert second.root == FIRST.root


@pytest.mark.parametrize("name", ["", "a\0b", "a\nb", "\x1b[2J", "x" * 129])
def test_role_name_that_is_no_label(name: str) -> None:
    value = value_of(first())
    value["roles"][name] = value["roles"]["release"]
    with pytest.raises(TrustError, match=r"trust root\.roles: a name"):
        load_trust(signed(value, ALICE, BOB, CAROL))


@pytest.mark.parametrize("role", ["root", "release"])
@pytest.mark.parametrize(
    "text", ["0", "-1", None, "null", '"1"', "1.0", "true", str(2**64), "6", "1e0", "[1]", "{}"]
)
def test_threshold(role: str, text: str | None) -> None:
    """Move: has a trust root accepted whose threshold asks for nothing, or for another thing (P08)."""
    value = value_of(first(threshold=3, release=2))
    taken = value["roles"][role].pop("threshold")
    assert taken in (2, 3)
    member = encode_json(value["roles"][role]).decode()
    broken = member if text is None else member[:-1] + f',"threshold":{text}}}'
    payload = encode_json(value).decode().replace(member, broken)
    refused(signed(payload.encode(), ALICE, BOB, CAROL), "malformed")


def _many_keys(count: int) -> bytes:
    value = value_of(first())
    for number in range(count):
        raw = compute_digest(number.to_bytes(4, "big"))
        value["keys"][compute_digest(raw).hex()] = {"name": "x", "public_key": encode_base64(raw)}
    return encode_json(value)


def _many_signatures(count: int) -> bytes:
    signature = {"keyid": "ab" * 32, "sig": encode_base64(bytes(64))}
    members = ",".join([json.dumps(signature)] * count)
    payload = b64encode(encode_trust(first())).decode()
    return (
        f'{{"payloadType":"{PAYLOAD_TYPE}","payload":"{payload}","signatures":[{members}]}}'
    ).encode()


@pytest.mark.parametrize(
    "data",
    [
        signed(_many_keys(100_000), ALICE, BOB, CAROL),
        signed(_many_keys(15_000), ALICE, BOB, CAROL),  # as many as fit into the file
        _many_signatures(100_000),
        _many_signatures(20_000),
    ],
    ids=["keys", "keys-that-fit", "signatures", "signatures-that-fit"],
)
def test_a_hundred_thousand_are_refused_in_under_a_second(data: bytes) -> None:
    """Move: makes a device count for ever (P11)."""
    begun = time.perf_counter()
    with pytest.raises(TrustError) as caught:
        follow_trust(FIRST, data)
    assert time.perf_counter() - begun < 1
    assert caught.value.reason in {"too-large", "malformed"}


def test_a_signature_over_another_spelling_of_the_same_value() -> None:
    """Move: re-encodes the payload. The bytes are signed, not what they mean."""
    draft = new_draft(first())
    made = [sign_draft(draft, key) for key in (ALICE, BOB, CAROL)]
    spaced = json.dumps(json.loads(draft.payload)).encode()
    assert parse_trust(spaced) == draft.trust
    refused(encode_json(envelope_value(PAYLOAD_TYPE, spaced, made)), "signature-invalid")
