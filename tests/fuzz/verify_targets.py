"""The parsers of the ground floor."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from signkit.errors import MalformedError, SignkitError
from signkit.formats.key_form import KeyForm
from signkit.formats.metadata import check_metadata
from signkit.formats.public_key import FOREIGN_STARTS, encode_public_key, read_public_key
from signkit.formats.request import parse_metadata
from signkit.formats.statement import read_statement_unverified, statement_from_response
from signkit.verify.ed25519 import PublicKey
from signkit.verify.encoding import (
    canonical_json,
    check_name,
    check_text,
    check_time,
    decode_base64,
    decode_hex,
    encode_base64,
    encode_json,
    parse_json,
)
from signkit.verify.envelope import (
    Envelope,
    carried_keys,
    open_envelope,
    parse_envelope,
    pre_authentication_encoding,
)
from signkit.verify.pem import decode_pem, encode_pem
from signkit.verify.public_key import decode_raw_key, parse_public_key
from signkit.verify.statement import parse_statement
from signkit.verify.trust import Trust, follow_trust, load_trust, matches_glob, parse_trust
from signkit.verify.verdict import Expectation
from tests.fuzz.seeds import exactly, files, payloads, texts, together
from tests.fuzz.target import Target, nothing_more, one_spelling
from tests.support.documents import (
    RESPONSE_TYPE,
    STATEMENT_TYPE,
    TRUST_TYPE,
    document,
    trust_value,
)
from tests.support.keys import PROD, ROOT, STATION

_LIMIT = 1024 * 1024
_JSON = files("json", "fuzz/go_json")
_KEYS = together(
    files("keys", "fuzz/go_pem", "fuzz/openssl_pem", "fuzz/openssl_decoder"),
    exactly(PROD.public_key.raw.hex().encode(), encode_base64(PROD.public_key.raw).encode()),
)


def text_of(data: bytes) -> str:
    """Return any bytes as a text; lone surrogates come out of bytes that are not UTF-8."""
    return data.decode("utf-8", "surrogateescape")


def _parse_json(data: bytes) -> tuple[Any, bytes]:
    value = parse_json(data, limit=_LIMIT, what="input")
    return value, encode_json(value)  # what was read may still be too deep to write


def _json_holds(found: tuple[Any, bytes], data: bytes) -> None:
    value, written = found
    assert value == json.loads(data.decode("utf-8"))
    assert parse_json(written, limit=_LIMIT * 6, what="input") == value


def _metadata_holds(value: dict[str, Any], _data: bytes) -> None:
    canonical = canonical_json(value)
    assert canonical_json(parse_json(canonical, limit=_LIMIT, what="input")) == canonical


def _parse_fields(data: bytes) -> str:
    """Read a text in every way; it passes if one of them takes it."""
    text, refused = text_of(data), None
    for check in (check_time, check_name, _label, _free):
        try:
            return check(text, what="field")
        except MalformedError as error:
            refused = error
    raise refused or MalformedError("refused")


def _label(text: str, *, what: str) -> str:
    return check_text(text, what=what, limit=128)


def _free(text: str, *, what: str) -> str:
    return check_text(text, what=what, limit=2000, lines=True)


def _field_holds(text: str, _data: bytes) -> None:
    assert text.encode("utf-8").decode("utf-8") == text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)


def _parse_time(data: bytes) -> str:
    return check_time(text_of(data), what="time")


def _time_holds(text: str, data: bytes) -> None:
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")
    assert moment.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0").encode() == data


def _parse_pem(data: bytes) -> tuple[str, bytes]:
    return decode_pem(data, what="file")


def _pem_holds(block: tuple[str, bytes], data: bytes) -> None:
    again = encode_pem(*block)
    windows = again.replace(b"\n", b"\r\n")
    assert data in {again, again[:-1], windows, windows[:-1], windows[:-2]}


def _public_key(data: bytes) -> tuple[PublicKey | None, PublicKey | None]:
    """Read a key as a device does, and as the toolkit does, which reads other tools' forms too."""
    try:
        quick = parse_public_key(data, allow_test_keys=True)
    except SignkitError:
        return None, read_public_key(data, allow_test_keys=True)
    return quick, read_public_key(data, allow_test_keys=True)


def _key_holds(keys: tuple[PublicKey | None, PublicKey | None], data: bytes) -> None:
    quick, key = keys
    assert key is not None
    assert quick == key or (quick is None and data.startswith(FOREIGN_STARTS))
    for form in (KeyForm.PEM, KeyForm.DER, KeyForm.RAW, KeyForm.HEX):
        assert parse_public_key(encode_public_key(key, form), allow_test_keys=True) == key


def _parse_envelope(data: bytes) -> Envelope:
    return parse_envelope(data, payload_type=STATEMENT_TYPE, limit=_LIMIT, what="input")


def _envelope_holds(envelope: Envelope, _data: bytes) -> None:
    assert 1 <= len(envelope.signatures) <= 64
    assert all(len(each.signature) == 64 for each in envelope.signatures)
    assert carried_keys(envelope).keys() <= {each.keyid for each in envelope.signatures}


def _open_envelope(data: bytes) -> tuple[Envelope, bytes]:
    envelope = _parse_envelope(data)
    keys = {PROD.public_key.keyid: PROD.public_key}
    return envelope, open_envelope(envelope, keys=keys, threshold=1, what="input").payload


