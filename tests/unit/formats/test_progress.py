from __future__ import annotations

import pytest

from signkit.formats.progress import ProgressLines


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("signkit.formats.progress.time.monotonic", lambda: now[0])
    return now


def test_a_line_every_ten_seconds(clock):
    said: list[str] = []
    lines = ProgressLines("uploading", 4096, count=2, say=said.append)
    with lines.track("a", 2048) as advance:
        advance(1024)
        assert said == []
        clock[0] += 10
        advance(1024)
        advance(0)
    clock[0] += 10
    with lines.track("b", 2048) as advance:
        advance(1024)
    assert said == [
        "uploading: 0 of 2 files done, 2.0 KiB of 4.0 KiB, 204 B/s, 10 s left",
        "uploading: 1 of 2 files done, 3.0 KiB of 4.0 KiB, 153 B/s, 7 s left",
    ]


def test_nothing_sent_has_no_time_left(clock):
    said: list[str] = []
    lines = ProgressLines("uploading", 10, count=1, say=said.append)
    with lines.track("a", 10) as advance:
        clock[0] += 10
        advance(0)
    assert said == ["uploading: 0 of 1 file done, 0 B of 10 B, 0 B/s"]


def test_a_file_that_failed_is_not_done(clock):
    said: list[str] = []
    lines = ProgressLines("uploading", 10, count=2, say=said.append)
    with pytest.raises(ValueError, match="no"), lines.track("a", 5):
        raise ValueError("no")
    with lines.track("b", 5) as advance:
        clock[0] += 10
        advance(5)
    assert "0 of 2 files done" in said[0]
