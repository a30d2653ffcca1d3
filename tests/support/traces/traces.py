"""The traces themselves, in the order of the contract."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any
from uuid import uuid4

from nacl.signing import SigningKey

from tests.support.traces.client import Client

MIB = 1024 * 1024
Value = dict[str, Any]

_CONTENT = sha256(b"trace").digest() * (12 * MIB // 32)
_PARTS = (_CONTENT[: 5 * MIB], _CONTENT[5 * MIB : 10 * MIB], _CONTENT[10 * MIB :])
# The third is what the client sends, not what it means: the last part's range is wrong.
_RANGES = (
    "bytes 0-5242879/12582912",
    "bytes 5242880-10485759/12582912",
    "bytes 4194304-6291455/12582912",
)
_CREATED = (201,)


def artifacts_create(cli: Client) -> Value:
    """4.1."""
    body = {"custom_metadata": None, "description": None, "name": uuid4().hex}
    artifact: Value = cli.ask(
        "POST",
        "/artifacts",
        body,
        status=_CREATED,
        also=lambda made: (
            made.items() >= body.items()
            and made["prn"].startswith(f"{made['organization_prn']}:artifact:")
        ),
    )
    return artifact


def artifact_versions_create(cli: Client) -> Value:
    """4.2."""
    artifact = artifacts_create(cli)
    body = {
        "artifact_prn": artifact["prn"],
        "custom_metadata": None,
        "description": None,
        "version": "1.0.0",
    }
    version: Value = cli.ask(
        "POST",
        "/artifact_versions",
        body,
        status=_CREATED,
        also=lambda made: made.items() >= body.items(),
    )
    return version


def signing_keys_create(cli: Client, key: SigningKey | None = None) -> Value:
    """4.3."""
    public = bytes((key or SigningKey.generate()).verify_key)
    body = {"value": b64encode(public).decode(), "name": "demo key"}
    made: Value = cli.ask(
        "POST",
        "/signing_keys",
        body,
        status=_CREATED,
        also=lambda made: (
            made.items() >= body.items() and made["keyid"] == sha256(public).hexdigest()
        ),
    )
    return made


def binaries_create(cli: Client) -> None:
    """4.4, all of its ten steps, and what follows with `--device-prn`."""
    version = artifact_versions_create(cli)
    key = SigningKey.generate()
    enrolled = signing_keys_create(cli, key)
    cli.place = "4.4.2"
    _look_up(cli, version, lambda found: found == [])
    cli.place = "4.4.3"
    binary = _create(cli, version, _CONTENT)
    cli.place = "4.4.4"
    cli.ask("GET", f"/binaries/{binary['prn']}/parts", also=lambda parts: parts == [])
    cli.place = "4.4.5"
    _send_parts(cli, binary, (1, 2, 3))
    _hash(cli, binary, "4.4.6", "4.4.7", "4.4.8")
    cli.place = "4.4.9"
    _sign(cli, binary, key, enrolled)
    second = SigningKey.generate()
    _sign(cli, binary, second, signing_keys_create(cli, second))
    cli.place = "4.4.10"
    _move(cli, binary, "signed")
    cli.place = "4.4 with --device-prn"
    cli.ask("GET", f"/artifact_versions/{version['prn']}")
    artifact = cli.ask("GET", f"/artifacts/{version['artifact_prn']}")
    name = f"{artifact['name']}@1.0.0/any"
    # The client puts the name of the version where the binary's belongs.
    members = [{"prn": version["prn"], "custom_metadata": None}]
    cli.ask(
        "POST",
        "/bundles",
        {"binaries": members, "name": name},
        status=_CREATED,
        also=lambda made: (
            [each["prn"] for each in made["binaries"]] == [binary["prn"]]
            and isinstance(made["hash"], str)
            and "artifact_versions" not in made
        ),
    )


def zero_bytes(cli: Client) -> None:
    """4.4 of a file that is empty: no parts at all."""
    binary = _create(cli, artifact_versions_create(cli), b"")
    cli.ask("GET", f"/binaries/{binary['prn']}/parts", also=lambda parts: parts == [])
    _hash(cli, binary)


def the_same_again(cli: Client) -> None:
    """4.5: one match, signed, equal; then other content for it, while signed and while not."""
    version = artifact_versions_create(cli)
    binary = _signed(cli, version, b"first")
    _look_up(cli, version, lambda found: [each["state"] for each in found] == ["signed"])
    cli.place = "4.5 other content, signed"
    _look_up(cli, version, lambda found: len(found) == 1)
    cli.ask("GET", f"/artifact_versions/{version['prn']}")
    cli.ask("GET", f"/artifacts/{version['artifact_prn']}")
    cli.place = "4.5 destroyed"
    _move(cli, binary, "destroyed")
    _look_up(cli, version, lambda found: [each["state"] for each in found] == ["destroyed"])
    cli.place = "4.5 two matches"
    _create(cli, version, b"second")
    _look_up(cli, version, lambda found: len(found) == 2)
    cli.ask("POST", "/binaries", _description(version, b"third"), status=(409, 422))
    cli.place = "4.5 other content, not signed"
    waiting = _create(cli, artifact_versions_create(cli), b"before")
    _move(cli, waiting, "uploadable")
    other = {"hash": sha256(_CONTENT).hexdigest(), "size": len(_CONTENT)}
    prn = waiting["prn"]
    changed = cli.ask(
        "PATCH",
        f"/binaries/{prn}",
        {"prn": prn, **other},
        also=lambda made: made.items() >= other.items(),
    )
    cli.ask("GET", f"/binaries/{prn}/parts", also=lambda parts: parts == [])
    _send_parts(cli, changed, (1, 2, 3))
    _hash(cli, changed)


def after_a_partial_upload(cli: Client) -> None:
    """4.6."""
    version = artifact_versions_create(cli)
    binary = _create(cli, version, _CONTENT)
    _send_parts(cli, binary, (1, 3))
    cli.place = "4.6 again"
    _look_up(cli, version, lambda found: [each["state"] for each in found] == ["uploadable"])
    cli.ask(
        "GET",
        f"/binaries/{binary['prn']}/parts",
        also=lambda parts: (
            [(each["index"], each["state"]) for each in parts] == [(1, "valid"), (3, "valid")]
            and not any("presigned_upload_url" in each for each in parts)
        ),
    )
    cli.place = "4.6 a part is missing"
    _move(cli, binary, "hashable", status=(422,))
    cli.place = "4.6 the rest"
    _send_parts(cli, binary, (2,))
    _hash(cli, binary)


def binary_signatures_create(cli: Client) -> None:
    """4.7: one signature as it was typed, and no PATCH after it; then the list."""
    key = SigningKey.generate()
    enrolled = signing_keys_create(cli, key)
    binary = _create(cli, artifact_versions_create(cli), b"")
    _hash(cli, binary)
    signature = key.sign(binary["hash"].encode()).signature.hex()
    body = {"binary_prn": binary["prn"], "signing_key_prn": enrolled["prn"], "signature": signature}
    cli.ask(
        "POST",
        "/binary_signatures",
        body,
        status=_CREATED,
        also=lambda made: made["signature"] == signature,
    )
    cli.ask("POST", "/binary_signatures", body, status=(200, 201))
    prn = binary["prn"]
    cli.ask("GET", f"/binaries/{prn}", also=lambda made: made["state"] == "signed")
    query = f"binary_prn:'{prn}'"
    cli.search("binary_signatures", query, lambda found: len(found) == 1)


def bundles_push(cli: Client) -> Value:
    """4.8: every id is the archive's."""
    key = SigningKey.generate()
    enrolled = signing_keys_create(cli, key)
    cli.place = "4.8.1"
    me = cli.ask("GET", "/users/me", also=lambda data: data.keys() >= {"email", "username"})
    organization = me["organization_prn"]
    ids = {kind: str(uuid4()) for kind in ("bundle", "artifact", "artifact_version", "binary")}
    names = {kind: f"{organization}:{kind}:{each}" for kind, each in ids.items()}
    cli.place = "4.8.3"
    cli.ask("GET", f"/bundles/{names['bundle']}", status=(404,))
    cli.place = "4.8.4"
    nothing = {"custom_metadata": None, "description": None}
    for kind, own in (
        ("artifact", {"name": uuid4().hex}),
        ("artifact_version", {"artifact_prn": names["artifact"], "version": "1.0.0"}),
    ):
        cli.ask("GET", f"/{kind}s/{names[kind]}", status=(404,))
        made = {**nothing, **own, "id": ids[kind]}
        cli.ask("POST", f"/{kind}s", made, status=_CREATED, also=_named(names[kind]))
    cli.place = "4.8.5"
    cli.ask("GET", f"/binaries/{names['binary']}", status=(404,))
    body = _description({"prn": names["artifact_version"]}, _PARTS[0]) | {"id": ids["binary"]}
    binary = cli.ask("POST", "/binaries", body, status=_CREATED, also=_named(names["binary"]))
    _send_parts(cli, binary, (1,))
    _hash(cli, binary)
    keyid = enrolled["keyid"]
    query = f"binary_prn:'{binary['prn']}' and signature.signing_key.keyid:'{keyid}'"
    cli.search("binary_signatures", query, lambda found: found == [])
    signature = key.sign(binary["hash"].encode()).signature.hex()
    by_keyid = {"signing_key_keyid": keyid}
    body = {"binary_prn": binary["prn"], "signature": signature, **by_keyid}
    cli.ask("POST", "/binary_signatures", body, status=_CREATED)
    cli.search("binary_signatures", query, lambda found: len(found) == 1)
    _move(cli, binary, "signed")
    cli.place = "4.8.6"
    members = [{"prn": binary["prn"], "custom_metadata": {"peridio": {"installer": "file"}}}]
    bundle: Value = cli.ask(
        "POST",
        "/bundles",
        {"binaries": members, "id": ids["bundle"], "name": None},
        status=_CREATED,
        also=lambda made: made["prn"] == names["bundle"] and made["binaries"] == members,
    )
    cli.place = "4.8.7"
    signature = key.sign(bundle["hash"].encode()).signature.hex()
    body = {"bundle_prn": bundle["prn"], "signature": signature, **by_keyid}
    cli.ask("POST", "/bundle_signatures", body, status=_CREATED)
    cli.place = "4.8.3 again"
    cli.ask("GET", f"/bundles/{bundle['prn']}", also=lambda found: found["hash"] == bundle["hash"])
    return bundle


