"""Share sheets: one page of paper for one holder of one share.

A page is one HTML file that loads nothing from anywhere: no script, font, picture or address. It
is made for a black and white printer and A4 paper, and says all that its holder has to know. The
folder of a set also holds a register, which names the sheets and holds no share.

Spec: docs/formats/key-shares.md sections 3 and 4.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import segno

from signkit.custody.shares import SharePlan, check_words, split_key
from signkit.custody.slip39 import WORD_COUNT, ShareWords
from signkit.errors import UsageError
from signkit.formats.display import escape, format_table
from signkit.formats.fingerprint import fingerprint_digest, hex_rows, word_rows
from signkit.formats.html import MARK, html_page, html_text
from signkit.formats.private_key import PrivateKey
from signkit.verify.ed25519 import PublicKey

_ROWS = 11  # of three columns, numbered downwards
_WORD = re.compile(r"<li>([a-z]+)</li>")
_STYLE = """
@page { size: A4 portrait; margin: 11mm 15mm }
* { box-sizing: border-box; margin: 0; padding: 0 }
body { font: 9.2pt/1.3 "Liberation Sans", Arial, Helvetica, sans-serif; color: #000;
  background: #fff; width: 180mm; margin: 0 auto }
@media screen { body { padding: 10mm 0 } }
header { display: flex; justify-content: space-between; align-items: flex-end;
  border-bottom: 2.2pt solid #000; padding-bottom: 2.5mm }
h1 { font-size: 21pt; line-height: 1.1; letter-spacing: .02em }
h2 { font-size: 8.5pt; text-transform: uppercase; letter-spacing: .09em; margin: 3.1mm 0 1.1mm }
.secret { font-size: 9pt; font-weight: bold; margin-top: 1mm }
.number { border: 1.4pt solid #000; padding: 1.2mm 4mm; text-align: center; font-size: 8.5pt }
.number b { display: block; font-size: 17pt; line-height: 1.15; white-space: nowrap }
table { border-collapse: collapse; width: 100% }
th { text-align: left; font-weight: normal; width: 33mm; color: #333; vertical-align: top }
td { vertical-align: top }
th, td { padding: .25mm 0 }
code, .grid, .check { font-family: "DejaVu Sans Mono", "Liberation Mono", Consolas, monospace }
code { font-size: 8.4pt; white-space: pre-line }
.words { font-size: 8pt }
.share { display: flex; border: 1.4pt solid #000; padding: 1.8mm 4mm; align-items: center;
  justify-content: space-between }
.grid { columns: 3; column-gap: 5mm; font-size: 11pt; line-height: 1.42; width: 121mm;
  list-style: none; counter-reset: word }
.grid li { counter-increment: word; border-bottom: .35pt solid #999; white-space: nowrap }
.grid li::before { content: counter(word); display: inline-block; width: 7mm; font-size: 7.5pt;
  color: #333; text-align: right; margin-right: 2.4mm }
.qr { width: 45mm; text-align: center; font-size: 7pt; line-height: 1.25 }
.qr svg { width: 45mm; height: 45mm; display: block }
.check { font-size: 11pt; font-weight: bold; border: .7pt solid #000; padding: 1.1mm 3mm;
  margin-bottom: 1mm }
ol.do { margin-left: 4.6mm }
ol.do li { margin-bottom: .7mm }
.sign { display: grid; grid-template-columns: 1fr 1fr 32mm; gap: 0 6mm; margin-top: 1mm }
.sign div { border-top: .7pt solid #000; margin-top: 7.6mm; font-size: 7.5pt; padding-top: .6mm }
footer { margin-top: 2.6mm; border-top: .7pt solid #000; padding-top: 1.2mm; font-size: 7.5pt;
  display: flex; justify-content: space-between; color: #333 }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetContext:
    """What all sheets of a set say.

    Attributes:
        name: What people call the key.
        public_key: Its public key.
        plan: Who must come together.
        date: The day of the split, YYYY-MM-DD, UTC.
        passphrase: Whether a share passphrase has to be known besides.
        qr_code: Whether the words are there as a QR code too.
    """

    name: str
    public_key: PublicKey
    plan: SharePlan
    date: str
    passphrase: bool
    qr_code: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One sheet.

    Attributes:
        share: The share.
        holder: Who is to hold it; may be empty.
    """

    share: ShareWords
    holder: str


def make_sheets(
    key: PrivateKey, context: SheetContext, *, holders: Sequence[str], passphrase: bytes
) -> tuple[Sheet, ...]:
    """Split a key, and give each share to a holder.

    Args:
        key: The key.
        context: What all sheets are to say; its plan is the plan of the split.
        holders: One name for each share, in the order of the groups; none for sheets without.
        passphrase: Has to be known besides; empty for none.

    Raises:
        UsageError: a plan that cannot be kept, or not one holder for each share.
        KeyLockedError, CustodyError: as `shares.split_key`.
    """
    if holders and len(holders) != context.plan.count:
        message = f"{len(holders)} holders for {context.plan.count} shares: expected one for each"
        raise UsageError(message)
    shares = split_key(key, context.plan, passphrase=passphrase)
    names = holders or [""] * len(shares)
    return tuple(Sheet(share=share, holder=name) for share, name in zip(shares, names, strict=True))


def render_sheet(sheet: Sheet, context: SheetContext) -> str:
    """Return the page of one share as HTML."""
    share = sheet.share
    title = f"Share {share.number} of the key {html_text(context.name)}"
    body = [
        _header(share, context),
        "<h2>The key</h2>",
        _identity(sheet, context),
        f"<h2>The share: {WORD_COUNT} words, read downwards</h2>",
        _share_box(share, context),
        "<h2>Check without revealing</h2>",
        _check(share),
        "<h2>What to do with it</h2>",
        _instructions(context),
        "<h2>Received, read, and sealed</h2>",
        _signatures(),
        _footer(context),
    ]
    return html_page(title, _STYLE, body)


def _footer(context: SheetContext) -> str:
    return (
        f"<footer><span>signkit &middot; SLIP-39 &middot; set of {context.date}</span>"
        "<span>one page, printed on one side; there is no other copy</span></footer>"
    )


def _header(share: ShareWords, context: SheetContext) -> str:
    group = context.plan.groups[share.group - 1]
    return (
        "<header><div><h1>Key share</h1>"
        '<p class="secret">Secret. For its holder alone: do not copy, photograph or scan.</p></div>'
        f'<div class="number"><b>{share.number} of {group.count}</b>'
        f"any {group.threshold} are needed</div></header>"
    )


def _identity(sheet: Sheet, context: SheetContext) -> str:
    share, digest = sheet.share, fingerprint_digest(context.public_key)
    group = context.plan.groups[share.group - 1]
    rows = [
        ("Name", f"<b>{html_text(context.name)}</b>"),
        ("Keyid", f"<code>{_lines(hex_rows(digest))}</code>"),
        ("Fingerprint words", f'<code class="words">{_lines(word_rows(digest))}</code>'),
        ("To restore it", html_text(context.plan.describe())),
    ]
    if len(context.plan.groups) > 1:
        rows.append(("This group", f"{html_text(group.name)} (group {share.group})"))
    rows += [
        ("Share passphrase", "yes: it has to be known besides" if context.passphrase else "none"),
        ("Set", f"<code>{share.set_name}</code>, made on {context.date} (UTC)"),
        ("Holder", html_text(sheet.holder) if sheet.holder else "&nbsp;"),
    ]
    cells = "".join(f"<tr><th>{label}</th><td>{value}</td></tr>" for label, value in rows)
    return f"<table>{cells}</table>"


def _share_box(share: ShareWords, context: SheetContext) -> str:
    words = "".join(f"<li>{word}</li>" for word in share.words)
    grid = f'<ol class="grid">{words}</ol>'
    if not context.qr_code:
        return f'<div class="share">{grid}</div>'
    caption = "the same words; keep it from every camera but the station's"
    return f'<div class="share">{grid}<div class="qr">{_qr_code(share)}{caption}</div></div>'


def _qr_code(share: ShareWords) -> str:
    """Return the words as a QR code; in capitals, which a QR code holds in half the room."""
    made = segno.make_qr(" ".join(share.words).upper(), error="m", boost_error=False)
    return str(made.svg_inline(omitsize=True, border=2, dark="#000"))


def _check(share: ShareWords) -> str:
    return (
        f'<p class="check">{" ".join(check_words(share))}</p>'
        "<p>The keeper of the register may ask for these four words, over the telephone too: they"
        " tell this sheet from any other, and nothing that helps to guess the share. Whether the words above can"
        " still be read, <code>signkit keys recover --check</code> says on a machine without a"
        " network: it takes the words of this sheet alone and answers with the same four.</p>"
    )


def _instructions(context: SheetContext) -> str:
    passphrase = " and the share passphrase" if context.passphrase else ""
    name = html_text(context.name)
    steps = f"""
Check that every word can be read. Sign below. Put the sheet into an envelope that shows when it was
opened, and keep it locked up, away from the other sheets.

Look at the seal twice a year. Is it broken, is the sheet lost, was it seen by others: tell the keeper
of the register the same day. The key is then split anew, and every sheet of this set is destroyed.

To restore the key, bring this sheet{passphrase} to the station, in person, when two people you know
ask for it: <code>signkit keys recover {name}</code>. Compare the keyid that it shows with the one above.

Whoever brings together what is needed has the key. Never give this sheet away, and type its words
into nothing but the station.
""".strip().split("\n\n")
    return f'<ol class="do">{"".join(f"<li>{step}</li>" for step in steps)}</ol>'


def _signatures() -> str:
    labels = ("Holder: name", "Signature", "Date", "Witness: name", "Signature", "Envelope number")
    return f'<div class="sign">{"".join(f"<div>{label}</div>" for label in labels)}</div>'


def _lines(rows: Sequence[str]) -> str:
    return "\n".join(rows)


def read_sheet(text: str) -> str:
    """Return the words of a file: of a sheet that `render_sheet` made, or the file as it is."""
    return " ".join(_WORD.findall(text)) if text.startswith(MARK) else text


def render_text(sheet: Sheet, context: SheetContext) -> str:
    """Return a share for the terminal: its number, its words in three columns, its check words."""
    share = sheet.share
    group = context.plan.groups[share.group - 1]
    named = f" of {escape(group.name)}" if group.name else ""
    holder = f", for {escape(sheet.holder)}" if sheet.holder else ""
    cells = [f"{place:2} {word}" for place, word in enumerate(share.words, start=1)]
    rows = [cells[start::_ROWS] for start in range(_ROWS)]
    return "\n".join(
        [
            f"SHARE {share.number} of {group.count}{named}, any {group.threshold} needed{holder}",
            f"key {escape(context.name)} {context.public_key.keyid}",
            "",
            format_table(rows[0], rows[1:]),
            "",
            f"check words: {' '.join(check_words(share))}",
        ]
    )


def render_register(sheets: Sequence[tuple[str, Sheet]], context: SheetContext) -> str:
    """Return the register of a set: which sheets there are, and their check words; no share.

    Args:
        sheets: Each sheet, with the folder that it lies in.
        context: What they all say.
    """
    rows = [
        (
            *(folder, str(sheet.share.group), str(sheet.share.number)),
            *(" ".join(check_words(sheet.share)), escape(sheet.holder) or "-"),
        )
        for folder, sheet in sheets
    ]
    return "\n".join(
        [
            f"REGISTER of the shares of {escape(context.name)}",
            f"keyid         {context.public_key.keyid}",
            f"to restore    {escape(context.plan.describe())}",
            f"passphrase    {'needed besides' if context.passphrase else 'none'}",
            f"set           {sheets[0][1].share.set_name}, made on {context.date}",
            "",
            format_table(("SHEET", "GROUP", "SHARE", "CHECK WORDS", "HOLDER"), rows),
            "",
        ]
    )
