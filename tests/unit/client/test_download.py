"""Content is fetched whole and right, or nothing has its name; a hostile host costs little."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from signkit.client import download
from signkit.client.address import make_reach
from signkit.client.download import Downloader, Wanted
from signkit.client.http import Http
from signkit.client.retry import Patience, Retrier
from signkit.errors import (
    ConnectError,
    DeadlineError,
    DigestMismatchError,
    FileError,
    ReceiptMismatchError,
    ReplyTooLargeError,
    SignkitError,
    StatusError,
    SubmissionError,
    TransportError,
)
from signkit.verify.digest import compute_digest
from tests.support.content_host import Asked, ContentHost, Said, content_host
from tests.support.submission import HASTY, QUICK

CONTENT = bytes(range(256)) * 10  # three ranges of 1,000 bytes


@pytest.fixture(autouse=True)
def _short_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "RANGE_SIZE", 1000)


@pytest.fixture
def host() -> Iterator[ContentHost]:
    """A host of CONTENT."""
    with content_host(CONTENT) as running:
        yield running


def fetch(
    host: ContentHost,
    path: Path,
    *,
    content: bytes = CONTENT,
    addresses: list[str] | None = None,
    hosts: tuple[str, ...] = (),
    patience: Patience = QUICK,
    seen: list[int] | None = None,
) -> list[str]:
    """Fetch the host's content; returns the addresses that were asked for."""
    given, found = list(addresses or []), []

    def find_address() -> str:
        found.append(given.pop(0) if given else f"{host.url}/content?secret")
        return found[-1]

    wanted = Wanted(
        name="model.bin",
        digest=compute_digest(content),
        size=len(content),
        find_address=find_address,
    )
    http = Http(timeouts=HASTY)
    try:
        Downloader(
            http,
            make_reach(host.url, upload_hosts=hosts),
            retrier=Retrier(patience),
            advance=(seen if seen is not None else []).append,
        ).fetch(wanted, path)
    finally:
        http.close()
    return found


def refusal(host: ContentHost, path: Path, **more: object) -> SignkitError:
    """The error of a fetch that is refused; nothing has the name then."""
    with pytest.raises(SignkitError) as caught:
        fetch(host, path, **more)  # type: ignore[arg-type]
    assert not path.exists()
    return caught.value


