"""A review as one page to print: HTML without script, and without anything fetched.

It says what `review_text.py` says, in the same order; a test compares the two.

Spec: docs/design/review.md section 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape as escape_html

from signkit.errors import SignkitError
from signkit.formats.display import human_size
from signkit.formats.html import html_page, html_text
from signkit.formats.purpose_text import purpose_rows
from signkit.formats.trust_text import trust_lines
from signkit.formats.words import encode_words
from signkit.model.purpose import OPEN
from signkit.policy.report import say_result, sort_outcomes
from signkit.schemes import trust
from signkit.station.review import Review
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

_STYLE = """
@page { size: A4 portrait; margin: 14mm 14mm 16mm }
* { box-sizing: border-box; margin: 0; padding: 0 }
body { font: 9pt/1.35 "Liberation Sans", Arial, Helvetica, sans-serif; color: #000;
  background: #fff; max-width: 190mm; margin: 0 auto }
@media screen { body { padding: 10mm } }
h1 { font-size: 16pt; line-height: 1.2; border-bottom: 2pt solid #000; padding-bottom: 2mm;
  overflow-wrap: anywhere }
h2 { font-size: 10.5pt; margin: 5mm 0 1.5mm; break-after: avoid }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .4mm 2mm .4mm 0; font-weight: normal;
  overflow-wrap: anywhere }
