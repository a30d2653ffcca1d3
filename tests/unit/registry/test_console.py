"""The console over plain HTTP: who comes in, what is refused, and that nothing of a record acts."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from starlette.responses import Response

from signkit.registry.console import searches
from signkit.registry.console import session as console_session
from signkit.registry.sources import source_of
from signkit.registry.verification import verify_source
from tests.support.forked import run_signkit
from tests.support.keys import SPARE
from tests.support.registry import make_token, running_registry
from tests.support.registry_api import calling

NAMES = json.loads(
    (Path(__file__).parents[2] / "vectors" / "strings" / "hostile_names.json").read_text()
)
MARKUP = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus='alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "</title><style>*{display:none}</style>",
    "\\u{202e}&lt;b&gt;",
)


@contextmanager
def browser(registry, token=None):
    """A client that keeps cookies, as a browser does; logged in where a token is given."""
    with httpx.Client(base_url=registry.url, timeout=60) as client:
        if token is not None:
            answer = client.post("/console/login", data={"token": token})
            assert (answer.status_code, answer.headers["location"]) == (303, "/console")
        yield client


@pytest.fixture
def look(registry):
    with browser(registry, registry.token) as client:
        yield client


def identity(record):
    return record["prn"].rpartition(":")[2]


UNKNOWN = "8ced1740-7fbf-407e-9d6e-afec9399cc41"
PAGES = ("", "/artifacts", "/keys", "/bundles", "/nowhere", f"/binaries/{UNKNOWN}")


@pytest.mark.parametrize("path", PAGES)
def test_nobody_sees_anything_without_a_token(registry, path):
    with browser(registry) as client:
        answer = client.get(f"/console{path}")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/login")
    assert answer.content == b""


def test_a_wrong_token_opens_nothing(registry):
    with browser(registry) as client:
        for token in ("skr_" + "0" * 64, "", "x" * 5000, "\udcff\x00"):
            answer = client.post(
                "/console/login", data={"token": token.encode("utf-8", "surrogateescape")}
            )
            assert answer.status_code == 401
            assert "this token is unknown" in answer.text
            assert "set-cookie" not in answer.headers


def test_the_cookie_is_kept_from_scripts_other_sites_and_long_use(registry):
    with browser(registry) as client:
        answer = client.post("/console/login", data={"token": registry.token})
    said = answer.headers["set-cookie"].lower()
    assert {part.strip() for part in said.split(";")[1:]} == {
        *("httponly", "samesite=strict", "path=/console", "max-age=7200")
    }
    assert registry.token not in answer.headers["set-cookie"]


def test_the_cookie_is_for_https_only_where_the_console_is(registry):
    made = Response()
    console_session.set_cookie(made, "x", secure=True)
    assert "; secure" in made.headers["set-cookie"].lower()


def test_a_cookie_cannot_be_made_or_prolonged(registry, look):
    value = look.cookies[console_session.COOKIE]
    data = bytearray(urlsafe_b64decode(value + "=" * (-len(value) % 4)))
    for place in (0, 39, 40, len(data) - 1):
        changed = bytearray(data)
        changed[place] ^= 1
        forged = urlsafe_b64encode(changed).decode().rstrip("=")
        answer = httpx.get(
            f"{registry.url}/console", cookies={console_session.COOKIE: forged}, timeout=60
        )
        assert answer.status_code == 303


@pytest.mark.folder
def test_a_cookie_ends(registry, look, monkeypatch):
    value = look.cookies[console_session.COOKIE]
    secret = (registry.data / "secret").read_bytes()
    assert console_session._parse_cookie(value, secret) is not None
    late = time.time() + console_session.SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: late)
    assert console_session._parse_cookie(value, secret) is None


def test_a_token_that_is_revoked_sees_nothing_from_then_on(registry):
    name = uuid4().hex
    token = make_token(registry.data, name)
    with browser(registry, token) as client:
        assert client.get("/console").status_code == 200
        revoked = run_signkit("registry", "token", "revoke", name, "--data", registry.data)
        assert revoked.returncode == 0, revoked.stderr
        assert client.get("/console").status_code == 303


def test_logging_out_takes_the_cookie_away(look):
    assert look.get("/console").status_code == 200
    answer = look.post("/console/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/login")
    assert look.get("/console").status_code == 303


def test_forms_of_other_sites_are_refused(registry, look):
    for path in ("/console/login", "/console/logout"):
        answer = look.post(
            path, data={"token": registry.token}, headers={"sec-fetch-site": "cross-site"}
        )
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ("/console/keys", "/console/keys"),
        ("//evil.example/console", "/console"),
        ("https://evil.example/", "/console"),
        ("/console/../../evil", "/console"),
        ("/console\r\nset-cookie: a=b", "/console"),
    ],
)
def test_a_login_leads_nowhere_but_into_the_console(registry, wanted, place):
    with browser(registry) as client:
        answer = client.post("/console/login", data={"token": registry.token, "next": wanted})
    assert (answer.status_code, answer.headers["location"]) == (303, place)


@pytest.mark.parametrize("path", ["/console", "/console/login", "/console/nowhere"])
def test_a_page_may_load_and_do_next_to_nothing(look, path):
    answer = look.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert re.findall(r"<script|style=|\son\w+=|https?://", answer.text) == []


def test_nothing_but_looking(registry, look):
    """No page takes a request that could change a record."""
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in ("/console", "/console/keys", f"/console/binaries/{uuid4()}"):
            assert look.request(method, path).status_code == 405
    # And the cookie is none of the API's ways to say who asks.
    assert look.get("/users/me").status_code == 401


@pytest.mark.parametrize("path", ["nowhere", "keys/x", "binaries/x/y", f"keys/{UNKNOWN}"])
def test_what_is_not_there(look, path):
    answer = look.get(f"/console/{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_assets(look):
    sheet = look.get("/console/assets/style.css")
    assert (sheet.status_code, sheet.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "url(" not in sheet.text
    assert "@import" not in sheet.text
    assert look.get("/console/assets/icon.svg").headers["content-type"] == "image/svg+xml"
    for name in ("pages.py", "..%2fpages.py", "%2e%2e/secret"):
        assert look.get(f"/console/assets/{name}").status_code in {303, 404}


def hostile_names():
    made_safe = {each["value"] for each in NAMES} | set(MARKUP)
    # What the registry takes as a name at all: 1 to 128 characters without controls.
    return sorted(
        name
        for name in made_safe
        if 0 < len(name) <= 128 and not re.search("[\x00-\x1f\x7f-\x9f\ud800-\udfff]", name)
    )


def test_hostile_names_are_shown_and_do_nothing(api, look):
    """An artifact, version, target, description and metadata by somebody who means ill."""
    for place, name in enumerate(hostile_names()):
        description = name.replace("\\", "/")[:200] + " \u202e"
        artifact = api.ask(
            "POST",
            "/artifacts",
            {"name": name, "description": description, "custom_metadata": {name: name}},
        )
        version = api.ask(
            "POST", "/artifact_versions", {"artifact_prn": artifact["prn"], "version": name}
        )
        body = {"artifact_version_prn": version["prn"], "target": name, "hash": "0" * 64, "size": 0}
        binary = api.ask("POST", "/binaries", body)
        pages = [f"/versions/{identity(version)}", f"/binaries/{identity(binary)}"]
        if place % searches.PAGE_SIZE == 0:  # then these show all of them together
            pages += ["", "/artifacts", f"/artifacts/{identity(artifact)}"]
        for path in pages:
            check_harmless(look.get(f"/console{path}").text)


def check_harmless(page, *more):
    assert not re.search("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]", page)
    tags = set(re.findall(r"<([a-zA-Z!/][a-zA-Z0-9]*)", page))
    assert tags <= {
        *("!doctype", "html", "head", "meta", "title", "link", "body", "a", "header", "div", "img"),
        *("span", "b", "nav", "ul", "ol", "li", "form", "button", "main", "h1", "h2", "dl", "dt"),
        *("dd", "code", "section", "p", "table", "caption", "thead", "tbody", "tr", "th", "td"),
        *("time", "pre", "footer", "label", "input", *more),
    } | {f"/{name}" for name in tags if not name.startswith("/")}
    assert re.findall(r"<[^>]*\s(on\w+|style|src=\"(?!/console/assets/))", page) == []
    assert "49{% raw" not in page


def test_a_search_finds_names_versions_targets_and_hashes(api, look):
    name = f"Camera-{uuid4().hex}"
    artifact = api.ask("POST", "/artifacts", {"name": name})
    version = api.ask(
        "POST", "/artifact_versions", {"artifact_prn": artifact["prn"], "version": "9.8.7-rc1"}
    )
    target = f"target-{uuid4().hex}"
    binary = api.binary(b"found", artifact_version_prn=version["prn"], target=target)
    for text in (name.upper(), name[3:20], target[2:], binary["hash"]):
        page = look.get("/console", params={"q": text}).text
        assert identity(binary) in page, text
    assert identity(binary) not in look.get("/console", params={"q": "no such thing"}).text
    assert identity(binary) not in look.get("/console", params={"q": name, "state": "signed"}).text
    for text in ("'", "\\", "\\'", "%", "_", "' or '1'='1", "a" * 200, "\u0000"):
        assert look.get("/console", params={"q": text}).status_code in {200, 422}
    assert look.get("/console", params={"q": "a" * 201}).status_code == 404


def test_pages_of_a_list(api, look):
    made = [api.ask("POST", "/artifacts", {"name": f"paged-{n:02}"}) for n in range(30)]
    first = look.get("/console/artifacts", params={"q": "paged-"}).text
    (following,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = look.get(following.replace("&amp;", "&")).text
    shown = [
        set(re.findall(r'href="/console/artifacts/([0-9a-f-]+)"', page)) for page in (first, second)
    ]
    assert [len(page) for page in shown] == [25, 5]
    assert shown[0] | shown[1] == {identity(artifact) for artifact in made}
    assert "First page" in second
    assert look.get("/console/artifacts", params={"page": "forged"}).status_code == 422


@pytest.mark.folder
def test_a_damaged_signature_is_refused_on_every_page(api, registry, look):
    binary = api.signable(b"to be damaged")
    assert api.sign(binary, SPARE).status_code == 201
    path = f"/console/binaries/{identity(binary)}"
    assert "signature only" in look.get(path).text
    with closing(sqlite3.connect(registry.data / "registry.sqlite3")) as records, records:
        records.execute(
            "UPDATE binary_signatures SET signature = ? WHERE binary_row ="
            " (SELECT row FROM binaries WHERE id = ?)",
            ("00" * 64, identity(binary).replace("-", "")),
        )
    key = identity(api.key(SPARE))
    for place in (path, "/console", f"/console/keys/{key}"):
        assert ">refused</span>" in look.get(place).text
    assert "does not verify under key" in look.get(path).text


@pytest.mark.folder
def test_another_organization_is_not_there(registry, look):
    """Records of an organization that the token does not belong to: as if they did not exist."""
    with calling(registry) as api:
        binary = api.signed(b"of another organization")
    row = identity(binary).replace("-", "")
    with closing(sqlite3.connect(registry.data / "registry.sqlite3")) as records, records:
        records.execute(
            "INSERT INTO organizations (id, inserted_at, updated_at, name) VALUES (?, 1, 1, 'other')",
            (uuid4().hex,),
        )
        records.execute(
            "UPDATE binaries SET organization_row = (SELECT max(row) FROM organizations)"
            " WHERE id = ?",
            (row,),
        )
    assert look.get(f"/console/binaries/{identity(binary)}").status_code == 404
    assert identity(binary) not in look.get("/console").text


def test_the_audit_says_who_changed_what(api, registry, look):
    artifact = api.ask("POST", "/artifacts", {"name": f"audited-{uuid4().hex}"})
    point = f"{'ab' * 32} 7 {'cd' * 32}"
    api.call(
        "PATCH",
        f"/artifacts/{artifact['prn']}",
        {"description": "<b>new</b> \u202e"},
        headers={"signkit-ledger": point},
    )
    page = look.get("/console/audit").text
    assert f"/console/artifacts/{identity(artifact)}" in page
    assert "&lt;b&gt;new&lt;/b&gt;" in page
    assert "ceremony 7" in page
    assert "cd" * 32 in page
    assert ">chained</span>" in page
    check_harmless(page, "del", "ins", "details", "summary")
    older = re.findall(r'rel="next" href="([^"]+)"', page)
    assert older
    assert ">chained</span>" in look.get(older[0]).text


def test_the_release_says_where_the_stations_ledger_stood(api, registry, look):
    binary = api.binary(b"of a ceremony")
    api.upload(binary, b"of a ceremony")
    api.hashed(binary)
    body = {
        "binary_prn": binary["prn"],
        "signing_key_prn": api.key(SPARE)["prn"],
        "signature": SPARE.sign(binary["hash"].encode()).hex(),
    }
    point = f"{'ab' * 32} 9 {'ef' * 32}"
    api.call("POST", "/binary_signatures", body, headers={"signkit-ledger": point})
    assert api.sign(binary).status_code == 201  # by nobody's ledger
    for _ in range(3):
        api.version()
    page = look.get(f"/console/binaries/{identity(binary)}").text
    assert "ceremony 9" in page
    assert "ef" * 32 in page
    assert page.count('<span class="muted">none</span>') == 1
    check_harmless(page, "details", "summary")


def test_an_audit_that_was_changed_is_seen(tmp_path):
    with running_registry(tmp_path) as registry, calling(registry) as api:
        for name in ("one", "two"):
            api.ask("POST", "/artifacts", {"name": name})
        with closing(sqlite3.connect(registry.data / "registry.sqlite3")) as records, records:
            records.execute("DROP TRIGGER audit_lines_no_UPDATE")
            records.execute("UPDATE audit_lines SET line = replace(line, 'one', 'eno')")
        with browser(registry, registry.token) as client:
            page = client.get("/console/audit").text
        found = verify_source(source_of(registry.data), advance=lambda _count: None)
    assert ">damaged</span>" in page
    assert [fault.place for fault in found.faults] == ["audit"]


def limited_token(registry, *options):
    name = ("--data", registry.data, "--name", uuid4().hex)
    made = run_signkit("registry", "token", "new", *name, *options)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def test_the_audit_is_for_tokens_that_may_do_everything(registry):
    with browser(registry, limited_token(registry, "--scope", "read")) as client:
        assert "/console/audit" not in client.get("/console").text
        assert client.get("/console/audit").status_code == 403


def test_a_token_limited_to_an_artifact_sees_that_one_alone(api, registry):
    versions = [api.version() for _ in range(2)]
    binaries = [api.binary(b"", artifact_version_prn=version) for version in versions]
    artifacts = [
        api.ask(
            "GET", f"/artifacts/{api.ask('GET', f'/artifact_versions/{version}')['artifact_prn']}"
        )
        for version in versions
    ]
    limited = limited_token(registry, "--scope", "read", "--artifact", artifacts[0]["name"])
    with browser(registry, limited) as client:
        page = client.get("/console").text
        assert identity(binaries[0]) in page
        assert identity(binaries[1]) not in page
        assert client.get(f"/console/binaries/{identity(binaries[1])}").status_code == 404
        assert client.get(f"/console/artifacts/{identity(artifacts[1])}").status_code == 404
