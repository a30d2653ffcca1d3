"""The script of a ceremony as one page to print: boxes to tick, lines to sign on.

Spec: docs/formats/ceremony-file.md section 4.
"""

from __future__ import annotations

from collections.abc import Sequence

from signkit.formats.html import html_page, html_text
from signkit.station.script import Fact, Script, Step

_STYLE = """
@page { size: A4 portrait; margin: 14mm 15mm }
* { box-sizing: border-box; margin: 0; padding: 0 }
body { font: 10pt/1.35 "Liberation Sans", Arial, Helvetica, sans-serif; color: #000;
  background: #fff; max-width: 180mm; margin: 0 auto }
@media screen { body { padding: 10mm 5mm } }
h1 { font-size: 17pt; line-height: 1.2; border-bottom: 2pt solid #000; padding-bottom: 2mm;
  overflow-wrap: anywhere }
h2 { font-size: 9pt; text-transform: uppercase; letter-spacing: .08em; margin: 5mm 0 1.5mm;
  break-after: avoid }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .5mm 2mm .5mm 0; font-weight: normal;
  overflow-wrap: anywhere }
.facts { margin-top: 3mm }
.facts th { width: 25mm; color: #333 }
.people td { border-bottom: .7pt solid #000; padding-top: 4mm }
.people th, .people td:first-child { width: 25mm }
.people td:last-child { width: 75mm }
code { font-family: "DejaVu Sans Mono", "Liberation Mono", Consolas, monospace; font-size: 8.2pt;
  white-space: pre-wrap; overflow-wrap: anywhere }
ol { list-style: none; counter-reset: step }
li { counter-increment: step; position: relative; padding: 0 0 2.6mm 17mm; break-inside: avoid }
li::before { content: ""; position: absolute; left: 0; top: .4mm; width: 4.4mm; height: 4.4mm;
  border: 1.2pt solid #000 }
li::after { content: counter(step); position: absolute; left: 6.5mm; top: 0; width: 7mm;
  text-align: right; font-weight: bold }
li b { display: block; font-size: 8.5pt }
li p { white-space: pre-line }
.type { display: block; border: .5pt solid #777; background: #f4f4f4; padding: .8mm 2mm;
  margin-top: .8mm }
.expect { display: block; border-left: 2.2pt solid #000; padding-left: 2mm; margin-top: .8mm }
"""


def script_page(script: Script) -> str:
    """Return the page; the same script always gives the same bytes."""
    title = f"Ceremony: {html_text(script.title)}"
    people = "".join(
        f"<tr><td>{person.role}</td><td>{html_text(person.name)}</td><td></td></tr>"
        for person in script.people
    )
    body = [
        f"<h1>{title}</h1>",
        f'<table class="facts">{"".join(map(_fact, script.facts))}</table>',
        "<h2>Who is there, and signs at the end</h2>",
        f'<table class="people">{people}</table>',
        "<h2>Steps</h2>",
        f"<ol>{''.join(map(_step, script.steps))}</ol>",
    ]
    return html_page(title, _STYLE, body)


def _fact(fact: Fact) -> str:
    rows = "<br>".join(f"<code>{html_text(row)}</code>" for row in fact.rows)
    return f"<tr><th>{fact.label}</th><td>{rows}</td></tr>"


def _step(step: Step) -> str:
    text = "\n".join(html_text(line) for line in step.text.split("\n"))
    said = [f"<b>{html_text(step.who)}</b><p>{text}</p>"]
    if step.command is not None:
        said += _code("type", [step.command])
    said += _code("expect", step.expected)
    return f"<li>{''.join(said)}</li>"


def _code(kind: str, rows: Sequence[str]) -> list[str]:
    return [f'<code class="{kind}">{html_text(row)}</code>' for row in rows]
