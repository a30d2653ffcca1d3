"""PKCS#11 URIs: which token and key are named, and what a name must not do."""

from __future__ import annotations

import pytest

from signkit.custody.token_uri import TokenUri, parse_token_uri
from signkit.errors import UsageError


def test_names_a_token_and_a_key() -> None:
    assert parse_token_uri("token=my%20vault;serial=7fb3;object=pr%C3%B6d;id=%01%fF;type=private") == (
        TokenUri(token="my vault", serial="7fb3", label="pröd", key_id=b"\x01\xff")
    )  # fmt: skip
    assert parse_token_uri("serial=1;id=a%25") == (
        TokenUri(token=None, serial="1", label=None, key_id=b"a%")
    )
    assert parse_token_uri("token=ü;object=k").token == "ü"


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("", "'' is unknown or empty"),
        ("token=vault", "expected a token .* and a key"),
        ("object=prod", "expected a token .* and a key"),
        ("token=a;object=b;token=c", "'token' is given twice"),
        ("token=;object=b", "'token' is unknown or empty"),
        ("token=a;object=b;", "'' is unknown or empty"),
        ("token=a;object=b;slot-id=1", "'slot-id' is unknown$"),
        ("token=a;object=b;type=public", "expected type=private"),
        ("token=a;object=b;x-vendor=c", "'x-vendor' is unknown$"),
        ("token=%4;object=b", "two hex digits"),
        ("token=%+1;object=b", "two hex digits"),
        ("token=%ff;object=b", "token is not UTF-8"),
        ("token=a;object=b?pin-value=123456", "pin-value is refused"),
        ("token=a;object=b;pin-value=123456", "pin-value is refused"),
        ("token=a;object=b?pin-source=file:/pin", "pin-source is refused"),
        ("token=a;object=b?module-path=/evil.so", "module-path is refused"),
        ("token=a;object=b?x=1&module-name=evil", "'x' is unknown$"),
        ("token=a;object=b?module-name=evil", "module-name is refused"),
    ],
)
def test_what_is_no_such_name(rest: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        parse_token_uri(rest)
    assert "123456" not in str(caught.value)
