"""OpenSSH's key files: the public line, and the private container, encrypted or not.

cryptography reads them too, but takes FIDO keys and certificates for plain ones, and a private key
whose public copies belong to another seed (K05). So the container is read here: the type string
comes first, and every copy of the public key is handed on to be compared with the seed's.

Spec: docs/formats/keys.md section 10; PROTOCOL.key of OpenSSH; RFC 8709 section 4, RFC 4251
section 5.
"""

from __future__ import annotations

import os
from binascii import Error as BinasciiError
from binascii import a2b_base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from signkit.errors import FormatError, MalformedError, NotCanonicalError, UnsupportedVersionError
from signkit.formats.bcrypt_kdf import NEW_ROUNDS, check_bcrypt_rounds, derive_bcrypt_key
from signkit.formats.foreign import explain_ssh_type
from signkit.formats.found_key import FoundKey, wipe
from signkit.formats.pbes2 import wrong_passphrase
from signkit.verify.encoding import decode_base64, encode_base64
from signkit.verify.pem import PEM_START

KEY_TYPE = b"ssh-ed25519"
OPENSSH_PUBLIC_START = KEY_TYPE + b" "
_LABEL = b"OPENSSH PRIVATE KEY-----"
OPENSSH_PRIVATE_START = PEM_START + _LABEL
_END = b"-----END " + _LABEL
_MAGIC = b"openssh-key-v1\0"
_WIDTHS = (70, 64, 76)  # characters a line: ssh-keygen, PEM, base64 of Python's and others
_WHAT = "private key"
_KEY_SIZE = 32
_PLAIN_BLOCK = 8  # bytes
_SALT_SIZE = 16
_SALT_MOST = 64
_TAG_SIZE = 16
_AGAIN = "encrypt it again: ssh-keygen -p -Z aes256-ctr -a 48 -f FILE"

_Decryptor = Callable[[bytes, bytes, bytes], CipherContext]


@dataclass(frozen=True, slots=True, kw_only=True)
class _CipherKind:
    """One of OpenSSH's ciphers: sizes in bytes, and how to decrypt with key, IV and tag."""

    key_size: int
    decryptor: _Decryptor
    iv_size: int = 16
    tag_size: int = 0


def _ctr(key: bytes, iv: bytes, _tag: bytes) -> CipherContext:
    return Cipher(algorithms.AES(key), modes.CTR(iv)).decryptor()


def _cbc(key: bytes, iv: bytes, _tag: bytes) -> CipherContext:
    return Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()


def _gcm(key: bytes, iv: bytes, tag: bytes) -> CipherContext:
    return Cipher(algorithms.AES(key), modes.GCM(iv, tag)).decryptor()


_NEW_CIPHER: Final = b"aes256-ctr"
_CIPHERS = {
    _NEW_CIPHER: _CipherKind(key_size=32, decryptor=_ctr),
    b"aes192-ctr": _CipherKind(key_size=24, decryptor=_ctr),
    b"aes128-ctr": _CipherKind(key_size=16, decryptor=_ctr),
    b"aes256-cbc": _CipherKind(key_size=32, decryptor=_cbc),
    b"aes192-cbc": _CipherKind(key_size=24, decryptor=_cbc),
    b"aes128-cbc": _CipherKind(key_size=16, decryptor=_cbc),
    b"aes256-gcm@openssh.com": _CipherKind(
        key_size=32, decryptor=_gcm, iv_size=12, tag_size=_TAG_SIZE
    ),
    b"aes128-gcm@openssh.com": _CipherKind(
        key_size=16, decryptor=_gcm, iv_size=12, tag_size=_TAG_SIZE
    ),
}
_REFUSED = {
    b"3des-cbc": "triple DES, which is weak",
    b"blowfish-cbc": "Blowfish, which is weak",
    b"arcfour": "RC4, which is weak",
    b"chacha20-poly1305@openssh.com": "ChaCha20-Poly1305, which is not read",
}
_BLOCK_SIZE = 16  # bytes; AES


