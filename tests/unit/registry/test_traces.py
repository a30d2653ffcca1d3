"""The contract's section 4, request by request: bodies and headers as its client sends them."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from urllib.parse import quote_plus
from uuid import uuid4

import httpx
import pytest

from tests.support.keys import PROD, SPARE

MIB = 1024 * 1024
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
CONTENT = sha256(b"trace").digest() * (12 * MIB // 32)
PARTS = [CONTENT[:5 * MIB], CONTENT[5 * MIB:10 * MIB], CONTENT[10 * MIB:]]  # fmt: skip
RANGES = ["bytes 0-5242879/12582912", "bytes 5242880-10485759/12582912"]
WRONG_RANGE = "bytes 4194304-6291455/12582912"  # what the SDK sends for the third part


@pytest.fixture(scope="module")
def cli(registry):
    """Send the bytes that the client sends: raw paths, no user agent."""
    headers = {"authorization": f"Token {registry.token}", "x-api-version": "2", "accept": "*/*"}
    with httpx.Client(base_url=registry.url, headers=headers) as client:
        del client.headers["user-agent"], client.headers["accept-encoding"]
        yield client


def patch(cli, prn, **fields):
    return cli.patch(f"/binaries/{prn}", json={"prn": prn, **fields})


def create_version(cli):
    body = {"custom_metadata": None, "description": None, "name": uuid4().hex}
    artifact = cli.post("/artifacts", json=body).json()["artifact"]
    body = {
        "artifact_prn": artifact["prn"],
        "custom_metadata": None,
        "description": None,
        "version": "1.0.0",
    }
    return cli.post("/artifact_versions", json=body).json()["artifact_version"]


def create_binary(cli, content=CONTENT, target="any"):
    body = {
        "artifact_version_prn": create_version(cli)["prn"],
        "custom_metadata": None,
        "description": None,
        "hash": sha256(content).hexdigest(),
        "size": len(content),
        "target": target,
    }
    answer = cli.post("/binaries", json=body)
    assert answer.status_code == 201
    return answer.json()["binary"]


def send_part(cli, prn, index, data, content_range):
    body = {
        "binary_prn": prn,
        "index": index,
        "expected_binary_size": len(CONTENT),
        "hash": sha256(data).hexdigest(),
        "size": len(data),
    }
    answer = cli.put(
        f"/binaries/{prn}/parts/{index}", json=body, headers={"content-range": content_range}
    )
    assert answer.status_code == 201
    part = answer.json()["binary_part"]
    assert (part["index"], part["size"], part["state"]) == (index, len(data), "uploadable")
    headers = {
        "content-length": str(len(data)),
        "content-type": "application/octet-stream",
        "x-amz-checksum-sha256": b64encode(sha256(data).digest()).decode(),
    }
    assert httpx.put(part["presigned_upload_url"], content=data, headers=headers).status_code == 200
    return part


def enrol(cli, key):
    value = b64encode(key.public_key.raw).decode()
    answer = cli.post("/signing_keys", json={"value": value, "name": "demo key"})
    if answer.status_code == 201:
        return answer.json()["signing_key"]
    return cli.get("/signing_keys", params={"search": f"value:'{value}'"}).json()["signing_keys"][0]


def sign(cli, binary, key, **changes):
    signature = key.sign(binary["hash"].encode()).hex().upper()
    body = {"binary_prn": binary["prn"], "signing_key_prn": enrol(cli, key)["prn"], **changes}
    return cli.post("/binary_signatures", json={"signature": signature, **body})


def test_4_1_artifacts_create(cli):
    body = {"custom_metadata": None, "description": None, "name": "my-first-artifact"}
    answer = cli.post("/artifacts", json=body)
    assert answer.status_code == 201
    artifact = answer.json()["artifact"]
    organization = artifact.pop("organization_prn")
    assert re.fullmatch("prn:1:[0-9a-f-]{36}", organization)
    assert re.fullmatch(f"{organization}:artifact:[0-9a-f-]{{36}}", artifact.pop("prn"))
    assert TIME.fullmatch(artifact["inserted_at"])
    assert artifact.pop("inserted_at") == artifact.pop("updated_at")
    assert artifact == body


def test_4_2_artifact_versions_create(cli):
    version = create_version(cli)
    assert version["version"] == "1.0.0"
    assert ":artifact:" in version["artifact_prn"]
    assert ":artifact_version:" in version["prn"]
    assert version["custom_metadata"] is version["description"] is None


def test_4_3_signing_keys_create(cli):
    value = "DIU8Zhf20Gr4n6vzDxCG2eupglynQ1Q6j19UKA4Mf88="
    answer = cli.post("/signing_keys", json={"value": value, "name": "demo key"})
    assert answer.status_code == 201
    key = answer.json()["signing_key"]
    assert (key["value"], key["name"]) == (value, "demo key")
    assert re.fullmatch("[0-9a-f]{64}", key["keyid"])
    assert ":signing_key:" in key["prn"]


def test_4_4_binaries_create(cli):
    version = create_version(cli)["prn"]
    query = quote_plus(f"target:'any' and artifact_version_prn:'{version}'")
    assert cli.get(f"/binaries?search={query}").json() == {"binaries": [], "next_page": None}
    binary = create_binary(cli)
    prn = binary["prn"]
    assert (binary["revision"], binary["state"], binary["signatures"]) == (0, "uploadable", [])
    assert cli.get(f"/binaries/{prn}/parts").json()["binary_parts"] == []
    for index, (data, content_range) in enumerate(
        zip(PARTS, [*RANGES, WRONG_RANGE], strict=True), 1
    ):
        send_part(cli, prn, index, data, content_range)
    assert patch(cli, prn, state="hashable").json()["binary"]["state"] == "hashable"
    assert patch(cli, prn, state="hashing").status_code == 200
    # The client's first look comes at once, and it has to see exactly this word.
    assert cli.get(f"/binaries/{prn}").json()["binary"]["state"] == "signable"
    answer = sign(cli, binary, PROD)
    assert answer.status_code == 201
    attached = answer.json()["binary_signature"]
    answer = patch(cli, prn, state="signed")
    assert (answer.status_code, answer.json()["binary"]["state"]) == (200, "signed")
    (shown,) = answer.json()["binary"]["signatures"]
    assert shown.keys() == {"signature", "signing_key_prn", "keyid", "public_value"}
    assert all(shown[name] == attached[name] for name in shown)
    check_again(cli, answer.json()["binary"])


def check_again(cli, binary):
    """4.5: the same command again finds the one binary and asks nothing more."""
    query = f"target:'any' and artifact_version_prn:'{binary['artifact_version_prn']}'"
    found = cli.get("/binaries", params={"search": query}).json()["binaries"]
    assert found == [binary]


def test_4_4_zero_bytes(cli):
    binary = create_binary(cli, b"")
    assert patch(cli, binary["prn"], state="hashable").status_code == 200
    assert patch(cli, binary["prn"], state="hashing").json()["binary"]["state"] == "signable"
    assert sign(cli, binary, PROD).status_code == 201


def test_4_4_several_keys(cli):
    binary = create_binary(cli, b"")
    for state in ("hashable", "hashing"):
        assert patch(cli, binary["prn"], state=state).status_code == 200
    assert sign(cli, binary, PROD).status_code == 201
    assert sign(cli, binary, SPARE).status_code == 201
    answer = patch(cli, binary["prn"], state="signed").json()["binary"]
    assert [each["keyid"] for each in answer["signatures"]] == [
        PROD.public_key.keyid,
        SPARE.public_key.keyid,
    ]


def test_4_5_other_content_while_not_signed(cli):
    prn = create_binary(cli)["prn"]
    send_part(cli, prn, 1, PARTS[0], RANGES[0])
    answer = patch(cli, prn, state="uploadable").json()["binary"]
    assert (answer["state"], answer["revision"]) == ("uploadable", 1)
    other = b"other content"
    answer = patch(cli, prn, hash=sha256(other).hexdigest(), size=len(other))
    assert answer.json()["binary"]["size"] == len(other)
    assert cli.get(f"/binaries/{prn}/parts").json()["binary_parts"] == []


def test_4_6_after_a_partial_upload(cli):
    prn = create_binary(cli)["prn"]
    send_part(cli, prn, 1, PARTS[0], RANGES[0])
    send_part(cli, prn, 3, PARTS[2], WRONG_RANGE)
    parts = cli.get(f"/binaries/{prn}/parts").json()["binary_parts"]
    assert [(part["index"], part["state"]) for part in parts] == [(1, "valid"), (3, "valid")]
    assert "presigned_upload_url" not in parts[0]
    send_part(cli, prn, 2, PARTS[1], RANGES[1])
    patch(cli, prn, state="hashable")
    assert patch(cli, prn, state="hashing").json()["binary"]["state"] == "signable"


def test_4_7_binary_signatures_create(cli):
    binary = create_binary(cli, b"")
    for state in ("hashable", "hashing"):
        patch(cli, binary["prn"], state=state)
    lower = PROD.sign(binary["hash"].encode()).hex()
    answer = sign(cli, binary, PROD, signature=lower)
    assert answer.json()["binary_signature"]["signature"] == lower
    assert cli.get(f"/binaries/{binary['prn']}").json()["binary"]["state"] == "signed"
    keyid = PROD.public_key.keyid
    query = quote_plus(f"binary_prn:'{binary['prn']}' and signature.signing_key.keyid:'{keyid}'")
    listed = cli.get(f"/binary_signatures?search={query}").json()
    assert [each["keyid"] for each in listed["binary_signatures"]] == [keyid]
    assert listed["next_page"] is None
