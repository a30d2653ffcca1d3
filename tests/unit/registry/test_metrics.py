"""The page that Prometheus reads."""

from __future__ import annotations

import socket
from uuid import uuid4

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.forked import run_signkit
from tests.support.registry import running_registry
from tests.support.registry_api import calling


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with running_registry(tmp_path_factory.mktemp("metrics"), "--metrics-port", "0") as running:
        yield running


def samples(registry):
    page = httpx.get(registry.metrics)
    assert page.status_code == 200
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page.text)
        for sample in family.samples
    }


def labels(**values):
    return sorted(values.items())


def test_requests_are_counted_by_route(registry):
    with calling(registry) as api:
        before = samples(registry)
        made = api.ask("POST", "/artifacts", {"name": uuid4().hex})
        for _ in range(3):
            api.ask("GET", f"/artifacts/{made['prn']}")
        api.call("GET", "/nowhere")
        api.call("PROPFIND", "/nowhere")
        after = samples(registry)
    read = labels(method="GET", route="/artifacts/{prn}")
    status = labels(method="GET", route="/artifacts/{prn}", status="200")
    assert ("signkit_requests_total", *status) not in before
    assert after["signkit_requests_total", *status] == 3
    assert after["signkit_request_seconds_count", *read] == 3
    assert after["signkit_requests_total", *labels(method="GET", route="none", status="404")] == 1
    assert after["signkit_requests_total", *labels(method="other", route="none", status="404")] == 1
    assert after["signkit_body_bytes_total", *labels(direction="in", route="/artifacts")] > 32
    assert after["signkit_requests_underway",] == 0
    assert after["process_resident_memory_bytes",] > 0


def test_no_name_that_a_client_gave_stands_in_it(registry):
    with calling(registry) as api:
        binary = api.signed(b"counted")
        name = uuid4().hex
        api.call("GET", f"/{name}")
    page = httpx.get(registry.metrics).text
    for secret in (name, binary["prn"], binary["organization_prn"], registry.token):
        assert secret not in page


def test_they_are_not_on_the_address_of_the_registry(registry):
    assert httpx.get(f"{registry.url}/metrics").status_code == 404


def test_an_address_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = ("--data", tmp_path / "d", "--port", "0", "--metrics-port", port)
        done = run_signkit("registry", "serve", *options)
    assert done.returncode == 9
    assert f"cannot serve metrics on 127.0.0.1 port {port}" in done.stderr