class SshReader:
    """The fields of an SSH structure, read in order (RFC 4251 section 5)."""

    __slots__ = ("_place", "_rest", "_what")

    def __init__(self, data: bytes, *, what: str) -> None:
        self._rest = data
        self._place = 0
        self._what = what

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        piece = self._rest[self._place : self._place + size]
        if len(piece) != size:
            self.refuse("a field is cut off")
        self._place += size
        return piece

    def number(self) -> int:
        """Return a number of 32 bits."""
        return int.from_bytes(self.take(4))

    def string(self, *, size: int | None = None) -> bytes:
        """Return the bytes of a string, of one size where only one is right."""
        length = self.number()
        if size is not None and length != size:
            self.refuse(f"expected a field of {size} bytes, got {length}")
        return self.take(length)

    def rest(self) -> bytes:
        """Return what was not read."""
        return self.take(len(self._rest) - self._place)

    def done(self) -> None:
        """Refuse bytes that were not read."""
        if self._place != len(self._rest):
            self.refuse(f"{len(self._rest) - self._place} bytes too many")

    def refuse(self, reason: str) -> NoReturn:
        """Raise the error that says what is wrong.

        Raises:
            MalformedError: always.
        """
        message = f"{self._what} is not of the shape that OpenSSH writes: {reason}"
        raise MalformedError(message)


def encode_ssh_string(*parts: bytes) -> bytes:
    """Encode each part as an SSH string: its length in four bytes before it (RFC 4251 section 5)."""
    return b"".join(len(part).to_bytes(4) + part for part in parts)


def _public_blob(raw: bytes) -> bytes:
    return encode_ssh_string(KEY_TYPE, raw)


def _read_public_blob(blob: bytes, *, what: str) -> bytes:
    """Return the raw key of a public blob; the type is looked at before anything else."""
    reader = SshReader(blob, what=what)
    kind = reader.string()
    if kind != KEY_TYPE:
        raise explain_ssh_type(kind, what=what)
    raw = reader.string(size=_KEY_SIZE)
    reader.done()
    return raw


def parse_openssh_public(data: bytes) -> bytes:
    """Parse OpenSSH's public line: type, base64, and perhaps a comment, which is dropped.

    Args:
        data: The file, one line that starts with `OPENSSH_PUBLIC_START`.

    Returns:
        The raw key of 32 bytes, not enrolled.

    Raises:
        MalformedError, NotCanonicalError: more than one line, a second spelling, or another shape.
        UnsupportedVersionError: the key inside is of another type, by name.

    Spec: docs/formats/keys.md section 10; RFC 8709 section 4.
    """
    what = "public key"
    line = data[:-2] if data.endswith(b"\r\n") else data.removesuffix(b"\n")
    if b"\n" in line or b"\r" in line:
        message = f"{what}: expected one line of OpenSSH, got more"
        raise MalformedError(message, hint="keep one key a file")
    text = line.removeprefix(OPENSSH_PUBLIC_START).split(b" ", 1)[0]
    try:
        blob = decode_base64(text.decode("ascii"), what=what)
    except (UnicodeDecodeError, FormatError):
        message = f"{what}: expected standard base64 after the type ssh-ed25519"
        raise NotCanonicalError(message, hint="the line was altered; get the key again") from None
    return _read_public_blob(blob, what=what)


def encode_openssh_public(raw: bytes) -> str:
    """Return the public line without a comment and without a line end (RFC 8709 section 4)."""
    return f"{KEY_TYPE.decode('ascii')} {encode_base64(_public_blob(raw))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Container:
    """A private key file, its parameters checked and nothing decrypted."""

    public: bytes
    cipher: _CipherKind | None
    salt: bytes
    rounds: int
    secret: bytes
    tag: bytes


