"""The key files of other tools. Nobody has a passphrase: no time goes into deriving keys."""

from __future__ import annotations

from typing import NoReturn

from signkit.errors import KeyLockedError
from signkit.formats.commented import (
    decode_commented,
    encode_commented_public,
    parse_commented_public,
)
from signkit.formats.found_key import FoundKey
from signkit.formats.jwk import encode_jwk, parse_jwk_private, parse_jwk_public
from signkit.formats.minisign import MINISIGN_PRIVATE_SIZE, parse_minisign_private
from signkit.formats.openpgp import parse_openpgp_public
from signkit.formats.openssh import (
    encode_openssh_private,
    encode_openssh_public,
    parse_openssh_private,
    parse_openssh_public,
)
from signkit.formats.signify import SIGNIFY_PRIVATE_SIZE, parse_signify_private
from tests.fuzz.seeds import VECTORS, exactly, files
from tests.fuzz.target import Target, stable

_KEYS = files("keys/tools")


def _locked() -> NoReturn:
    message = "no passphrase"
    raise KeyLockedError(message)


def _blobs(size: int) -> tuple[bytes, ...]:
    """Return what the base64 of the two-line files says, where it is of one size."""
    folder = VECTORS / "keys" / "tools"
    paths = sorted((*folder.glob("minisign*.key"), *folder.glob("signify*.sec")))
    blobs = [decode_commented(path.read_bytes(), what="seed")[1] for path in paths]
    return tuple(blob for blob in blobs if len(blob) == size)


def _minisign(data: bytes) -> FoundKey:
    blob = data[:MINISIGN_PRIVATE_SIZE].ljust(MINISIGN_PRIVATE_SIZE, b"\0")
    return parse_minisign_private(blob, _locked, comment="")


def _signify(data: bytes) -> FoundKey:
    blob = data[:SIGNIFY_PRIVATE_SIZE].ljust(SIGNIFY_PRIVATE_SIZE, b"\0")
    return parse_signify_private(blob, _locked, comment="")


def _found_holds(found: FoundKey, _data: bytes) -> None:
    assert len(found.seed) == 32
    assert found.publics
    assert all(len(public) == 32 for public in found.publics)
    assert found.seed.hex() not in repr(found)
    written = encode_openssh_private(found.seed, found.publics[0], passphrase=None)
    assert parse_openssh_private(written, _locked).seed == found.seed


def _is_raw_key(raw: bytes, _data: bytes) -> None:
    assert len(raw) == 32


TARGETS = (
    Target(
        name="openssh-public",
        parse=parse_openssh_public,
        holds=stable(lambda raw: encode_openssh_public(raw).encode(), parse_openssh_public),
        seeds=_KEYS,
    ),
    Target(
        name="openssh-private",
        parse=lambda data: parse_openssh_private(data, _locked),
        holds=_found_holds,
        seeds=_KEYS,
    ),
    Target(
        name="commented-public",
        parse=parse_commented_public,
        holds=stable(lambda raw: encode_commented_public(raw, comment="x"), parse_commented_public),
        seeds=_KEYS,
    ),
    Target(
        name="minisign-private",
        parse=_minisign,
        holds=_found_holds,
        seeds=exactly(*_blobs(MINISIGN_PRIVATE_SIZE)),
    ),
    Target(
        name="signify-private",
        parse=_signify,
        holds=_found_holds,
        seeds=exactly(*_blobs(SIGNIFY_PRIVATE_SIZE)),
    ),
    Target(
        name="jwk-public",
        parse=parse_jwk_public,
        holds=stable(encode_jwk, parse_jwk_public),
        seeds=_KEYS,
    ),
    Target(name="jwk-private", parse=parse_jwk_private, holds=_found_holds, seeds=_KEYS),
    Target(
        name="openpgp-public",
        parse=parse_openpgp_public,
        holds=_is_raw_key,
        seeds=_KEYS,
    ),
)
