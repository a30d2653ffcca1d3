"""The registry's manifest, as its devices read it; and what they do not check.

Nothing in it is trusted: a file is found by the digest computed here, a key counts because it is
trusted here, and the custom metadata is what the statement says it is.

Spec: registry contract sections 5.1 and 5.2; docs/formats/manifest.md.
"""

from __future__ import annotations

from signkit.errors import ContextError, DigestMismatchError, MalformedError, SignkitError
from signkit.verify import limits
from signkit.verify.digest import Sha256, compute_digest
from signkit.verify.encoding import Fields, canonical_json, encode_json, parse_json
from signkit.verify.public_key import parse_public_key
from signkit.verify.value import Value
from signkit.verify.verdict import VerifiedStatement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_STATEMENT = "signkit"
# What is absent, or null, is as good as this.
_ABSENT: Mapping[str, object] = {
    "signatures": [],
    "custom_metadata": {},
    "target": "",
    "url": "",
}


class ManifestItem(Value):
    """One binary of a manifest, of which nothing is verified.

    Attributes:
        digest: SHA-256 that its content is said to have.
        size: Bytes that it is said to have.
        target: What it is said to be for; empty for any.
        url: Where its content is said to be; empty where nobody says.
        signatures: Raw public key that is said to have signed (empty where it is no key signkit
            reads, so that none of ours is meant), and 64 bytes of signature.
        custom_metadata: Without the statement.
        statement: The statement's envelope; empty where there is none.
    """

    digest: Sha256
    size: int
    target: str
    url: str
    signatures: tuple[tuple[bytes, bytes], ...]
    custom_metadata: Mapping[str, object]
    statement: bytes


def parse_manifest(data: bytes) -> Mapping[Sha256, Sequence[ManifestItem]]:
    """Parse a manifest: a list of items, or an object whose `manifest` is one.

    Members that signkit does not use are passed over: the format is not ours.

    Args:
        data: At most limits.MANIFEST_SIZE bytes.

    Returns:
        Its items by their digest.

    Raises:
        FormatError: it is not strict JSON, or a member that is used is wrong.
    """
    value = parse_json(data, limit=limits.MANIFEST_SIZE, what="manifest")
    if type(value) is dict:
        value = value.get("manifest")
    found: dict[Sha256, list[ManifestItem]] = {}
    members = Fields({"items": value}, "manifest").array("items", most=limits.ITEM_COUNT)
    for place, member in enumerate(members):
        item = _read_item(member, f"manifest[{place}]")
        found.setdefault(item.digest, []).append(item)
    return found


def _read_item(value: object, where: str) -> ManifestItem:
    fields = Fields(value, where)
    for name, empty in _ABSENT.items():
        if fields.is_null(name) or not fields.has(name):
            fields._rest[name] = empty
    metadata = fields.take("custom_metadata")
    if type(metadata) is not dict:
        message = f"{where}.custom_metadata: expected an object"
        raise MalformedError(message)
    return ManifestItem(
        digest=Sha256(decode_any_hex(fields.text("hash"), size=32, what=f"{where}.hash")),
        size=fields.integer("size", most=limits.CONTENT_SIZE),
        target=fields.text("target"),
        url=fields.text("url"),
        signatures=tuple(
            _read_signature(each, f"{where}.signatures")
            for each in fields.array("signatures", most=limits.ENVELOPE_SIGNATURE_COUNT)
        ),
        custom_metadata={name: metadata[name] for name in metadata if name != _STATEMENT},
        statement=encode_json(metadata[_STATEMENT]) if _STATEMENT in metadata else b"",
    )


def _read_signature(value: object, where: str) -> tuple[bytes, bytes]:
    fields = Fields(value, where)
    signature = decode_any_hex(fields.text("signature"), size=64, what=f"{where}.signature")
    text = fields.text("public_value")
    try:  # only compared with keys that were enrolled when they were trusted
        return parse_public_key(text.encode(), allow_test_keys=True).raw, signature
    except SignkitError:
        return b"", signature


def decode_any_hex(text: str, *, size: int, what: str) -> bytes:
    """Decode hex in upper, lower or mixed case, as the registry's devices do.

    Raises:
        MalformedError: another length or any other character.
    """
    if len(text) != 2 * size or not set(text) <= set("0123456789abcdefABCDEF"):
        message = f"{what}: expected {2 * size} hex digits, got {text!r:.80}"
        raise MalformedError(message)
    return bytes.fromhex(text)


def find_item(
    items: Mapping[Sha256, Sequence[ManifestItem]],
    digest: Sha256,
    *,
    size: int,
    name: str,
    target: str | None,
) -> ManifestItem:
    """Find the item of content by the digest that was computed from it.

    Args:
        items: From `parse_manifest`.
        digest: SHA-256 of the content.
        size: Its bytes.
        name: What it is called, for messages.
        target: Chooses where several items have this content; items without one are for any.

    Raises:
        DigestMismatchError: no item has this content.
        ContextError: more than one does.
    """
    found = [item for item in items.get(digest, ()) if item.size == size]
    if not found:
        message = f"{name} is not in the manifest: nothing there has SHA-256 {digest.hex()}"
        raise DigestMismatchError(f"{message} and {size} bytes", hint="get the file again")
    fitting = [item for item in found if target is None or item.target in {"", target}]
    if len(fitting) != 1:
        message = f"{name} is {len(fitting)} times in the manifest for this target, expected once"
        raise ContextError(message, hint="choose by --target")
    return fitting[0]


def check_item(item: ManifestItem, verified: VerifiedStatement) -> None:
    """Check what the registry says of an item against its verified statement.

    Raises:
        ContextError: it is said to be for another target.
        DigestMismatchError: its custom metadata is not what was signed.
    """
    said = verified.statement
    if item.target not in {"", said.target}:
        message = f"the manifest says target {item.target!r}, the statement {said.target!r}"
        raise ContextError(message)
    if compute_digest(canonical_json(item.custom_metadata)) != said.custom_metadata:
        message = "the custom metadata in the manifest is not what was signed"
        raise DigestMismatchError(message, hint="the registry or the way to it changed it")
