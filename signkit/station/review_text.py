"""A review as text, whole: 78 columns, without colour; nothing unescaped in it.

Facts that this machine computed stand outside the box; what the requester wrote stands inside it.
Printing is the command line's.

Spec: docs/design/review.md.
Controls: SK-SIGN-CONFIRM (docs/design/assurance.md).
"""

from __future__ import annotations

from collections.abc import Sequence

from signkit.errors import SignkitError
from signkit.formats.display import (
    cut_columns,
    escape,
    human_size,
    one_line,
    pad_columns,
    wrap_columns,
)
from signkit.formats.purpose_text import purpose_rows
from signkit.formats.trust_text import trust_lines
from signkit.model.purpose import OPEN, Purpose
from signkit.model.request import Request
from signkit.policy.report import outcome_lines
from signkit.schemes import trust
from signkit.station.delta import Risk
from signkit.station.review import Review
from signkit.station.review_rows import WIDTH, labelled, labelled_words, titled
from signkit.station.sentences import (
    MEANINGS,
    count_contents,
    count_controls,
    odd_words,
    say_change,
    say_content,
    say_heading,
    say_last,
    say_metadata,
)

TRUST_WARNING = (
    "!" * WIDTH,
    "!!  THIS CHANGES THE TRUST ROOT: it says whose signatures devices accept.   !!",
    "!!  Compare every keyid with whoever holds the key before you sign.         !!",
    "!" * WIDTH,
)


