"""What is written to the log, and what never is."""

from __future__ import annotations

import json
import logging

import pytest

from signkit.errors import RegistryError
from signkit.registry.log import Log, LogHandler, current_request

TOKEN = "skr_" + "0f" * 32


@pytest.fixture
def log(tmp_path, capfd):
    path = tmp_path / "log"
    made = Log(path)

    def read():
        assert capfd.readouterr().err == path.read_text()
        return [json.loads(line) for line in path.read_text().splitlines()]

    return made, read


def test_one_object_a_line(log):
    made, read = log
    made.write("request", {"id": "x", "path": "/a\n\u2028\ud800", "token": None, "status": 200})
    (line,) = read()
    assert line.pop("time").endswith("Z")
    assert line == {"event": "request", "id": "x", "path": "/a\n\u2028\ud800", "status": 200}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"Token {TOKEN}!", "Token [removed]!"),
        ("http://h/upload?signature=0f&x=1", "http://h/upload?signature=[removed]&x=1"),
        ("?X-Amz-Signature=0f", "?X-Amz-Signature=[removed]"),
        ("X-Amz-Credential=A/B&X-Amz-Security-Token='C'", None),
        ("the signature of a key", "the signature of a key"),
    ],
)
def test_what_opens_something_is_blotted_out(log, text, shown):
    made, read = log
    made.write("warning", {"message": text})
    (line,) = read()
    if shown is None:
        shown = "X-Amz-Credential=[removed]&X-Amz-Security-Token='C'"
    assert line["message"] == shown


def test_what_libraries_say_and_for_whom(log):
    made, read = log
    logger = logging.getLogger("library")
    logger.addHandler(LogHandler(made))
    current_request.set("the-request")
    try:
        raise ValueError(TOKEN)
    except ValueError:
        logger.exception("failed: %s", "x" * 20_000)
    finally:
        logger.handlers.clear()
        current_request.set(None)
    (line,) = read()
    assert (line["event"], line["logger"], line["id"]) == ("error", "library", "the-request")
    assert len(line["message"]) < 16_100
    assert line["traceback"].endswith("ValueError: [removed]")


def test_a_file_that_cannot_be_opened(tmp_path):
    with pytest.raises(RegistryError, match="log file"):
        Log(tmp_path)
