"""The registry's calls, one method each.

Calls that may be made twice are tried again by themselves. The four that create a record are made
once: whoever calls them looks first and looks again, in one step of the same `retrier`, so that an
answer that got lost never makes a second record.

Every answer is compared with what was asked: another record's answer is refused.

Spec: registry contract sections 1 and 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from urllib.parse import urlencode

from signkit.client.address import Reach, check_upload_address
from signkit.client.answers import (
    PART_COUNT,
    parse_answer,
    read_artifact,
    read_binary,
    read_declared_part,
    read_key,
    read_part,
    read_signature,
    read_version,
)
from signkit.client.http import Http
from signkit.client.refusals import describe_refusal, describe_upload_refusal, is_stored
from signkit.client.resources import (
    Artifact,
    ArtifactVersion,
    Attached,
    Binary,
    BinaryState,
    DeclaredPart,
    Part,
    SigningKey,
)
from signkit.client.retry import Retrier
from signkit.client.search import encode_search
from signkit.errors import FormatError, ReceiptMismatchError, StatusError, TransportError
from signkit.formats.registry_audit import format_ledger_point
from signkit.model.audit import LedgerPoint
from signkit.verify.digest import Sha256
from signkit.verify.encoding import Fields, encode_base64, encode_json

T = TypeVar("T")
_PAGE_LENGTH = 100
_PAGE_COUNT = 100
_BINARY_PAGE_LENGTH = 10  # each may hold 1 MB of metadata, and a page has to fit REPLY_SIZE
_CURSOR_LENGTH = 4096
_API_VERSION = "2"
_NOT_FOUND = 404
# What a connection must carry for an upload not to be hopeless.
_LEAST_RATE = 32 * 1024  # bytes a second


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBinary:
    """What a binary is created with."""

    artifact_version_prn: str
    target: str
    digest: Sha256
    size: int
    custom_metadata: Mapping[str, object] | None


class RegistryClient:
    """One registry, under one token."""

    def __init__(self, http: Http, reach: Reach, *, token: str, retrier: Retrier) -> None:
        """Take the connections, the addresses allowed, the token, and how to try again."""
        self.http = http
        self.reach = reach
        self._headers = {"authorization": f"Token {token}", "x-api-version": _API_VERSION}
        self.retrier = retrier

    def halt(self) -> None:
        """Break every exchange in flight and refuse new ones. Callable from any thread."""
        self.retrier.halt()
        self.http.abort()

    def resume(self) -> None:
        """Allow exchanges again; none may be in flight."""
        self.http.resume()
        self.retrier.resume()

    def get(self, path: str, name: str, read: Callable[[object], T]) -> T:
        """Return a record out of the member `name` of an answer."""
        return self._read(self.ask("GET", path), name, f"GET {path}", read)

    def find(self, path: str, name: str, read: Callable[[object], T]) -> T | None:
        """Return a record as `get` does, or None where there is none."""
        try:
            return self.get(path, name, read)
        except StatusError as error:
            if error.status != _NOT_FOUND:
                raise
            return None

    def post(
        self, path: str, body: Mapping[str, object], name: str, read: Callable[[object], T]
    ) -> T:
        """Create a record; once."""
        return self._create(path, body, name, read)

    def user(self) -> str:
        """Return the name of the token's owner: the registry is there and the token is good."""
        value = self.ask("GET", "/users/me")
        return self._read(value, "data", "GET /users/me", _read_user)

    def find_artifacts(self, name: str) -> tuple[Artifact, ...]:
        """Return the artifacts of exactly this name."""
        found = self.search("/artifacts", {"name": name}, "artifacts", read_artifact)
        return tuple(artifact for artifact in found if artifact.name == name)

    def create_artifact(self, name: str) -> Artifact:
        """Create an artifact; once."""
        body = {"custom_metadata": None, "description": None, "name": name}
        artifact = self._create("/artifacts", body, "artifact", read_artifact)
        return _expect(artifact, "name", {"name": name}, "POST /artifacts")

    def find_versions(self, artifact_prn: str, version: str) -> tuple[ArtifactVersion, ...]:
        """Return the versions of exactly this name of an artifact."""
        wanted = {"artifact_prn": artifact_prn, "version": version}
        found = self.search("/artifact_versions", wanted, "artifact_versions", read_version)
        return tuple(
            each for each in found if each.artifact_prn == artifact_prn and each.version == version
        )

    def create_version(self, artifact_prn: str, version: str) -> ArtifactVersion:
        """Create an artifact version; once."""
        wanted = {"artifact_prn": artifact_prn, "version": version}
        body = {**wanted, "custom_metadata": None, "description": None}
        made = self._create("/artifact_versions", body, "artifact_version", read_version)
        return _expect(made, "version", wanted, "POST /artifact_versions")

    def list_keys(self) -> tuple[SigningKey, ...]:
        """Return every signing key of the organization."""
        return tuple(self.search("/signing_keys", {}, "signing_keys", read_key))

    def find_keys(self, raw: bytes) -> tuple[SigningKey, ...]:
        """Return the signing keys that hold exactly this raw public key."""
        value = encode_base64(raw)
        found = self.search("/signing_keys", {"value": value}, "signing_keys", read_key)
        return tuple(key for key in found if key.value == value)

    def find_named_keys(self, name: str) -> tuple[SigningKey, ...]:
        """Return the signing keys of exactly this name."""
        found = self.search("/signing_keys", {"name": name}, "signing_keys", read_key)
        return tuple(key for key in found if key.name == name)

    def get_key(self, prn: str) -> SigningKey:
        """Return a signing key as it stands."""
        value = self.ask("GET", f"/signing_keys/{prn}")
        key = self._read(value, "signing_key", "GET /signing_keys", read_key)
        return _expect(key, "key", {"prn": prn}, "GET /signing_keys")

    def create_key(self, name: str, raw: bytes) -> SigningKey:
        """Create a signing key; once."""
        wanted = {"value": encode_base64(raw), "name": name}
        key = self._create("/signing_keys", wanted, "signing_key", read_key)
        return _expect(key, "key", {"value": wanted["value"]}, "POST /signing_keys")

    def find_binaries(self, version_prn: str, target: str) -> tuple[Binary, ...]:
        """Return the binaries of a version for exactly this target, destroyed ones too."""
        wanted = {"target": target, "artifact_version_prn": version_prn}
        length = _BINARY_PAGE_LENGTH
        found = self.search("/binaries", wanted, "binaries", read_binary, length=length)
        return tuple(
            each
            for each in found
            if each.artifact_version_prn == version_prn and each.target == target
        )

    def create_binary(self, new: NewBinary) -> Binary:
        """Create a binary; once."""
        wanted = {"artifact_version_prn": new.artifact_version_prn, "target": new.target}
        body = {
            **wanted,
            "custom_metadata": new.custom_metadata,
            "description": None,
            "hash": new.digest.hex(),
            "size": new.size,
        }
        binary = self._create("/binaries", body, "binary", read_binary)
        return _expect(binary, "binary", wanted, "POST /binaries")

    def get_binary(self, prn: str) -> Binary:
        """Return a binary as it stands."""
        value = self.ask("GET", f"/binaries/{prn}")
        binary = self._read(value, "binary", "GET /binaries", read_binary)
        return _expect(binary, "binary", {"prn": prn}, "GET /binaries")

    def change_binary(self, prn: str, **changes: object) -> Binary:
        """Set a binary's fields: state, hash, size or custom_metadata."""
        value = self.ask("PATCH", f"/binaries/{prn}", body={"prn": prn, **changes})
        binary = self._read(value, "binary", "PATCH /binaries", read_binary)
        return _expect(binary, "binary", {"prn": prn}, "PATCH /binaries")

    def move_binary(self, prn: str, state: BinaryState) -> Binary:
        """Ask for a binary's next state."""
        return self.change_binary(prn, state=state.value)

    def list_parts(self, prn: str) -> tuple[Part, ...]:
        """Return the parts of a binary that the registry knows, by index.

        Raises:
            ReceiptMismatchError: one index is listed twice.
        """
        value = self.ask("GET", f"/binaries/{prn}/parts")
        what = "GET /binaries/.../parts"
        members = self._read(value, None, what, _members("binary_parts", PART_COUNT))
        parts = [self._read(member, None, what, read_part) for member in members]
        if len({part.index for part in parts}) != len(parts):
            message = f"{what}: the registry lists one part twice"
            raise ReceiptMismatchError(message)
        return tuple(sorted(parts, key=lambda part: part.index))

    def declare_part(
        self, prn: str, *, index: int, digest: Sha256, start: int, size: int, binary_size: int
    ) -> DeclaredPart:
        """Declare a part anew and get the address for its bytes.

        Args:
            prn: The binary's.
            index: From 1.
            digest: SHA-256 of the part.
            start: Where the part begins in the content, bytes.
            size: Bytes of the part, at least 1.
            binary_size: Bytes of the content.

        Raises:
            ReceiptMismatchError: the registry answers for another part than was declared.
        """
        end = start + size - 1
        value = self.ask(
            "PUT",
            f"/binaries/{prn}/parts/{index}",
            body={
                "binary_prn": prn,
                "index": index,
                "expected_binary_size": binary_size,
                "hash": digest.hex(),
                "size": size,
            },
            headers={"content-range": f"bytes {start}-{end}/{binary_size}"},
        )
        what = f"PUT part {index}"
        made = self._read(value, "binary_part", what, read_declared_part)
        _expect(made.part, "part", {"index": index, "size": size, "digest": digest}, what)
        return made

    def send_part(self, declared: DeclaredPart, content: Iterable[bytes], *, what: str) -> None:
        """Send a part's bytes to the address that it was declared with; once.

        The token does not go along.

        Args:
            declared: From `declare_part`.
            content: Exactly the part's bytes, in pieces.
            what: Which part, for messages.

        Raises:
            StatusError: refused; retryable where a fresh declaration may help.
            TransportError: as `Http.send`; or the address is not allowed.
            SubmissionError: the address is on a host that nobody listed.
        """
        part = declared.part
        address = check_upload_address(declared.upload_address, self.reach)
        what = f"{what} to {address.host}"
        reply = self.http.send(
            "PUT",
            address,
            headers={
                "content-length": str(part.size),
                "content-type": "application/octet-stream",
                "x-amz-checksum-sha256": encode_base64(part.digest),
            },
            content=content,
            seconds=self.retrier.seconds_left,
            what=what,
        )
        if not is_stored(reply):
            raise describe_upload_refusal(reply, what)

    def create_signature(
        self, prn: str, attached: Attached, *, ledger: LedgerPoint | None = None
    ) -> None:
        """Attach a signature; once.

        Args:
            prn: The binary's.
            attached: The signing key's prn and the signature in hex.
            ledger: Where the ledger of the station that made it stood, for the registry's audit.

        Raises:
            ReceiptMismatchError: the registry answers with another signature.
        """
        what = "POST /binary_signatures"
        body = {
            "binary_prn": prn,
            "signature": attached.signature,
            "signing_key_prn": attached.signing_key_prn,
        }
        headers = None if ledger is None else {"signkit-ledger": format_ledger_point(ledger)}
        value = self.ask("POST", "/binary_signatures", body=body, headers=headers, once=True)
        made = self._read(value, "binary_signature", what, read_signature)
        if made != (prn, attached):
            message = f"{what}: the registry answers with another signature than was sent"
            raise ReceiptMismatchError(message)

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        once: bool = False,
    ) -> object:
        """Make any call and return the JSON of its answer.

        Args:
            method: Such as `GET`.
            path: Below the registry's address.
            query: Encoded.
            body: A JSON object, or None.
            headers: More of them, or None.
            once: Whether it must not be tried again.

        Raises:
            TransportError: the registry failed or refused.
        """
        sent = {**self._headers, **(headers or {})}
        if body is not None:
            sent["content-type"] = "application/json"
        content = b"" if body is None else encode_json(body)
        call = partial(self._call, method, path, query, sent=sent, content=content)
        return call() if once else self.retrier.run(call)

    def read(self, value: object, what: str, read: Callable[[object], T]) -> T:
        """Read an answer of `ask`.

        Raises:
            TransportError: it is something else than its contract says.
        """
        return self._read(value, None, what, read)

    def search(
        self,
        path: str,
        wanted: Mapping[str, str],
        plural: str,
        read: Callable[[object], T],
        *,
        length: int = _PAGE_LENGTH,
    ) -> list[T]:
        """Follow the pages of a search to their end, at most _PAGE_COUNT of them.

        Args:
            path: Of the collection.
            wanted: As `encode_search` takes it: what comes back may be more.
            plural: The name of the list in answers.
            read: Reads one record.
            length: Records asked for at once.

        Raises:
            TransportError: the registry failed, or its pages do not end.
        """
        found: list[T] = []
        seen: set[str] = set()
        query = {"limit": str(length)}
        if text := encode_search(wanted):
            query["search"] = text
        what = f"GET {path}"
        for _ in range(_PAGE_COUNT):
            value = self.ask("GET", path, query=urlencode(query))
            members = self._read(value, None, what, _members(plural, _PAGE_LENGTH))
            found += [self._read(member, None, what, read) for member in members]
            cursor = self._read(value, None, what, _read_cursor)
            if cursor is None:
                return found
            if cursor in seen:
                break
            seen.add(cursor)
            query["page"] = cursor
        message = f"{what}: the pages do not end"
        raise TransportError(message)

    def _create(
        self, path: str, body: Mapping[str, object], singular: str, read: Callable[[object], T]
    ) -> T:
        value = self.ask("POST", path, body=body, once=True)
        return self._read(value, singular, f"POST {path}", read)

    def _call(
        self, method: str, path: str, query: str, *, sent: Mapping[str, str], content: bytes
    ) -> object:
        """Make a call once."""
        what = f"{method} {self.reach.registry.at(path)}"
        reply = self.http.send(
            method,
            self.reach.registry.at(path, query),
            headers=sent,
            content=content,
            seconds=self.retrier.seconds_left,
            what=what,
        )
        if not 200 <= reply.status < 300:
            raise describe_refusal(reply, what)
        try:
            return parse_answer(reply.body)
        except FormatError as error:
            kind = f", it is {reply.kind[:60]}" if reply.kind != "application/json" else ""
            message = f"{what}: the answer cannot be read: {error}{kind}"
            hint = "is this address a registry, and is no portal or proxy in between?"
            raise TransportError(message, hint=hint) from error

    def _read(self, value: object, name: str | None, what: str, read: Callable[[object], T]) -> T:
        """Read a record out of an answer, out of its member `name` where there is one."""
        try:
            return read(value if name is None else Fields(value, "answer").take(name))
        except FormatError as error:
            message = f"{what}: the registry answers something else than its contract: {error}"
            raise TransportError(message) from error


def allowed_seconds(size: int, patience_total: float) -> float:
    """Return how long the upload of some bytes may take in all, tries and waits included."""
    return patience_total + size / _LEAST_RATE


def _members(name: str, most: int) -> Callable[[object], list[object]]:
    return lambda value: Fields(value, "answer").array(name, most=most)


def _read_user(value: object) -> str:
    return Fields(value, "data").text("username", limit=1000)


def _read_cursor(value: object) -> str | None:
    fields = Fields(value, "answer")
    if not fields.has("next_page") or fields.is_null("next_page"):
        return None
    return fields.text("next_page", limit=_CURSOR_LENGTH)


def _expect(record: T, kind: str, wanted: Mapping[str, object], what: str) -> T:
    for name, value in wanted.items():
        got = getattr(record, name)
        if got != value:
            message = (
                f"{what}: the registry answers for another {kind}: expected {name}"
                f" {_shown(value)}, got {_shown(got)}"
            )
            raise ReceiptMismatchError(message)
    return record


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else f"{value}"[:160]
