"""Release lists and path lists: what they say, and every way to say it wrongly."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import FormatError, MalformedError, TooLargeError, UsageError
from signkit.prepare.release_list import (
    ListedFile,
    Said,
    check_distinct,
    fill,
    list_files,
    parse_path_list,
    parse_release_list,
)
from signkit.verify import limits

EXPIRES = "2030-01-01T00:00:00Z"
ITEM = '[[item]]\npath = "out/gw.img"\nartifact = "gateway"\nversion = "1"\ntarget = "arm64"\n'


def listed(text: str) -> tuple[ListedFile, ...]:
    return parse_release_list(text.encode(), folder="/srv").files


def test_the_example_of_the_page_is_read() -> None:
    page = (Path(__file__).parents[3] / "docs/formats/release-list.md").read_text()
    example = page.partition("## 4. Example\n")[2].partition("## 5.")[0]
    text = "\n".join(line.removeprefix("    ") for line in example.splitlines())
    release = parse_release_list(text.encode(), folder="/srv")
    assert release.reason == "release 2.4.0"
    first, second = release.files
    assert first == ListedFile(
        path="/srv/out/gateway-arm64.img",
        name="gateway-arm64.img",
        artifact="gateway",
        version="2.4.0",
        target="gateway-arm64",
        sequence=None,
        expires="2028-01-01T00:00:00Z",
        custom_metadata={},
    )
    assert second.custom_metadata == {"board": "x86", "minimum_memory": 512}


def test_an_item_says_everything_itself() -> None:
    (file,) = listed(
        '[[item]]\npath = "/abs/a.bin"\nname = "b.bin"\nartifact = "{name}"\nversion = "{stem}"\n'
        'target = "t"\nsequence = 7\nexpires = "2030-01-31T12:00:00Z"\n'
        'custom_metadata = { a = [1, true, { b = "ü" }] }\n'
    )
    assert (file.path, file.name, file.artifact) == ("/abs/a.bin", "b.bin", "b.bin")
    assert file.version == "{stem}"
    assert (file.sequence, file.expires) == (7, "2030-01-31T12:00:00Z")
    assert file.custom_metadata == {"a": [1, True, {"b": "ü"}]}


def test_what_an_item_says_replaces_the_default_as_a_whole() -> None:
    defaults = (
        '[defaults]\nartifact = "d"\nversion = "d"\ntarget = "d"\nsequence = 1\n'
        'expires = "2030-01-01"\ncustom_metadata = { kept = 1, lost = 2 }\n'
    )
    own = (
        '[[item]]\npath = "a"\nartifact = "i"\nversion = "i"\ntarget = "i"\nsequence = 2\n'
        'expires = "2031-01-01"\ncustom_metadata = { }\n'
    )
    mine, default = listed(defaults + own + '[[item]]\npath = "b"\n')
    assert (mine.artifact, mine.version, mine.target, mine.sequence) == ("i", "i", "i", 2)
    assert (mine.expires, mine.custom_metadata) == ("2031-01-01T00:00:00Z", {})
    assert (default.artifact, default.sequence) == ("d", 1)
    assert default.custom_metadata == {"kept": 1, "lost": 2}


def test_paths_are_relative_to_the_folder_of_the_list() -> None:
    data = ITEM.encode()
    assert parse_release_list(data, folder=Path("x/y")).files[0].path == "x/y/out/gw.img"
    assert parse_release_list(data, folder="").files[0].path == "out/gw.img"


@pytest.mark.parametrize(
    ("spelled", "expected"),
    [
        ("2027-01-31", "2027-01-31T00:00:00Z"),
        ('"2027-01-31"', "2027-01-31T00:00:00Z"),
        ("2027-01-31T12:00:00Z", "2027-01-31T12:00:00Z"),
        ("2027-01-31 12:00:00z", "2027-01-31T12:00:00Z"),
        ("2027-01-31T12:00:00+00:00", "2027-01-31T12:00:00Z"),
    ],
)
def test_an_expiry_may_be_a_date_or_a_utc_time(spelled: str, expected: str) -> None:
    assert listed(f"{ITEM}expires = {spelled}\n")[0].expires == expected


@pytest.mark.parametrize(
    "spelled",
    [
        "2027-01-31T12:00:00",
        "2027-01-31T12:00:00+01:00",
        "2027-01-31T12:00:00.5Z",
        "12:00:00",
        '"2027-02-29"',
        '""',
        "2027",
        "true",
    ],
)
def test_any_other_expiry_is_refused(spelled: str) -> None:
    with pytest.raises(MalformedError, match=r"item 1\.expires: expected a UTC time"):
        listed(f"{ITEM}expires = {spelled}\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "release list: the field 'item' is missing"),
        ("item = []", "release list.item: expected at least 1 member"),
        ("item = 7", "release list.item: expected an array, got a number"),
        ("item = [7]", "release list: item 1: expected an object, got a number"),
        (ITEM + "surprise = 1", "release list: item 1: unknown field 'surprise'"),
        (ITEM + "reason = 'why'", "release list: item 1: unknown field 'reason'"),
        (f"surprise = 1\n{ITEM}", "release list: unknown field 'surprise'"),
        (f"defaults = 1\n{ITEM}", "release list.defaults: expected an object, got a number"),
        (f"[defaults]\npath = 'x'\n{ITEM}", "release list.defaults: unknown field 'path'"),
        (f"[defaults]\nsequence = 0\n{ITEM}", "release list.defaults.sequence: expected 1 to"),
        (f"[defaults]\nreason = 1\n{ITEM}", "release list.defaults.reason: expected a text"),
        (f"[defaults]\nreason = '\x1b'\n{ITEM}", "not TOML"),
        (f'[defaults]\nreason = "\\u001b"\n{ITEM}', "reason holds the control character"),
        (ITEM.replace('"1"', "1.0"), "item 1.version: expected a text, got a number"),
        (ITEM.replace('"1"', '""'), "item 1.version is empty"),
        (ITEM.replace("path", "#path"), "item 1: the field 'path' is missing"),
        (ITEM.replace("version", "#version"), "item 1.version is missing, and there is no"),
        (ITEM.replace("artifact", "#artifact"), "item 1.artifact is missing, and there is no"),
        (ITEM.replace("target", "#target"), "item 1.target is missing, and there is no default"),
        (ITEM.replace("gw.img", ""), "item 1.name is empty"),
        (ITEM.replace("gw.img", ".."), "item 1.name: expected a plain file name"),
        (ITEM + "name = 'a/b'", "item 1.name: expected a plain file name"),
        (ITEM + "sequence = true", "item 1.sequence: expected an integer"),
        (ITEM + "sequence = '1'", "item 1.sequence: expected an integer"),
        (ITEM + "custom_metadata = 1", "item 1.custom_metadata: expected a JSON object"),
        (ITEM + "custom_metadata = { a = 1.5 }", "custom_metadata: expected texts, .* got 1.5"),
        (ITEM + "custom_metadata = { a = [nan] }", "custom_metadata: expected texts, .* got nan"),
        (ITEM + "custom_metadata = { a = 2027-01-31 }", "custom_metadata: .* got 2027-01-31"),
        (ITEM + f"custom_metadata = {{ a = {2**53} }}", "custom_metadata: .* at most 53 bits"),
        (ITEM + "custom_metadata = { signkit = {} }", "the name 'signkit' is reserved"),
        (ITEM + "[item.custom_metadata]\n" + "a." * 40 + "a = 1", "nested deeper than 32"),
        (ITEM + "target = 'again'", "not TOML: cannot overwrite a value"),
        ("[[item", "not TOML"),
        ("x = " + "[" * 5000, "nested too deeply|not TOML"),
        ("x = " + "9" * 5000, "not TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, said: str) -> None:
    with pytest.raises(MalformedError, match=said):
        listed(text)


def test_the_second_item_is_number_2() -> None:
    with pytest.raises(MalformedError, match="release list: item 2: unknown field 'x'"):
        listed(ITEM + '[[item]]\npath = "b"\nx = 1\n')


def test_what_is_not_utf_8_is_refused() -> None:
    with pytest.raises(MalformedError, match="not UTF-8: byte 1 cannot"):
        parse_release_list(b"#\xff", folder="/")


def test_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    label = "x" * 128
    with pytest.raises(TooLargeError, match=r"item 1\.artifact is too long"):
        listed(ITEM.replace("gateway", label + "x"))
    with pytest.raises(TooLargeError, match=r"item 1\.target is too long.* got 130"):
        listed(ITEM.replace("gw.img", label).replace("arm64", "a-{name}"))
    monkeypatch.setattr(limits, "ITEM_COUNT", 1)
    with pytest.raises(TooLargeError, match="at most 1 members, got 2"):
        listed(ITEM + ITEM)
    monkeypatch.setattr(limits, "RELEASE_LIST_SIZE", len(ITEM) - 1)
    with pytest.raises(TooLargeError, match="release list is too large"):
        listed(ITEM)
    with pytest.raises(TooLargeError, match="path list is too large"):
        parse_path_list(ITEM.encode())


@pytest.mark.parametrize(
    ("template", "name", "expected"),
    [
        ("plain", "a.bin", "plain"),
        ("{name}", "a.bin", "a.bin"),
        ("{stem}", "a.bin", "a"),
        ("{stem}", "a.tar.gz", "a.tar"),
        ("{stem}", ".profile", ".profile"),
        ("{stem}", "no-suffix", "no-suffix"),
        ("x-{stem}-{name}-{stem}", "a.b", "x-a-a.b-a"),
        ("{name}", "{stem}", "{stem}"),
        ("{stem}", "{0.__class__}.x", "{0.__class__}"),
        ("100 %s $name", "a", "100 %s $name"),
    ],
)
def test_fills_in_the_file_name(template: str, name: str, expected: str) -> None:
    assert fill(template, name) == expected


@pytest.mark.parametrize(
    "template",
    "{ | } | {} | {0} | {names} | {name | name} | {{name}} | { name } | {name.x} | {na{name}me}"
    " | {name!r} | {name:>9} | {name}{".split(" | "),
)
def test_any_other_brace_is_refused(template: str) -> None:
    with pytest.raises(UsageError, match=r"expected \{name\} or \{stem\}"):
        fill(template, "a.bin")


@given(st.lists(st.sampled_from(["{name}", "{stem}", "a", "{", "}", "na", "me"])), st.text())
def test_what_is_filled_holds_the_pieces_in_order(pieces: list[str], name: str) -> None:
    values = {"{name}": name, "{stem}": os.path.splitext(name)[0]}
    if "{" in pieces or "}" in pieces:
        with pytest.raises(UsageError):
            fill("".join(["}", *pieces]), name)
    else:
        assert fill("".join(pieces), name) == "".join(values.get(piece, piece) for piece in pieces)


@given(st.text(alphabet='[]{}="\n item.pathversion1#', max_size=80))
def test_any_text_is_read_or_refused_with_one_of_our_errors(text: str) -> None:
    with suppress(FormatError, UsageError):
        assert listed(text)


def test_two_files_for_one_place_are_both_named() -> None:
    second = ITEM.replace("gw.img", "other.img")
    with pytest.raises(
        UsageError, match=r"/srv/out/gw.img and /srv/out/other.img are both"
    ) as caught:
        listed(ITEM + second)
    assert "'gateway', version '1', target 'arm64'" in str(caught.value)


@pytest.mark.parametrize("field", ["artifact", "version", "target"])
def test_one_difference_is_enough(field: str) -> None:
    first = listed(ITEM)[0]
    change: dict[str, Any] = {field: "other"}
    check_distinct([first, first._replace(**change)])


SAID = Said(artifact="{stem}", version="1", target="t")


def test_many_files_of_which_the_same_is_said() -> None:
    said = replace(SAID, target="{name}", sequence=7, expires=EXPIRES, custom_metadata={"a": 1})
    first, second = list_files(["/srv/a.bin", "b"], said)
    assert first == ListedFile(
        "/srv/a.bin", "a.bin", "a", "1", "a.bin", 7, EXPIRES, custom_metadata={"a": 1}
    )
    assert (second.path, second.name, second.artifact, second.target) == ("b", "b", "b", "b")


@pytest.mark.parametrize(
    ("path", "change", "told"),
    [
        ("/srv/a.bin", {"artifact": ""}, "artifact is empty"),
        ("/srv/a.bin", {"artifact": None}, "artifact is missing"),
        ("/srv/a.bin", {"version": "1\x1b"}, "version holds the control character"),
        ("/srv/a.bin", {"target": "t\u0085{stem}"}, "target holds the control character"),
        ("/srv/a.bin", {"target": "t" * 129}, "target of /srv/first.bin is too long"),
        ("/srv/a.bin", {"target": "t" * 257}, "target is too long"),
        (f"/srv/{'a' * 129}.bin", {}, "artifact of /srv/aaa.* is too long"),
    ],
)
def test_what_breaks_a_rule_of_the_request_is_refused(
    path: str, change: dict[str, Any], told: str
) -> None:
    with pytest.raises(FormatError, match=told):
        list_files(["/srv/first.bin", path], replace(SAID, **change))


def test_a_placeholder_longer_than_what_fills_it_counts_as_what_fills_it() -> None:
    said = replace(SAID, artifact="a" * 127 + "{stem}")
    assert list_files(["/b.bin"], said)[0].artifact == "a" * 127 + "b"


def test_two_paths_for_one_place_are_both_named() -> None:
    with pytest.raises(UsageError, match=r"/srv/a.bin and /opt/a.img are both artifact 'a'"):
        list_files(["/srv/a.bin", "/opt/a.img"], SAID)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a\nb\n", ("a", "b")),
        (b"a\n\nb", ("a", "b")),
        (b" a \r\n", (" a \r",)),
        (b"a\0b\0", ("a", "b")),
        (b"a\nb\0c\0", ("a\nb", "c")),
        ("ü\n".encode(), ("ü",)),
        (b"\xff\n", ("\udcff",)),
    ],
)
def test_reads_a_path_list(data: bytes, expected: tuple[str, ...]) -> None:
    assert parse_path_list(data) == expected


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\0"])
def test_an_empty_path_list_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError, match="path list is empty"):
        parse_path_list(data)


def test_too_many_paths_are_refused() -> None:
    assert len(parse_path_list(b"x\n" * limits.ITEM_COUNT)) == limits.ITEM_COUNT
    with pytest.raises(TooLargeError, match="at most 100000 paths, got 100001"):
        parse_path_list(b"x\n" * (limits.ITEM_COUNT + 1))


def test_a_key_taken_for_a_path_list_is_not_shown() -> None:
    pem = b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQ==\n-----END PRIVATE KEY-----\n"
    with pytest.raises(MalformedError, match="path list is a PEM file") as caught:
        parse_path_list(pem)
    assert "MC4C" not in str(caught.value)