def _opened_holds(found: tuple[Envelope, bytes], _data: bytes) -> None:
    """What opens was signed by libsodium's own word, over these very bytes."""
    envelope, payload = found
    ours = [each for each in envelope.signatures if each.keyid == PROD.public_key.keyid]
    signed = pre_authentication_encoding(STATEMENT_TYPE, payload)
    assert [each.signature for each in ours] == [PROD.sign(signed)]


def _statement(data: bytes) -> Any:
    said = parse_statement(data)
    envelope = encode_json(document(STATEMENT_TYPE, data, PROD, carry_key=False))
    return said, read_statement_unverified(envelope)[0]


def _statement_holds(found: Any, _data: bytes) -> None:
    said, read = found
    assert said == read


def _statement_from_response(data: bytes) -> bytes:
    file = encode_json(document(RESPONSE_TYPE, data, STATION))
    nothing_asked = Expectation(artifact=None, target=None, floor=0, now=None)
    return statement_from_response(file, name="model.bin", expectation=nothing_asked)


def _trust(data: bytes) -> Any:
    parse_trust(data)
    return load_trust(encode_json(document(TRUST_TYPE, data, ROOT, carry_key=False)))


_CURRENT = load_trust(encode_json(document(TRUST_TYPE, trust_value(), ROOT, carry_key=False)))


def _followed(data: bytes) -> Trust:
    return follow_trust(_CURRENT, encode_json(document(TRUST_TYPE, data, ROOT, carry_key=False)))


def _followed_holds(trust: Trust, _data: bytes) -> None:
    """Only the next version follows, and ROOT, who signed it, is in its root role."""
    assert trust.version == _CURRENT.version + 1
    assert ROOT.public_key.keyid in trust.root.keys
    assert trust.root.threshold == 1


def _parse_glob(data: bytes) -> tuple[str, str]:
    glob, _, text = text_of(data[:200]).partition("\n")
    return glob, text


def _glob_holds(found: tuple[str, str], _data: bytes) -> None:
    glob, text = found
    if glob.count("*") <= 4:  # past that the yardstick itself takes for ever
        pattern = ".*".join(re.escape(piece) for piece in glob.split("*"))
        assert matches_glob(glob, text) == bool(re.fullmatch(pattern, text, re.DOTALL))


TARGETS = (
    Target(name="json", parse=_parse_json, holds=_json_holds, seeds=_JSON),
    Target(
        name="metadata",
        parse=lambda data: parse_metadata(
            check_metadata(parse_json(data, limit=_LIMIT, what="input"), what="input"),
            what="input",
        ),
        holds=_metadata_holds,
        seeds=_JSON,
    ),
    Target(
        name="hex",
        parse=lambda data: decode_hex(text_of(data), size=8, what="input"),
        holds=one_spelling(bytes.hex),
        seeds=exactly(b"00112233445566ff", b"AA112233445566ff", b"zz"),
    ),
    Target(
        name="base64",
        parse=lambda data: decode_base64(text_of(data), what="input"),
        holds=one_spelling(encode_base64),
        seeds=exactly(b"", b"AA==", b"AAA=", b"AAAA", b"AB==", b"-_-_", b"AA==AA=="),
    ),
    Target(
        name="raw-key",
        parse=lambda data: decode_raw_key(data, size=32, what="input"),
        holds=nothing_more,
        seeds=_KEYS,
    ),
    Target(name="field", parse=_parse_fields, holds=_field_holds, seeds=texts("a", "a/b", "..")),
    Target(
        name="time",
        parse=_parse_time,
        holds=_time_holds,
        seeds=exactly(b"2026-01-31T12:00:00Z", b"2024-02-29T23:59:59Z", b"0001-01-01T00:00:00Z"),
    ),
    Target(name="pem", parse=_parse_pem, holds=_pem_holds, seeds=_KEYS),
    Target(name="public-key", parse=_public_key, holds=_key_holds, seeds=_KEYS),
    Target(name="envelope", parse=_parse_envelope, holds=_envelope_holds, seeds=files("statement")),
    Target(
        name="opened-envelope", parse=_open_envelope, holds=_opened_holds, seeds=files("statement")
    ),
    Target(name="statement", parse=_statement, holds=_statement_holds, seeds=payloads("statement")),
    Target(
        name="statement-from-response",
        parse=_statement_from_response,
        holds=lambda found, _data: nothing_more(read_statement_unverified(found), b""),
        seeds=payloads("response"),
    ),
    Target(name="trust-root-file", parse=load_trust, holds=nothing_more, seeds=files("trust")),
    Target(
        name="trust-root",
        parse=_trust,
        holds=nothing_more,
        seeds=together(payloads("trust"), exactly(encode_json(trust_value()))),
    ),
    Target(
        name="followed-trust-root",
        parse=_followed,
        holds=_followed_holds,
        seeds=together(payloads("trust"), exactly(encode_json(trust_value(version=2)))),
    ),
    Target(
        name="glob",
        parse=_parse_glob,
        holds=_glob_holds,
        seeds=exactly(b"*\nx", b"ML-*\nML-Model", b"a*b*c\nabbc", b"**\n", b"a*a\na"),
    ),
)
