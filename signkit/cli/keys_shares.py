"""`signkit keys split` and `keys recover`: a key as shares on paper, and back.

The words of a share are shown only where that is asked for. They are typed without an echo, any
number of them on a line, and each is checked as soon as its line is.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.passphrase import (
    PassphraseEnv,
    PassphraseFd,
    PassphraseFile,
    PassphraseOptions,
    type_hidden,
)
from signkit.errors import CustodyError, FormatError, KeyLockedError, UsageError

if TYPE_CHECKING:
    from signkit.custody.shares import SharePlan, ShareSet
    from signkit.custody.sheet import Sheet, SheetContext
    from signkit.custody.slip39 import ShareWords
    from signkit.custody.store import KeyStore
    from signkit.formats.private_key import PrivateKey

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
KeyidOption = Annotated[
    str | None,
    typer.Option("--keyid", metavar="HEX", help="Which key it must be; default: as in the store."),
]
DrillOption = Annotated[
    bool, typer.Option("--drill", help="Prove that the key comes back; write nothing at all.")
]
_AskShare = Annotated[
    bool, typer.Option("--share-passphrase", help="Ask for a passphrase of the shares.")
]
_ShareFile = Annotated[
    Path | None, typer.Option("--share-passphrase-file", metavar="F", help="Read it from a file.")
]
_ShareFd = Annotated[
    int | None, typer.Option("--share-passphrase-fd", metavar="N", min=0, help="Or so.")
]


def register(group: typer.Typer) -> None:
    """Add the commands to `signkit keys`."""
    group.command("split", help="Split a private key into shares on paper.")(split)
    group.command("recover", help="Restore a private key from its shares.")(recover)


def split(
    key: Annotated[str, typer.Argument(metavar="NAME|FILE", help="The private key.")],
    *,
    threshold: Annotated[
        int | None, typer.Option("--threshold", metavar="K", help="How many shares it takes.")
    ] = None,
    shares: Annotated[
        int | None, typer.Option("--shares", metavar="N", help="How many shares there are.")
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="NAME=K/N", help="Instead: a group; again for each."),
    ] = None,
    group_threshold: Annotated[
        int | None, typer.Option(metavar="G", help="How many groups it takes.")
    ] = None,
    holder: Annotated[
        list[str] | None,
        typer.Option("--holder", metavar="TEXT", help="Who gets a share; again for each."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="A new folder for the sheets.")
    ] = None,
    to_terminal: Annotated[
        bool, typer.Option("--to-terminal", help="Show the shares here; write no file.")
    ] = False,
    qr_code: Annotated[
        bool, typer.Option("--qr/--no-qr", help="Whether a sheet has a QR code of its words.")
    ] = True,
    ask_share_passphrase: _AskShare = False,
    share_passphrase_file: _ShareFile = None,
    share_passphrase_fd: _ShareFd = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_env: PassphraseEnv = None,
    as_json: JsonOption = False,
) -> None:
    """Split the seed with SLIP-39; one folder with one sheet for each holder, and a register."""
    from signkit.cli.clock import now
    from signkit.custody.sheet import SheetContext, make_sheets

    plan = _plan(threshold, shares, group or [], group_threshold)
    if (out is None) != to_terminal:
        message = "where the shares go: expected either --out DIR or --to-terminal"
        raise UsageError(message)
    old = PassphraseOptions(file=passphrase_file, fd=passphrase_fd, env=passphrase_env)
    private = open_key(key, old)
    chosen = _share_options(share_passphrase_file, share_passphrase_fd)
    secret = _share_passphrase(chosen, ask=ask_share_passphrase, new=True)
    context = SheetContext(
        name=Path(key).name,
        public_key=private.public_key,
        plan=plan,
        date=now().partition("T")[0],
        passphrase=bool(secret),
        qr_code=qr_code,
    )
    sheets = make_sheets(private, context, holders=holder or [], passphrase=secret)
    if out is None:
        _show(sheets, context, as_json=as_json)
    else:
        _deliver(out, sheets, context, as_json=as_json)


def _plan(
    threshold: int | None, shares: int | None, groups: list[str], group_threshold: int | None
) -> SharePlan:
    from signkit.custody.shares import Group, SharePlan, check_plan, parse_group

    alone = threshold is not None and shares is not None
    if alone == bool(groups) or (not alone and (threshold, shares) != (None, None)):
        message = "who must come together: expected --threshold K --shares N, or --group ..."
        raise UsageError(message)
    if len(groups) > 1 and group_threshold is None:
        message = f"how many of the {len(groups)} groups it takes: expected --group-threshold G"
        raise UsageError(message)
    found = tuple(map(parse_group, groups))
    if threshold is not None and shares is not None:
        found = (Group(name="", threshold=threshold, count=shares),)
    return check_plan(SharePlan(groups=found, threshold=group_threshold or 1))


def open_key(reference: str, passphrase: PassphraseOptions) -> PrivateKey:
    """Return the private key that a name of the store or a path means.

    Raises:
        CustodyError, FileError, FormatError: as `key_source.read_key` and `open_private`.
    """
    from signkit.cli.key_source import open_private, read_key
    from signkit.custody.key_file import read_sealed

    source = read_key(
        reference, store=key_store(), private=True, public=False, allow_test_keys=False
    )
    if read_sealed(source.data) is not None:
        output.warn("the purpose of a sealed key does not go along: keep its file, or its settings")
    return open_private(source, passphrase).key


def key_store() -> KeyStore:
    """Return the store of signkit's home."""
    from signkit.cli.home import signkit_home
    from signkit.custody.store import KeyStore

    return KeyStore(signkit_home() / "keys")


