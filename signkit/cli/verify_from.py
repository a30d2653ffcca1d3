"""`signkit verify --from URL`: content that is fetched first, and judged as any file.

The device's own command parses, judges and prints; here are the options of the network alone.
Nothing heavy is imported before they are used: a verdict on a file must not wait for them.
"""

from __future__ import annotations

from signkit.device.offer import Fetcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from signkit.client.offer import Source
    from signkit.device.offer import Offer, Options

_ROWS = {
    "--from": ("URL", "get content, statement and signatures from this manifest of a registry"),
    "--token-file": ("FILE", "the token for URL, of mode 0600; without one none is sent"),
    "--token-env": ("VAR", "the token, in this environment variable"),
    "--ca-file": ("PEM", "the only certificate roots to trust"),
    "--download-host": ("HOST...", "another host that the content may come from"),
    "--insecure-http": ("", "allow plain http beyond this machine"),
    "--timeout": ("SECONDS", "give up on a step after this long (default: 120)"),
}
_SECONDS = 120


class _Opened:
    """A source while it is asked; a class, because `contextlib` would be loaded for every verdict."""

    def __init__(self, options: Options) -> None:
        self._source = _make_source(options)
        self._target = options.one("--target")

    def __enter__(self) -> Callable[[], Offer]:
        return lambda: self._source.find(self._target)

    def __exit__(self, *_failure: object) -> None:
        self._source.http.close()


def _make_source(options: Options) -> Source:
    from pathlib import Path

    from signkit.cli import output
    from signkit.client.http import Http
    from signkit.client.offer import Source, make_source
    from signkit.client.retry import Retrier, make_patience
    from signkit.formats.display import one_line

    address, reach = make_source(
        options.one("--from") or "",
        hosts=options.all("--download-host"),
        insecure_http=options.has("--insecure-http"),
    )
    ca_file = options.one("--ca-file")
    seconds = float(options.number("--timeout") or _SECONDS)
    return Source(
        http=Http(ca_file=None if ca_file is None else Path(ca_file)),
        address=address,
        reach=reach,
        token=_token(options),
        retrier=Retrier(make_patience(seconds), say=lambda text: output.note(one_line(text))),
        folder=_folder(options, f"{address}?{address.query}"),
        progress=lambda size: output.progress("downloading", size),
    )


def _token(options: Options) -> str | None:
    """Return the token that was named; none is sent unasked, as the address may be anybody's."""
    import os
    from pathlib import Path

    from signkit.client.token import load_token

    file, variable = options.one("--token-file"), options.one("--token-env")
    if file is None and variable is None:
        return None
    return load_token(
        file=None if file is None else Path(file),
        variable=variable,
        default_file=Path(os.devnull),
        environment=os.environ,
    )


def _folder(options: Options, address: str) -> Path:
    """Return where content is kept meanwhile: beside the output, so that the next run finds it."""
    from hashlib import sha256
    from pathlib import Path

    from signkit.cli.home import signkit_home

    output = options.one("--output")
    if output is not None:
        path = Path(output)
        return path.with_name(f".{path.name}.from")
    folder = signkit_home() / "from"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / sha256(address.encode("ascii")).hexdigest()[:16]


FETCHER = Fetcher(rows=_ROWS, open=_Opened)
