from __future__ import annotations

import json

import pytest

from signkit.client.browse import (
    KINDS,
    create_record,
    get_record,
    list_records,
    read_pairs,
    render_record,
    render_records,
)
from signkit.errors import StatusError, TransportError, UsageError
from tests.support.hostile_registry import TOKEN, Answer, json_answer, scripted_registry
from tests.support.submission import Submitter

ARTIFACTS, BINARIES, PARTS = (KINDS[name] for name in ("artifacts", "binaries", "parts"))


@pytest.fixture
def registry():
    with scripted_registry() as running:
        yield running


@pytest.fixture
def client(registry, tmp_path):
    made = Submitter(registry.url, TOKEN, tmp_path)
    yield made.client
    made.http.close()


class TestPairs:
    def test_a_value_may_hold_anything(self):
        assert read_pairs(["name=a=b c", "prn="], ("name", "prn")) == {"name": "a=b c", "prn": ""}

    @pytest.mark.parametrize("words", [["name"], ["=x"], ["color=red"], ["name=a", "name=b"]])
    def test_what_is_none(self, words):
        with pytest.raises(UsageError, match="expected FIELD=VALUE") as caught:
            read_pairs(words, ("name",))
        assert "the fields are name" in str(caught.value.hint)


class TestList:
    def test_what_is_there(self, registry, client):
        registry.hold("artifact", name="a")
        registry.hold("artifact", name="b")
        found, more = list_records(client, ARTIFACTS, {}, limit=10)
        assert ([record["name"] for record in found], more) == (["a", "b"], False)

    def test_w03_values_are_quoted(self, registry, client):
        registry.refuse("GET", "/artifacts", json_answer({"artifacts": []}))
        list_records(client, ARTIFACTS, {"name": "x' and name~'"}, limit=10)
        assert registry.calls[-1].query["search"] == "name:'x\\' and name~\\''"

    def test_w26_pages_are_followed_and_the_limit_is_kept(self, registry, client):
        def page(call, _answer):
            number = int(call.query.get("page", "0"))
            records = [{"name": f"n{number}-{place}"} for place in range(2)]
            next_page = str(number + 1) if number < 2 else None
            return json_answer({"artifacts": records, "next_page": next_page})

        registry.bend("GET", "/artifacts", page)
        found, more = list_records(client, ARTIFACTS, {}, limit=100)
        assert (len(found), more) == (6, False)
        found, more = list_records(client, ARTIFACTS, {}, limit=3)
        assert ([record["name"] for record in found], more) == (["n0-0", "n0-1", "n1-0"], True)

    def test_pages_in_a_circle_end(self, registry, client):
        answer = json_answer({"artifacts": [{"name": "x"}], "next_page": "again"})
        registry.bend("GET", "/artifacts", lambda *_: answer)
        found, _more = list_records(client, ARTIFACTS, {}, limit=100)
        assert len(found) == 2

    def test_parts_are_those_of_a_binary(self, registry, client):
        with pytest.raises(UsageError, match="expected binary_prn=PRN"):
            list_records(client, PARTS, {}, limit=10)
        answer = json_answer({"binary_parts": []})
        registry.refuse("GET", "/parts", answer)
        assert list_records(client, PARTS, {"binary_prn": "prn:1:a/../b"}, limit=10)[0] == []
        assert registry.calls[-1].path == "/binaries/prn:1:a%2F..%2Fb/parts"

    @pytest.mark.parametrize(
        "body", [b"[]", b"{}", b'{"artifacts":[7]}', b'{"artifacts":{}}', b"<html>"]
    )
    def test_an_answer_that_is_none(self, registry, client, body):
        registry.bend("GET", "/artifacts", lambda *_: Answer(body=body))
        with pytest.raises(TransportError):
            list_records(client, ARTIFACTS, {}, limit=10)