def parse_openssh_private(data: bytes, passphrase: Callable[[], bytes]) -> FoundKey:
    """Parse OpenSSH's private key file.

    Args:
        data: The file, which starts with `OPENSSH_PRIVATE_START`.
        passphrase: Called once, and only where the file is encrypted and its parameters are
            accepted.

    Returns:
        The seed, and the file's three copies of the public key: in the open, beside the seed, and
        behind it.

    Raises:
        MalformedError, NotCanonicalError: a second spelling, or another shape.
        UnsupportedVersionError: another type of key, cipher or derivation, or too few rounds.
        TooLargeError: more rounds than any honest file asks for.
        KeyLockedError: the passphrase is wrong.

    Spec: docs/formats/keys.md section 10; PROTOCOL.key of OpenSSH.
    """
    container = _read_container(_decode_armor(data))
    secret = _open(container, passphrase)
    try:
        return _read_secret(bytes(secret), container)
    finally:
        wipe(secret)


def _decode_armor(data: bytes) -> bytes:
    text = data.replace(b"\r\n", b"\n") if data.count(b"\n") == data.count(b"\r\n") else data
    lines = text.removesuffix(b"\n").split(b"\n")
    try:
        blob = a2b_base64(b"".join(lines[1:-1]), strict_mode=True)
    except BinasciiError:
        blob = b""
    if not any(_armor_lines(blob, width) == lines for width in _WIDTHS):
        message = (
            f"{_WHAT} is not canonical OpenSSH armor: expected one block, base64 in lines of one"
            " length, and nothing else"
        )
        raise NotCanonicalError(message, hint="let ssh-keygen write it anew: ssh-keygen -p -f FILE")
    return blob


def _armor_lines(blob: bytes, width: int) -> list[bytes]:
    text = encode_base64(blob).encode("ascii")
    lines = [text[place : place + width] for place in range(0, len(text), width)]
    return [OPENSSH_PRIVATE_START, *lines, _END]


def _read_container(blob: bytes) -> _Container:
    reader = SshReader(blob, what=_WHAT)
    if reader.take(len(_MAGIC)) != _MAGIC:
        reader.refuse("expected version 1 of the container")
    name, kdf, options = reader.string(), reader.string(), reader.string()
    if reader.number() != 1:
        reader.refuse("expected one key")
    public = _read_public_blob(reader.string(), what=_WHAT)
    cipher = _find_cipher(name, kdf)
    salt, rounds = _read_kdf(options, encrypted=cipher is not None)
    secret = reader.string()
    tag = reader.take(cipher.tag_size if cipher else 0)
    reader.done()
    if not secret or len(secret) % (_BLOCK_SIZE if cipher else _PLAIN_BLOCK):
        reader.refuse("expected whole blocks")
    return _Container(
        public=public, cipher=cipher, salt=salt, rounds=rounds, secret=secret, tag=tag
    )


def _find_cipher(name: bytes, kdf: bytes) -> _CipherKind | None:
    if (name, kdf) == (b"none", b"none"):
        return None
    if name not in _CIPHERS or kdf != b"bcrypt":
        said = _REFUSED.get(name, "unknown")
        message = (
            f"{_WHAT} is refused: its encryption is {said}; expected AES in CTR, CBC or GCM mode"
            " under bcrypt"
        )
        raise UnsupportedVersionError(message, hint=_AGAIN)
    return _CIPHERS[name]


def _read_kdf(options: bytes, *, encrypted: bool) -> tuple[bytes, int]:
    reader = SshReader(options, what=_WHAT)
    if not encrypted:
        reader.done()
        return b"", 0
    salt, rounds = reader.string(), reader.number()
    reader.done()
    if not _SALT_SIZE <= len(salt) <= _SALT_MOST:
        reader.refuse(f"expected a salt of {_SALT_SIZE} to {_SALT_MOST} bytes, got {len(salt)}")
    check_bcrypt_rounds(rounds, again=_AGAIN)
    return salt, rounds


