"""Things that are really there, for schemathesis to name; what was deleted is made again."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from nacl.signing import SigningKey

from tests.support.keys import PROD
from tests.support.registry_api import Api

CONTENT = b"content of a binary"
_USES = 25  # of one thing, until another takes its place: states move on, names get used up


class World:
    """Makes resources through the API itself."""

    def __init__(self, url: str, token: str) -> None:
        self._api = Api(url, token)
        self.organization: str = self._api.ask("GET", "/users/me")["organization_prn"]
        self._made: dict[str, tuple[Any, int]] = {}
        self._turn = 0
        self._makers: dict[str, Callable[[], Any]] = {
            "artifact": lambda: self._api.ask("POST", "/artifacts", {"name": uuid4().hex}),
            "artifact_version": lambda: self._api.ask(
                "GET", f"/artifact_versions/{self._api.version()}"
            ),
            "signing_key": self._api.key,
            "binary": self._binary,
            "binary_signature": lambda: self._api.sign(self._api.signable(CONTENT)).json()[
                "binary_signature"
            ],
            "bundle": self._bundle,
            "bundle_signature": self._bundle_signature,
        }

    def get(self, kind: str) -> Any:
        """Return a resource of a kind, the same one a few times."""
        thing, left = self._made.get(kind, (None, 0))
        if not left:
            thing, left = self._makers[kind](), _USES
        self._made[kind] = (thing, left - 1)
        return thing

    def name(self, kind: str, method: str) -> str:
        """Return the name of a resource of a kind; one that gets deleted is not used again."""
        prn: str = self.get(kind)["prn"]
        if method == "DELETE":
            del self._made[kind]
        return prn

    def correct(self, path: str, prn: str | None, body: dict[str, Any]) -> None:
        """Make what a body says fit what is there."""
        for field in ("artifact", "artifact_version", "signing_key", "binary", "bundle"):
            if isinstance(body.get(f"{field}_prn"), str):
                body[f"{field}_prn"] = self.get(field)["prn"]
        self._turn += 1
        if isinstance(body.get("id"), str) and self._turn % 2:
            body["id"] = str(uuid4())
        if "signature" in body:
            body.pop("signing_key_keyid", None)
            signed = self._signable() if "binary_prn" in body else self.get("bundle")
            body["binary_prn" if "binary_prn" in body else "bundle_prn"] = signed["prn"]
            body["signing_key_prn"] = self._api.key()["prn"]
            body["signature"] = PROD.sign(signed["hash"].encode()).hex()
        if path.endswith("/parts/{index}"):
            body["expected_binary_size"] = body["size"] = len(CONTENT)
        if path == "/bundles" and "binaries" in body:
            body.pop("artifact_version_prns", None)
            body["binaries"] = [{"prn": self._api.signed(CONTENT)["prn"]}]
        if path == "/signing_keys":
            body["value"] = b64encode(bytes(SigningKey.generate().verify_key)).decode()
        if path == "/binaries/{prn}" and self._turn % 3 and prn is not None:
            body.pop("hash", None)
            body.pop("size", None)

    def upload_url(self) -> str:
        """Return where a part can be sent."""
        url: str = self._api.declare(self._api.binary(CONTENT), 1, CONTENT)["presigned_upload_url"]
        return url

    def download_url(self) -> str:
        """Return where content can be fetched."""
        prn = self._signable()["prn"]
        url: str = self._api.ask("GET", f"/binaries/{prn}/download_url")
        return url

    def _binary(self) -> Any:
        self._turn += 1
        makers = (self._api.binary, self._api.signable, self._api.signed)
        return makers[self._turn % len(makers)](CONTENT)

    def _signable(self) -> Any:
        return self._api.signable(CONTENT)

    def _bundle(self) -> Any:
        members = [{"prn": self._api.signed(CONTENT)["prn"]}]
        return self._api.ask("POST", "/bundles", {"binaries": members})

    def _bundle_signature(self) -> Any:
        bundle = self._bundle()
        body = {
            "bundle_prn": bundle["prn"],
            "signing_key_prn": self._api.key()["prn"],
            "signature": PROD.sign(bundle["hash"].encode()).hex(),
        }
        return self._api.ask("POST", "/bundle_signatures", body)
