"""Private keys as bytes: PKCS#8 in PEM or DER, the raw forms, and those of other tools.

A private key is 32 bytes, the seed. Whatever else a file says about it, such as a public key, is
checked against the seed and refused where it differs: signing with a public key that is not the
seed's gives the seed away (RUSTSEC-2022-0093). Messages and repr never hold private bytes.

Spec: docs/formats/keys.md sections 4 and 5; RFC 8410 section 7, RFC 5958 section 2.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from signkit.errors import (
    FormatError,
    MalformedError,
    NotCanonicalError,
    TooLargeError,
    UsageError,
)
from signkit.formats.commented import COMMENT_START, decode_commented
from signkit.formats.der import INTEGER, SEQUENCE, DerReader
from signkit.formats.foreign import explain_key, explain_pem
from signkit.formats.found_key import FoundKey
from signkit.formats.jwk import JWK_START, encode_jwk, is_private_jwk, parse_jwk_private
from signkit.formats.key_form import KeyForm
from signkit.formats.minisign import (
    MINISIGN_PRIVATE_SIZE,
    encode_minisign_private,
    parse_minisign_private,
)
from signkit.formats.openssh import (
    OPENSSH_PRIVATE_START,
    encode_openssh_private,
    parse_openssh_private,
)
from signkit.formats.pbes2 import (
    NEW_KEY_COST,
    ScryptCost,
    decrypt_key,
    encrypt_key,
    looks_encrypted,
    parse_encrypted_key,
    wrong_passphrase,
)
from signkit.formats.signify import (
    SIGNIFY_PRIVATE_SIZE,
    encode_signify_private,
    parse_signify_private,
)
from signkit.verify import limits
from signkit.verify.ed25519 import PublicKey, enrol_public_key
from signkit.verify.encoding import encode_base64
from signkit.verify.pem import PEM_START, decode_pem, encode_pem
from signkit.verify.public_key import decode_raw_key

SEED_SIZE = 32
_PRIVATE_LABEL = "PRIVATE KEY"
_ENCRYPTED_LABEL = "ENCRYPTED PRIVATE KEY"
_PEM_STARTS = tuple(
    PEM_START + f"{label}-----".encode("ascii") for label in (_PRIVATE_LABEL, _ENCRYPTED_LABEL)
)
_WHAT = "private key"
# PrivateKeyInfo up to the seed: version 0, algorithm 1.3.101.112, OCTET STRING in OCTET STRING.
_V1_PREFIX = bytes.fromhex("302e020100300506032b657004220420")
# OneAsymmetricKey, version 1, as ed25519-dalek writes it: the public key follows the seed.
_V2_PREFIX = bytes.fromhex("3051020101300506032b657004220420")
_COMMENTED_PUBLIC = 100  # characters: public keys and signatures of minisign and signify have less
_RAW64_LENGTHS = {88, 128}  # base64, hex
_V2_PUBLIC = bytes.fromhex("812100")


class PrivateKey:
    """An Ed25519 private key in memory.

    Attributes:
        public_key: Its public key, derived from the seed.
        seed: The 32 private bytes.
    """

    __slots__ = ("public_key", "seed")

    def __init__(self, seed: bytes, *, allow_test_keys: bool = False) -> None:
        if len(seed) != SEED_SIZE:
            message = f"{_WHAT}: expected a seed of {SEED_SIZE} bytes, got {len(seed)}"
            raise MalformedError(message)
        self.seed = bytes(seed)
        derived = Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        self.public_key: PublicKey = enrol_public_key(
            derived.public_bytes_raw(), allow_test_keys=allow_test_keys
        )

    def __repr__(self) -> str:
        """Name the key without a private byte."""
        return f"PrivateKey(keyid={self.public_key.keyid!r})"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied."""
        message = "a private key is not pickled"
        raise TypeError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedKey:
    """A private key, and how its file guarded it.

    Attributes:
        key: The key.
        encrypted: Whether a passphrase was needed.
        weakness: Why the encryption is cheap to break, or None.
        comment: What the file says of itself, which nothing protects, or None.
    """

    key: PrivateKey
    encrypted: bool
    weakness: str | None = None
    comment: str | None = None


def new_private_key(random: Callable[[int], bytes] = os.urandom) -> PrivateKey:
    """Make a private key from 32 random bytes."""
    return PrivateKey(random(SEED_SIZE))


