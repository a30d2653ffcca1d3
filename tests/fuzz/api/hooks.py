"""What schemathesis is told beyond the description: names of things that are really there.

Requests that are good by the description would otherwise nearly all end at 404. Those that are
bad on purpose are left as they are.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import schemathesis

from tests.fuzz.api.world import CONTENT, World

_world = World(os.environ["SIGNKIT_FUZZ_URL"], os.environ["SIGNKIT_FUZZ_TOKEN"])
_KINDS = {
    "artifacts": "artifact",
    "artifact_versions": "artifact_version",
    "signing_keys": "signing_key",
    "binaries": "binary",
    "binary_signatures": "binary_signature",
    "bundles": "bundle",
    "bundle_signatures": "bundle_signature",
}


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: dict[str, Any]) -> None:
    """Put real names in the place of made-up ones, in requests that are meant to be good."""
    if case.meta is None or case.meta.generation.mode.is_negative:
        return
    _, collection, *_ = case.operation.path.split("/")
    if collection in {"upload", "content"}:
        _presign(case, collection)
        return
    parameters = case.path_parameters or {}
    if "prn" in parameters and not str(parameters["prn"]).startswith(_world.organization):
        parameters["prn"] = _world.name(_KINDS[collection], case.method)
    if isinstance(case.body, dict):
        _world.correct(case.operation.path, parameters.get("prn"), case.body)


def _presign(case: Any, collection: str) -> None:
    url = urlsplit(_world.upload_url() if collection == "upload" else _world.download_url())
    names = ("organization", "binary", "index")
    case.path_parameters.update(zip(names, url.path.split("/")[2:], strict=False))
    case.query.update(parse_qsl(url.query))
    if collection == "upload":
        case.body = CONTENT
