"""`signkit registry bundles push | pull`: whole bundles between a registry and a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from signkit.cli import output
from signkit.cli.connection import Connection, connected, connecting, note

if TYPE_CHECKING:
    from signkit.bundles.index import Index
    from signkit.bundles.signed import Demands

_Keys = Annotated[
    list[Path] | None,
    typer.Option(metavar="KEY", help="A signing key's public key: no others; repeatable."),
]
_Trust = Annotated[
    Path | None,
    typer.Option(metavar="TRUST", help="Devices' trust root: go on only with what they accept."),
]
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_UPLOAD_HOST = typer.Option(metavar="HOST", help="Another host that parts may go to; repeatable.")
_DOWNLOAD_HOST = typer.Option(
    metavar="HOST", help="Another host that content may come from; repeatable."
)
_NEW_HASH = typer.Option(
    "--new-hash", help="From another organization: without the bundle's own signatures."
)
_DRY_RUN = typer.Option("--dry-run", help="Say what would be done, and change nothing.")
_OUTPUT = typer.Option(
    "--output", "-o", metavar="FILE", help="Default: NAME.cpio.zst in this folder."
)


def register(group: typer.Typer) -> None:
    """Add the commands."""
    group.command("push")(push)
    group.command("pull")(pull)


@connecting
def push(
    archive: Annotated[Path, typer.Argument(metavar="FILE", help="X.cpio.zst")],
    *,
    how: Connection,
    upload_host: Annotated[list[str] | None, _UPLOAD_HOST] = None,
    trust: _Trust = None,
    key: _Keys = None,
    new_hash: Annotated[bool, _NEW_HASH] = False,
    dry_run: Annotated[bool, _DRY_RUN] = False,
    as_json: _Json = False,
) -> None:
    """Verify an archive whole, then bring its bundle into a registry; run again, it goes on."""
    from signkit.bundles.archive import read_archive
    from signkit.bundles.plan import describe_plan, plan_lines, plan_push
    from signkit.bundles.push import Hooks, push_bundle
    from signkit.bundles.signed import enrol_keys, verify_index
    from signkit.client.bundles import BundleRegistry

    demands = _demands(trust, key, of_bundle=not new_hash)
    with (
        _opened(archive) as (file, size),
        connected(how, upload_hosts=upload_host or ()) as (client, _address),
    ):
        with output.progress("checking", size) as advance:
            found = read_archive(file, advance=advance)
        keys = enrol_keys(client.list_keys(), pins=demands.pins)
        verify_index(found.index, keys, demands)
        file.seek(0)
        there = BundleRegistry(client)
        if dry_run:
            plan = plan_push(there, found, file, keys=keys, new_hash=new_hash)
            output.show_result(describe_plan(plan), "\n".join(plan_lines(plan)), as_json=as_json)
            return
        with output.progress("uploading", found.index.size) as advance:
            pushed = push_bundle(
                there,
                found,
                file,
                keys=keys,
                new_hash=new_hash,
                hooks=Hooks(say=note, advance=advance),
            )
    said = {**_described(found.index, pushed.prn), "hash": pushed.hash}
    _show({**said, "created": pushed.created, "sent": len(pushed.sent)}, as_json=as_json)


@connecting
def pull(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="Its name, or its prn.")],
    *,
    how: Connection,
    output_file: Annotated[Path | None, _OUTPUT] = None,
    download_host: Annotated[list[str] | None, _DOWNLOAD_HOST] = None,
    trust: _Trust = None,
    key: _Keys = None,
    as_json: _Json = False,
) -> None:
    """Verify a bundle of a registry and write it as an archive; run again, it goes on."""
    from signkit.bundles.pull import archive_name, find_bundle, pull_bundle, read_bundle
    from signkit.bundles.signed import enrol_keys, verify_index
    from signkit.client.bundles import BundleRegistry

    demands = _demands(trust, key)
    with connected(how, upload_hosts=download_host or ()) as (client, _address):
        there = BundleRegistry(client)
        keys = enrol_keys(client.list_keys(), pins=demands.pins)
        prn = find_bundle(there, bundle)
        index = read_bundle(there, prn, keys)
        verify_index(index, keys, demands)
        path = output_file or Path(archive_name(index))
        pull_bundle(there, index, path, progress=output.progress)
    _show({"file": str(path), **_described(index, prn), "size": index.size}, as_json=as_json)


def _demands(trust: Path | None, keys: list[Path] | None, *, of_bundle: bool = True) -> Demands:
    from signkit.bundles.signed import Demands
    from signkit.cli.clock import now
    from signkit.cli.submit import keyids_of
    from signkit.trust.files import read_trust

    return Demands(
        pins=keyids_of(keys),
        trust=None if trust is None else read_trust(trust),
        now=now(),
        of_bundle=of_bundle,
    )


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    import os

    from signkit.formats.regular_file import open_content

    descriptor, status = open_content(str(path))
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        yield file, status.st_size


def _described(index: Index, prn: str) -> dict[str, object]:
    return {"prn": prn, "hash": index.hash, "binaries": len(index.members)}


def _show(value: dict[str, object], *, as_json: bool) -> None:
    from signkit.formats.display import escape

    words = {True: "yes", False: "no"}
    shown = {
        name: words[said] if isinstance(said, bool) else str(said) for name, said in value.items()
    }
    text = "\n".join(f"{name:<10}{escape(said)}" for name, said in shown.items())
    output.show_result(value, text, as_json=as_json)
