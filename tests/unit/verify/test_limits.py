"""Each limit: at the bound something is read, one past it is refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from signkit.bundles.index import parse_index
from signkit.cli.policy_file import find_openpgp
from signkit.device.manifest import parse_manifest
from signkit.device.state import encode_state, new_state, parse_state
from signkit.errors import CustodyError, FormatError, KeyRefusedError, MalformedError, SignkitError
from signkit.formats.key_evidence import parse_key_evidence
from signkit.formats.metadata import check_metadata
from signkit.formats.plan import parse_plan
from signkit.formats.request import open_request
from signkit.formats.response import open_response
from signkit.model.policy import Policy, Requester
from signkit.prepare.release_list import parse_path_list, parse_release_list
from signkit.verify import limits
from signkit.verify.encoding import check_name, check_text, encode_json, parse_json
from signkit.verify.envelope import parse_envelope
from signkit.verify.public_key import parse_public_key
from signkit.verify.statement import PAYLOAD_TYPE, parse_statement
from signkit.verify.trust import load_trust
from tests.support import plan_vectors
from tests.support.bundle_archives import index_value
from tests.support.documents import item_value as request_item
from tests.support.documents import (
    key_value,
    request_file,
    request_value,
    response_file,
    statement_envelope,
    statement_value,
    trust_file,
    trust_value,
)
from tests.support.key_evidence import evidence_file
from tests.support.keys import PROD, KeyOfTest

Reader = Callable[[bytes], object]
LISTED = b'[[item]]\npath = "a"\nartifact = "A"\nversion = "1"\ntarget = "T"\n'


def release_list(data: bytes) -> object:
    return parse_release_list(data, folder="/")


def statement(data: bytes) -> object:
    envelope = parse_envelope(
        data, payload_type=PAYLOAD_TYPE, limit=limits.STATEMENT_SIZE, what="statement"
    )
    return parse_statement(envelope._payload)


def openpgp_signature(data: bytes) -> object:
    """Read what lies beside a request; that it is no signature is found out after its size."""
    policy = Policy(requesters=(Requester(name="Ada", openpgp="AB" * 20, openpgp_key="no key"),))
    with TemporaryDirectory() as folder, suppress(CustodyError, MalformedError):
        path = Path(folder) / "x.request.json"
        path.with_name(path.name + ".asc").write_bytes(data)
        return find_openpgp(path, b"", policy)
    return None


# Files: the limit is set to their size, and then one lower.
FILES: dict[str, list[tuple[Reader, bytes]]] = {
    "REQUEST_SIZE": [(open_request, request_file())],
    "RESPONSE_SIZE": [(open_response, response_file())],
    "STATEMENT_SIZE": [(statement, encode_json(statement_envelope()))],
    "STATE_SIZE": [(parse_state, encode_state(new_state(trust_file(), now=None)))],
    "MANIFEST_SIZE": [(parse_manifest, b'[{"hash":"' + b"ab" * 32 + b'","size":1}]')],
    "TRUST_SIZE": [(load_trust, trust_file())],
    "PLAN_SIZE": [(parse_plan, plan_vectors.spelled(plan_vectors.plan_value()))],
    "KEY_FILE_SIZE": [(parse_public_key, PROD.public_key.raw.hex().encode())],
    "OPENPGP_SIGNATURE_SIZE": [(openpgp_signature, b"-----BEGIN PGP SIGNATURE-----\n")],
    "EVIDENCE_SIZE": [(parse_key_evidence, evidence_file())],
    "BUNDLE_INDEX_SIZE": [(parse_index, encode_json(index_value()))],
    "RELEASE_LIST_SIZE": [(release_list, LISTED), (parse_path_list, b"a\n")],
}


@pytest.mark.parametrize(
    ("name", "reader", "data"),
    [(name, *each) for name, readers in FILES.items() for each in readers],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_at_its_size_and_one_past(
    name: str, reader: Reader, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, name, len(data))
    reader(data)
    monkeypatch.setattr(limits, name, len(data) - 1)
    with pytest.raises(SignkitError) as caught:
        reader(data)
    assert "too large" in str(caught.value)
    assert str(len(data) - 1) in str(caught.value)


def signatures(count: int) -> object:
    value = statement_envelope()
    keys = [KeyOfTest("many", 0x80 + place).public_key.keyid for place in range(count)]
    each = value["signatures"][0]
    return statement(encode_json({**value, "signatures": [{**each, "keyid": k} for k in keys]}))


def keys(count: int) -> object:
    value: dict[str, Any] = trust_value()
    more = [KeyOfTest("many", 0x80 + place) for place in range(count - len(value["keys"]))]
    for key in more:
        shown = key_value(key)
        value["keys"][shown["keyid"]] = {"name": "k", "public_key": shown["public_key"]}
        value["roles"]["release"]["keys"].append(shown["keyid"])
    return load_trust(trust_file(value))


def roles(count: int) -> object:
    value: dict[str, Any] = trust_value()
    for place in range(count - len(value["roles"])):
        value["roles"][f"role {place}"] = value["roles"]["release"]
    return load_trust(trust_file(value))


def items(count: int) -> object:
    listed = [request_item(name=f"f{n}", target=f"t{n}") for n in range(count)]
    return open_request(request_file(request_value(*listed)))


def reason(count: int) -> object:
    return open_request(request_file(request_value(reason="x" * count)))


def size(count: int) -> object:
    return parse_statement(encode_json(statement_value(size=count)))


def nested(count: int) -> object:
    return parse_json(b"[" * count + b"]" * count, limit=count * 2, what="thing")


def nested_names(count: int) -> object:
    return parse_json(b'{"a":' * count + b"1" + b"}" * count, limit=count * 7, what="thing")


def metadata(count: int) -> object:
    return check_metadata({"a": "x" * (count - len('{"a":""}'))}, what="thing")


def metadata_depth(count: int) -> object:
    value: dict[str, object] = {}
    for _ in range(count - 1):
        value = {"a": value}
    return check_metadata(value, what="thing")


def plan(**changes: Any) -> object:
    return parse_plan(plan_vectors.spelled(plan_vectors.plan_value(changes_of(**changes))))


def changes_of(**changes: Any) -> dict[str, Any]:
    return plan_vectors.item_value(**changes)


def bundle_members(count: int) -> object:
    return parse_index(encode_json(index_value(tuple(bytes([place]) for place in range(count)))))


def bundle_content(count: int) -> object:
    value = index_value()
    value["bundle"]["manifest"][0]["size"] = count
    return parse_index(encode_json(value))


# Numbers: what is read at the bound; the bound itself where a smaller one tells as much.
NUMBERS: dict[str, tuple[Callable[[int], object], int | None]] = {
    "ENVELOPE_SIGNATURE_COUNT": (signatures, None),
    "KEY_COUNT": (keys, 8),
    "ROLE_COUNT": (roles, None),
    "ITEM_COUNT": (items, 3),
    "BUNDLE_MEMBER_COUNT": (bundle_members, 3),
    "BUNDLE_CONTENT_SIZE": (bundle_content, None),
    "NAME_LENGTH": (lambda count: check_name("x" * count, what="name"), None),
    "LABEL_LENGTH": (
        lambda count: parse_statement(encode_json(statement_value(artifact="x" * count))),
        None,
    ),
    "REASON_LENGTH": (reason, None),
    "CUSTOM_METADATA_SIZE": (metadata, None),
    "CUSTOM_METADATA_DEPTH": (metadata_depth, None),
    "JSON_DEPTH": (nested, None),
    "INTEGER_MAX": (lambda number: parse_json(b"%d" % number, limit=99, what="thing"), None),
    "CONTENT_SIZE": (size, None),
    "PATH_SIZE": (lambda count: plan(path="/" + "x" * (count - 1)), None),
    "PART_SIZE": (lambda count: plan(size=1, part_size=count, parts=""), None),
    "PART_COUNT": (
        lambda count: plan(size=count, part_size=1, parts="0f" * 32 * count),
        None,
    ),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_at_its_bound_and_one_past(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read, smaller = NUMBERS[name]
    if smaller is not None:
        monkeypatch.setattr(limits, name, smaller)
    bound = getattr(limits, name)
    read(bound)
    with pytest.raises(SignkitError, match=r"expected|deeper|too deeply") as caught:
        read(bound + 1)
    assert not isinstance(caught.value, KeyRefusedError)


def test_every_limit_is_tested() -> None:
    named = {name for name in vars(limits) if name.isupper()} - {"MIB"}
    assert named == {*FILES, *NUMBERS}


def test_depth_does_not_depend_on_who_asks() -> None:
    """Attacker: nests just so deep that one reader gives up and the next does not. Both refuse."""

    def deeper(levels: int) -> object:
        return deeper(levels - 1) if levels else nested(limits.JSON_DEPTH)

    assert deeper(500) == nested(limits.JSON_DEPTH)
    for read in (nested, nested_names):
        assert read(limits.JSON_DEPTH)
        for count in (limits.JSON_DEPTH + 1, 500, 5_000, 200_000):
            with pytest.raises(FormatError, match="too deeply: expected at most 64 levels"):
                read(count)


def test_brackets_in_texts_are_no_depth() -> None:
    data = encode_json(["[" * 1000, {"{" * 1000: "]"}])
    assert parse_json(data, limit=len(data), what="thing")
    assert check_text("[" * 100, what="text", limit=100)