def review_request(review: Review) -> str:
    """Show a request whole: itself, its changes by class, and every item, worst class first."""
    delta = review.delta
    places = [place for risk in delta.order for place in delta.groups[risk]]
    blocks = [
        head_lines(review),
        _change_lines(review),
        *(item_lines(review, place) for place in places),
        _missing_lines(review),
        signing_lines(review),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def head_lines(review: Review) -> Sequence[str]:
    """Show the request itself, the requester's words, and the controls of the policy."""
    verified, request = review.verified, review.verified.request
    previous = request.previous_response
    size = human_size(sum(item.size for item in review.items))
    return [
        *titled("REQUEST ", escape(review.name)),
        *labelled("SHA-256", verified.digest.hex()),
        *labelled_words("words", verified.digest),
        *labelled("signed by", verified.requester_key.keyid),
        *labelled_words("", bytes.fromhex(verified.requester_key.keyid)),
        *labelled("follows", previous.hex() if previous else "no response (the first request)"),
        *(row for said in review.unusual for row in labelled("LOOK", one_line(said))),
        *labelled("items", f"{len(review.items):,}, {size} in all"),
        *labelled("content", count_contents(review)),
        "",
        *said_lines(request),
        *(row for said in odd_words(request) for row in labelled("LOOK", said)),
        *_control_lines(review),
    ]


def said_lines(request: Request, *, cut: bool = False) -> Sequence[str]:
    """Show the requester's own words in their box.

    Args:
        request: What they asked for.
        cut: Whether to show one line of who and one of why; the edge then says whether there is
            something odd in the rest.
    """
    said = {
        "who": escape(request.requester),
        "when": request.created,
        "why": escape(request.reason) if request.reason else "not said",
    }
    width = WIDTH - 4 - 9
    if cut:
        said = {label: cut_columns(said[label], width) for label in ("who", "why")}
    lines = [
        f"{'' if place else label:<9}{part}"
        for label, text in said.items()
        for place, part in enumerate(wrap_columns(text, width))
    ]
    odd = len(odd_words(request)) if cut else 0
    return [
        _edge("what the requester says; not checked"),
        *(f"| {pad_columns(line, WIDTH - 4)} |" for line in lines),
        _edge("LOOK: there is something odd in these words; 0 says what" if odd else ""),
    ]


def _edge(title: str) -> str:
    """Return an edge of the box, with our own words in it."""
    return f"+-- {title} ".ljust(WIDTH - 1, "-") + "+" if title else f"+{'-' * (WIDTH - 2)}+"


def _control_lines(review: Review) -> Sequence[str]:
    if review.key is None:
        return []
    return ["", f"CONTROLS {count_controls(review)}", *outcome_lines(review.controls)]


def _change_lines(review: Review) -> Sequence[str]:
    """Count the items by class, in the order in which they are shown."""
    delta, count = review.delta, len(review.items)
    lines = [say_heading(review)]
    for risk in delta.order:
        if found := delta.count(risk):
            of = "" if risk is Risk.MISSING else f" of {count:,}"
            lines += labelled(risk, f"{found:,}{of}: {MEANINGS[risk]}")
    return lines


def item_lines(review: Review, place: int) -> Sequence[str]:
    """Show one item whole; a trust root as what it is."""
    if trust.is_wanted(review.items[place]):
        return _trust_lines(review, place)
    return _item_lines(review, place)


def _item_lines(review: Review, place: int) -> Sequence[str]:
    item = review.items[place]
    wanted = ", ".join(f"{escape(each.scheme)} by role {escape(each.role)}" for each in item.wanted)
    lines = [
        *titled(f"ITEM {place + 1} of {len(review.items)}: ", escape(item.name)),
        *_look_lines(review, place),
        *labelled("artifact", escape(item.artifact)),
        *labelled("version", escape(item.version)),
        *labelled("target", escape(item.target)),
        *labelled("sequence", str(item.sequence)),
        *labelled("expires", item.expires or "never"),
        *labelled("size", f"{item.size} bytes ({human_size(item.size)})"),
        *labelled("SHA-256", item.digest.hex()),
        *labelled_words("words", item.digest),
        *labelled("content", say_content(review, place)),
        *labelled("sign", wanted),
    ]
    if item.custom_metadata:
        for part, said in enumerate(say_metadata(item)):
            lines += labelled("" if part else "metadata", said)
    return lines


def _look_lines(review: Review, place: int) -> Sequence[str]:
    """Show what is unusual about an item, and what it changes."""
    change = review.delta.changes[place]
    lines = [row for each in change.findings for row in labelled("LOOK", each.text)]
    if change.last is not None:
        lines += labelled("change", say_change(review.items[place], change.last))
        lines += labelled("last", say_last(change.last))
    return lines


def _trust_lines(review: Review, place: int) -> Sequence[str]:
    """Show the trust root in an item instead of its custom metadata, and that it is one."""
    item = review.items[place]
    try:
        root, _payload = trust.read_item(item)
    except SignkitError as error:
        said = wrap_columns(f"NO TRUST ROOT IS SHOWN: {one_line(str(error))}", WIDTH)
        return [*said, "", *_item_lines(review, place)]
    return [
        *TRUST_WARNING,
        "",
        *trust_lines(root),
        "",
        *_look_lines(review, place),
        *labelled("SHA-256", item.digest.hex()),
        *labelled_words("words", item.digest),
    ]


def _missing_lines(review: Review) -> Sequence[str]:
    missing = review.delta.missing
    lines = [f"MISSING {len(missing):,} that the last request had"] if missing else []
    for (artifact, target), last in missing:
        lines += labelled("artifact", escape(artifact))
        lines += labelled("target", escape(target))
        lines += labelled("last", say_last(last))
    return lines


def signing_lines(review: Review) -> Sequence[str]:
    """Show what is about to be signed, and with which key; nothing where nothing is."""
    if review.key is None:
        return []
    return [
        *titled(f"SIGN {review.signature_count} signatures with ", escape(review.key_name)),
        *labelled("keyid", review.key.keyid),
        *labelled_words("words", bytes.fromhex(review.key.keyid)),
        *_bound_lines(review.purpose),
    ]


def _bound_lines(purpose: Purpose) -> Sequence[str]:
    """Show what the key may sign, so that its bounds are read before anything is confirmed."""
    if purpose == OPEN:
        return labelled("may sign", "anything: nothing here sets bounds to this key")
    rows = (labelled(label, text) for label, text in purpose_rows(purpose))
    return [
        *labelled("may sign", "only within these bounds:"),
        *(row for each in rows for row in each),
    ]