class TestCreate:
    def test_an_artifact(self, registry, client):
        made = create_record(client, ARTIFACTS, {"name": "a", "custom_metadata": '{"x":[1.5]}'})
        assert made["name"] == "a"
        assert json.loads(registry.calls[-1].body) == {"name": "a", "custom_metadata": {"x": [1.5]}}
        assert get_record(client, ARTIFACTS, str(made["prn"])) == made

    def test_numbers_are_numbers(self, registry, client):
        given = {"artifact_version_prn": "v", "target": "t", "hash": "00" * 32, "size": "14"}
        create_record(client, BINARIES, given)
        assert json.loads(registry.calls[-1].body)["size"] == 14

    @pytest.mark.parametrize("size", ["-1", "1.5", "x", "²", ""])
    def test_what_is_no_number(self, client, size):
        with pytest.raises(UsageError, match="size: expected a number"):
            create_record(client, BINARIES, {"size": size})

    @pytest.mark.parametrize("text", ["{bad", "[]", "null", '{"a":1,"a":2}', '{"a":NaN}'])
    def test_w11_metadata_that_is_none_is_an_error(self, registry, client, text):
        with pytest.raises(UsageError, match="expected a JSON object"):
            create_record(client, ARTIFACTS, {"name": "a", "custom_metadata": text})
        assert registry.calls == []

    def test_metadata_from_a_file(self, client, tmp_path):
        (tmp_path / "m.json").write_text('{"a": 1}')
        given = {"name": "a", "custom_metadata": f"@{tmp_path / 'm.json'}"}
        assert create_record(client, ARTIFACTS, given)["custom_metadata"] == {"a": 1}

    def test_a_part_has_its_number_in_the_path(self, registry, client):
        registry.refuse("PUT", "/parts/3", json_answer({"binary_part": {"index": 3}}, 201))
        given = {"binary_prn": "prn:1:b", "index": "3", "size": "5"}
        assert create_record(client, PARTS, given) == {"index": 3}
        assert registry.calls[-1].path == "/binaries/prn:1:b/parts/3"

    def test_a_bundle_lists_its_binaries(self, registry, client):
        registry.refuse("POST", "/bundles", json_answer({"bundle": {"prn": "p"}}, 201))
        create_record(client, KINDS["bundles"], {"name": "n", "binaries": "a,b"})
        assert json.loads(registry.calls[-1].body)["binaries"] == [
            {"prn": "a", "custom_metadata": None},
            {"prn": "b", "custom_metadata": None},
        ]

    def test_an_answer_that_got_lost_is_not_asked_for_again(self, registry, client):
        registry.bend("POST", "/artifacts", lambda *_: Answer(raw=b""))
        with pytest.raises(TransportError):
            create_record(client, ARTIFACTS, {"name": "a"})
        assert len(registry.made("POST")) == 1

    def test_what_is_there_already(self, registry, client):
        registry.refuse("POST", "/", json_answer({"errors": {"name": ["is taken"]}}, 409))
        with pytest.raises(StatusError) as caught:
            create_record(client, ARTIFACTS, {"name": "a"})
        assert "look with `list`" in str(caught.value.hint)

    def test_what_the_registry_refuses(self, registry, client):
        registry.refuse("POST", "/", json_answer({"errors": {"name": ["is taken"]}}, 422))
        with pytest.raises(StatusError, match="name: is taken"):
            create_record(client, ARTIFACTS, {"name": "a"})


class TestRendering:
    def test_a_table_is_escaped(self):
        record = {"prn": "p", "name": "a\x1b[2J\u202eb\nc", "inserted_at": None}
        head, line = render_records([record], ARTIFACTS).splitlines()
        assert head.split() == ["PRN", "NAME", "INSERTED_AT"]
        assert "\x1b" not in line
        assert "\u202e" not in line

    def test_what_does_not_fit_side_by_side_is_shown_one_below_the_other(self):
        records = [{"prn": "p" * 60, "name": "ab", "inserted_at": "now"}] * 2
        assert render_records(records, ARTIFACTS, width=80) == render_records(records, ARTIFACTS)
        lines = render_records(records, ARTIFACTS, width=70).splitlines()
        assert lines[:4] == ["prn          " + "p" * 60, "name         ab", "inserted_at  now", ""]
        assert len(lines) == 7
        assert render_records([], ARTIFACTS, width=20).split() == ["PRN", "NAME", "INSERTED_AT"]

    def test_a_record(self):
        text = render_record({"name": "x", "size": 5, "empty": None, "more": {"a": ["ü"]}})
        assert text.splitlines() == [
            "name   x",
            "size   5",
            "empty",
            'more   {"a": ["\\\\u00fc"]}',
        ]

    def test_no_value_is_longer_than_a_screen(self):
        assert len(render_record({"a": "x" * 100_000})) < 300