def bundles_pull(cli: Client) -> None:
    """4.9."""
    bundle = bundles_push(cli)
    cli.place = "4.9"
    for _ in range(2):  # each object is fetched twice
        found = cli.ask("GET", f"/bundles/{bundle['prn']}")
        cli.ask("GET", f"/binaries/{found['binaries'][0]['prn']}")
    binary = cli.ask("GET", f"/binaries/{bundle['binaries'][0]['prn']}")
    version = cli.ask("GET", f"/artifact_versions/{binary['artifact_version_prn']}")
    cli.ask("GET", f"/artifacts/{version['artifact_prn']}")
    url = cli.ask("GET", f"/binaries/{binary['prn']}/download_url")
    cli.fetch(url, _PARTS[0])


def _named(prn: str) -> Callable[[Value], bool]:
    return lambda made: made["prn"] == prn


def _look_up(cli: Client, version: Value, also: Callable[[Any], bool]) -> None:
    cli.search("binaries", f"target:'any' and artifact_version_prn:'{version['prn']}'", also)


def _description(version: Value, content: bytes) -> Value:
    return {
        "artifact_version_prn": version["prn"],
        "custom_metadata": None,
        "description": None,
        "hash": sha256(content).hexdigest(),
        "size": len(content),
        "target": "any",
    }


