"""What the operator sees before anything is signed: the whole request, escaped.

Facts that this machine computed stand outside the box; what the requester wrote stands inside it.
Pure text for 80 columns without colour; printing is the command line's.

Controls: SK-SIGN-CONFIRM (docs/design/assurance.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from signkit.errors import SignkitError
from signkit.formats.display import (
    count_columns,
    escape,
    human_size,
    one_line,
    pad_columns,
    wrap_columns,
)
from signkit.formats.purpose_text import purpose_rows
from signkit.formats.trust_text import trust_lines
from signkit.formats.words import encode_words
from signkit.model.purpose import OPEN, Purpose
from signkit.model.request import Item, Request, VerifiedRequest
from signkit.schemes import trust
from signkit.verify.digest import compute_digest
from signkit.verify.ed25519 import PublicKey
from signkit.verify.encoding import canonical_json, encode_json

_WIDTH = 78
_INDENT = 13  # of what a label says
_CONFIRMATION_WORDS = 4
_METADATA_SHOWN = 2000
_WORDS_A_ROW = 6  # at most 65 characters, whatever the words
_TRUST_WARNING = (
    "!" * _WIDTH,
    "!!  THIS CHANGES THE TRUST ROOT: it says whose signatures devices accept.   !!",
    "!!  Compare every keyid with whoever holds the key before you sign.         !!",
    "!" * _WIDTH,
)


def confirmation_words(request: VerifiedRequest) -> tuple[str, ...]:
    """Return the words that the operator types: the first four of the request's digest."""
    return encode_words(request.digest[:_CONFIRMATION_WORDS])


def review_request(
    verified: VerifiedRequest,
    *,
    name: str,
    contents: Mapping[int, str] | None = None,
    key: PublicKey | None = None,
    key_name: str = "",
    purpose: Purpose = OPEN,
) -> str:
    """Show a request whole.

    Args:
        verified: The request.
        name: What its file is called.
        contents: By item, what is known of its content; None where no content was looked at.
        key: The key that is about to sign, or None where nothing is about to be signed.
        key_name: What that key is called here.
        purpose: What that key may sign; its signer refuses everything else.

    Returns:
        Lines of text, nothing unescaped in it.
    """
    request = verified.request
    show = _trust_item if trust.is_asked(request) else _item
    blocks = [
        _head(verified, name),
        _box(request),
        *(
            show(index, item, len(request.items), (contents or {}).get(index))
            for index, item in enumerate(request.items)
        ),
    ]
    if key is not None:
        blocks.append(_signing(request, key, key_name, purpose))
    return "\n\n".join(blocks)


def _head(verified: VerifiedRequest, name: str) -> str:
    request = verified.request
    previous = request.previous_response
    count = len(request.items)
    size = sum(item.size for item in request.items)
    return "\n".join(
        [
            *_titled("REQUEST ", escape(name)),
            _row("SHA-256", verified.digest.hex()),
            *_words("words", verified.digest),
            _row("signed by", verified.requester_key.keyid),
            *_words("", bytes.fromhex(verified.requester_key.keyid)),
            _row("follows", previous.hex() if previous else "no response (the first request)"),
            _row("items", f"{count}, {human_size(size)} in all"),
        ]
    )


def _box(request: Request) -> str:
    said = {
        "who": escape(request.requester),
        "when": request.created,
        "why": escape(request.reason) if request.reason else "not said",
    }
    lines = [
        f"{'' if place else label:<9}{part}"
        for label, text in said.items()
        for place, part in enumerate(wrap_columns(text, _WIDTH - 4 - 9))
    ]
    edge = "+" + "-" * (_WIDTH - 2) + "+"
    title = "+-- what the requester says; not checked " + "-" * _WIDTH
    return "\n".join(
        [
            title[: _WIDTH - 1] + "+",
            *(f"| {pad_columns(line, _WIDTH - 4)} |" for line in lines),
            edge,
        ]
    )


def _item(index: int, item: Item, count: int, content: str | None) -> str:
    wanted = ", ".join(f"{escape(each.scheme)} by role {escape(each.role)}" for each in item.wanted)
    lines = [
        *_titled(f"ITEM {index + 1} of {count}: ", escape(item.name)),
        *_rows("artifact", escape(item.artifact)),
        *_rows("version", escape(item.version)),
        *_rows("target", escape(item.target)),
        _row("sequence", str(item.sequence)),
        _row("expires", item.expires or "never"),
        _row("size", f"{item.size} bytes ({human_size(item.size)})"),
        _row("SHA-256", item.digest.hex()),
        *_words("words", item.digest),
        *_rows("content", one_line(content or "not seen here: only its digest is known")),
        *_rows("sign", wanted),
    ]
    if item.custom_metadata:
        text = encode_json(dict(item.custom_metadata)).decode("utf-8")
        lines += _rows("metadata", escape(text[:_METADATA_SHOWN]))
        if hidden := len(text[_METADATA_SHOWN:]):
            digest = compute_digest(canonical_json(dict(item.custom_metadata)))
            lines += _rows("", f"({hidden} more characters; SHA-256 {digest.hex()})")
    return "\n".join(lines)


def _trust_item(index: int, item: Item, count: int, content: str | None) -> str:
    """Show the trust root in an item instead of its custom metadata, and that it is one."""
    try:
        root, _payload = trust.read_item(item)
    except SignkitError as error:
        said = wrap_columns(f"NO TRUST ROOT IS SHOWN: {one_line(str(error))}", _WIDTH)
        return "\n".join([*said, "", _item(index, item, count, content)])
    return "\n".join(
        [
            *_TRUST_WARNING,
            "",
            *trust_lines(root),
            "",
            _row("SHA-256", item.digest.hex()),
            *_words("words", item.digest),
        ]
    )


def _signing(request: Request, key: PublicKey, name: str, purpose: Purpose) -> str:
    count = sum(len({each.scheme for each in item.wanted}) for item in request.items)
    return "\n".join(
        [
            *_titled(f"SIGN {count} signatures with ", escape(name)),
            _row("keyid", key.keyid),
            *_words("words", bytes.fromhex(key.keyid)),
            *_bounds(purpose),
        ]
    )


def _bounds(purpose: Purpose) -> Sequence[str]:
    """Return what the key may sign, so that its bounds are read before anything is confirmed."""
    if purpose == OPEN:
        return [_row("may sign", "anything: nothing here sets bounds to this key")]
    rows = (_rows(label, text) for label, text in purpose_rows(purpose))
    return [_row("may sign", "only within these bounds:"), *(row for each in rows for row in each)]


def _row(label: str, text: str) -> str:
    return f"  {label.ljust(_INDENT - 2)}{text}"


def _words(label: str, digest: bytes) -> Sequence[str]:
    words = encode_words(digest)
    starts = range(0, len(words), _WORDS_A_ROW)
    return [
        _row(label if start == 0 else "", " ".join(words[start : start + _WORDS_A_ROW]))
        for start in starts
    ]


def _rows(label: str, text: str) -> Sequence[str]:
    rows = wrap_columns(text, _WIDTH - _INDENT)
    return [_row("" if place else label, row) for place, row in enumerate(rows)]


def _titled(title: str, text: str) -> Sequence[str]:
    """Return a title and what it is about; further lines are indented as those of rows are."""
    first, *rest = wrap_columns(text, _WIDTH - max(_INDENT, count_columns(title)))
    return [title + first, *(_row("", row) for row in rest)]
