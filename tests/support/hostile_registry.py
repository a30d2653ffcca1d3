"""A registry on the loopback address that keeps the contract, until it is told to break it.

It holds everything in memory and answers honestly. A test bends it with rules: each sees a call and
the honest answer and may give another one, so that an attack reads as a line or two.

    registry.bend("PUT", "/upload/", lambda call, answer: Answer(status=500), times=3)
"""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
import uuid
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "token-of-a-test"
ORGANIZATION = "prn:1:8ced1740-7fbf-407e-9d6e-afec9399cc41"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is sent back; `raw` goes out byte for byte in place of all else, then the line is cut."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    silent: bool = False


Rule = Callable[[Call, Answer], Answer]


def json_answer(value: object, status: int = 200) -> Answer:
    """An answer of JSON."""
    kind = {"content-type": "application/json"}
    return Answer(status=status, body=json.dumps(value).encode(), headers=kind)


def edited(edit: Callable[[Any], object]) -> Rule:
    """A rule that changes the JSON of the honest answer, where that is a success."""

    def rule(_call: Call, answer: Answer) -> Answer:
        if answer.status >= 300:
            return answer
        value = json.loads(answer.body)
        edit(value)
        return replace(answer, body=json.dumps(value).encode())

    return rule


class ScriptedRegistry:
    """The records, the honest answers and the rules."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.calls: list[Call] = []
        self.records: dict[str, dict[str, dict[str, Any]]] = {
            kind: {} for kind in ("artifact", "artifact_version", "signing_key", "binary")
        }
        self.parts: dict[str, dict[int, dict[str, Any]]] = {}
        self.stopped = threading.Event()
        self._rules: list[tuple[str, str, Rule, list[int]]] = []
        self._refusals: list[tuple[str, str, Answer, list[int]]] = []
        self._lock = threading.Lock()

    def bend(self, method: str, path: str, rule: Rule, *, times: int = 1_000_000) -> None:
        """Let a rule answer calls of a method whose path contains a text, so many times."""
        self._rules.append((method, path, rule, [times]))

    def refuse(self, method: str, path: str, answer: Answer, *, times: int = 1_000_000) -> None:
        """Answer calls of a method whose path contains a text, and do nothing of what they ask."""
        self._refusals.append((method, path, answer, [times]))

    def hold(self, kind: str, **body: Any) -> None:
        """Have a record from before."""
        self._create(kind, body)

    def made(self, method: str, path: str = "") -> list[Call]:
        """The calls of a method whose path contains a text."""
        return [call for call in self.calls if call.method == method and path in call.path]

    @property
    def binary(self) -> dict[str, Any]:
        """The only binary."""
        (binary,) = self.records["binary"].values()
        return binary

    def answer(self, call: Call) -> Answer:
        """Answer a call: honestly first, then as the rules say."""
        with self._lock:
            self.calls.append(call)
            for method, path, refusal, left in self._refusals:
                if method == call.method and path in call.path and left[0] > 0:
                    left[0] -= 1
                    return refusal
            answer = self._honest(call)
            for method, path, rule, left in self._rules:
                if method == call.method and path in call.path and left[0] > 0:
                    left[0] -= 1
                    answer = rule(call, answer)
            return answer

    def _honest(self, call: Call) -> Answer:
        if call.path.startswith("/upload/"):
            return self._receive(call)
        if call.headers.get("authorization") != f"Token {TOKEN}":
            return json_answer({"errors": {"detail": "unauthenticated"}}, 401)
        _, resource, *rest = call.path.split("/")
        if (call.method, resource) == ("GET", "users"):
            user = {"email": "t@example.test", "username": "tester"}
            return json_answer({"data": {**user, "organization_prn": ORGANIZATION}})
        if resource == "binary_signatures":
            return self._sign(json.loads(call.body))
        kind = {"binaries": "binary"}.get(resource, resource.removesuffix("s"))
        if rest[1:2] == ["parts"]:
            return self._parts(call, rest[0], rest[2:])
        if call.method == "POST":
            return self._create(kind, json.loads(call.body))
        if call.method == "PATCH":
            return self._change(json.loads(call.body))
        if rest:
            return json_answer({kind: self.records[kind][rest[0]]})
        return self._search(kind, resource, call.query.get("search", ""))

    def _search(self, kind: str, plural: str, search: str) -> Answer:
        wanted = dict(clause.split(":", 1) for clause in search.split(" and ") if clause)
        found = [
            record
            for record in self.records[kind].values()
            if all(f"'{record.get(key)}'" == value for key, value in wanted.items())
        ]
        return json_answer({plural: found, "next_page": None})

    def _create(self, kind: str, body: dict[str, Any]) -> Answer:
        keys = {"artifact": ("name",), "artifact_version": ("artifact_prn", "version")}
        keys |= {"signing_key": ("value",), "binary": ("artifact_version_prn", "target")}
        for record in self.records[kind].values():
            taken = all(record[key] == body[key] for key in keys[kind])
            if taken and record.get("state") != "destroyed":
                return json_answer({"errors": {keys[kind][-1]: ["is taken"]}}, 422)
        prn = f"{ORGANIZATION}:{kind}:{uuid.uuid4()}"
        times = {"inserted_at": f"2026-01-31T12:00:00.{len(self.calls):06}Z"}
        record = {"prn": prn, "organization_prn": ORGANIZATION, **times, **body}
        if kind == "binary":
            record |= {"state": "uploadable", "revision": 0, "signatures": []}
            self.parts[prn] = {}
        if kind == "signing_key":
            record["keyid"] = hashlib.sha256(b64decode(body["value"])).hexdigest()
        self.records[kind][prn] = record
        return json_answer({kind: record}, 201)

    def _change(self, body: dict[str, Any]) -> Answer:
        prn, state = body.pop("prn"), body.pop("state", None)
        binary = self.records["binary"][prn]
        steps = {"uploadable": "hashable", "hashable": "hashing", "signable": "signed"}
        if state == "uploadable":
            self.parts[prn] = {}
        elif state is not None and state not in {binary["state"], steps.get(binary["state"])}:
            return json_answer({"errors": {"state": [f"is {binary['state']}"]}}, 422)
        if state == "hashable" and self._content(prn) is None:
            return json_answer({"errors": {"state": ["parts are missing"]}}, 422)
        binary.update(body)
        binary["state"] = state or binary["state"]
        if state == "hashing":
            digest = hashlib.sha256(self._content(prn) or b"").hexdigest()
            binary["state"] = "signable" if digest == binary["hash"] else "uploadable"
        return json_answer({"binary": binary})

    def _content(self, prn: str) -> bytes | None:
        parts = self.parts[prn]
        if sorted(parts) != list(range(1, len(parts) + 1)):
            return None
        if any(part["state"] != "valid" for part in parts.values()):
            return None
        content = b"".join(parts[index]["content"] for index in sorted(parts))
        return content if len(content) == self.records["binary"][prn]["size"] else None

    def _parts(self, call: Call, prn: str, rest: list[str]) -> Answer:
        parts = self.parts[prn]
        if call.method == "GET":
            listed = [_shown(part) for part in parts.values()]
            return json_answer({"binary_parts": listed})
        body, index = json.loads(call.body), int(rest[0])
        made = {"prn": f"{ORGANIZATION}:binary_part:{uuid.uuid4()}", "content": b""}
        parts[index] = made | {"index": index, "state": "uploadable", **body}
        address = f"{self.url}/upload/{prn}/{index}?X-Signature=secret-of-part-{index}"
        return json_answer(
            {"binary_part": _shown(parts[index]) | {"presigned_upload_url": address}}, 201
        )

    def _receive(self, call: Call) -> Answer:
        _, _, prn, index = call.path.split("/")
        part = self.parts[prn][int(index)]
        digest = hashlib.sha256(call.body).digest()
        said = call.headers.get("x-amz-checksum-sha256")
        if len(call.body) != part["size"] or said != b64encode(digest).decode():
            return Answer(status=400, body=b"<Error><Code>BadDigest</Code></Error>")
        part |= {"state": "valid", "content": call.body}
        return Answer()

    def _sign(self, body: dict[str, Any]) -> Answer:
        binary = self.records["binary"][body["binary_prn"]]
        if binary["state"] not in {"signable", "signed"}:
            return json_answer({"errors": {"binary": ["is not uploaded"]}}, 422)
        kept = {name: body[name] for name in ("signature", "signing_key_prn")}
        if kept not in binary["signatures"]:
            binary["signatures"].append(kept)
        binary["state"] = "signed"
        prn = f"{ORGANIZATION}:binary_signature:{uuid.uuid4()}"
        return json_answer({"binary_signature": {"prn": prn, **body}}, 201)


def _shown(part: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name != "content"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    registry: ScriptedRegistry

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        call = Call(
            method=self.command,
            path=parts.path,
            query={name: values[0] for name, values in parse_qs(parts.query).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("content-length", "0"))),
        )
        answer = self.registry.answer(call)
        if answer.raw is not None or answer.silent:
            self.close_connection = True
            self.wfile.write(answer.raw or b"")
            self.wfile.flush()
            if answer.silent:
                self.registry.stopped.wait(20)
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_PATCH = _serve  # noqa: N815  (the library's names)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients break connections on purpose here."""


@contextmanager
def scripted_registry(*, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedRegistry]:
    """Run one on a free port of the loopback address."""
    handler = type("_Bound", (_Handler,), {})
    server = _Server(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    scheme = "http" if tls is None else "https"
    registry = ScriptedRegistry(f"{scheme}://127.0.0.1:{server.server_port}")
    handler.registry = registry  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        registry.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
