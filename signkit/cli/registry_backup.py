"""`signkit registry backup | restore | verify`: nothing of a registry is lost, and that is proven."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.registry_folder import AsJson, Data, data_folder
from signkit.errors import RegistryDamagedError
from signkit.formats.display import escape, human_size

if TYPE_CHECKING:
    from signkit.registry.inspection import Inspection


def register(group: typer.Typer) -> None:
    """Add the commands to the group of the registry."""
    group.command("backup")(backup)
    group.command("restore")(restore)
    group.command("verify")(verify)


def backup(
    folder: Annotated[Path, typer.Argument(help="A new folder for the backup.")],
    *,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Back up a registry, also one that serves."""
    from importlib.metadata import version

    from signkit.cli.clock import now
    from signkit.registry.backup import Hooks, back_up
    from signkit.registry.sources import source_of

    source = source_of(data_folder(data))
    with output.progress("backing up", source.content_size) as advance:
        hooks = Hooks(now=now, version=version("signkit"), say=output.note, advance=advance)
        record, digest = back_up(source, folder, hooks=hooks)
    value = {
        "folder": str(folder),
        "created": record.created,
        "step": record.step,
        "object_count": record.object_count,
        "object_size": record.object_size,
        "sha256": digest.hex(),
    }
    size = human_size(record.object_size)
    text = f"backup: {escape(str(folder))}, {record.object_count} objects, {size}"
    output.show_result(value, text, as_json=as_json)
    output.note(f"SHA-256 of backup.json, which covers all of it: {digest.hex()}")
    output.note(f"read it back: signkit registry verify {escape(str(folder))}")


def restore(
    folder: Annotated[Path, typer.Argument(help="The backup.")],
    *,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make a registry from a backup, of either footing; all of it is verified first."""
    from signkit.registry.backup_folder import open_backup
    from signkit.registry.restore import restore_registry

    target = data_folder(data)
    with output.progress("restoring", lambda: open_backup(folder)[0].object_size) as advance:
        inspection = restore_registry(folder, target, advance=advance)
    text = f"restored and verified: {escape(str(target))}\n{_describe(inspection)}"
    value = {"data": str(target), "counts": inspection.counts}
    output.show_result(value, text, as_json=as_json)
    created = open_backup(folder)[0].created
    output.warn(f"a token that was revoked after {created} works again: revoke it again")


def verify(
    folder: Annotated[
        Path | None, typer.Argument(help="A backup; the registry itself when not given.")
    ] = None,
    *,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Compute every digest and verify every signature again, of a registry or of a backup."""
    from signkit.registry.backup_folder import open_backup
    from signkit.registry.sources import source_of
    from signkit.registry.verification import verify_backup, verify_source

    if folder is None:
        source = source_of(data_folder(data))
        what = source.place
        with output.progress("verifying", source.content_size) as advance:
            inspection = verify_source(source, advance=advance)
    else:
        what = str(folder)
        with output.progress("verifying", lambda: open_backup(folder)[0].object_size) as advance:
            inspection = verify_backup(folder, advance=advance)
    faults = [{"place": each.place, "problem": each.problem} for each in inspection.faults]
    lines = [f"{escape(each['place'])}: {escape(each['problem'])}" for each in faults]
    output.show_result(
        {"verified": what, "counts": inspection.counts, "faults": faults},
        "\n".join([*lines, _describe(inspection)]),
        as_json=as_json,
    )
    if faults:
        message = f"{what} is damaged; faults: {len(faults)}"
        hint = (
            "restore a backup, or submit these binaries again; see docs/howto/back-up-a-registry.md"
        )
        raise RegistryDamagedError(message, hint=hint)


def _describe(inspection: Inspection) -> str:
    counts = dict(inspection.counts)
    if not counts:
        return ""
    foreign = counts.pop("foreign_statements")
    counts["bytes of content"] = counts.pop("bytes")
    if foreign:
        counts["statements by keys that are not enrolled here"] = foreign
    return ", ".join(f"{name}: {count}" for name, count in counts.items())
