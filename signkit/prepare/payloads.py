"""The messages of a request as a folder of files, for a vault without signkit.

Spec: docs/formats/payloads.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from signkit.errors import TooLargeError
from signkit.formats.display import escape, wrap_columns
from signkit.formats.files import check_new_folder, write_folder
from signkit.formats.fingerprint import word_rows
from signkit.formats.request import open_request
from signkit.model.request import Item, VerifiedRequest
from signkit.schemes.messages import Message, list_messages
from signkit.verify.digest import compute_digest

EXPORT_ITEM_COUNT: Final = 5_000
"""Items at most: FAT32 holds 65,534 short entries a folder, and two messages with their signatures take twelve."""
_SUMS = "SHA256SUMS"
_PAGE = "SIGN.txt"
_WIDTH = 78
_LABEL_WIDTH = 13
_HEAD = """
Check what you were given:

    sha256sum -c SHA256SUMS

Each line below signs one message with one tool; choose your tool. Put the path of your key
for KEY, and the module and the key's label of your token for MODULE and LABEL. All messages:

    for m in *.msg; do
      openssl pkeyutl -sign -rawin -inkey KEY -in "$m" -out "${m%.msg}.sig"; done

The key is Ed25519. Bring all .sig files back, raw, as hex or as base64; the .msg files need
not come. ssh-keygen -Y sign, and minisign without -l, sign other bytes: they cannot be used.
"""


def check_exportable(folder: Path, *, item_count: int) -> None:
    """Check that messages can be exported, before any work is spent on them.

    Raises:
        FileError: the folder is there and not empty, or is none.
        TooLargeError: more items than a FAT folder has room for.
    """
    check_new_folder(folder)
    if item_count > EXPORT_ITEM_COUNT:
        message = f"messages of {item_count} items: expected at most {EXPORT_ITEM_COUNT}"
        raise TooLargeError(message, hint="prepare them as several requests")


def export_payloads(request: bytes, folder: Path, *, name: str) -> int:
    """Write the messages of a request, their checksums and the page, all or nothing.

    Args:
        request: The request file.
        folder: A new folder, or an empty one.
        name: What the request is called.

    Returns:
        How many messages there are.

    Raises:
        RequestError: the request is damaged.
        PolicyError, FormatError: as `list_messages`.
        FileError, TooLargeError: as `check_exportable`, or the folder cannot be written.
    """
    verified = open_request(request)
    check_exportable(folder, item_count=len(verified.request.items))
    messages = list_messages(verified)
    files = {f"{each.name}.msg": each.data for each in messages}
    sums = [f"{compute_digest(data).hex()}  {file}\n" for file, data in files.items()]
    files[_SUMS] = "".join(sums).encode("ascii")
    files[_PAGE] = _render_page(verified, messages, name=name).encode("utf-8")
    write_folder(folder, files)
    return len(messages)


def _render_page(verified: VerifiedRequest, messages: Sequence[Message], *, name: str) -> str:
    lines = [
        "MESSAGES TO SIGN WITHOUT SIGNKIT",
        "",
        *_labelled("request", escape(name)),
        *_labelled("SHA-256", verified.digest.hex()),
        *(f"    {row}" for row in word_rows(verified.digest)),
        *_labelled("items", f"{len(verified.request.items)}, with {len(messages)} messages"),
        _HEAD,
    ]
    for _place, group in groupby(messages, key=lambda each: each.place):
        lines += _item_lines(list(group))
    return "\n".join(lines)


def _item_lines(messages: Sequence[Message]) -> Iterator[str]:
    first = messages[0]
    yield f"ITEM {first.place + 1}"
    for label, text in _facts(first.item):
        yield from _labelled(label, escape(text))
    for each in messages:
        msg = f"{each.name}.msg"
        yield ""
        yield from _labelled(each.scheme, f"{msg}, {len(each.data)} bytes, SHA-256")
        yield from _labelled("", compute_digest(each.data).hex())
        yield f"openssl pkeyutl -sign -rawin -inkey KEY -in {msg} -out {each.name}.sig"
        yield (
            "pkcs11-tool --module MODULE --login --sign -m EDDSA --label LABEL"
            f" --input-file {msg} --output-file {each.name}.sig"
        )
        yield f"minisign -S -l -s KEY -m {msg} -x {each.name}.minisig"
    yield ""


def _facts(item: Item) -> tuple[tuple[str, str], ...]:
    return (
        ("name", item.name),
        ("artifact", item.artifact),
        ("version", item.version),
        ("target", item.target),
        ("sequence", str(item.sequence)),
        ("expires", item.expires or "never"),
        ("size", f"{item.size} bytes"),
        ("SHA-256", item.digest.hex()),
    )


def _labelled(label: str, text: str) -> Iterator[str]:
    """Yield a fact in lines; what comes from outside never stands at the left edge."""
    for place, row in enumerate(wrap_columns(text, _WIDTH - _LABEL_WIDTH)):
        yield f"  {label if place == 0 else '':{_LABEL_WIDTH - 2}}{row}"