def parse_private_key(
    data: bytes, *, passphrase: Callable[[], bytes], allow_test_keys: bool = False
) -> OpenedKey:
    """Parse a private key in any of its forms.

    Args:
        data: The file: PEM or DER of PKCS#8 (version 1, or version 2 as ed25519-dalek writes it,
            encrypted or not), one line of base64 or hex of the seed or of seed and public key, or
            the private key file of OpenSSH, minisign or signify, or a JWK.
        passphrase: Called once, and only where the file is encrypted and its parameters are
            accepted.
        allow_test_keys: As `enrol_public_key`.

    Returns:
        The key.

    Raises:
        TooLargeError: more than limits.KEY_FILE_SIZE bytes, or parameters beyond reason.
        MalformedError, NotCanonicalError: none of the forms, a second spelling, or a public key
            that is not the seed's.
        UnsupportedVersionError: a key of another kind or a weak encryption, by name.
        KeyLockedError: the passphrase is wrong, in the same words wherever that shows.
        KeyRefusedError: the seed is published.

    Spec: docs/formats/keys.md section 4.
    """
    if len(data) > limits.KEY_FILE_SIZE:
        message = (
            f"{_WHAT} is too large: expected at most {limits.KEY_FILE_SIZE} bytes, got {len(data)}"
        )
        raise TooLargeError(message)
    found = _find_seed(data, passphrase)
    key = PrivateKey(found.seed, allow_test_keys=allow_test_keys)
    if set(found.publics) - {key.public_key.raw}:
        message = f"{_WHAT}: the public key in the file is not that of its seed"
        raise MalformedError(message, hint="do not use this file; get the key from its backup")
    return OpenedKey(
        key=key, encrypted=found.encrypted, weakness=found.weakness, comment=found.comment
    )


def _find_seed(data: bytes, passphrase: Callable[[], bytes]) -> FoundKey:
    if data.startswith(OPENSSH_PRIVATE_START):
        return parse_openssh_private(data, passphrase)
    if data.startswith(COMMENT_START):
        return _from_commented(data, passphrase)
    if data.startswith(JWK_START):
        return parse_jwk_private(data)
    if PEM_START in data:
        return _from_pem(data, passphrase)
    if data[:1] == bytes((SEQUENCE,)) and not _is_text(data):
        return _from_any_der(data, passphrase)
    return _from_text(data)


def _is_text(data: bytes) -> bool:
    """Say whether bytes are a line of text: DER of a key always holds control characters."""
    return data.isascii() and data.decode("ascii").strip("\r\n").isprintable()


def _from_pem(data: bytes, passphrase: Callable[[], bytes]) -> FoundKey:
    if data.startswith(PEM_START) and not data.startswith(_PEM_STARTS):
        raise explain_key(data, what=_WHAT)
    try:
        label, der = decode_pem(data, what=_WHAT)
    except NotCanonicalError as error:
        raise explain_pem(data, error, what=_WHAT) from None
    if label == _ENCRYPTED_LABEL:
        return _from_encrypted(der, passphrase)
    return _from_der(der)


def _from_commented(data: bytes, passphrase: Callable[[], bytes]) -> FoundKey:
    """Read the private key of minisign or signify; the number of bytes says whose it is."""
    comment, blob = decode_commented(data, what=_WHAT)
    if len(blob) == MINISIGN_PRIVATE_SIZE:
        return parse_minisign_private(blob, passphrase, comment=comment)
    if len(blob) == SIGNIFY_PRIVATE_SIZE:
        return parse_signify_private(blob, passphrase, comment=comment)
    raise explain_key(data, what=_WHAT)


def _from_any_der(der: bytes, passphrase: Callable[[], bytes]) -> FoundKey:
    if looks_encrypted(der):
        return _from_encrypted(der, passphrase)
    return _from_der(der)


def _from_encrypted(der: bytes, passphrase: Callable[[], bytes]) -> FoundKey:
    encrypted = parse_encrypted_key(der)
    plain = decrypt_key(encrypted, passphrase())
    if not _is_whole(plain):
        raise wrong_passphrase()
    return replace(_from_der(plain), encrypted=True, weakness=encrypted.weakness)


def _is_whole(plain: bytes) -> bool:
    """Say whether bytes are one PKCS#8 structure: what a wrong passphrase leaves never is."""
    reader = DerReader(plain, what=_WHAT)
    try:
        reader.inner().integer(most=1)
        reader.done()
    except FormatError:
        return False
    return True


def _from_der(der: bytes) -> FoundKey:
    seed = der[len(_V1_PREFIX) : len(_V1_PREFIX) + SEED_SIZE]
    rest = der[len(_V1_PREFIX) + SEED_SIZE :]
    if der.startswith(_V1_PREFIX) and len(seed) == SEED_SIZE and not rest:
        return FoundKey(seed=seed)
    if der.startswith(_V2_PREFIX) and rest.startswith(_V2_PUBLIC) and len(rest) == 35:
        return FoundKey(seed=seed, publics=(rest[len(_V2_PUBLIC) :],))
    raise explain_key(der, what=_WHAT)


