"""Pages out of templates: everything that comes from a record is escaped, whoever wrote the template.

Every value passes `_shown` and then Jinja2's own escaping for HTML, so hidden and bidirectional
characters are seen as in a terminal, and nothing acts. The pages have no script, and load nothing
but the one style sheet of this server.
"""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import Response

from signkit.formats.display import escape, human_size, one_line
from signkit.registry.console.audit import sees_audit
from signkit.registry.views import format_time

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
_HEADERS = {"content-security-policy": _POLICY, "cross-origin-opener-policy": "same-origin"}
_ASSETS = files("signkit.registry.console") / "assets"
_TYPES = {"style.css": "text/css", "icon.svg": "image/svg+xml"}
# The address changes with the content, so a browser may keep it.
_KEPT = {"cache-control": "private, max-age=86400"}


def _shown(value: object) -> object:
    """Return a value as it is shown: text with nothing hidden in it; no value as no text."""
    if value is None:
        return ""
    return escape(value) if type(value) is str else value


def _moment(microseconds: int) -> Markup:
    """Return a time in whole seconds, UTC."""
    return _utc(format_time(microseconds)[:19])


def _minute(microseconds: int) -> Markup:
    """Return a time as a column of a list has it, where the heading says UTC."""
    text = format_time(microseconds)[:19]
    return Markup('<time datetime="{}Z">{}</time>').format(text, text[:16].replace("T", " "))


def _utc(text: str) -> Markup:
    """Return an RFC 3339 time in UTC as people read it."""
    plain = text.removesuffix("Z")
    return Markup('<time datetime="{}Z">{} UTC</time>').format(plain, plain.replace("T", " "))


def _lines(text: str) -> Markup:
    """Return indented text, line by line, with nothing hidden in it."""
    kept = []
    for line in text.splitlines():
        inner = line.lstrip(" ")
        kept.append(Markup("{}{}").format(" " * (len(line) - len(inner)), one_line(inner)))
    return Markup("\n").join(kept)


def _version_of(name: str) -> str:
    return sha256((_ASSETS / name).read_bytes()).hexdigest()[:12]


def _make_environment() -> Environment:
    made = Environment(
        loader=PackageLoader("signkit.registry.console"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {"moment": _moment, "minute": _minute, "utc": _utc}
    made.filters |= {"human_size": human_size, "lines": _lines}
    assets = {name: _version_of(name) for name in _TYPES}
    made.globals |= {"assets": assets, "sees_audit": sees_audit}
    return made


_environment = _make_environment()


def page(template: str, *, status: int = 200, **values: object) -> Response:
    """Return a page.

    Args:
        template: Its file's name, without the ending.
        status: The HTTP status.
        values: What the template shows.
    """
    text = _environment.get_template(f"{template}.html").render(**values)
    # A lone surrogate cannot be in a record, and would be shown as an escape anyway.
    return Response(
        text.encode("utf-8"),
        status_code=status,
        headers=_HEADERS,
        media_type="text/html",
    )


def asset(name: str) -> Response | None:
    """Return the style sheet or the icon, or None where there is no such file."""
    if name not in _TYPES:
        return None
    return Response((_ASSETS / name).read_bytes(), headers=_KEPT, media_type=_TYPES[name])
