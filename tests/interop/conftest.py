"""What attacks on a device start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.device import Device


@pytest.fixture
def device(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Device:
    """A device that has seen nothing but its first trust root; its folder is the current one."""
    monkeypatch.chdir(tmp_path)
    return Device(tmp_path, capsys)
