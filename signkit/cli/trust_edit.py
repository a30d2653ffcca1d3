"""`signkit trust add-key | remove-key | set-role | set-expiry`: edit the draft of the next version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.key_source import AllowTestKeys
from signkit.cli.trust_files import JsonOption, key_name, read_public
from signkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from signkit.verify.ed25519 import PublicKey
    from signkit.verify.trust import Trust

_NEVER = "never"
File = Annotated[
    Path,
    typer.Argument(metavar="TRUST", help="The current trust root, or the draft to go on with."),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="FILE", help="Default: X.draft.json beside X.json."),
]


def register(group: typer.Typer) -> None:
    """Add the commands."""
    group.command("add-key", help="Draft the next version: a key more.")(add_key)
    group.command("remove-key", help="Draft the next version: a key less.")(remove_key)
    group.command("set-role", help="Draft the next version: a role made or changed.")(set_role)
    group.command("set-expiry", help="Draft the next version: until when it holds.")(set_expiry)


def add_key(
    file: File,
    public: Annotated[Path, typer.Argument(metavar="PUBLIC", help="The public key.")],
    *,
    name: Annotated[str | None, typer.Option(help="Default: the file's name.")] = None,
    role: Annotated[list[str], typer.Option(help="What it may do; again for more.")],
    out: Out = None,
    allow_test_keys: AllowTestKeys = False,
    as_json: JsonOption = False,
) -> None:
    """Put a key into roles. Root keys should have no other role."""
    from signkit.trust import edit

    key = read_public(public, allow_test_keys=allow_test_keys)
    named = name or key_name(public)
    _edit(
        file,
        lambda trust: edit.add_key(trust, key, name=named, roles=role),
        out=out,
        as_json=as_json,
    )


def remove_key(
    file: File,
    key: Annotated[str, typer.Argument(metavar="NAME|KEYID", help="As `trust show` says it.")],
    *,
    role: Annotated[
        list[str] | None, typer.Option(help="Only from this one; again for more.")
    ] = None,
    out: Out = None,
    as_json: JsonOption = False,
) -> None:
    """Take a key out of all its roles: once devices have the new version, it is revoked."""
    from signkit.trust import edit

    def change(trust: Trust) -> Trust:
        return edit.remove_key(trust, edit.find_key(trust, key), roles=role or ())

    _edit(file, change, out=out, as_json=as_json)


def set_role(
    file: File,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="Its name; a new one makes it.")],
    *,
    key: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME|KEYID|FILE", help="All its keys from now on; again for more."),
    ] = None,
    threshold: Annotated[int | None, typer.Option(min=1, help="How many of them it takes.")] = None,
    artifact: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="All it may sign for; again for more.")
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="All it may sign for; again for more.")
    ] = None,
    not_before: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="First instant it holds, or `never`: no bound."),
    ] = None,
    not_after: Annotated[
        str | None, typer.Option(metavar="DATE", help="First instant it does not, or `never`.")
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove it, and keys only it had.")
    ] = False,
    out: Out = None,
    allow_test_keys: AllowTestKeys = False,
    as_json: JsonOption = False,
) -> None:
    """Make or change a role. What is not named stays; a new role covers everything if not told."""
    from signkit.trust import edit

    bounds = {"not_before": not_before, "not_after": not_after}
    window = {name: _bound(text, name) for name, text in bounds.items() if text is not None}
    said = (key, threshold, artifact, target, window or None)
    if remove == any(each is not None for each in said):
        message = "expected --remove alone, or what to set of the role"
        raise UsageError(message, hint="signkit trust set-role TRUST ROLE --threshold 2")

    def change(trust: Trust) -> Trust:
        if remove:
            return edit.remove_role(trust, role)
        keys = None if key is None else _find_keys(trust, key, allow_test_keys=allow_test_keys)
        changed = edit.RoleChange(
            keys=keys, threshold=threshold, artifacts=artifact, targets=target, window=window
        )
        return edit.set_role(trust, role, changed)

    _edit(file, change, out=out, as_json=as_json)


def set_expiry(
    file: File,
    expires: Annotated[str, typer.Argument(metavar="DATE", help="2027-01-31, or `never`.")],
    *,
    out: Out = None,
    as_json: JsonOption = False,
) -> None:
    """Set until when the trust root holds; the same date again makes a version that says no more."""
    from signkit.cli.clock import parse_expiry
    from signkit.trust import edit

    moment = None if expires == _NEVER else parse_expiry(expires)
    _edit(file, lambda trust: edit.set_expiry(trust, moment), out=out, as_json=as_json)


def _bound(text: str, name: str) -> str | None:
    from signkit.cli.clock import parse_moment

    return None if text == _NEVER else parse_moment(text, what=f"--{name.replace('_', '-')}")


def _find_keys(
    trust: Trust, references: Sequence[str], *, allow_test_keys: bool
) -> dict[str, PublicKey]:
    """Return keys by name: of the trust root, or of public key files where it has no such name."""
    from signkit.trust.edit import find_key

    keys: dict[str, PublicKey] = {}
    for reference in references:
        path = Path(reference)
        known = reference in {*trust.names, *trust.names.values()}
        key = (
            read_public(path, allow_test_keys=allow_test_keys)
            if path.is_file() and not known
            else find_key(trust, reference)
        )
        keys[trust.names.get(key.keyid, key_name(path))] = key
    return keys


def _edit(file: Path, change: Callable[[Trust], Trust], *, out: Path | None, as_json: bool) -> None:
    value, text = write_draft(file, change, out=out)
    output.show_result(value, text, as_json=as_json)


def write_draft(
    file: Path, change: Callable[[Trust], Trust], *, out: Path | None
) -> tuple[dict[str, object], str]:
    """Apply a change and write the draft; whatever had signed the draft before did not sign this.

    Args:
        file: The current trust root, or the draft to go on with.
        change: From one trust root to the next.
        out: Where the draft goes; by default beside the file.

    Returns:
        What was written and what changes: for data, and for people.

    Raises:
        UsageError, FormatError: the change cannot be made.
        FileError, TrustError: the file cannot be read or written.
    """
    from signkit.cli.clock import now
    from signkit.formats.files import write_new
    from signkit.formats.trust import encode_draft, new_draft
    from signkit.trust.changes import change_table, change_values, list_changes
    from signkit.trust.edit import next_version, replaced
    from signkit.trust.files import draft_path, is_draft, read_draft, read_trust

    if is_draft(file):
        draft = read_draft(file)
        base, path = draft.trust, out or file
        if draft.signatures:
            output.warn(f"{len(draft.signatures)} signatures of the draft are void: it changes")
        start = replaced(base, issued=now())
    else:
        base = read_trust(file)
        path = out or draft_path(file, base)
        start = next_version(base, issued=now())
    changed = change(start)
    write_new(path, encode_draft(new_draft(changed)), replace=True)
    changes = list_changes(base, changed)
    value: dict[str, object] = {
        "draft": str(path),
        "version": changed.version,
        "changes": change_values(changes),
    }
    return value, f"{change_table(changes)}\n\ndraft    {path}"
