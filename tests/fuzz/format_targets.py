"""The parsers of documents, key files and lists: what crosses the gap and what stays beside it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from signkit.custody.key_file import parse_key
from signkit.errors import KeyLockedError
from signkit.formats.ceremony import parse_ceremony
from signkit.formats.chain import End
from signkit.formats.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from signkit.formats.combined import combine_answers, is_combined, open_answer
from signkit.formats.der import SEQUENCE, DerReader, encode_der
from signkit.formats.display import count_columns, escape, wrap_columns
from signkit.formats.key_form import KeyForm
from signkit.formats.pbes2 import EncryptedKey, encrypt_key, parse_encrypted_key
from signkit.formats.plan import encode_plan, parse_plan
from signkit.formats.private_key import (
    OpenedKey,
    encode_private_key,
    is_encrypted_key,
    is_private_key,
    parse_private_key,
)
from signkit.formats.request import open_request, parse_request, sign_request
from signkit.formats.response import encode_response, open_response, parse_response
from signkit.formats.signature_file import FoundSignature, parse_signature_file
from signkit.model.ceremony import CeremonyPlan
from signkit.model.policy import NO_POLICY, Policy
from signkit.model.request import Request
from signkit.model.response import Answer, Response
from signkit.policy.controls import ask_controls
from signkit.policy.facts import Facts
from signkit.policy.read import read_policy
from signkit.policy.report import policy_lines
from signkit.prepare.release_list import ReleaseList, fill, parse_path_list, parse_release_list
from signkit.schemes.peridio import decode_signature
from signkit.station.ledger import open_ledger
from signkit.station.script import build_script
from signkit.station.script_page import script_page
from signkit.station.script_text import script_text
from signkit.station.transcript import Transcript, encode_transcript, parse_transcript
from signkit.submit.journal import parse_journal
from signkit.verify.encoding import Fields, encode_json, parse_json
from tests.fuzz.seeds import exactly, files, payloads, texts, together
from tests.fuzz.target import Target, nothing_more, one_spelling
from tests.fuzz.verify_targets import text_of
from tests.support.documents import REQUEST_TYPE, RESPONSE_TYPE, document, request_file, request_of
from tests.support.key_files import CHEAP, DALEK_V2, PASSPHRASE, SEED, cheap_pem, never
from tests.support.keys import REQUESTER, STATION
from tests.support.plan_vectors import seal
from tests.support.signature_files import signature_files

_KEYS = files("keys", "fuzz/go_pem", "fuzz/openssl_pem", "fuzz/openssl_decoder")


def place_of(name: str) -> Path:
    """Return where a file lies for a parser that reads from a path; one for each process.

    Whoever runs a target says with `tempfile.tempdir` where that is, and cleans up.
    """
    return Path(tempfile.gettempdir(), f"{name}-{os.getpid()}")


def file_of(name: str, data: bytes) -> Path:
    """Write such a file."""
    path = place_of(name)
    path.write_bytes(data)
    return path


def _request(payload: bytes) -> Request:
    parse_request(payload)
    file = encode_json(document(REQUEST_TYPE, payload, REQUESTER))
    return open_request(file).request


def _request_holds(request: Request, _data: bytes) -> None:
    assert open_request(sign_request(request, REQUESTER)).request == request


def _response(payload: bytes) -> Response:
    parse_response(payload)
    file = encode_json(document(RESPONSE_TYPE, payload, STATION))
    return open_response(file).response


def _response_holds(response: Response, _data: bytes) -> None:
    assert parse_response(encode_response(response)) == response


def _combined_holds(_answer: Answer, data: bytes) -> None:
    combined = combine_answers([data])
    assert combined == data or not is_combined(data)
    assert combine_answers([combined, data]) == combined


def _signature_holds(found: FoundSignature, data: bytes) -> None:
    assert len(found.signature) == 64
    assert (found.covers(data) == data) == found.signs_message


def _checkpoint(data: bytes) -> Checkpoint:
    return load_checkpoint(file_of("checkpoint", data))


def _checkpoint_holds(checkpoint: Checkpoint, _data: bytes) -> None:
    path = place_of("checkpoint")
    save_checkpoint(path, checkpoint)
    assert load_checkpoint(path) == checkpoint


def _ledger(data: bytes) -> End:
    with open_ledger(file_of("ledger", data)) as ledger:
        return ledger.found


def _ledger_holds(found: End, data: bytes) -> None:
    """A torn last line is cut off; all before it stays, and is found again."""
    whole = place_of("ledger").read_bytes()
    assert data == whole + data[len(data) - found.torn :]
    assert whole.count(b"\n") == found.sequence
    again = _ledger(whole)
    assert (again.sequence, again.head, again.torn) == (found.sequence, found.head, 0)


def _transcript(data: bytes) -> Transcript:
    value = parse_json(data, limit=len(data), what="transcript")
    return parse_transcript(Fields(value, "transcript"), "transcript")


def _transcript_holds(transcript: Transcript, _data: bytes) -> None:
    assert _transcript(encode_json(encode_transcript(transcript))) == transcript


def _no_passphrase() -> bytes:
    """Decline, as a person does: deriving a key from one costs seconds by design."""
    raise KeyLockedError("declined")


def _private_key(data: bytes) -> OpenedKey:
    is_private_key(data)
    is_encrypted_key(data)
    return parse_private_key(data, passphrase=_no_passphrase, allow_test_keys=True)


def _private_key_holds(opened: OpenedKey, _data: bytes) -> None:
    for form in KeyForm:
        data = encode_private_key(opened.key, form)
        again = parse_private_key(data, passphrase=never, allow_test_keys=True)
        assert again.key.seed == opened.key.seed


def _decrypted_key(plain: bytes) -> OpenedKey:
    """Read what a right passphrase, or a wrong one, may leave after decryption."""
    der = encrypt_key(plain, PASSPHRASE, cost=CHEAP)
    return parse_key(der, name="fuzz", secrets=lambda _asked: PASSPHRASE, allow_test_keys=True)


def _encrypted_holds(encrypted: EncryptedKey, data: bytes) -> None:
    assert len(encrypted.iv) == 16
    assert encrypted.ciphertext
    assert len(encrypted.ciphertext) % 16 == 0
    assert encrypted.ciphertext in data


def _der(data: bytes) -> bytes:
    reader = DerReader(data, what="input")
    content = reader.take(SEQUENCE)
    reader.done()
    return content


def _der_holds(content: bytes, data: bytes) -> None:
    assert encode_der(SEQUENCE, content) == data


def _policy_holds(policy: Policy, _data: bytes) -> None:
    """A policy that is read can be asked and shown, and lets somebody ask."""
    assert policy.requesters or policy.unknown_requesters
    assert all("\x1b" not in line for line in policy_lines(policy))
    ask_controls(request_of(), policy, Facts(now="2026-01-31T12:00:00Z", requester="ab" * 32))


def _ceremony_holds(plan: CeremonyPlan, _data: bytes) -> None:
    """A ceremony that is read has its script, and nothing in it acts."""
    verified = open_request(request_file())
    script = build_script(plan, verified, name=plan.request, key=None, policy=NO_POLICY)
    assert script_text(script).replace("\n", "").isprintable()
    assert script_page(script).count("<script") == 0


def _release_list(data: bytes) -> ReleaseList:
    return parse_release_list(data, folder="/srv")


def _release_list_holds(release: ReleaseList, _data: bytes) -> None:
    places = {(file.artifact, file.version, file.target) for file in release.files}
    assert len(places) == len(release.files)
    assert all("/" not in file.name for file in release.files)


def _paths_hold(paths: tuple[str, ...], data: bytes) -> None:
    separator = b"\0" if b"\0" in data else b"\n"
    kept = separator.join(piece for piece in data.split(separator) if piece)
    assert separator.join(map(os.fsencode, paths)) == kept


def _fill(data: bytes) -> str:
    template, _, name = text_of(data).partition("\n")
    return fill(template, name)


def _display_holds(text: str, _data: bytes) -> None:
    safe = escape(text)
    assert safe.isprintable()
    lines = wrap_columns(safe, 40)
    assert "".join(lines) == safe
    assert all(count_columns(line) <= 40 for line in lines)


def _hex_signature(data: bytes) -> bytes:
    return decode_signature(text_of(data))


def _upper(signature: Any) -> str:
    return bytes(signature).hex().upper()


_RELEASE = b"""[defaults]
reason = "r"
artifact = "{stem}"
version = "1"
target = "arm"
expires = 2027-01-31
[[item]]
path = "a/b.bin"
sequence = 3
custom_metadata = { a = [1, "x", true] }
[[item]]
path = "c"
name = "d"
"""
_JOURNAL = {
    "format": "signkit.journal.v1",
    "registry": "https://registry.example",
    "binary_prn": "prn:1:8ced1740-7fbf-407e-9d6e-afec9399cc41:binary:x",
    "digest": {"sha256": "00" * 32},
    "part_size": 16,
    "request": {"sha256": "01" * 32},
    "begun": "2026-01-31T12:00:00Z",
    "run_count": 1,
    "error": {"code": "file", "message": "gone"},
}
_CHECKPOINT = {
    "format": "signkit.checkpoint.v1",
    "last_response": {"sha256": "ab" * 32},
    "sequences": [{"artifact": "ML", "target": "arm", "sequence": 3}],
    "stations": [
        {"keyid": "cd" * 32, "heads": [{"sequence": 0, "head": {"sha256": "00" * 32}}]},
    ],
}
_LEDGER_TRANSCRIPT = {
    "station": "vault-1",
    "signkit": "0.1.0",
    "python": "3.11.7",
    "pynacl": "1.6.2",
    "openssl": "OpenSSL 4",
    "installation": {"sha256": "00" * 32},
    "policy": None,
    "began": "2026-01-31T12:00:00Z",
    "confirmed": [{"operator": "olga", "how": "words", "time": "2026-01-31T12:00:00Z"}],
    "controls": [{"control": "SK-AIRGAP", "result": "held"}],
}
_LEDGER_ITEM = {
    "name": "model.bin",
    "artifact": "ML-Model",
    "version": "1.0.0",
    "target": "aarch64-unknown-linux",
    "sequence": 1,
    "size": 14,
    "digest": {"sha256": "ef" * 32},
    "content": "hashed",
}
_LEDGER_LINE = {
    "sequence": 1,
    "previous": {"sha256": "00" * 32},
    "time": "2026-01-31T12:00:00Z",
    "event": "signed",
    "request": {"sha256": "ab" * 32},
    "key": {"name": "prod", "keyid": "cd" * 32},
    "items": [
        {**_LEDGER_ITEM, "schemes": ["peridio"]},
        {**_LEDGER_ITEM, "error": {"code": "file", "message": "is missing"}},
    ],
    "reason": "1 of 2 items were refused",
    "transcript": _LEDGER_TRANSCRIPT,
}

TARGETS = (
    Target(name="request-file", parse=open_request, holds=nothing_more, seeds=files("request")),
    Target(name="request", parse=_request, holds=_request_holds, seeds=payloads("request")),
    Target(name="response-file", parse=open_response, holds=nothing_more, seeds=files("response")),
    Target(
        name="combined",
        parse=open_answer,
        holds=_combined_holds,
        seeds=together(files("combined"), files("response")),
    ),
    Target(
        name="signature-file",
        parse=parse_signature_file,
        holds=_signature_holds,
        seeds=exactly(*signature_files().values()),
    ),
    Target(name="response", parse=_response, holds=_response_holds, seeds=payloads("response")),
    Target(
        name="plan-file", parse=parse_plan, holds=one_spelling(encode_plan), seeds=files("plan")
    ),
    Target(
        name="plan",  # with the checksum made right, or nothing would get past it
        parse=lambda data: parse_plan(seal(data)),
        holds=lambda plan, data: one_spelling(encode_plan)(plan, seal(data)),
        seeds=lambda: (data.partition(b',"checksum"')[0] for data in files("plan")()),
    ),
    Target(
        name="checkpoint",
        parse=_checkpoint,
        holds=_checkpoint_holds,
        seeds=exactly(encode_json(_CHECKPOINT)),
    ),
    Target(
        name="ledger",
        parse=_ledger,
        holds=_ledger_holds,
        seeds=exactly(encode_json(_LEDGER_LINE) + b"\n", encode_json(_LEDGER_LINE), b""),
    ),
    Target(
        name="transcript",
        parse=_transcript,
        holds=_transcript_holds,
        seeds=exactly(encode_json(_LEDGER_TRANSCRIPT)),
    ),
    Target(
        name="journal",
        parse=parse_journal,
        holds=nothing_more,
        seeds=exactly(encode_json(_JOURNAL), encode_json({**_JOURNAL, "error": None})),
    ),
    Target(name="private-key", parse=_private_key, holds=_private_key_holds, seeds=_KEYS),
    Target(
        name="encrypted-key",
        parse=parse_encrypted_key,
        holds=_encrypted_holds,
        seeds=together(_KEYS, exactly(encrypt_key(b"x", PASSPHRASE, cost=CHEAP))),
    ),
    Target(
        name="decrypted-key",
        parse=_decrypted_key,
        holds=_private_key_holds,
        seeds=together(
            exactly(DALEK_V2, bytes.fromhex("302e020100300506032b657004220420") + SEED),
            exactly(cheap_pem()),
            files("keys/made_here"),
        ),
    ),
    Target(
        name="der",
        parse=_der,
        holds=_der_holds,
        seeds=together(_KEYS, files("fuzz/openssl_asn1parse")),
    ),
    Target(
        name="policy",  # parse_policy and parse_toml, and which schemes there are
        parse=read_policy,
        holds=_policy_holds,
        seeds=files("policy"),
    ),
    Target(
        name="ceremony",
        parse=parse_ceremony,
        holds=_ceremony_holds,
        seeds=files("ceremony"),
    ),
    Target(
        name="release-list",
        parse=_release_list,
        holds=_release_list_holds,
        seeds=exactly(_RELEASE),
    ),
    Target(
        name="path-list",
        parse=parse_path_list,
        holds=_paths_hold,
        seeds=together(exactly(b"a\nb\n", b"a\0b\0", b"\n"), files("fuzz/go_path")),
    ),
    Target(
        name="template",
        parse=_fill,
        holds=nothing_more,
        seeds=exactly(b"{stem}-{name}\na.tar.gz", b"{x}\na", b"{name}\n..", b"{{name}}\na"),
    ),
    Target(name="display", parse=text_of, holds=_display_holds, seeds=texts("\u202eabc", "a\\b")),
    Target(
        name="peridio-signature",
        parse=_hex_signature,
        holds=one_spelling(_upper),
        seeds=exactly(b"AB" * 64, b"ab" * 64, b"0" * 128),
    ),
)