def _share_options(file: Path | None, fd: int | None) -> PassphraseOptions:
    return PassphraseOptions(file=file, fd=fd, option="--share-passphrase")


def _share_passphrase(options: PassphraseOptions, *, ask: bool, new: bool) -> bytes:
    from signkit.custody.shares import check_share_passphrase

    if not ask and options.file is None and options.fd is None:
        return b""
    source = options.new() if new else options.existing()
    return check_share_passphrase(source("share passphrase"))


def _show(sheets: Sequence[Sheet], context: SheetContext, *, as_json: bool) -> None:
    from signkit.custody.sheet import render_text

    value = {
        "keyid": context.public_key.keyid,
        "shares": [" ".join(sheet.share.words) for sheet in sheets],
    }
    text = "\n\n\n".join(render_text(sheet, context) for sheet in sheets)
    output.show_result(value, text, as_json=as_json)


def _deliver(out: Path, sheets: Sequence[Sheet], context: SheetContext, *, as_json: bool) -> None:
    from signkit.custody.shares import check_words
    from signkit.custody.sheet import render_register
    from signkit.custody.sheet_folder import write_sheets

    paths = write_sheets(out, sheets, context)
    rows = [
        {
            "path": str(path),
            "holder": sheet.holder or None,
            "check_words": " ".join(check_words(sheet.share)),
        }
        for path, sheet in zip(paths, sheets, strict=True)
    ]
    value = {"keyid": context.public_key.keyid, "folder": str(out), "sheets": rows}
    folders = [path.parent.name for path in paths]
    text = render_register(list(zip(folders, sheets, strict=True)), context)
    output.show_result(value, text.rstrip("\n"), as_json=as_json)
    output.note(f"print each {out}/*/sheet.html, then destroy the folder: it holds the key")


def recover(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="What to call the key in the store.")
    ] = None,
    *,
    share: Annotated[
        list[Path] | None,
        typer.Option("--share", metavar="FILE", help="A share; again for each. Default: typed."),
    ] = None,
    keyid: KeyidOption = None,
    drill: DrillOption = False,
    check: Annotated[
        bool, typer.Option("--check", help="Check one share alone; nothing is restored.")
    ] = False,
    show_words: Annotated[
        bool, typer.Option("--show-words", help="Show the words while they are typed.")
    ] = False,
    ask_share_passphrase: _AskShare = False,
    share_passphrase_file: _ShareFile = None,
    share_passphrase_fd: _ShareFd = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_env: PassphraseEnv = None,
    as_json: JsonOption = False,
) -> None:
    """Restore a private key from its shares into the store, or prove that it could be."""
    from signkit.custody.restore import check_restored, expect_keyid
    from signkit.formats.private_key import PrivateKey

    if check:
        _check_one(share or [], show_words=show_words, as_json=as_json)
        return
    store = key_store()
    named = check_destination(store, name, drill=drill)
    expected = expect_keyid(store, name=name, keyid=keyid)
    collected = _collect(share or [], show_words=show_words)
    chosen = _share_options(share_passphrase_file, share_passphrase_fd)
    secret = _share_passphrase(chosen, ask=ask_share_passphrase, new=False)
    key = PrivateKey(collected.restore(secret))
    hint = "the share passphrase: missing, mistyped or superfluous; or shares of another key"
    check_restored(key, keyid=expected, source="the shares", hint=hint)
    fresh = PassphraseOptions(file=passphrase_file, fd=passphrase_fd, env=passphrase_env)
    used = f"{len(collected.shares)} shares"
    finish(key, store, named, passphrase=fresh, source=used, as_json=as_json)