def _open(container: _Container, passphrase: Callable[[], bytes]) -> bytearray:
    """Return the private section, decrypted, in a buffer that can be wiped."""
    if container.cipher is None:
        return bytearray(container.secret)
    kind = container.cipher
    key, iv = _derive(kind, passphrase(), salt=container.salt, rounds=container.rounds)
    decryptor = kind.decryptor(key, iv, container.tag)
    buffer = bytearray(len(container.secret) + _BLOCK_SIZE - 1)
    try:
        size = decryptor.update_into(container.secret, buffer)
        decryptor.finalize()
    except InvalidTag:
        wipe(buffer)
        raise wrong_passphrase() from None
    del buffer[size:]
    return buffer


def _derive(
    kind: _CipherKind, passphrase: bytes, *, salt: bytes, rounds: int
) -> tuple[bytes, bytes]:
    """Return the cipher's key and IV."""
    size = kind.key_size + kind.iv_size
    derived = derive_bcrypt_key(passphrase, salt=salt, rounds=rounds, size=size)
    return derived[: kind.key_size], derived[kind.key_size :]


def _read_secret(secret: bytes, container: _Container) -> FoundKey:
    reader = SshReader(secret, what=_WHAT)
    if reader.number() != reader.number():
        if container.cipher is not None:
            raise wrong_passphrase()
        reader.refuse("its two check numbers differ")
    kind = reader.string()
    if kind != KEY_TYPE:
        raise explain_ssh_type(kind, what=_WHAT)
    inner = reader.string(size=_KEY_SIZE)
    both = reader.string(size=2 * _KEY_SIZE)
    comment = reader.string().decode("utf-8", "replace")
    padding = reader.rest()
    block = _BLOCK_SIZE if container.cipher else _PLAIN_BLOCK
    if len(padding) >= block or padding != bytes(range(1, len(padding) + 1)):
        reader.refuse("its padding is not 1, 2, 3 and so on")
    return FoundKey(
        seed=both[:_KEY_SIZE],
        publics=(container.public, inner, both[_KEY_SIZE:]),
        encrypted=container.cipher is not None,
        comment=comment or None,
    )


def encode_openssh_private(
    seed: bytes,
    public: bytes,
    *,
    passphrase: bytes | None,
    rounds: int = NEW_ROUNDS,
    random: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """Encode a private key as ssh-keygen does, without a comment.

    Args:
        seed: 32 private bytes.
        public: The seed's own public key, 32 bytes.
        passphrase: Encrypts it with bcrypt and aes256-ctr; None leaves it open.
        rounds: Of bcrypt.
        random: Where salt and check number come from.

    Raises:
        UnsupportedVersionError: a passphrase, and bcrypt is not installed.
    """
    check = random(4)
    block = _PLAIN_BLOCK if passphrase is None else _BLOCK_SIZE
    secret = check + check + encode_ssh_string(KEY_TYPE, public, seed + public, b"")
    secret += bytes(range(1, -len(secret) % block + 1))
    names, options = encode_ssh_string(b"none", b"none"), b""
    if passphrase is not None:
        salt = random(_SALT_SIZE)
        names, options = (
            encode_ssh_string(_NEW_CIPHER, b"bcrypt"),
            encode_ssh_string(salt) + rounds.to_bytes(4),
        )
        secret = _encrypt(secret, passphrase, salt=salt, rounds=rounds)
    count = (1).to_bytes(4)
    blob = (
        _MAGIC
        + names
        + encode_ssh_string(options)
        + count
        + encode_ssh_string(_public_blob(public), secret)
    )
    return b"\n".join([*_armor_lines(blob, _WIDTHS[0]), b""])


def _encrypt(secret: bytes, passphrase: bytes, *, salt: bytes, rounds: int) -> bytes:
    key, iv = _derive(_CIPHERS[_NEW_CIPHER], passphrase, salt=salt, rounds=rounds)
    encryptor = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()
    return encryptor.update(secret) + encryptor.finalize()
