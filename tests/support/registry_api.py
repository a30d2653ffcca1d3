"""A client without opinions: raw requests to a registry, and short ways to where a test begins."""

from __future__ import annotations

import ssl
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx

from tests.support.declared import check_declared
from tests.support.keys import PROD, KeyOfTest
from tests.support.registry import RunningRegistry

Value = dict[str, Any]


class Api:
    """Calls one registry with one token; every answer has to be one that is declared."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        is_shared: bool = False,
        trust: ssl.SSLContext | bool = True,
    ) -> None:
        self.is_shared = is_shared
        headers = {"authorization": f"Token {token}", "x-api-version": "2"}
        self.url = url
        hooks = {"response": [self._check]}
        self.http = httpx.Client(
            base_url=url, headers=headers, timeout=60, event_hooks=hooks, verify=trust
        )
        self.bare = httpx.Client(timeout=60, event_hooks=hooks, verify=trust)

    def _check(self, answer: httpx.Response) -> None:
        # A presigned URL may lead to a store, which answers as it likes.
        if str(answer.request.url).startswith(f"{self.url}/"):
            answer.read()
            check_declared(answer)

    def call(self, method: str, path: str, body: object = None, **more: Any) -> httpx.Response:
        """Send one request; a body goes out as JSON."""
        if body is not None:
            more["json"] = body
        return self.http.request(method, path, **more)

    def ask(self, method: str, path: str, body: object = None, *, status: int = 0) -> Any:
        """Send one request that has to succeed, and return what is in the envelope."""
        answer = self.call(method, path, body)
        wanted = status or {"POST": 201, "PUT": 201}.get(method, 200)
        assert answer.status_code == wanted, (method, path, answer.status_code, answer.text)
        value = answer.json()
        return next(iter(value.values())) if isinstance(value, dict) and len(value) == 1 else value

    def ask_list(self, path: str, **more: str) -> list[Value]:
        """Return the members of a list, up to 100 of them."""
        answer = self.call("GET", path, params={"limit": 100, **more})
        assert answer.status_code == 200, answer.text
        members: list[Value] = answer.json()[path.strip("/")]
        return members

    def version(self) -> str:
        """Make an artifact and a version, and return the version's name."""
        artifact = self.ask("POST", "/artifacts", {"name": uuid4().hex})
        body = {"artifact_prn": artifact["prn"], "version": "1.0.0"}
        prn: str = self.ask("POST", "/artifact_versions", body)["prn"]
        return prn

    def binary(self, content: bytes, *, target: str = "any", **changes: Any) -> Value:
        """Make a binary that waits for content."""
        body = {
            "artifact_version_prn": self.version(),
            "hash": sha256(content).hexdigest(),
            "size": len(content),
            "target": target,
            **changes,
        }
        made: Value = self.ask("POST", "/binaries", body)
        return made

    def declare(self, binary: Value, index: int, data: bytes) -> Value:
        """Declare a part."""
        body = {
            "expected_binary_size": binary["size"],
            "hash": sha256(data).hexdigest(),
            "size": len(data),
        }
        part: Value = self.ask("PUT", f"/binaries/{binary['prn']}/parts/{index}", body)
        return part

    def send(self, url: str, data: bytes, **headers: str) -> httpx.Response:
        """Send a part to its presigned URL, with the headers of the contract."""
        checksum = b64encode(sha256(data).digest()).decode()
        sent = {
            "content-type": "application/octet-stream",
            "x-amz-checksum-sha256": checksum,
            **headers,
        }
        return self.bare.put(url, content=data, headers=sent)

    def upload(self, binary: Value, *parts: bytes) -> None:
        """Declare and send every part; small ones as one, where the store wants large ones."""
        if self.is_shared and parts:
            parts = (b"".join(parts),)
        for index, data in enumerate(parts, 1):
            url = self.declare(binary, index, data)["presigned_upload_url"]
            answer = self.send(url, data)
            assert answer.status_code == 200, answer.text

    def move(self, binary: Value, state: str) -> httpx.Response:
        """Ask for a state."""
        return self.call("PATCH", f"/binaries/{binary['prn']}", {"state": state})

    def read(self, binary: Value) -> Value:
        """Return the binary as it is now."""
        value: Value = self.ask("GET", f"/binaries/{binary['prn']}")
        return value

    def parts(self, binary: Value) -> list[Value]:
        """Return the binary's parts."""
        value: list[Value] = self.call("GET", f"/binaries/{binary['prn']}/parts").json()[
            "binary_parts"
        ]
        return value

    def hashed(self, binary: Value) -> Value:
        """Go through hashable and hashing, and wait for the verdict."""
        for state in ("hashable", "hashing"):
            answer = self.move(binary, state)
            assert answer.status_code == 200, answer.text
        return self.settled(binary)

    def settled(self, binary: Value) -> Value:
        """Wait until the registry has hashed a binary."""
        until = time.monotonic() + 30
        while (now := self.read(binary))["state"] == "hashing" and time.monotonic() < until:
            time.sleep(0.02)
        return now

    def signable(self, *parts: bytes, **changes: Any) -> Value:
        """Make a binary whose content is there and verified."""
        binary = self.binary(b"".join(parts), **changes)
        self.upload(binary, *parts)
        return self.hashed(binary)

    def send_back(self, binary: Value) -> bytes:
        """Fetch the content."""
        url: str = self.ask("GET", f"/binaries/{binary['prn']}/download_url")
        return self.bare.get(url).content

    def key(self, key: KeyOfTest = PROD) -> Value:
        """Enrol a key, or find it where it is enrolled already."""
        value = b64encode(key.public_key.raw).decode()
        answer = self.call("POST", "/signing_keys", {"value": value, "name": key.name})
        if answer.status_code == 201:
            made: Value = answer.json()["signing_key"]
            return made
        search = {"search": f"value:'{value}'"}
        found: Value = self.call("GET", "/signing_keys", params=search).json()["signing_keys"][0]
        return found

    def sign(self, binary: Value, key: KeyOfTest = PROD) -> httpx.Response:
        """Attach a signature as the contract's client makes it."""
        signature = key.sign(binary["hash"].encode()).hex().upper()
        body = {
            "binary_prn": binary["prn"],
            "signing_key_prn": self.key(key)["prn"],
            "signature": signature,
        }
        return self.call("POST", "/binary_signatures", body)

    def signed(self, *parts: bytes, **changes: Any) -> Value:
        """Make a binary that is signed."""
        binary = self.signable(*parts, **changes)
        assert self.sign(binary).status_code == 201
        return self.read(binary)


@contextmanager
def calling(registry: RunningRegistry) -> Iterator[Api]:
    """Call a registry while the body runs."""
    api = Api(registry.url, registry.token, is_shared=registry.is_shared)
    with api.http, api.bare:
        yield api
