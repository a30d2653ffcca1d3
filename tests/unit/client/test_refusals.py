from __future__ import annotations

import json

import pytest

from signkit.client.http import Reply
from signkit.client.refusals import describe_refusal, describe_upload_refusal, is_stored
from signkit.client.retry import BusyError


def reply(status: int, body: object = b"", *, retry_after: float | None = None) -> Reply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, kind="", retry_after=retry_after, body=data)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"errors": {"detail": "not found"}}, ": not found"),
        ({"errors": {"name": ["is taken", "is long"]}}, ": name: is taken, is long"),
        ({"errors": {"name": "is taken"}}, ": name: is taken"),
        ({"status": "forbidden"}, ": forbidden"),
        ({"errors": [{"code": "unauthenticated", "context": {"api_key": "k"}}]}, "unauthenticated"),
        ({"errors": {"detail": "x" * 999}}, "x" * 200),
        ({"errors": []}, "status 418"),
        ([1], "status 418"),
        (b"<html>", "status 418"),
        (b"", "status 418"),
    ],
)
def test_every_shape_of_an_error_is_read(body, said):
    error = describe_refusal(reply(418, body), "GET /x")
    assert str(error).startswith("GET /x: refused with status 418")
    assert str(error).endswith(said)
    assert "api_key" not in str(error)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_statuses_worth_another_try(status):
    error = describe_refusal(reply(status, retry_after=7), "GET /x")
    assert isinstance(error, BusyError)
    assert error.retry_after == 7


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 407, 409, 413, 422, 501])
def test_statuses_that_are_final(status):
    assert not describe_refusal(reply(status), "GET /x").retryable


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "token"),
        (403, "token"),
        (404, "is the address right"),
        (307, "redirects"),
        (407, "proxy"),
        (500, "log says why"),
        (502, "run the command again later"),
        (507, "disk is full"),
    ],
)
def test_hints(status, hint):
    assert hint in (describe_refusal(reply(status), "x").hint or "")


def test_a_wait_that_is_longer_than_anybody_waits_is_said():
    error = describe_refusal(reply(503, retry_after=3600.0), "x")
    assert "again in 3600 s, as it asks" in str(error.hint)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_upload_that_is_refused_says_nothing_of_the_token(status):
    """The token is not sent there: what is wrong is the upload address."""
    assert describe_upload_refusal(reply(status), "part 1").hint is None


def xml(code: str, more: str = "") -> bytes:
    return f'<?xml version="1.0"?><Error><Code>{code}</Code>{more}</Error>'.encode()


@pytest.mark.parametrize(
    ("status", "body", "retryable"),
    [
        (403, xml("AccessDenied", "<Message>Request has expired</Message>"), True),
        (403, xml("SignatureDoesNotMatch"), False),
        (404, xml("NoSuchUpload"), True),
        (400, xml("XAmzContentSHA256Mismatch"), True),
        (400, xml("RequestTimeout"), True),
        (500, xml("InternalError"), True),
        (503, xml("SlowDown"), True),
        (200, b"<html>Captive portal</html>", False),
        (200, xml("InternalError"), False),
        (204, b"", False),
        (307, b"", False),
        (407, b"", False),
        (413, b"", False),
    ],
)
def test_f44_refused_uploads(status, body, retryable):
    answer = reply(status, body)
    assert not is_stored(answer)
    assert describe_upload_refusal(answer, "part 1").retryable is retryable


def test_f44_clocks_that_differ_are_both_named():
    body = xml("RequestTimeTooSkewed", "<ServerTime>2026-01-01T02:00:00Z</ServerTime>")
    error = describe_upload_refusal(reply(403, body), "part 1")
    assert "clock says 20" in str(error)
    assert "2026-01-01T02:00:00Z" in str(error)
    assert not error.retryable


def test_stored():
    assert is_stored(reply(200))
    assert is_stored(reply(201, {"etag": "x"}))
