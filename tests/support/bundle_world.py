"""Bundles in a registry, with release statements, for tests that move them about."""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from uuid import uuid4

from tests.support.documents import statement_envelope
from tests.support.keys import PROD, KeyOfTest
from tests.support.registry_api import Api, Value

TARGET = "aarch64-unknown-linux"
METADATA = {"peridiod": {"installer": "cache"}}


def make_release(
    api: Api, content: bytes, *, artifact: str = "ML-Model", target: str = TARGET, **changes: Any
) -> Value:
    """A signed binary of an artifact of its own, with the statement in its custom metadata."""
    made = api.ask("POST", "/artifacts", {"name": f"{artifact}-{uuid4().hex[:8]}"})
    body = {"artifact_prn": made["prn"], "version": "1.0.0", "description": "the first"}
    version = api.ask("POST", "/artifact_versions", body)
    statement = statement_envelope(
        artifact=made["name"],
        target=target,
        size=len(content),
        digest={"sha256": sha256(content).hexdigest()},
        custom_metadata=METADATA,
        **changes,
    )
    binary = api.ask(
        "POST",
        "/binaries",
        {
            "artifact_version_prn": version["prn"],
            "hash": sha256(content).hexdigest(),
            "size": len(content),
            "target": target,
            "custom_metadata": {**METADATA, "signkit": statement},
        },
    )
    if content:
        api.upload(binary, content)
    api.hashed(binary)
    assert api.sign(binary).status_code == 201
    return {**api.read(binary), "artifact": made["name"]}


def make_bundle(api: Api, *binaries: Value, key: KeyOfTest | None = PROD, **more: Any) -> Value:
    """A bundle of them, signed where a key is given."""
    members = [{"prn": each["prn"], "custom_metadata": None} for each in binaries]
    bundle: Value = api.ask("POST", "/bundles", {"binaries": members, **more})
    if key is not None:
        body = {
            "bundle_prn": bundle["prn"],
            "signing_key_prn": api.key(key)["prn"],
            "signature": key.sign(bundle["hash"].encode()).hex().upper(),
        }
        api.ask("POST", "/bundle_signatures", body)
    return bundle
