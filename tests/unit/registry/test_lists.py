"""Searching and paging, over the wire; the grammar itself is in test_search."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from tests.support.keys import PROD, SPARE
from tests.support.registry import running_registry
from tests.support.registry_api import calling

NAMES = ["Alpha", "alpha", "ALPHABET", "it's", "100%", "a_b", "Ünïcode", "back\\slash", "e", "f"]

# Other tests of this module make artifacts too, without a description.
OURS = "description~' '"


@pytest.fixture(scope="module")
def made(api):
    """Make ten artifacts, and return them oldest first."""
    return [
        api.ask("POST", "/artifacts", {"name": name, "description": f"{name} {i}"})
        for i, name in enumerate(NAMES)
    ]


def listed(api, path="/artifacts", key="name", **query):
    answer = api.call("GET", path, params=query)
    assert answer.status_code == 200, answer.text
    (plural, rows), (_, next_page) = answer.json().items()
    assert path == f"/{plural}"
    return [row[key] for row in rows], next_page


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("name:'alpha'", ["alpha"]),
        ("name:'ALPHA'", []),
        ("name~'lpha'", ["Alpha", "alpha"]),
        ("name-'ALPHA'", ["Alpha", "alpha", "ALPHABET"]),
        ("name-'ÜNÏ'", ["Ünïcode"]),
        ("name:'it\\'s'", ["it's"]),
        ("name~'%'", ["100%"]),
        ("name~'_'", ["a_b"]),
        ("name~'\\'", None),
        ("name:'back\\slash'", ["back\\slash"]),
        ("name~'' and description~' '", NAMES),
        ("description:'e 8'", ["e"]),
        ("description~' 9'", ["f"]),
        ("name~'a' and description~'1'", ["alpha"]),
        ("name:'e' and name:'f'", []),
        (f"{OURS} and inserted_at>='2000-01-01T00:00:00Z'", NAMES),
        ("inserted_at<'2000-01-01T00:00:00Z'", []),
        ("updated_at>'2999-12-31T23:59:59Z'", []),
    ],
)
def test_search_artifacts(api, made, search, found):
    if found is None:
        assert api.call("GET", "/artifacts", params={"search": search}).status_code == 422
    else:
        assert listed(api, search=search, order="asc") == (found, None)


@pytest.mark.parametrize("operator", [":", "<=", ">=", "<", ">"])
def test_times_are_asked_in_whole_seconds(api, made, operator):
    second = made[0]["inserted_at"][:19]
    found, _ = listed(api, search=f"name:'Alpha' and inserted_at{operator}'{second}Z'")
    assert found == (["Alpha"] if operator in {":", "<=", ">="} else [])


def test_search_by_names_of_resources(api, made):
    prn = made[0]["prn"]
    bare = prn.replace("-", "")
    assert listed(api, search=f"prn:'{bare}'")[0] == ["Alpha"]
    organization = made[0]["organization_prn"]
    assert len(listed(api, search=f"{OURS} and organization_prn:'{organization}'")[0]) == 10
    other = organization[:-12] + "0" * 12
    assert listed(api, search=f"organization_prn:'{other}'")[0] == []
    assert listed(api, search=f"prn:'{prn.replace(organization, other)}'")[0] == []


@pytest.mark.parametrize(
    "search",
    [
        "nothing:'x'",
        "name<'x'",
        "name:1",
        "name:true",
        "description-'x'",
        "prn:'x'",
        "prn~'x'",
        "inserted_at:'2025-01-01'",
        "inserted_at:'2025-02-30T00:00:00Z'",
        "inserted_at~'2025-01-01T00:00:00Z'",
        "inserted_at:5",
        "organization_prn:'x'",
        "name:'\0'",
    ],
)
def test_searches_that_make_no_sense(api, search):
    answer = api.call("GET", "/artifacts", params={"search": search})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["search"])


def test_search_binaries(api):
    version = api.version()
    sizes = {"one": 1, "two": 2, "three": 3}
    for target, size in sizes.items():
        api.binary(bytes(size), target=target, artifact_version_prn=version, description=target)
    zero = f"artifact_version_prn:'{version}'"

    def found(clause):
        query = {"search": f"{zero} and {clause}", "order": "asc"}
        return listed(api, "/binaries", "target", **query)[0]

    assert found("target:'two'") == ["two"]
    assert found("target~'o'") == ["one", "two"]
    assert found("size>=2") == ["two", "three"]
    assert found("size<2") == ["one"]
    assert found("size<=-1") == []
    assert found("state:'uploadable'") == ["one", "two", "three"]
    assert found("state:'signed'") == []
    assert found(f"hash:'{api.binary(b'')['hash']}'") == []
    for bad in ("state:'failed'", "size:'2'", "size~2", "hash~'0'"):
        query = {"search": f"{zero} and {bad}"}
        assert api.call("GET", "/binaries", params=query).status_code == 422


def test_search_versions_and_keys(api):
    prn = api.version()
    artifact = api.ask("GET", f"/artifact_versions/{prn}")["artifact_prn"]
    query = f"artifact_prn:'{artifact}' and version-'1.0'"
    assert listed(api, "/artifact_versions", "prn", search=query)[0] == [prn]
    key = api.key(PROD)
    for clause in (f"value:'{key['value']}'", f"keyid:'{key['keyid']}'", "name~'prod'"):
        assert listed(api, "/signing_keys", "prn", search=clause)[0] == [key["prn"]]


def test_search_signatures(api):
    binary = api.signed(b"searched")
    api.sign(binary, SPARE)
    key = api.key(SPARE)
    short = "sha256-" + key["keyid"][:16]
    for clause in (
        f"signature.signing_key.keyid:'{key['keyid']}'",
        f"signature.signing_key.keyid:'{short}'",
        f"signing_key_prn:'{key['prn']}'",
    ):
        query = f"binary_prn:'{binary['prn']}' and {clause}"
        assert listed(api, "/binary_signatures", "keyid", search=query)[0] == [key["keyid"]]
    none = f"binary_prn:'{binary['prn']}' and signature.signing_key.keyid:'{'0' * 64}'"
    assert listed(api, "/binary_signatures", "keyid", search=none)[0] == []


@pytest.mark.parametrize("limit", [1, 3, 9, 10, 11])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_are_all_of_it_in_order(api, made, limit, order):
    names: list[str] = []
    page: dict[str, str] = {}
    query = {"search": OURS, "limit": limit, "order": order}
    while True:
        found, cursor = listed(api, **query, **page)
        assert len(found) <= limit
        names += found
        if cursor is None:
            break
        page = {"page": cursor}
    assert names == (NAMES if order == "asc" else NAMES[::-1])


def test_newest_first_and_ten_unless_asked(api, made):
    assert listed(api, search=OURS)[0] == NAMES[::-1]
    assert len(listed(api)[0]) == 10


def test_what_comes_meanwhile_does_not_shift_pages(tmp_path):
    with running_registry(tmp_path) as registry, calling(registry) as api:
        for name in "abcd":
            api.ask("POST", "/artifacts", {"name": name})
        first, cursor = listed(api, limit=2)
        api.ask("POST", "/artifacts", {"name": "e"})
        gone = api.call("GET", "/artifacts", params={"search": "name:'c'"}).json()
        api.call("DELETE", f"/artifacts/{gone['artifacts'][0]['prn']}")
        assert (first, listed(api, limit=2, page=cursor)[0]) == (["d", "c"], ["b", "a"])


def test_cursors_are_for_one_list_only(api, made):
    _, cursor = listed(api, limit=2)
    for query in (
        {"order": "asc"},
        {"search": "name~''"},
        {"page": cursor[:-1]},
        {"page": cursor + "AA"},
        {"page": flip(cursor)},
        {"page": "A" * 54},
    ):
        answer = api.call("GET", "/artifacts", params={"page": cursor, **query})
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["page"])
    assert api.call("GET", "/binaries", params={"page": cursor}).status_code == 422


def flip(cursor):
    data = bytearray(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    data[7] ^= 1
    return urlsafe_b64encode(bytes(data)).decode().rstrip("=")