.facts th { width: 24mm; color: #333 }
code, pre { font-family: "DejaVu Sans Mono", "Liberation Mono", Consolas, monospace; font-size: 8pt;
  white-space: pre-wrap; overflow-wrap: anywhere }
.said { border: 1.4pt dashed #000; padding: 1.5mm 3mm; margin-top: 4mm }
.said p { font-size: 8pt; text-transform: uppercase; letter-spacing: .06em }
.said td { white-space: pre-wrap }
.warning { border: 3pt solid #000; padding: 2mm 3mm; margin-top: 4mm; font-weight: bold;
  font-size: 11pt }
.items { font-size: 8.5pt }
.items thead th { border-bottom: 1.2pt solid #000; font-weight: bold }
.items tbody { break-inside: avoid }
.items tbody tr:last-child td { border-bottom: .5pt solid #999; padding-bottom: 1.2mm }
.items tbody tr:first-child td { padding-top: 1.2mm }
.look { font-weight: bold }
.look::before { content: "\\25B6\\00a0" }
.number { text-align: right; width: 12mm }
.sign { display: grid; grid-template-columns: 1fr 1fr 34mm; gap: 0 6mm; break-inside: avoid }
.sign div { border-top: .7pt solid #000; margin-top: 12mm; font-size: 8pt; padding-top: .8mm }
"""
_COLUMNS = ("", "Artifact, target", "Version", "Sequence", "Size", "Content")


def render_page(review: Review) -> str:
    """Return the page; the same review always gives the same bytes."""
    title = f"Request {html_text(review.name)}"
    body = [
        f"<h1>{title}</h1>",
        _table(_request_rows(review)),
        _said(review),
        *_trust(review),
        *_controls(review),
        *_classes(review),
        *_items(review),
        *_missing(review),
        "<h2>Read and compared</h2>",
        '<div class="sign"><div>Name</div><div>Signature</div><div>Date</div></div>',
    ]
    return html_page(title, _STYLE, body)


def _request_rows(review: Review) -> Sequence[tuple[str, str]]:
    verified = review.verified
    previous, keyid = verified.request.previous_response, verified.requester_key.keyid
    size = human_size(sum(item.size for item in review.items))
    follows = _code(previous.hex()) if previous else "no response (the first request)"
    rows = [
        ("SHA-256", _code(verified.digest.hex())),
        ("words", _words(verified.digest)),
        ("signed by", f"{_code(keyid)}<br>{_words(bytes.fromhex(keyid))}"),
        ("follows", follows),
        *(("", f'<span class="look">{html_text(said)}</span>') for said in review.unusual),
        ("items", f"{len(review.items):,}, {size} in all; {review.signature_count:,} signatures"),
        ("content", html_text(count_contents(review))),
    ]
    if review.key is not None:
        keyid = review.key.keyid
        key = f"{html_text(review.key_name)}<br>{_code(keyid)}<br>{_words(bytes.fromhex(keyid))}"
        rows.append(("to be signed with", key))
        bounds = "; ".join(f"{label} {text}" for label, text in purpose_rows(review.purpose))
        rows.append(("may sign", "anything" if review.purpose == OPEN else escape_html(bounds)))
    return rows


def _said(review: Review) -> str:
    request = review.verified.request
    rows = [
        ("who", html_text(request.requester)),
        ("when", html_text(request.created)),
        ("why", html_text(request.reason) if request.reason else "not said"),
    ]
    look = "".join(f'<p class="look">{escape_html(said)}</p>' for said in odd_words(request))
    return (
        f'<div class="said"><p>What the requester says; not checked</p>{_table(rows)}</div>{look}'
    )


def _trust(review: Review) -> Sequence[str]:
    """Show the trust root that is asked for, loudly, or that none can be shown."""
    if not trust.is_asked(review.verified.request):
        return []
    warning = (
        "This changes the trust root: it says whose signatures devices accept. Compare every keyid"
        " with whoever holds the key before you sign."
    )
    try:
        root, _payload = trust.read_item(review.items[0])
        said = escape_html("\n".join(trust_lines(root)))
    except SignkitError as error:
        said = html_text(f"NO TRUST ROOT IS SHOWN: {error}")
    return [f'<p class="warning">{warning}</p>', f"<pre>{said}</pre>"]


def _controls(review: Review) -> Sequence[str]:
    if review.key is None:
        return []
    rows = [
        (say_result(each), html_text(f"{each.control}: {each.line}"))
        for each in sort_outcomes(review.controls)
    ]
    head = f"<h2>Controls of the policy: {html_text(count_controls(review))}</h2>"
    return [head, _table(rows)] if rows else [head]


def _classes(review: Review) -> Sequence[str]:
    delta = review.delta
    rows = [
        (risk.value, f"{found:,}: {escape_html(MEANINGS[risk])}")
        for risk in delta.order
        if (found := delta.count(risk))
    ]
    return [f"<h2>{escape_html(say_heading(review))}</h2>", _table(rows)]


def _items(review: Review) -> Sequence[str]:
    heads = "".join(f"<th>{name}</th>" for name in _COLUMNS)
    places = [place for risk in review.delta.order for place in review.delta.groups[risk]]
    return [
        "<h2>Items, unusual first</h2>",
        f'<table class="items"><thead><tr>{heads}</tr></thead>',
        *(_item(review, place) for place in places),
        "</table>",
    ]


def _item(review: Review, place: int) -> str:
    item, change = review.items[place], review.delta.changes[place]
    cells = (
        f"{html_text(item.artifact)}<br>{html_text(item.target)}",
        html_text(item.version),
        str(item.sequence),
        human_size(item.size),
        html_text(say_content(review, place)),
    )
    row = "".join(f"<td>{cell}</td>" for cell in cells)
    wanted = ", ".join(
        f"{html_text(each.scheme)} by role {html_text(each.role)}" for each in item.wanted
    )
    terms = f"{item.size:,} bytes, expires {item.expires or 'never'}; sign {wanted}"
    said = [
        *(f'<span class="look">{escape_html(each.text)}</span>' for each in change.findings),
        f"{html_text(item.name)}, {terms}",
        _code(item.digest.hex()),
    ]
    if change.last is not None:
        said.append(escape_html(say_change(item, change.last)))
        said.append(f"last: {escape_html(say_last(change.last))}")
    if item.custom_metadata and not trust.is_wanted(item):
        said.append(f"metadata {escape_html(' '.join(say_metadata(item)))}")
    return (
        f'<tbody><tr><td class="number">{place + 1:,}</td>{row}</tr>'
        f'<tr><td></td><td colspan="5">{"<br>".join(said)}</td></tr></tbody>'
    )


def _missing(review: Review) -> Sequence[str]:
    if not review.delta.missing:
        return []
    rows = [
        (html_text(f"{artifact}, {target}"), escape_html(say_last(last)))
        for (artifact, target), last in review.delta.missing
    ]
    return ["<h2>Missing: signed last time, not asked for now</h2>", _table(rows)]


def _table(rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><th>{label}</th><td>{value}</td></tr>" for label, value in rows)
    return f'<table class="facts">{cells}</table>'


def _code(text: str) -> str:
    return f"<code>{text}</code>"


def _words(digest: bytes) -> str:
    return _code(" ".join(encode_words(digest)))
