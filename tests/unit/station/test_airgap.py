"""The wall: once it stands, no socket is made in this process by any means of Python's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from signkit.errors import PolicyError
from signkit.station import airgap

ROOT = Path(__file__).parents[3]
WALLED = """
import os, socket, sys, tempfile
{before}
from signkit.errors import PolicyError
from signkit.station.airgap import refuse_network
refuse_network()
try:
    {attempt}
except PolicyError as error:
    print(error.exit_code, error.control, error)
else:
    print("it went through")
"""
PAIR = "a, b = socket.socketpair()"


def walled(attempt: str, *, before: str = "") -> str:
    """Try something behind the wall, in a process of its own: a wall cannot be taken down."""
    return subprocess.run(
        [sys.executable, "-c", WALLED.format(attempt=attempt, before=before)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.strip()


@pytest.mark.parametrize(
    ("attempt", "event"),
    [
        ("socket.socket()", "socket.__new__"),
        ("socket.socket(socket.AF_UNIX)", "socket.__new__"),
        ("socket.socket(fileno=os.pipe()[0])", "socket.__new__"),
        ("socket.socketpair()", "socket.__new__"),
        ("socket.getaddrinfo('localhost', 80)", "socket.getaddrinfo"),
        ("socket.gethostbyname('localhost')", "socket.gethostbyname"),
        ("socket.gethostbyaddr('127.0.0.1')", "socket.gethostbyaddr"),
        ("socket.create_connection(('127.0.0.1', 9))", "socket.getaddrinfo"),
        ("__import__('_socket').socket()", "socket.__new__"),
        ("__import__('urllib.request').request.urlopen('http://127.0.0.1:9/')", "socket.getaddr"),
        ("__import__('asyncio').new_event_loop()", "socket.__new__"),
    ],
)
def test_no_socket_is_made(attempt: str, event: str) -> None:
    said = walled(attempt)
    assert said.startswith(f"19 SK-AIRGAP SK-AIRGAP: something tried to use the network ({event}")


@pytest.mark.parametrize("attempt", ["a.connect('x')", "a.bind('x')", "a.sendto(b'x', 'x')"])
def test_a_socket_from_before_connects_nowhere(attempt: str) -> None:
    said = walled(attempt, before=PAIR)
    assert said.startswith("19 SK-AIRGAP SK-AIRGAP: something tried to use the network (socket.")


def test_the_wall_stands_in_every_thread() -> None:
    attempt = "from concurrent.futures import ThreadPoolExecutor as P; P(1).submit(socket.socket).result()"
    assert walled(attempt).startswith("19 SK-AIRGAP")


def test_what_is_no_network_goes_on() -> None:
    attempt = (
        "tempfile.TemporaryFile().write(b'x'); os.pipe(); os.uname(); open('/dev/null').close()"
    )
    assert walled(attempt) == "it went through"


def test_only_socket_events_are_refused() -> None:
    for event in ("open", "subprocess.Popen", "os.fork", "socketry.x"):
        airgap._refuse(event, ())
    with pytest.raises(PolicyError, match=r"^SK-AIRGAP: something tried to use .*socket.connect"):
        airgap._refuse("socket.connect", ())
