"""Share sheets: what they say, what they load, and that they read again."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from signkit.custody.shares import Group, SharePlan, check_words, parse_share_text, split_key
from signkit.custody.sheet import (
    Sheet,
    SheetContext,
    read_sheet,
    render_register,
    render_sheet,
    render_text,
)
from signkit.custody.sheet_folder import read_share_file, write_sheets
from signkit.errors import CustodyError, FileError, MalformedError, TooLargeError
from signkit.formats.private_key import PrivateKey
from tests.support.keys import PROD

KEY = PrivateKey(PROD.seed)
ONE = SharePlan(groups=(Group(name="", threshold=2, count=3),), threshold=1)
TWO = SharePlan(
    groups=(Group(name="board", threshold=2, count=2), Group(name="<b>&", threshold=2, count=3)),
    threshold=2,
)


def sheets_of(
    plan: SharePlan, *, name: str = "prod", holder: str = "Ada", qr_code: bool = True
) -> tuple[list[Sheet], SheetContext]:
    shares = [Sheet(share=share, holder=holder) for share in split_key(KEY, plan)]
    context = SheetContext(
        name=name,
        public_key=KEY.public_key,
        plan=plan,
        date="2026-11-23",
        passphrase=False,
        qr_code=qr_code,
    )
    return shares, context


def test_a_sheet_reads_as_its_share() -> None:
    sheets, context = sheets_of(ONE)
    for sheet in sheets:
        text = read_sheet(render_sheet(sheet, context))
        assert parse_share_text(text, what="a sheet") == sheet.share


def test_a_sheet_says_what_its_holder_must_know() -> None:
    sheets, context = sheets_of(TWO)
    page = render_sheet(sheets[3], context)
    for said in (
        *("<b>2 of 3</b>", "any 2 are needed", "<b>prod</b>", "&lt;b&gt;&amp; (group 2)"),
        *("any 2 of 2 groups", "2026-11-23", "Ada", " ".join(check_words(sheets[3].share))),
        *("Signature", "Witness", "Envelope number", "signkit keys recover prod"),
    ):
        assert said in page
    groups = re.search(r"<code>([0-9a-f \n]+)</code>", page)
    assert groups is not None
    assert "".join(groups[1].split()) == KEY.public_key.keyid


def test_a_sheet_loads_nothing() -> None:
    page = render_sheet(*_first(ONE))
    assert "default-src 'none'" in page
    assert not re.findall(r"""(?:src|href|url)\s*[=(]|@import|<script|<link|<img""", page)
    addresses = set(re.findall(r"https?://[^\"' ]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, not an address


def _first(plan: SharePlan) -> tuple[Sheet, SheetContext]:
    sheets, context = sheets_of(plan)
    return sheets[0], context


def test_hostile_names_stay_text() -> None:
    sheets, context = sheets_of(ONE, name="<script>\u202e\udcb0", holder='"><li>zero</li>\x1b[2J')
    page = render_sheet(sheets[0], context)
    assert "<script>" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    page.encode("utf-8")
    assert parse_share_text(read_sheet(page), what="a sheet") == sheets[0].share
    shown = render_text(sheets[0], context) + render_register([("share-1", sheets[0])], context)
    assert "\x1b" not in shown


def test_a_passphrase_is_announced() -> None:
    sheets, context = sheets_of(ONE)
    page = render_sheet(sheets[0], context)
    assert "<td>none</td>" in page
    assert "the share passphrase to the station" not in page


def test_the_qr_code_may_be_left_out() -> None:
    sheets, context = sheets_of(ONE, qr_code=False)
    assert "<svg" not in render_sheet(sheets[0], context)


def test_text_for_the_terminal_has_every_word_with_its_number() -> None:
    sheet, context = _first(ONE)
    shown = render_text(sheet, context)
    for place, word in enumerate(sheet.share.words, start=1):
        assert re.search(rf"(?<!\d){place} {word}\b", shown)


def test_a_register_holds_no_share() -> None:
    sheets, context = sheets_of(TWO)
    text = render_register([(f"s{n}", sheet) for n, sheet in enumerate(sheets)], context)
    pairs = [pair for sheet in sheets for pair in pairwise(sheet.share.words[2:])]
    assert not [pair for pair in pairs if " ".join(pair) in text]
    for sheet in sheets:
        assert " ".join(check_words(sheet.share)) in text


def test_a_folder_for_each_holder_and_nothing_for_others(tmp_path: Path) -> None:
    sheets, context = sheets_of(TWO)
    paths = write_sheets(tmp_path / "set", sheets, context)
    assert [str(path.relative_to(tmp_path / "set")) for path in paths] == [
        *("group-1-share-1/sheet.html", "group-1-share-2/sheet.html"),
        *(f"group-2-share-{number}/sheet.html" for number in (1, 2, 3)),
    ]
    for path in (tmp_path / "set").rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600)
    assert [read_share_file(path) for path in paths] == [sheet.share for sheet in sheets]
    assert (tmp_path / "set" / "register.txt").is_file()


def test_a_set_is_never_written_over_another(tmp_path: Path) -> None:
    sheets, context = sheets_of(ONE)
    write_sheets(tmp_path / "set", sheets, context)
    with pytest.raises(FileError, match="exists already"):
        write_sheets(tmp_path / "set", sheets, context)
    with pytest.raises(FileError, match="cannot be read"):
        write_sheets(tmp_path / "missing" / "set", sheets, context)


def test_a_folder_that_others_may_write_gets_no_sheet(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    sheets, context = sheets_of(ONE)
    with pytest.raises(CustodyError, match="can be written by others"):
        write_sheets(tmp_path / "open" / "set", sheets, context)


def test_files_that_are_no_share(tmp_path: Path) -> None:
    file = tmp_path / "share"
    file.write_bytes(b"\xff\xfe\0 zero")
    with pytest.raises(MalformedError, match="word 1 is not on the SLIP-39 word list"):
        read_share_file(file)
    file.write_bytes(b"zero " * 100_000)
    with pytest.raises(TooLargeError):
        read_share_file(file)


@pytest.mark.slow
def test_a_sheet_is_one_page_in_a_browser(tmp_path: Path) -> None:
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("needs chromium")
    sheets, context = sheets_of(TWO, holder="Professor Ada King-Noel, Countess of Lovelace")
    page, printed = tmp_path / "sheet.html", tmp_path / "sheet.pdf"
    page.write_text(render_sheet(sheets[-1], context))
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync")
    quiet = ("--disable-background-networking", "--disable-component-update")
    home = f"--user-data-dir={tmp_path / 'browser'}"
    command = [browser, *options, *quiet, home, "--no-pdf-header-footer"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    subprocess.run(
        [*command, f"--print-to-pdf={printed}", page.as_uri()],
        env=environment,
        capture_output=True,
        timeout=120,
        check=True,
    )
    assert re.findall(rb"/Type */Pages\s*/Count (\d+)", printed.read_bytes()) == [b"1"]
