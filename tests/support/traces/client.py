"""The contract's client, as bytes: which headers go out, which answers it can read."""

from __future__ import annotations

import http.client
import json
import re
import ssl
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import quote_plus, urlsplit

_SECONDS = 60
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_COMMON = ("prn", "organization_prn", "inserted_at", "updated_at")
# What the client's decoder needs (contract section 2), and what it reads where it is there.
FIELDS = {
    "artifact": (*_COMMON, "name", "description", "custom_metadata"),
    "artifact_version": (*_COMMON, "artifact_prn", "version", "description", "custom_metadata"),
    "signing_key": (*_COMMON, "name", "keyid", "value"),
    "binary": (
        *(*_COMMON, "artifact_version_prn", "target", "state", "revision", "hash", "size"),
        *("description", "custom_metadata", "signatures"),
    ),
    "binary_part": (*_COMMON, "hash", "index", "size", "state", "binary_prn"),
    "binary_signature": (*_COMMON, "binary_prn", "signing_key_prn", "keyid", "signature"),
    "bundle_signature": (*_COMMON, "bundle_prn", "signing_key_prn", "keyid", "signature"),
    "bundle": (*_COMMON, "name", "hash", "binaries"),
}
_PLURALS = {"binaries": "binary"}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One request of a trace and what came of it."""

    place: str
    request: str
    wanted: str
    status: int
    wrong: tuple[str, ...]


@dataclass(kw_only=True)
class Client:
    """Sends requests as the contract's client does, and writes down what came back.

    Attributes:
        url: The base URL; a slash at its end stays, as the client's own concatenation keeps it.
        token: The API key.
        scheme: `Token`, or `Bearer` as both of its documents have it.
        ca_file: For a registry whose certificate is of one's own making.
        place: The step of the trace that is under way.
    """

    url: str
    token: str
    scheme: str = "Token"
    ca_file: str | None = None
    place: str = ""
    steps: list[Step] = field(default_factory=list)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        status: tuple[int, ...] = (200,),
        headers: dict[str, str] | None = None,
        also: Callable[[Any], bool] = lambda _value: True,
    ) -> Any:
        """Send one request with a token, check its answer, and return what it holds.

        Args:
            method: Of the request.
            path: As it goes out, names with their colons.
            body: Sent as compact JSON.
            status: What the answer may be.
            headers: Besides those that always go out.
            also: What must hold of the value in the envelope.
        """
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        sent = {
            "authorization": f"{self.scheme} {self.token}",
            "x-api-version": "2",
            "accept": "*/*",
        }
        sent |= {"content-type": "application/json"} if data is not None else {}
        got, answer = self._send(method, self.url + path, data, sent | (headers or {}))
        value = _decode(answer)
        wrong = [*self._judge(got, status), *(() if got >= 400 else _missing(value))]
        inner = next(iter(value.values()), value) if isinstance(value, dict) else value
        if not wrong and not also(inner if got < 400 else value):
            wrong.append(f"not as the trace goes on: {answer[:200]!r}")
        self._note(f"{method} {path}", status, got, wrong)
        return inner

    def search(self, collection: str, query: str, also: Callable[[Any], bool]) -> Any:
        """List what a search finds, encoded as a form."""
        return self.ask("GET", f"/{collection}?search={quote_plus(query)}", also=also)

    def put_part(self, url: str, data: bytes) -> None:
        """Send a part to its presigned URL: three headers, no token; only 200 and 201 count."""
        headers = {
            "content-type": "application/octet-stream",
            "x-amz-checksum-sha256": b64encode(sha256(data).digest()).decode(),
        }
        got, _ = self._send("PUT", url, data, headers)
        self._note("PUT <presigned>", (200, 201), got, self._judge(got, (200, 201)))

    def fetch(self, url: str, wanted: bytes) -> None:
        """Fetch content from its presigned URL."""
        got, data = self._send("GET", url, None, {"accept": "*/*"})
        wrong = self._judge(got, (200,))
        self._note("GET <presigned>", (200,), got, wrong or (["other bytes"] * (data != wanted)))

    def poll(self, prn: str) -> Any:
        """Look at once and then every half second until the binary is signable."""
        until = time.monotonic() + _SECONDS
        binary = self.ask("GET", f"/binaries/{prn}")
        while binary["state"] == "hashing" and time.monotonic() < until:
            time.sleep(0.5)
            binary = self.ask("GET", f"/binaries/{prn}")
        if binary["state"] != "signable":
            self._note("until signable", (200,), 200, [f"the state is {binary['state']}"])
        return binary

    def _send(
        self, method: str, url: str, data: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        parts = urlsplit(url)
        target = url[url.index(parts.netloc) + len(parts.netloc) :]
        connection = self._connect(parts.scheme, parts.netloc)
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            if data is not None:
                connection.putheader("content-length", str(len(data)))
            connection.endheaders(data)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _connect(self, scheme: str, netloc: str) -> http.client.HTTPConnection:
        if scheme == "http":
            return http.client.HTTPConnection(netloc, timeout=_SECONDS)
        context = ssl.create_default_context(cafile=self.ca_file)
        return http.client.HTTPSConnection(netloc, timeout=_SECONDS, context=context)

    @staticmethod
    def _judge(got: int, wanted: tuple[int, ...]) -> list[str]:
        return [] if got in wanted else [f"status {got}"]

    def _note(
        self, request: str, wanted: tuple[int, ...], status: int, wrong: list[str] | tuple[str, ...]
    ) -> None:
        request = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", request)
        said = " or ".join(str(each) for each in wanted)
        self.steps.append(
            Step(place=self.place, request=request, wanted=said, status=status, wrong=tuple(wrong))
        )


def _decode(answer: bytes) -> Any:
    try:
        return json.loads(answer) if answer else None
    except ValueError:
        return answer


def _missing(value: Any) -> list[str]:
    """Return which fields an answer lacks that the client's decoder needs."""
    if not isinstance(value, dict):
        return []
    wrong = []
    for name, inner in value.items():
        kind = _PLURALS.get(name, name.removesuffix("s"))
        members = inner if isinstance(inner, list) else [inner]
        for member in members if kind in FIELDS else ():
            wrong += [f"no {name}.{each}" for each in FIELDS[kind] if each not in member]
            times = (member.get(each, "") for each in ("inserted_at", "updated_at"))
            wrong += [f"{name}: {each!r} is no time" for each in times if not _TIME.fullmatch(each)]
            for signature in member.get("signatures") or ():
                needed = ("signature", "signing_key_prn", "keyid")
                wrong += [f"no signatures.{each}" for each in needed if each not in signature]
    return wrong
