"""What a device reads beside statements: its state, the registry's manifest, permits, drafts."""

from __future__ import annotations

from signkit.cli.clock import parse_moment
from signkit.device.manifest import decode_any_hex, parse_manifest
from signkit.device.state import State, encode_state, new_state, parse_state
from signkit.formats.trust import Draft, encode_draft, parse_draft
from signkit.verify.encoding import encode_json
from signkit.verify.permit import parse_permit
from tests.fuzz.seeds import exactly, files, together
from tests.fuzz.target import Target, nothing_more, stable
from tests.fuzz.verify_targets import text_of
from tests.support.documents import statement_envelope, trust_file
from tests.support.keys import PROD
from tests.support.plan_vectors import seal


def _state_holds(state: State, _data: bytes) -> None:
    again = parse_state(encode_state(state))
    assert (again.revision, again.floors, again.newest) == (
        state.revision,
        state.floors,
        state.newest,
    )
    assert again.trust_file == state.trust_file


def _draft_holds(draft: Draft, _data: bytes) -> None:
    again = parse_draft(encode_draft(draft))
    assert (again.payload, again.signatures) == (draft.payload, draft.signatures)


_STATE = encode_state(new_state(trust_file(), now=None))
_PERMIT = {
    "artifact": "ML-Model",
    "target": "aarch64-unknown-linux",
    "sequence": 1,
    "digest": {"sha256": "ab" * 32},
    "issued": "2026-01-31T12:00:00Z",
    "expires": "2026-02-28T12:00:00Z",
}
_ITEM = {
    "hash": "aB" * 32,
    "size": 5,
    "target": "arm",
    "signatures": [{"signature": "aB" * 64, "public_value": PROD.public_key.raw.hex()}],
    "custom_metadata": {"peridio": {"installer": "file"}, "signkit": statement_envelope()},
}

TARGETS = (
    Target(name="state-file", parse=parse_state, holds=_state_holds, seeds=exactly(_STATE)),
    Target(
        name="state",  # with the checksum made right
        parse=lambda data: parse_state(seal(data)),
        holds=_state_holds,
        seeds=exactly(_STATE.partition(b',"checksum"')[0]),
    ),
    Target(
        name="manifest",
        parse=parse_manifest,
        holds=nothing_more,
        seeds=exactly(encode_json([_ITEM]), encode_json({"manifest": [{**_ITEM, "size": 1}]})),
    ),
    Target(
        name="any-hex",
        parse=lambda data: decode_any_hex(text_of(data), size=8, what="input"),
        holds=stable(lambda value: value.hex().encode(), lambda data: bytes.fromhex(data.decode())),
        seeds=exactly(b"00112233445566fF", b"zz"),
    ),
    Target(
        name="permit",
        parse=parse_permit,
        holds=nothing_more,
        seeds=exactly(encode_json(_PERMIT)),
    ),
    Target(
        name="trust-draft",
        parse=parse_draft,
        holds=_draft_holds,
        seeds=together(files("trust"), exactly(trust_file())),
    ),
    Target(
        name="moment",
        parse=lambda data: parse_moment(text_of(data), what="input"),
        holds=nothing_more,
        seeds=exactly(b"2030-01-31", b"2030-01-31T12:00:00Z", b"9" * 10),
    ),
)
