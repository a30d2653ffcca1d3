from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from signkit.registry import folder_store
from signkit.registry.folder_store import FolderStore
from signkit.registry.store import ContentKey, PartKey

KEY = PartKey(
    content=ContentKey(organization=uuid4(), binary=uuid4(), revision=0), index=1, digest="0" * 64
)


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path / "content")


def keep(store, key, *pieces):
    writer = store.begin(key)
    writer.write(pieces)
    writer.keep()
    writer.drop()


def read(store, key):
    with store.open(key) as file:
        return file.read()


def files(tmp_path):
    return sorted(path for path in tmp_path.rglob("*") if path.is_file())


def test_what_was_kept_is_read(store, tmp_path):
    keep(store, KEY, b"ab", memoryview(b"cd"), b"")
    assert read(store, KEY) == b"abcd"
    (path,) = files(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_nothing_is_there_before_it_is_kept(store, tmp_path):
    writer = store.begin(KEY)
    writer.write([b"x" * 100_000])
    with pytest.raises(FileNotFoundError):
        store.open(KEY)
    writer.drop()
    writer.drop()
    assert files(tmp_path) == []


def test_the_last_one_kept_counts(store):
    first, second = store.begin(KEY), store.begin(KEY)
    for writer, data in ((first, b"one"), (second, b"two")):
        writer.write([data])
    second.keep()
    first.keep()
    assert read(store, KEY) == b"one"


def test_order_of_durability(store, monkeypatch):
    """The bytes are synced before the name appears, and the folders after it."""
    happened = []
    sync, rename = os.fsync, Path.replace

    def note(what, function, *arguments):
        happened.append(what)
        return function(*arguments)

    monkeypatch.setattr(os, "fsync", lambda fd: note(kind(fd), sync, fd))
    monkeypatch.setattr(Path, "replace", lambda a, b: note("rename", rename, a, b))
    keep(store, KEY, b"x")
    assert happened == ["file", "rename", *["folder"] * 4]
    happened.clear()
    keep(store, replace(KEY, index=2), b"x")
    assert happened == ["file", "rename", "folder"]


def kind(descriptor):
    return "folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file"


def test_discard_and_again(store, tmp_path):
    later = replace(KEY, content=replace(KEY.content, revision=1))
    keep(store, KEY, b"x")
    keep(store, later, b"y")
    store.discard(KEY.content)
    assert read(store, later) == b"y"
    store.discard(later.content)
    store.discard(later.content)
    assert files(tmp_path) == []
    keep(store, KEY, b"z")
    assert read(store, KEY) == b"z"


def test_retain(store, tmp_path):
    stale = replace(KEY, digest="1" * 64)
    keep(store, KEY, b"x")
    keep(store, stale, b"y")
    store.retain([KEY])
    assert [path.name for path in files(tmp_path)] == [f"00001-{'0' * 64}"]
    store.retain([])
    assert read(store, KEY) == b"x"


def test_what_is_stored(store, tmp_path):
    other = replace(KEY, content=replace(KEY.content, revision=5))
    keep(store, KEY, b"x")
    keep(store, other, b"y")
    (tmp_path / "content" / "notes").mkdir()
    shards = [
        [content for page in store.stored(shard, before=0) for content in page]
        for shard in range(256)
    ]
    shard = KEY.content.binary.bytes[0]
    assert sorted(content.revision for content in shards.pop(shard)) == [KEY.content.revision, 5]
    assert shards == [[]] * 255


def test_what_was_on_its_way_in_is_removed_at_start(store, tmp_path):
    writer = store.begin(KEY)
    writer.write([b"half"])
    assert len(files(tmp_path)) == 1
    FolderStore(tmp_path / "content")
    assert files(tmp_path) == []
    writer.drop()


def test_more_folders_than_are_remembered(store, monkeypatch):
    monkeypatch.setattr(folder_store, "_REMEMBERED", 1)
    keys = [
        replace(KEY, content=replace(KEY.content, revision=revision)) for revision in (0, 1, 2, 0)
    ]
    for key in keys:
        keep(store, key, b"x")
    assert [read(store, key) for key in keys] == [b"x"] * 4
