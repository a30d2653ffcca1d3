"""Archives through other people's programs: GNU cpio, libarchive's bsdcpio and zstd."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from signkit.bundles.archive import entry_name, read_archive, write_archive
from signkit.errors import SignkitError
from tests.support.bundle_archives import CONTENTS, archive, index_value, made_index

NAMES = ["bundle.json", "0001.bin", "0002.bin", "0003.bin"]


@pytest.fixture(params=["cpio", "bsdcpio"])
def cpio(request: pytest.FixtureRequest) -> str:
    """A program that knows cpio."""
    if shutil.which(request.param) is None or shutil.which("zstd") is None:
        pytest.skip(f"{request.param} and zstd are not both here")
    return str(request.param)


def run(*command: str, folder: Path, stdin: bytes = b"") -> bytes:
    done = subprocess.run(
        command, cwd=folder, input=stdin, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_signkit_writes_they_unpack(cpio: str, tmp_path: Path) -> None:
    index = made_index(*CONTENTS)
    by_id = {member.id: each for member, each in zip(index.members, CONTENTS, strict=True)}
    sink = io.BytesIO()
    write_archive(sink.write, index, lambda member: iter([by_id[member.id]]))
    unpacked = run("zstd", "-dc", folder=tmp_path, stdin=sink.getvalue())
    folder = tmp_path / "out"
    folder.mkdir()
    run(cpio, "-idm", folder=folder, stdin=unpacked)
    for place, (member, content) in enumerate(zip(index.members, CONTENTS, strict=True), 1):
        path = folder / entry_name(place, member)
        assert path.read_bytes() == content
        assert path.stat().st_mode & 0o777 == 0o644
    assert len(list(folder.iterdir())) == len(CONTENTS) + 1


def pack(cpio: str, kind: str, folder: Path, names: list[str], *options: str) -> bytes:
    listed = "".join(f"{name}\n" for name in names).encode()
    packed = run(cpio, "-o", "-H", kind, folder=folder, stdin=listed)
    return run("zstd", "-c", *options, folder=folder, stdin=packed)


def lay_out(folder: Path) -> None:
    import json

    (folder / "bundle.json").write_text(json.dumps(index_value()))
    for name, content in zip(NAMES[1:], CONTENTS, strict=True):
        (folder / name).write_bytes(content)


def test_what_they_pack_signkit_reads(cpio: str, tmp_path: Path) -> None:
    lay_out(tmp_path)
    for options in ([], ["-19"], ["-1", "--no-check"]):
        data = pack(cpio, "newc", tmp_path, NAMES, *options)
        assert read_archive(io.BytesIO(data)).order == (0, 1, 2)


def test_gnu_cpio_writes_sums_that_signkit_checks(tmp_path: Path) -> None:
    if shutil.which("cpio") is None or shutil.which("zstd") is None:
        pytest.skip("cpio and zstd are not both here")
    lay_out(tmp_path)
    packed = run("cpio", "-o", "-H", "crc", folder=tmp_path, stdin="\n".join(NAMES).encode())
    data = run("zstd", "-c", folder=tmp_path, stdin=packed)
    assert read_archive(io.BytesIO(data)).order == (0, 1, 2)
    changed = packed.replace(b"Hello, Binary\n", b"hello, Binary\n")
    with pytest.raises(SignkitError, match="does not have its sum"):
        read_archive(io.BytesIO(run("zstd", "-c", folder=tmp_path, stdin=changed)))


def test_what_else_they_pack_signkit_refuses(cpio: str, tmp_path: Path) -> None:
    lay_out(tmp_path)
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "folder").mkdir()
    for name in ("link", "folder"):
        with pytest.raises(SignkitError, match="expected regular files only"):
            read_archive(io.BytesIO(pack(cpio, "newc", tmp_path, [*NAMES, name])))
    with pytest.raises(SignkitError, match="expected a cpio header of the kind newc"):
        read_archive(io.BytesIO(pack(cpio, "odc", tmp_path, NAMES)))


@pytest.mark.skipif(shutil.which("zstd") is None, reason="zstd is not here")
def test_a_window_that_is_too_large_is_refused(tmp_path: Path) -> None:
    data = run("zstd", "-c", "--long=27", folder=tmp_path, stdin=archive())
    with pytest.raises(SignkitError, match="too much memory"):
        read_archive(io.BytesIO(data))
