"""Bundle archives by hand, and their vectors: valid ones, and one for each defect.

Frames are written without a compressor, as raw and repeating blocks (RFC 8878 section 3.1.1.2), so the
vectors are the same whatever library is installed. `python -m tests.support.bundle_archives` writes
them to tests/vectors/bundle-archive; a test checks that the stored ones are these.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from signkit.bundles.index import Index, IndexSignature, Member, Named
from signkit.formats.bundle import compute_bundle_hash
from signkit.model.bundle import BundleMember
from signkit.verify.digest import compute_digest
from tests.support.keys import PROD
from tests.support.vector_files import Vector, lay_out, write_vectors

FOLDER = Path(__file__).parents[1] / "vectors" / "bundle-archive"
ORGANIZATION = "8ced1740-7fbf-407e-9d6e-afec9399cc41"
CONTENTS = (b"Hello, Binary\n", b"another content, of another length", b"")
_MAGIC = (0xFD2FB528).to_bytes(4, "little")
_WINDOW = {2: 0x58, 8: 0x68, 16: 0x70}  # MiB: descriptor
_RAW, _REPEATED = 0, 1
_BLOCK = 100_000


def identity(number: int) -> str:
    """A UUID of a test."""
    return str(UUID(int=number))


def block(data: bytes, *, kind: int = _RAW, size: int | None = None, last: bool = False) -> bytes:
    head = (len(data) if size is None else size) << 3 | kind << 1 | last
    return head.to_bytes(3, "little") + data


def frame(data: bytes, *, window: int = 2, flags: int = 0) -> bytes:
    """One frame of raw blocks."""
    pieces = [data[place : place + _BLOCK] for place in range(0, len(data), _BLOCK)] or [b""]
    blocks = b"".join(block(piece) for piece in pieces[:-1]) + block(pieces[-1], last=True)
    return _MAGIC + bytes([flags, _WINDOW[window]]) + blocks


def repeating_frame(head: bytes, byte: bytes, count: int) -> bytes:
    """A frame of some bytes, and of one byte 100,000 times that often: a bomb."""
    blocks = block(head) + block(byte, kind=_REPEATED, size=_BLOCK) * count + block(b"", last=True)
    return _MAGIC + bytes([0, _WINDOW[2]]) + blocks


def entry(name: str | bytes, data: bytes = b"", **changes: Any) -> bytes:
    """One entry of a cpio archive; changes are fields of the header, by their names in cpio(5)."""
    text = (name if isinstance(name, bytes) else name.encode()) + b"\0"
    fields = {
        "ino": 1,
        "mode": 0o100644,
        "uid": 0,
        "gid": 0,
        "nlink": 1,
        "mtime": 0,
        "filesize": len(data),
        "devmajor": 0,
        "devminor": 0,
        "rdevmajor": 0,
        "rdevminor": 0,
        "namesize": len(text),
        "check": 0,
    }
    magic, padding = changes.pop("magic", b"070701"), changes.pop("padding", b"\0")
    fields |= changes
    head = magic + "".join(f"{number:08x}" for number in fields.values()).encode() + text
    return head + padding * (-len(head) % 4) + data + padding * (-len(data) % 4)


TRAILER = entry("TRAILER!!!", mode=0)


def index_value(contents: tuple[bytes, ...] = CONTENTS) -> dict[str, Any]:
    """The JSON of an index: each content is a target of one version."""
    binaries, manifest = {}, []
    for place, content in enumerate(contents):
        digest = sha256(content).hexdigest()
        signature = PROD.sign(digest.encode()).hex().upper()
        binaries[identity(3 + place)] = {
            "description": None,
            "signatures": [{"keyid": PROD.public_key.keyid, "sig": signature}],
        }
        manifest.append(
            {
                "hash": digest,
                "size": len(content),
                "binary_id": identity(3 + place),
                "target": f"target-{place}",
                "artifact_version_id": identity(2),
                "artifact_id": identity(1),
                "custom_metadata": {"peridiod": {"installer": "cache"}},
            }
        )
    version = {"version": "1.0.0", "description": "the first", "binaries": binaries}
    artifact = {"name": "ML-Model", "description": None, "versions": {identity(2): version}}
    bundle = {
        "id": identity(100),
        "name": "release",
        "hash": _hash(manifest),
        "signatures": [],
        "manifest": manifest,
    }
    return {"artifacts": {identity(1): artifact}, "bundle": bundle}


def _hash(manifest: list[dict[str, Any]], organization: str = ORGANIZATION) -> str:
    return compute_bundle_hash(
        [
            BundleMember(
                prn=f"prn:1:{organization}:binary:{item['binary_id']}",
                size=item["size"],
                hash=item["hash"],
                target=item["target"],
                custom_metadata=item["custom_metadata"] or None,
            )
            for item in manifest
        ]
    )


def archive(
    value: object = None, contents: tuple[bytes, ...] = CONTENTS, *more: bytes, tail: bytes = b""
) -> bytes:
    """The cpio bytes of an archive: index, contents, further entries, trailer, what follows."""
    index = index_value() if value is None else value
    data = index if isinstance(index, bytes) else json.dumps(index, indent=2).encode()
    entries = [entry(f"{place:04d}.bin", each) for place, each in enumerate(contents, 1)]
    return b"".join((entry("bundle.json", data), *entries, *more, TRAILER, tail))


def made_index(*contents: bytes, **changes: Any) -> Index:
    """An index as a value, of one signed binary for each content."""
    members = tuple(
        Member(
            artifact=Named(id=identity(1), name="ML-Model", description=None),
            version=Named(id=identity(2), name="1.0.0", description=None),
            id=identity(3 + place),
            description=None,
            target=f"target-{place}",
            digest=compute_digest(content),
            size=len(content),
            custom_metadata={},
            signatures=(
                IndexSignature(
                    keyid=PROD.public_key.keyid,
                    signature=PROD.sign(compute_digest(content).hex().encode()).hex(),
                ),
            ),
        )
        for place, content in enumerate(contents)
    )
    fields: dict[str, Any] = {
        "id": identity(100),
        "name": None,
        "hash": "ab" * 32,
        "signatures": (),
        "members": members,
        **changes,
    }
    return Index(**fields)


def _edited(edit: Any) -> dict[str, Any]:
    value = index_value()
    edit(value)
    return value


def _valid() -> Iterator[tuple[str, bytes]]:
    honest = archive()
    yield "as-written", frame(honest)
    yield "window-of-8-mib", frame(honest, window=8)
    yield "modes-of-zero", frame(honest.replace(b"000081a4", b"00000000"))
    upper = honest.replace(b"000081a4", b"000081A4")
    yield "upper-case-hex", frame(upper)
    yield "padded-to-512", frame(honest + bytes(-len(honest) % 512))
    yield "longest-padding", frame(honest + bytes(65_535))
    other = tuple(reversed(CONTENTS))
    yield "contents-in-another-order", frame(archive(None, other))
    same = (b"twice", b"twice")
    yield "two-binaries-of-one-content", frame(archive(index_value(same), same))
    summed = b"".join(
        entry(name, data, magic=b"070702", check=sum(data))
        for name, data in (("bundle.json", json.dumps(index_value()).encode()), *_named(CONTENTS))
    )
    yield "with-sums", frame(summed + TRAILER)
    yield (
        "in-folders",
        frame(
            entry("bundle.json", json.dumps(index_value()).encode())
            + b"".join(entry(f"a/b/{name}", data) for name, data in _named(CONTENTS))
            + TRAILER
        ),
    )
    yield "no-names-no-descriptions", frame(archive(_edited(_bare)))
    yield "empty-metadata", frame(archive(_edited(_without_metadata)))


def _named(contents: tuple[bytes, ...]) -> list[tuple[str, bytes]]:
    return [(f"{place}.bin", each) for place, each in enumerate(contents)]


def _bare(value: dict[str, Any]) -> None:
    del value["bundle"]["name"]
    del value["artifacts"][identity(1)]["description"]
    del value["artifacts"][identity(1)]["versions"][identity(2)]["description"]


def _without_metadata(value: dict[str, Any]) -> None:
    for item in value["bundle"]["manifest"]:
        item["custom_metadata"] = {}


def _frames() -> Iterator[Vector]:
    honest = frame(archive())
    yield "frame-none", b"", "malformed"
    yield "frame-of-gzip", b"\x1f\x8b" + honest[2:], "malformed"
    yield "frame-of-cpio-alone", archive(), "malformed"
    yield "frame-cut", honest[:-5], "malformed"
    yield "frame-cut-in-its-head", honest[:5], "malformed"
    yield "frame-damaged", honest[:6] + b"\xff\xff\xff" + honest[9:], "malformed"
    yield "frame-twice", honest + honest, "malformed"
    yield "frame-second-of-nothing", honest + frame(b""), "malformed"
    yield "frame-skippable-first", b"\x50\x2a\x4d\x18\4\0\0\0abcd" + honest, "malformed"
    yield "frame-skippable-last", honest + b"\x50\x2a\x4d\x18\4\0\0\0abcd", "malformed"
    yield "frame-byte-after-it", honest + b"\n", "malformed"
    yield (
        "frame-with-a-dictionary",
        honest[:4] + b"\1" + honest[5:6] + b"\7" + honest[6:],
        "malformed",
    )
    yield "frame-window-of-16-mib", frame(archive(), window=16), "too-large"
    yield "frame-of-nothing", frame(b""), "malformed"
    yield "bomb-in-the-index", repeating_frame(_head_of_index(2**32 - 1), b" ", 9), "too-large"
    start = archive()[: -len(TRAILER)]
    bomb = entry("more.bin", filesize=2**32 - 1)
    yield "bomb-in-an-entry", repeating_frame(start + bomb, b"\0", 9), "digest-mismatch"
    yield "bomb-after-the-trailer", repeating_frame(archive(), b"\0", 9), "malformed"
    yield "bomb-in-a-name", repeating_frame(_long_name(2**32 - 1), b"a", 9), "too-large"


def _head_of_index(size: int) -> bytes:
    return entry("bundle.json", filesize=size)


def _long_name(size: int) -> bytes:
    return entry("bundle.json", namesize=size)[:110]


def _entries() -> Iterator[Vector]:
    for name, kind in {
        "symbolic-link": 0o120777,
        "folder": 0o040755,
        "fifo": 0o010644,
        "socket": 0o140644,
        "character-device": 0o020644,
        "block-device": 0o060644,
        "unknown-kind": 0o150644,
    }.items():
        yield f"entry-{name}", frame(archive(None, CONTENTS, entry("x", mode=kind))), "malformed"
    yield "entry-hard-link", frame(archive(None, CONTENTS, entry("x", nlink=2))), "malformed"
    for name, text in {
        "absolute": "/etc/passwd",
        "dot-dot": "../../etc/passwd",
        "dot-dot-inside": "a/../../b",
        "dot": "./a.bin",
        "empty-step": "a//b",
        "slash-at-the-end": "a/",
        "backslash": "..\\a",
        "line-feed": "a\nb",
        "escape": "a\x1b[2Jb",
    }.items():
        more = entry(text, b"")
        yield f"name-{name}", frame(archive(None, CONTENTS[:2], more)), "malformed"
    yield "name-not-utf-8", frame(archive(None, CONTENTS[:2], entry(b"a\xff"))), "malformed"
    yield "name-empty", frame(archive(None, CONTENTS[:2], entry(""))), "malformed"
    yield (
        "name-of-no-bytes",
        frame(archive(None, CONTENTS[:2], entry("x", namesize=0))),
        "malformed",
    )
    yield "name-nul-inside", frame(archive(None, CONTENTS[:2], entry("a\0b"))), "malformed"
    yield "name-too-long", frame(archive(None, CONTENTS[:2], entry("x" * 1024))), "too-large"
    unended = entry("abcd").replace(b"abcd\0", b"abcde")
    yield "name-without-its-nul", frame(archive(None, CONTENTS[:2], unended)), "malformed"
    again = entry("0001.bin", b"")
    yield "name-twice", frame(archive(None, CONTENTS[:2], again)), "malformed"
    yield (
        "name-of-the-index-twice",
        frame(archive(None, CONTENTS[:2], entry("bundle.json"))),
        "malformed",
    )
    yield from _headers()


def _headers() -> Iterator[Vector]:
    honest = archive()
    yield "magic-odc", frame(b"070707" + honest[6:]), "malformed"
    yield "magic-of-tar", frame(b"ustar\0" + honest[6:]), "malformed"
    yield "hex-with-a-blank", frame(honest.replace(b"000081a4", b"    81a4", 1)), "malformed"
    yield "hex-with-a-sign", frame(honest.replace(b"000081a4", b"+00081a4", 1)), "malformed"
    yield "hex-with-an-underscore", frame(honest.replace(b"000081a4", b"0_0081a4", 1)), "malformed"
    wrong = entry("x", b"", check=1)
    yield "check-without-sums", frame(archive(None, CONTENTS[:2], wrong)), "malformed"
    summed = entry("x.bin", CONTENTS[0], magic=b"070702", check=1)
    yield "sum-is-wrong", frame(archive(None, CONTENTS[1:], summed)), "malformed"
    padded = entry("abcde", CONTENTS[0], padding=b"x")
    yield "padding-not-zeros", frame(archive(None, CONTENTS[1:], padded)), "malformed"
    yield "trailer-missing", frame(honest[: -len(TRAILER)]), "malformed"
    yield "trailer-cut", frame(honest[:-8]), "malformed"
    filled = entry("TRAILER!!!", b"more", mode=0)
    yield "trailer-with-content", frame(honest[: -len(TRAILER)] + filled), "malformed"
    yield "after-the-trailer-an-entry", frame(honest + entry("x") + TRAILER), "malformed"
    yield "after-the-trailer-too-many-zeros", frame(honest + bytes(65_536)), "malformed"
    yield "content-cut", frame(honest[: honest.index(CONTENTS[0]) + 5]), "malformed"


def _contents() -> Iterator[Vector]:
    yield (
        "content-changed",
        frame(archive(None, (b"hello, Binary\n", *CONTENTS[1:]))),
        "digest-mismatch",
    )
    yield (
        "content-longer",
        frame(archive(None, (CONTENTS[0] + b"x", *CONTENTS[1:]))),
        "digest-mismatch",
    )
    yield "content-missing", frame(archive(None, CONTENTS[:2])), "malformed"
    yield "content-more", frame(archive(None, (*CONTENTS, b"more"))), "digest-mismatch"
    yield "content-twice", frame(archive(None, (*CONTENTS, CONTENTS[0]))), "digest-mismatch"
    data = json.dumps(index_value()).encode()
    late = b"".join(entry(*each) for each in _named(CONTENTS)) + entry("bundle.json", data)
    yield "index-last", frame(late + TRAILER), "malformed"
    yield "index-missing", frame(TRAILER), "malformed"
    other = archive().replace(b"bundle.json", b"bundle_json")
    yield "index-of-another-name", frame(other), "malformed"
    deep = archive().replace(b"bundle.json", b"x/bund.json")
    yield "index-in-a-folder", frame(deep), "malformed"


def _indexes() -> Iterator[tuple[str, object, str]]:
    yield "not-json", b"hello", "malformed"
    yield "not-utf-8", b'{"artifacts":"\xff"}', "malformed"
    yield "array", [], "malformed"
    yield (
        "name-twice",
        json.dumps(index_value()).encode().replace(b"{", b'{"a":1,"a":1,', 1),
        "malformed",
    )
    yield "unknown-field", {**index_value(), "surprise": 1}, "malformed"
    yield "no-bundle", {"artifacts": index_value()["artifacts"]}, "malformed"
    yield "no-artifacts", {"bundle": index_value()["bundle"]}, "malformed"
    for name in ("id", "hash", "signatures", "manifest"):
        yield f"bundle-without-{name}", _edited(lambda v, n=name: v["bundle"].pop(n)), "malformed"
    for name in index_value()["bundle"]["manifest"][0]:
        edit = lambda v, n=name: v["bundle"]["manifest"][0].pop(n)  # noqa: E731
        yield f"item-without-{name.replace('_', '-')}", _edited(edit), "malformed"
    for name, changes, code in (
        ("hash-upper-case", {"hash": "AB" * 32}, "not-canonical"),
        ("hash-with-a-prefix", {"hash": "sha256:" + "ab" * 32}, "not-canonical"),
        ("size-negative", {"size": -1}, "malformed"),
        ("size-text", {"size": "14"}, "malformed"),
        ("size-of-4-gib", {"size": 2**32}, "malformed"),
        ("binary-id-upper-case", {"binary_id": "A" * 8 + identity(3)[8:]}, "malformed"),
        ("binary-id-a-path", {"binary_id": "../" + identity(3)[3:]}, "malformed"),
        ("binary-unknown", {"binary_id": identity(77)}, "malformed"),
        ("target-empty", {"target": ""}, "malformed"),
        ("target-control", {"target": "a\nb"}, "malformed"),
        ("target-too-long", {"target": "x" * 129}, "too-large"),
        ("version-of-another", {"artifact_version_id": identity(9)}, "malformed"),
        ("artifact-of-another", {"artifact_id": identity(9)}, "malformed"),
        ("metadata-null", {"custom_metadata": None}, "malformed"),
        ("metadata-array", {"custom_metadata": []}, "malformed"),
        ("metadata-fraction", {"custom_metadata": {"a": 1.5}}, "malformed"),
        ("unknown-field", {"url": "https://x"}, "malformed"),
    ):
        edit = lambda v, c=changes: v["bundle"]["manifest"][0].update(c)  # noqa: E731
        yield f"item-{name}", _edited(edit), code
    yield from _records()


def _records() -> Iterator[tuple[str, object, str]]:
    def bundle(name: str, change: object) -> dict[str, Any]:
        return _edited(lambda value: value["bundle"].update({name: change}))

    def binary(change: dict[str, Any]) -> dict[str, Any]:
        versions = lambda value: value["artifacts"][identity(1)]["versions"]  # noqa: E731
        return _edited(lambda v: versions(v)[identity(2)]["binaries"][identity(3)].update(change))

    def artifact(change: dict[str, Any]) -> dict[str, Any]:
        return _edited(lambda value: value["artifacts"][identity(1)].update(change))

    manifest = index_value()["bundle"]["manifest"]
    yield "manifest-empty", bundle("manifest", []), "malformed"
    yield "manifest-twice", bundle("manifest", [*manifest, manifest[0]]), "malformed"
    yield "manifest-names-fewer", bundle("manifest", manifest[:2]), "malformed"
    yield "manifest-too-long", bundle("manifest", [1] * 1_001), "too-large"
    yield "bundle-id-none", bundle("id", "release"), "malformed"
    yield "bundle-hash-with-a-prefix", bundle("hash", "sha256:" + "ab" * 32), "not-canonical"
    yield "bundle-name-empty", bundle("name", ""), "malformed"
    yield "bundle-name-too-long", bundle("name", "x" * 257), "too-large"
    yield "bundle-signatures-null", bundle("signatures", None), "malformed"
    signature = {"keyid": "ab" * 32, "sig": "AB" * 64}
    for name, change, code in (
        ("too-many", [signature] * 65, "too-large"),
        ("null", None, "malformed"),
        ("short", [{**signature, "sig": "AB" * 63}], "malformed"),
        ("base64", [{**signature, "sig": "A" * 86 + "=="}], "malformed"),
        ("keyid-short", [{**signature, "keyid": "sha256-0123456789abcdef"}], "not-canonical"),
        ("with-a-key", [{**signature, "public_value": "x"}], "malformed"),
        ("without-keyid", [{"sig": "AB" * 64}], "malformed"),
    ):
        yield f"signatures-{name}", binary({"signatures": change}), code
    yield "artifact-without-versions", artifact({"versions": {}}), "malformed"
    yield "artifact-versions-an-array", artifact({"versions": []}), "malformed"
    yield "artifact-name-control", artifact({"name": "a\x07"}), "malformed"
    yield "artifact-name-too-long", artifact({"name": "x" * 129}), "too-large"
    yield "artifact-description-too-long", artifact({"description": "x" * 257}), "too-large"
    yield "artifact-unknown-field", artifact({"custom_metadata": {}}), "malformed"
    spare = {"version": "2", "binaries": {identity(9): {"signatures": []}}}
    yield "binary-of-nothing", _edited(_spare_version(spare)), "malformed"
    yield (
        "version-without-binaries",
        _edited(_spare_version({**spare, "binaries": {}})),
        "malformed",
    )


def _spare_version(version: dict[str, Any]) -> Any:
    return lambda value: value["artifacts"][identity(1)]["versions"].update({identity(8): version})


def vectors() -> dict[str, tuple[bytes, str]]:
    """Return by file: bytes and the expected outcome ("accept" or an error code)."""
    cases: list[Vector] = [(name, data, "accept") for name, data in _valid()]
    cases += [*_frames(), *_entries(), *_contents()]
    for name, value, code in _indexes():
        cases.append((f"index-{name}", frame(archive(value)), code))
    return lay_out(cases, suffix=".cpio.zst")


if __name__ == "__main__":
    write_vectors(FOLDER, vectors())
