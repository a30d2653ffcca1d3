"""A registry with something to look at: releases in every state, keys, a bundle, what is damaged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support.keys import PROD, SPARE, KeyOfTest
from tests.support.registry import RunningRegistry
from tests.support.registry_api import Api
from tests.support.submission import Submitter, make_signed

TARGETS = ("aarch64-unknown-linux-gnu", "armv7-unknown-linux-gnueabihf", "x86_64-unknown-linux-gnu")


def fill_console(registry: RunningRegistry, api: Api, folder: Path) -> dict[str, Any]:
    """Make some releases; returns the records by a word.

    Args:
        registry: Is empty.
        api: Calls it.
        folder: For the documents of the one that is submitted.
    """
    vision = _version(api, "vision-model", "4.0.1")
    _signed(api, vision, TARGETS[0], b"vision" * 9000, PROD)
    _signed(api, vision, TARGETS[2], b"vision, larger" * 900_000, PROD, SPARE)
    blocked = _signed(api, vision, TARGETS[1], b"vision, small", PROD)
    gateway = _version(api, "gateway-firmware", "2.11.0")
    api.upload(_binary(api, gateway, TARGETS[1], b"half of it"), b"half of it")
    waiting = _binary(api, gateway, TARGETS[0], b"gateway" * 60_000)
    api.upload(waiting, b"gateway" * 60_000)
    api.hashed(waiting)
    old = _signed(api, _version(api, "gateway-firmware", "2.10.9"), TARGETS[0], b"old", PROD)
    api.move(old, "destroyed")
    signed = make_signed(
        folder,
        content=b"speech model" * 50_000,
        part_size=200_000,
        artifact="speech-model",
        version="7.2.0",
        target=TARGETS[0],
        custom_metadata={"peridiod": {"installer": "file"}, "model": {"layers": 24, "int8": True}},
    )
    submitter = Submitter(registry.url, registry.token, folder)
    outcome = submitter.one(signed)
    submitter.http.close()
    assert outcome.binary is not None
    binaries = [{"prn": outcome.binary.prn}, {"prn": blocked["prn"]}]
    bundle = api.ask("POST", "/bundles", {"name": "2026-01 edge", "binaries": binaries})
    body = {
        "bundle_prn": bundle["prn"],
        "signing_key_prn": api.key(PROD)["prn"],
        "signature": PROD.sign(bundle["hash"].encode()).hex(),
    }
    api.ask("POST", "/bundle_signatures", body)
    return {
        "released": api.ask("GET", f"/binaries/{outcome.binary.prn}"),
        "blocked": blocked,
        "bundle": bundle,
        "key": api.key(PROD),
    }


def damage_signature(registry: RunningRegistry, binary: dict[str, Any]) -> None:
    """Change a signature on record behind the registry's back."""
    identity = binary["prn"].rpartition(":")[2].replace("-", "")
    with closing(sqlite3.connect(registry.data / "registry.sqlite3")) as records, records:
        changed = records.execute(
            "UPDATE binary_signatures SET signature = ? WHERE binary_row ="
            " (SELECT row FROM binaries WHERE id = ?)",
            ("00" * 64, identity),
        )
        assert changed.rowcount == 1


def _version(api: Api, name: str, version: str) -> str:
    found = api.call("GET", "/artifacts", params={"search": f"name:'{name}'"}).json()["artifacts"]
    words = "Runs on the gateways of the field trial." if name.startswith("gateway") else None
    artifact = (
        found[0] if found else api.ask("POST", "/artifacts", {"name": name, "description": words})
    )
    body = {"artifact_prn": artifact["prn"], "version": version}
    prn: str = api.ask("POST", "/artifact_versions", body)["prn"]
    return prn


def _binary(api: Api, version: str, target: str, content: bytes) -> dict[str, Any]:
    return api.binary(content, target=target, artifact_version_prn=version)


def _signed(
    api: Api, version: str, target: str, content: bytes, *keys: KeyOfTest
) -> dict[str, Any]:
    binary = _binary(api, version, target, content)
    api.upload(binary, content)
    binary = api.hashed(binary)
    for key in keys:
        assert api.sign(binary, key).status_code == 201
    return binary
