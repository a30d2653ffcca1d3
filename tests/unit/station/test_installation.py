"""What runs here: its digest is the one that anybody can make with other tools."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import signkit
from signkit.errors import FileError
from signkit.formats.request import open_request
from signkit.station.installation import describe_installation, hash_package
from signkit.station.ledger import open_ledger
from signkit.station.record import Record
from signkit.station.transcript import Confirmation, transcript_digest
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_json
from tests.support.documents import request_file
from tests.support.ledgers import INSTALLATION, TRANSCRIPT, ledger_entry

PACKAGE = Path(signkit.__file__).parent
PAGE = PACKAGE.parent / "docs" / "formats" / "ledger.md"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "signkit"
    (folder / "sub" / "__pycache__").mkdir(parents=True)
    (folder / "sub" / "one.py").write_text("1")
    (folder / "sub.py").write_text("2")
    (folder / "sub" / "__pycache__" / "one.pyc").write_text("3")
    return folder


def test_the_command_line_of_the_page_gives_the_same(package: Path) -> None:
    command = re.search(r"cd SITE-PACKAGES && (.*)", PAGE.read_text())
    assert command is not None
    shutil.copytree(PACKAGE, package / "whole")
    (package / "name with space.py").write_text("4")
    done = subprocess.run(
        ["/bin/sh", "-c", command[1]],
        cwd=package.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[0] == hash_package(package).hex()


def test_a_changed_file_is_another_installation(package: Path) -> None:
    before = hash_package(package)
    (package / "sub" / "__pycache__" / "one.pyc").write_text("another")
    assert hash_package(package) == before
    (package / "sub" / "one.py").write_text("another")
    assert hash_package(package) != before


def test_a_file_that_cannot_be_read(package: Path) -> None:
    (package / "sub" / "one.py").unlink()
    (package / "sub" / "one.py").symlink_to("nowhere")
    hash_package(package)  # a link is no file of the package
    os.mkfifo(package / "pipe")
    hash_package(package)
    with pytest.raises(FileError, match=r"cannot be read"):
        hash_package(Path("/proc/self/task"))


def test_every_version_is_a_label() -> None:
    found = describe_installation()
    assert found.digest == hash_package(PACKAGE)
    for text in (found.signkit, found.python, found.pynacl, found.openssl):
        assert 0 < len(text) <= 128
        assert text.isprintable()
    assert found.openssl.startswith("OpenSSL ")


def test_the_digest_of_a_transcript_is_that_of_its_spelling(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.append(ledger_entry())
    line = (tmp_path / "ledger").read_bytes()
    spelled = line[line.index(b'{"station"') : -2]
    assert transcript_digest(TRANSCRIPT) == compute_digest(spelled)
    assert INSTALLATION.digest.hex().encode() in spelled


def test_a_record_notes_names_that_can_be_shown(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        record = Record(ledger, open_request(request_file()), TRANSCRIPT)
        for name in ("", "a\n\x1b", "x" * 300):
            record.note_confirmation(Confirmation(name, "words", "2026-01-31T12:00:00Z"))
        line = record.end("refused", now="2026-01-31T12:00:00Z", reason="\x1b" * 2000)
    names = [each.operator for each in line.entry.transcript.confirmed[1:]]
    assert names == ["unnamed", "a\\u{a}\\u{1b}", "x" * 128]
    assert line.entry.reason == ("\\u{1b}" * 2000)[:2000]
    with open_ledger(tmp_path / "ledger") as ledger:
        assert ledger.lines[0] == line
    assert encode_json(line.entry.reason)