def _create(cli: Client, version: Value, content: bytes) -> Value:
    made: Value = cli.ask(
        "POST",
        "/binaries",
        _description(version, content),
        status=_CREATED,
        also=lambda made: (made["state"], made["revision"]) == ("uploadable", 0),
    )
    return made


def _send_parts(cli: Client, binary: Value, indices: Sequence[int]) -> None:
    prn, size = binary["prn"], binary["size"]
    for index in indices:
        data = _PARTS[index - 1]
        declared = ("uploadable", index)
        body = {
            "binary_prn": prn,
            "index": index,
            "expected_binary_size": size,
            "hash": sha256(data).hexdigest(),
            "size": len(data),
        }
        part = cli.ask(
            "PUT",
            f"/binaries/{prn}/parts/{index}",
            body,
            status=_CREATED,
            headers={"content-range": _RANGES[index - 1]},
            also=_has(declared),
        )
        cli.put_part(part["presigned_upload_url"], data)


def _has(declared: tuple[str, int]) -> Callable[[Value], bool]:
    return lambda part: (
        (part["state"], part["index"]) == declared
        and part["presigned_upload_url"].startswith("http")
    )


def _move(cli: Client, binary: Value, state: str, status: tuple[int, ...] = (200,)) -> Value:
    prn = binary["prn"]
    moved: Value = cli.ask(
        "PATCH",
        f"/binaries/{prn}",
        {"prn": prn, "state": state},
        status=status,
        # Who asks for hashing may find it done.
        also=lambda made: state == "hashing" or status != (200,) or made["state"] == state,
    )
    return moved


def _hash(cli: Client, binary: Value, *places: str) -> None:
    first, second, third = places or (cli.place,) * 3
    cli.place = first
    _move(cli, binary, "hashable")
    cli.place = second
    _move(cli, binary, "hashing")
    cli.place = third
    cli.poll(binary["prn"])


def _sign(cli: Client, binary: Value, key: SigningKey, enrolled: Value) -> None:
    signature = key.sign(binary["hash"].encode()).signature.hex().upper()
    body = {
        "binary_prn": binary["prn"],
        "signing_key_prn": enrolled["prn"],
        "signature": signature,
    }
    cli.ask(
        "POST",
        "/binary_signatures",
        body,
        status=_CREATED,
        also=lambda made: made["signature"] == signature and made["keyid"] == enrolled["keyid"],
    )


def _signed(cli: Client, version: Value, content: bytes) -> Value:
    """Make a signed binary of one short part."""
    key = SigningKey.generate()
    enrolled = signing_keys_create(cli, key)
    binary = _create(cli, version, content)
    body = {"expected_binary_size": len(content), "hash": binary["hash"], "size": len(content)}
    url = f"/binaries/{binary['prn']}/parts/1"
    part = cli.ask("PUT", url, body, status=_CREATED)
    cli.put_part(part["presigned_upload_url"], content)
    _hash(cli, binary)
    _sign(cli, binary, key, enrolled)
    return _move(cli, binary, "signed")


TRACES: dict[str, Callable[[Client], object]] = {
    "4.1": artifacts_create,
    "4.2": artifact_versions_create,
    "4.3": signing_keys_create,
    "4.4": binaries_create,
    "4.4 empty": zero_bytes,
    "4.5": the_same_again,
    "4.6": after_a_partial_upload,
    "4.7": binary_signatures_create,
    "4.8": bundles_push,
    "4.9": bundles_pull,
}
