from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.client.address import check_upload_address, make_reach
from signkit.errors import SignkitError, SubmissionError, TransportError, UsageError


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://registry.example", "https://registry.example"),
        ("https://Registry.Example:8443/base/", "https://registry.example:8443/base"),
        ("https://registry.example:443/", "https://registry.example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:9000/x", "http://[::1]:9000/x"),
    ],
)
def test_registry_addresses(text, shown):
    assert str(make_reach(text).registry) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "registry.example",
        "ftp://registry.example",
        "file:///etc/passwd",
        "http://registry.example",
        "http://0.0.0.0:80",
        "http://127.0.0.1.evil.example",
        "https://",
        "https://user:secret@registry.example",
        "https://registry.example\\@evil.example",
        "https://registry.example/#x",
        "https://registry.example/?token=x",
        "https://registry.example:0",
        "https://registry.example:99999",
        "https://registry.example:port",
        "https://regístry.example",
        "https://registry.example/a b",
        "https://registry.example/\n",
        "https://[::1",
        "https://[::1][",
        "https://[::1]evil.example",
        "https://registry.example:",
        "https://registry.example:0443",
        "https://" + "a" * 9000,
    ],
)
def test_refused_registry_addresses(text):
    with pytest.raises(UsageError):
        make_reach(text)


def test_plain_http_where_it_is_asked_for():
    assert make_reach("http://registry.example", insecure_http=True).registry.port == 80


def test_a_path_below_the_registry():
    address = make_reach("https://registry.example/base/").registry.at("/artifacts", "search=x")
    assert (address.path, address.query) == ("/base/artifacts", "search=x")
    assert "search" not in str(address)


@pytest.mark.parametrize("host", ["", "a/b", "https://x.example", "x.example?y", "u@x.example"])
def test_refused_upload_hosts(host):
    with pytest.raises(UsageError):
        make_reach("https://registry.example", upload_hosts=[host])


@pytest.mark.parametrize(
    ("listed", "address"),
    [
        ([], "https://registry.example:9000/part?X-Signature=1%2F2"),
        (["store.example"], "https://store.example/part"),
        (["store.example"], "https://store.example:9000/part"),
        (["Store.Example:9000"], "https://store.example:9000/part"),
        (["[::1]"], "https://[::1]:9000/part"),
        (["[::1]:9000"], "https://[::1]:9000/part"),
    ],
)
def test_upload_addresses(listed, address):
    reach = make_reach("https://registry.example", upload_hosts=listed)
    assert check_upload_address(address, reach).scheme == "https"


@pytest.mark.parametrize(
    "address",
    [
        "https://store.example:9001/part",
        "https://evil.example/part?registry.example",
        "https://registry.example.evil.example/part",
        "https://169.254.169.254/latest/meta-data",
        "https://0.0.0.0/part",
    ],
)
def test_upload_addresses_on_other_hosts(address):
    reach = make_reach("https://registry.example", upload_hosts=["store.example:9000"])
    with pytest.raises(SubmissionError, match="another host") as caught:
        check_upload_address(address, reach)
    assert "--upload-host" in str(caught.value.hint)


@pytest.mark.parametrize(
    "address",
    [
        "http://registry.example/part",
        "http://127.0.0.1/part",
        "file:///etc/passwd",
        "/part",
        "https://registry.example@evil.example/part?X-Signature=secret",
    ],
)
def test_refused_upload_addresses(address):
    reach = make_reach("https://registry.example")
    with pytest.raises((TransportError, SubmissionError)) as caught:
        check_upload_address(address, reach)
    assert "secret" not in str(caught.value)


def test_a_step_down_from_https_is_refused_on_the_loopback_address_too():
    with pytest.raises(TransportError, match="http, where the registry is https"):
        check_upload_address("http://127.0.0.1/part", make_reach("https://127.0.0.1"))


@given(st.text(max_size=60))
def test_nothing_but_the_registry_is_ever_reached(text):
    reach = make_reach("https://registry.example")
    try:
        address = check_upload_address(text, reach)
    except SignkitError:
        return
    assert address.host == "registry.example"


@given(st.sampled_from("@\\/:?#[]%.\t "), st.sampled_from(["registry.example", "evil.example"]))
def test_no_trick_in_the_host_gets_elsewhere(character, first):
    second = {"registry.example": "evil.example"}.get(first, "registry.example")
    reach = make_reach("https://registry.example")
    try:
        address = check_upload_address(f"https://{first}{character}{second}/part", reach)
    except SignkitError:
        return
    assert address.host == "registry.example"