def _from_text(data: bytes) -> FoundKey:
    raw = decode_raw_key(data, size=SEED_SIZE, what=_WHAT)
    if raw is not None:
        return FoundKey(seed=raw)
    raw = decode_raw_key(data, size=2 * SEED_SIZE, what=_WHAT)
    if raw is None:
        raise explain_key(data, what=_WHAT)
    return FoundKey(seed=raw[:SEED_SIZE], publics=(raw[SEED_SIZE:],))


def is_private_key(data: bytes) -> bool:
    """Say whether bytes can only be meant as a private key; 32 raw bytes may be either."""
    if PEM_START in data:
        return b"PRIVATE KEY-----" in data
    if data.startswith(JWK_START):
        return is_private_jwk(data)
    if data.startswith(COMMENT_START):
        return len(data.strip().split(b"\n")[-1]) > _COMMENTED_PUBLIC
    if looks_encrypted(data) or data[2:3] == bytes((INTEGER,)) or data[3:4] == bytes((INTEGER,)):
        return data[:1] == bytes((SEQUENCE,))
    line = data.strip()
    # A space never stands in raw bytes: OpenSSH's public line with a short comment is as long.
    return data.isascii() and len(line) in _RAW64_LENGTHS and b" " not in line


def is_encrypted_key(data: bytes) -> bool:
    """Say whether a private key file is encrypted, without a look at how well."""
    return data.startswith(_PEM_STARTS[1]) or looks_encrypted(data)


def encode_private_key(key: PrivateKey, form: KeyForm) -> bytes:
    """Encode a private key without encryption; text forms end in LF."""
    tool = _TOOL_FORMS.get(form)
    if tool is not None:
        return tool(key, None)
    if form is KeyForm.JWK:
        return encode_jwk(key.public_key.raw, seed=key.seed)
    der = _V1_PREFIX + key.seed
    both = key.seed + key.public_key.raw
    if form is KeyForm.PEM:
        return encode_pem(_PRIVATE_LABEL, der)
    if form is KeyForm.DER:
        return der
    if form in {KeyForm.RAW, KeyForm.RAW64}:
        raw = key.seed if form is KeyForm.RAW else both
        return encode_base64(raw).encode("ascii") + b"\n"
    raw = key.seed if form is KeyForm.HEX else both
    return raw.hex().encode("ascii") + b"\n"


def encode_encrypted_key(
    key: PrivateKey,
    passphrase: bytes,
    *,
    cost: ScryptCost = NEW_KEY_COST,
    random: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """Encode a private key as encrypted PKCS#8 in PEM.

    Args:
        key: The key.
        passphrase: 1 byte or more; its quality is not judged here.
        cost: What a guess at the passphrase is to cost.
        random: Where salt and IV come from.
    """
    der = encrypt_key(_V1_PREFIX + key.seed, passphrase, cost=cost, random=random)
    return encode_pem(_ENCRYPTED_LABEL, der)


def encode_encrypted_form(key: PrivateKey, passphrase: bytes, form: KeyForm) -> bytes:
    """Encode a private key with the encryption of its form.

    Args:
        key: The key.
        passphrase: 1 byte or more; its quality is not judged here.
        form: One of `ENCRYPTED_FORMS`.

    Raises:
        UsageError: a form without encryption.
        UnsupportedVersionError: bcrypt is needed and not installed.
        TooLargeError: there is not the memory that the derivation takes.
    """
    if form is KeyForm.PEM:
        return encode_encrypted_key(key, passphrase)
    if form not in _TOOL_FORMS:
        message = f"the form {form} cannot be encrypted: expected pem, openssh, minisign or signify"
        raise UsageError(message)
    return _TOOL_FORMS[form](key, passphrase)


def _openssh(key: PrivateKey, passphrase: bytes | None) -> bytes:
    return encode_openssh_private(key.seed, key.public_key.raw, passphrase=passphrase)


def _minisign(key: PrivateKey, passphrase: bytes | None) -> bytes:
    return encode_minisign_private(key.seed, key.public_key.raw, passphrase=passphrase)


def _signify(key: PrivateKey, passphrase: bytes | None) -> bytes:
    return encode_signify_private(key.seed, key.public_key.raw, passphrase=passphrase)


_TOOL_FORMS = {
    KeyForm.OPENSSH: _openssh,
    KeyForm.MINISIGN: _minisign,
    KeyForm.SIGNIFY: _signify,
}