def check_destination(store: KeyStore, name: str | None, *, drill: bool) -> str | None:
    """Return the name to write a restored key under, or None for a drill.

    Raises:
        UsageError: no name, and no drill.
        FileError, MalformedError: it may not be written.
    """
    from signkit.custody.restore import check_room

    if drill:
        return None
    if name is None:
        message = "no NAME to restore the key under"
        raise UsageError(message, hint="name it, or add --drill: that writes nothing")
    check_room(store, name)
    return name


def finish(
    key: PrivateKey,
    store: KeyStore,
    name: str | None,
    *,
    passphrase: PassphraseOptions,
    source: str,
    as_json: bool,
) -> None:
    """Write a restored key under a name; where there is none, only say that it came back.

    Raises:
        CustodyError, FileError: as `custody.restore.write_restored`.
    """
    from signkit.custody.restore import write_restored
    from signkit.formats.display import escape

    keyid = key.public_key.keyid
    value: dict[str, object] = {"keyid": keyid, "source": source, "written": None}
    if name is None:
        text = f"the key comes back from {source}\nkeyid  {keyid}\nnothing was written"
        output.show_result(value, text, as_json=as_json)
        return
    write_restored(store, name, key, passphrase=passphrase.new()(f"passphrase of {name}"))
    path = str(store.paths(name)[0])
    text = f"the key came back from {source}\nkeyid  {keyid}\nfile   {escape(path)} (encrypted)"
    output.show_result(value | {"written": path}, text, as_json=as_json)


def _check_one(files: list[Path], *, show_words: bool, as_json: bool) -> None:
    from signkit.custody.shares import check_words
    from signkit.custody.sheet_folder import read_share_file

    if len(files) > 1:
        message = f"--check takes one share, got {len(files)}"
        raise UsageError(message, hint="nobody should see more than one sheet; --drill takes all")
    one = read_share_file(files[0]) if files else _type_share("the share", show_words=show_words)
    words = " ".join(check_words(one))
    value = {"share": one.number, "group": one.group, "set": one.set_name, "check_words": words}
    text = f"share {one.number} of group {one.group} is whole\ncheck words  {words}"
    output.show_result(value, text, as_json=as_json)


def _collect(files: list[Path], *, show_words: bool) -> ShareSet:
    from signkit.custody.shares import ShareSet
    from signkit.custody.sheet_folder import read_share_file

    collected = ShareSet()
    for path in files:
        collected.add(read_share_file(path), what=f"share {path}")
    while not files and collected.missing():
        what = f"share {len(collected.shares) + 1}"
        if collected.shares:
            output.note("still missing: " + "; ".join(collected.missing()))
        try:
            collected.add(_type_share(what, show_words=show_words), what=what)
        except (CustodyError, FormatError) as error:
            if isinstance(error, KeyLockedError):
                raise
            output.fail(error, as_json=False)  # one more try: the others need not be typed again
            output.note(f"{what} is not taken; once more from word 1")
    return collected


def _type_share(what: str, *, show_words: bool) -> ShareWords:
    """Ask for the words of a share, line by line, until there are as many as it has."""
    from signkit.custody.slip39 import WORD_COUNT, explain_word, is_word, parse_share

    words: list[str] = []
    while len(words) < WORD_COUNT:
        prompt = f"{what}, words from {len(words) + 1} of {WORD_COUNT}"
        for word in _type_line(prompt, show_words=show_words).lower().split():
            if not is_word(word):
                output.fail(explain_word(word, place=len(words) + 1, what=what), as_json=False)
                break  # what stands before it is kept
            words.append(word)
    return parse_share(words, what=what)


def _type_line(prompt: str, *, show_words: bool) -> str:
    if show_words:
        output.prompt(f"{prompt}: ")
        line = sys.stdin.readline()
        if not line:
            message = "no more words: the input ended"
            raise KeyLockedError(message)
        return line
    try:
        return type_hidden(prompt).decode("ascii", "replace")
    except KeyLockedError:
        message = "no words: there is no terminal to type them on"
        raise KeyLockedError(message, hint="name files that hold them: --share FILE") from None
