"""The example of docs/howto/verify-on-a-device.md does what it says."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest

from signkit.errors import DigestMismatchError, RollbackError, StatementError
from signkit.verify.verdict import Expectation, role_of_keys, verify_statement
from tests.support.device import NOW, Device
from tests.support.documents import CONTENT
from tests.support.keys import PROD, STRANGER

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "verify-on-a-device.md"


@pytest.fixture
def example() -> dict[str, Any]:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), names)  # noqa: S102  (our own page)
    return names


def envelope(device: Device) -> bytes:
    return (device.folder / "model.bin.statement.json").read_bytes()


def test_a_file(device: Device, example: dict[str, Any]) -> None:
    used: list[bytes] = []

    def use(file: io.FileIO) -> None:
        device.write("evil", b"evil")
        (device.folder / "evil").replace("model.bin")  # F76: swapped after the verdict
        used.append(file.read())

    device.release(2)
    example["install"]("model.bin", envelope(device), NOW, use)
    assert used == [CONTENT]
    assert device.state.floors == {("ML-Model", "aarch64-unknown-linux"): 2}
    device.release(1)
    with pytest.raises(RollbackError):
        example["install"]("model.bin", envelope(device), None, used.append)
    device.release(3, signer=STRANGER)
    with pytest.raises(StatementError):
        example["install"]("model.bin", envelope(device), NOW, used.append)
    device.release(3)
    device.write("model.bin", CONTENT.upper())
    with pytest.raises(DigestMismatchError):
        example["install"]("model.bin", envelope(device), NOW, used.append)
    assert used == [CONTENT]


def test_a_stream_of_known_length(device: Device, example: dict[str, Any]) -> None:
    kept: list[bytes] = []
    asked = Expectation(artifact=None, target=None, floor=0, now=None)
    roles = (role_of_keys((PROD.public_key,)),)
    device.release()
    statement = verify_statement(envelope(device), roles=roles, expectation=asked)
    example["receive"](io.BytesIO(CONTENT), statement, kept.append)
    assert kept == [CONTENT]
    endless = io.BytesIO(CONTENT * 1000)
    with pytest.raises(DigestMismatchError, match="got more than 14"):
        example["receive"](endless, statement, kept.append)
    assert endless.tell() == len(CONTENT) + 1
    assert kept == [CONTENT]
