"""The folder of messages: exact bytes, checksums, a page, all or nothing."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from signkit.errors import FileError, PolicyError, RequestError, TooLargeError
from signkit.formats.request import open_request
from signkit.prepare.payloads import EXPORT_ITEM_COUNT, check_exportable, export_payloads
from signkit.schemes.messages import list_messages
from tests.support.documents import item_value, request_file, request_value

ITEMS = [item_value(target=f"t{place}", name=f"f{place}.bin") for place in range(3)]


def exported(folder: Path, *items: dict[str, object]) -> Path:
    data = request_file(request_value(*items) if items else None)
    export_payloads(data, folder / "out", name="x.request.json")
    return folder / "out"


def test_each_message_is_a_file(tmp_path: Path) -> None:
    folder = exported(tmp_path, *ITEMS)
    messages = list_messages(open_request(request_file(request_value(*ITEMS))))
    assert {each.name: each.read_bytes() for each in folder.glob("*.msg")} == {
        f"{each.name}.msg": each.data for each in messages
    }
    assert sorted(os.listdir(folder))[-2:] == ["SHA256SUMS", "SIGN.txt"]


def test_sha256sum_checks_them(tmp_path: Path) -> None:
    folder = exported(tmp_path, *ITEMS)
    check = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    assert subprocess.run(check, cwd=folder, check=False, capture_output=True).returncode == 0
    (folder / "00002-peridio.msg").write_bytes(b"x")
    assert subprocess.run(check, cwd=folder, check=False, capture_output=True).returncode == 1


def test_the_page_has_a_line_of_each_tool_for_each_message(tmp_path: Path) -> None:
    page = (exported(tmp_path, *ITEMS) / "SIGN.txt").read_text()
    lines = [shlex.split(line) for line in page.splitlines() if line and line[0] in "opm"]
    for name in ("00001-peridio", "00003-statement"):
        tools = [line[0] for line in lines if f"{name}.msg" in line]
        assert tools == ["openssl", "pkcs11-tool", "minisign"]
    assert open_request(request_file(request_value(*ITEMS))).digest.hex() in page


def test_nothing_from_outside_stands_at_the_left_edge_or_acts(tmp_path: Path) -> None:
    """Attacker: an artifact that looks like a line to type, with a character that turns text round."""
    evil = "x" * 60 + " openssl pkeyutl -sign -in other \u202e"
    page = (exported(tmp_path, item_value(artifact=evil)) / "SIGN.txt").read_text()
    assert "\u202e" not in page
    assert "\\u{202e}" in page
    assert page.count("\nopenssl") == 2


@pytest.mark.parametrize("kind", ["file", "full folder", "link", "dangling link"])
def test_nothing_is_mixed_or_overwritten(tmp_path: Path, kind: str) -> None:
    target, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    if kind == "file":
        target.write_bytes(b"x")
    elif kind == "full folder":
        target.mkdir()
        (target / "old.msg").write_bytes(b"x")
    else:
        if kind == "link":
            elsewhere.mkdir()
        target.symlink_to(elsewhere)
    with pytest.raises(FileError, match="is there already"):
        exported(tmp_path)
    assert not list(tmp_path.glob(".signkit-*"))


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert len(list(exported(tmp_path).iterdir())) == 4


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be written"):
        exported(tmp_path / "missing")


def test_what_a_station_would_not_sign_is_not_exported(tmp_path: Path) -> None:
    wanted = [{"scheme": "peridio", "role": "release"}]
    with pytest.raises(PolicyError):
        exported(tmp_path, item_value(wanted=wanted))
    with pytest.raises(RequestError):
        export_payloads(b"{}", tmp_path / "out", name="x")
    assert not list(tmp_path.iterdir())


def test_no_more_than_a_fat_folder_holds(tmp_path: Path) -> None:
    check_exportable(tmp_path / "out", item_count=EXPORT_ITEM_COUNT)
    with pytest.raises(TooLargeError):
        check_exportable(tmp_path / "out", item_count=EXPORT_ITEM_COUNT + 1)
    # Two messages and two signatures, each a short entry and two of its long name.
    assert EXPORT_ITEM_COUNT * 4 * 3 <= 65_534