def part_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def test_in_ranges_and_without_a_token(host: ContentHost, tmp_path: Path) -> None:
    path = tmp_path / "c"
    seen: list[int] = []
    assert fetch(host, path, seen=seen) == [f"{host.url}/content?secret"]
    assert path.read_bytes() == CONTENT
    assert [(each.first, each.last) for each in host.asked] == [
        (0, 999),
        (1000, 1999),
        (2000, 2559),
    ]
    assert all("authorization" not in each.headers for each in host.asked)
    assert os.listdir(tmp_path) == ["c"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert sum(seen) == len(CONTENT)


def test_nothing_is_asked_for_what_is_there(host: ContentHost, tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(CONTENT)
    assert fetch(host, tmp_path / "c") == []
    assert fetch(host, tmp_path / "empty", content=b"") == []
    assert (tmp_path / "empty").read_bytes() == b""


@pytest.mark.parametrize("there", [1, 999, 1000, 1500, 2559, 2560])
def test_it_goes_on_where_it_stopped(there: int, host: ContentHost, tmp_path: Path) -> None:
    path = tmp_path / "c"
    part_of(path).write_bytes(CONTENT[:there])
    fetch(host, path)
    assert path.read_bytes() == CONTENT
    assert [each.first for each in host.asked][:1] == ([there] if there < len(CONTENT) else [])


def test_what_is_left_of_other_content_is_noticed_in_the_end(
    host: ContentHost, tmp_path: Path
) -> None:
    path = tmp_path / "c"
    part_of(path).write_bytes(b"x" * 1500)
    assert isinstance(refusal(host, path), DigestMismatchError)
    assert not part_of(path).exists()
    fetch(host, path)
    assert path.read_bytes() == CONTENT


def test_what_is_left_of_longer_content_is_thrown_away(host: ContentHost, tmp_path: Path) -> None:
    path = tmp_path / "c"
    part_of(path).write_bytes(b"x" * 2561)
    fetch(host, path)
    assert path.read_bytes() == CONTENT


def test_wrong_content_is_not_kept(host: ContentHost, tmp_path: Path) -> None:
    error = refusal(host, tmp_path / "c", content=CONTENT[:-1] + b"x")
    assert isinstance(error, DigestMismatchError)
    assert compute_digest(CONTENT).hex() in str(error)
    assert os.listdir(tmp_path) == []


def test_a_connection_that_breaks_is_taken_up_again(host: ContentHost, tmp_path: Path) -> None:
    def lie(asked: Asked, said: Said) -> Said:
        return replace(said, cut=300) if asked.number == 1 else said

    host.lie = lie
    fetch(host, tmp_path / "c")
    assert [each.first for each in host.asked] == [0, 1000, 1000, 2000]


def test_truncated_for_ever(host: ContentHost, tmp_path: Path) -> None:
    """Attacker: never sends the end. What came is kept for the next run."""
    host.lie = lambda asked, said: replace(said, cut=300) if asked.first else said
    assert isinstance(refusal(host, tmp_path / "c"), ConnectError)
    assert part_of(tmp_path / "c").read_bytes() == CONTENT[:1000]


def test_an_endless_body(
    host: ContentHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacker: sends without end."""
    monkeypatch.setattr("signkit.client.http.REPLY_SIZE", 1_000_000)
    headers = {"etag": '"1"', "content-range": "bytes 0-999/2560", "connection": "close"}
    host.lie = lambda _asked, said: replace(said, headers=headers, body=bytes(50_000_000))
    assert isinstance(refusal(host, tmp_path / "c"), ReplyTooLargeError)
    assert not part_of(tmp_path / "c").read_bytes()


def test_a_slow_host(host: ContentHost, tmp_path: Path) -> None:
    """Attacker: a byte now and then, so that no read ever times out."""
    host.lie = lambda _asked, said: replace(said, slow=True)
    hasty = replace(QUICK, attempts=1, total=0.3)
    assert isinstance(refusal(host, tmp_path / "c", patience=hasty), DeadlineError)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"content-range": "bytes 0-999/2561"}, "the host says 'bytes 0-999/2561'"),
        ({"content-range": "bytes 0-998/2560"}, "the host says 'bytes 0-998/2560'"),
        ({"content-range": "bytes 1-1000/2560"}, "the host says"),
        ({"content-range": "bytes */2560"}, "the host says"),
        ({"content-range": "pages 0-999/2560"}, "the host says"),
        ({"content-range": ""}, "the host says ''"),
    ],
)
def test_another_range_or_size(
    changes: dict[str, str], text: str, host: ContentHost, tmp_path: Path
) -> None:
    """Attacker: answers for another place, or content of another size."""
    host.lie = lambda _asked, said: replace(said, headers={**said.headers, **changes})
    error = refusal(host, tmp_path / "c")
    assert isinstance(error, ReceiptMismatchError)
    assert text in str(error)
    assert os.listdir(tmp_path) == []


def test_a_range_of_the_wrong_length(host: ContentHost, tmp_path: Path) -> None:
    def lie(_asked: Asked, said: Said) -> Said:
        return replace(
            said, headers={**said.headers, "content-length": "1001"}, body=said.body + b"x"
        )

    host.lie = lie
    assert "expected 1000 bytes, got 1001" in str(refusal(host, tmp_path / "c"))


def test_another_entity_tag_between_ranges(host: ContentHost, tmp_path: Path) -> None:
    """Attacker, or an operator: the content is replaced while it is fetched."""

    def lie(asked: Asked, said: Said) -> Said:
        tag = f'"{asked.first // 2000}"'
        return replace(said, headers={**said.headers, "etag": tag})

    host.lie = lie
    assert "its entity tag is another now" in str(refusal(host, tmp_path / "c"))
    assert os.listdir(tmp_path) == []


def test_a_host_without_ranges(host: ContentHost, tmp_path: Path) -> None:
    def lie(_asked: Asked, said: Said) -> Said:
        headers = {"content-length": str(len(CONTENT))}
        return replace(said, status=200, headers=headers, body=CONTENT)

    host.lie = lie
    error = refusal(host, tmp_path / "c")
    assert isinstance(error, TransportError)
    assert "sends all where a range was asked for" in str(error)


def test_a_host_without_ranges_will_do_for_little(
    host: ContentHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "RANGE_SIZE", 5000)

    def lie(_asked: Asked, said: Said) -> Said:
        return replace(said, status=200, headers={"content-length": str(len(CONTENT))})

    host.lie = lie
    fetch(host, tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == CONTENT


def test_an_address_that_expires_is_asked_for_anew(host: ContentHost, tmp_path: Path) -> None:
    def lie(asked: Asked, said: Said) -> Said:
        if asked.path == "/old" and asked.first:
            return Said(status=403, headers={"content-length": "0"}, body=b"")
        return said

    host.lie = lie
    old, new = f"{host.url}/old", f"{host.url}/new"
    assert fetch(host, tmp_path / "c", addresses=[old, new]) == [old, new]
    assert [each.path for each in host.asked] == ["/old", "/old", "/new", "/new"]


def test_a_refusal_is_not_asked_again(host: ContentHost, tmp_path: Path) -> None:
    gone = Said(status=404, headers={"content-length": "0"}, body=b"")
    host.lie = lambda _asked, _said: gone
    error = refusal(host, tmp_path / "c")
    assert isinstance(error, StatusError)
    assert error.status == 404
    assert len(host.asked) == 1


def test_a_busy_host_is_asked_again(host: ContentHost, tmp_path: Path) -> None:
    busy = Said(status=503, headers={"content-length": "0"}, body=b"")
    host.lie = lambda asked, said: busy if asked.number < 2 else said
    fetch(host, tmp_path / "c")
    assert len(host.asked) == 5


def test_a_redirect_to_elsewhere_is_not_followed(host: ContentHost, tmp_path: Path) -> None:
    """Attacker: sends the client to a host inside of its network."""
    away = Said(
        status=302, headers={"content-length": "0", "location": "http://127.0.0.2:9/x"}, body=b""
    )
    host.lie = lambda _asked, _said: away
    error = refusal(host, tmp_path / "c")
    assert isinstance(error, SubmissionError)
    assert "another host, 127.0.0.2" in str(error)
    assert error.hint == "if that is right, add --download-host 127.0.0.2"


def test_a_redirect_to_where_it_may_is_followed(host: ContentHost, tmp_path: Path) -> None:
    def lie(asked: Asked, said: Said) -> Said:
        if asked.path.startswith("/content"):
            headers = {"content-length": "0", "location": "/stored?key=1"}
            return Said(status=307, headers=headers, body=b"")
        return said

    host.lie = lie
    fetch(host, tmp_path / "c")
    assert {each.path for each in host.asked} == {"/content?secret", "/stored?key=1"}


def test_redirects_in_a_circle_end(host: ContentHost, tmp_path: Path) -> None:
    circle = Said(status=302, headers={"content-length": "0", "location": "/content"}, body=b"")
    host.lie = lambda _asked, _said: circle
    assert isinstance(refusal(host, tmp_path / "c"), StatusError)
    assert len(host.asked) == 5


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "http://127.0.0.2/x", "http://user@127.0.0.1/x", "x"]
)
def test_an_address_to_elsewhere(address: str, host: ContentHost, tmp_path: Path) -> None:
    error = refusal(host, tmp_path / "c", addresses=[address])
    assert isinstance(error, SubmissionError | TransportError)
    assert host.asked == []


def test_a_host_that_was_listed(host: ContentHost, tmp_path: Path) -> None:
    address = host.url.replace("127.0.0.1", "localhost") + "/x"
    fetch(host, tmp_path / "c", addresses=[address], hosts=("localhost",))
    assert (tmp_path / "c").read_bytes() == CONTENT


def test_one_process_at_a_time(host: ContentHost, tmp_path: Path) -> None:
    with download._writing(part_of(tmp_path / "c")):
        assert "another process" in str(refusal(host, tmp_path / "c"))


def test_a_link_is_not_followed(host: ContentHost, tmp_path: Path) -> None:
    """Attacker: puts a link where the content will be written."""
    part_of(tmp_path / "c").symlink_to(tmp_path / "elsewhere")
    assert isinstance(refusal(host, tmp_path / "c"), FileError)
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_cannot_be_written(host: ContentHost, tmp_path: Path) -> None:
    error = refusal(host, tmp_path / "nowhere" / "c")
    assert isinstance(error, FileError)
    assert "no such file or directory" in str(error)
