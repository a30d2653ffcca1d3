"""What a key that is refused is: one error that names it and says what to do.

This is for people. Nothing is decided here: whoever asks has refused already. No message quotes a
file: it may be private.

Spec: docs/formats/keys.md section 6.
"""

from __future__ import annotations

from signkit.errors import FormatError, MalformedError, UnsupportedVersionError
from signkit.verify.pem import PEM_START

_NEW_KEY = "signkit signs with Ed25519 only; make a key: signkit keys new NAME"
_SSH = "make a key of signkit's own: signkit keys new NAME"
_NAME_FILE = "name the key's own file"
_CERTIFICATE = "take the key out: openssl x509 -in FILE -pubkey -noout > public.pem"
_PRIVATE = "nobody but its custodian needs it; take the public key: signkit keys convert --public"
_PUBLIC = "signing needs the private key of the pair"
_AGAIN = "let openssl write it anew: openssl pkey -in FILE -out NEW"

_LABELS = {
    "RSA PRIVATE KEY": ("an RSA private key", _NEW_KEY),
    "RSA PUBLIC KEY": ("an RSA public key", _NEW_KEY),
    "EC PRIVATE KEY": ("an elliptic-curve (ECDSA) private key", _NEW_KEY),
    "EC PARAMETERS": ("elliptic-curve parameters", _NEW_KEY),
    "DSA PRIVATE KEY": ("a DSA private key", _NEW_KEY),
    "DSA PARAMETERS": ("DSA parameters", _NEW_KEY),
    "OPENSSH PRIVATE KEY": ("an OpenSSH private key", _PRIVATE),
    "SSH SIGNATURE": ("an OpenSSH signature", _NAME_FILE),
    "SSH2 PUBLIC KEY": ("an SSH public key", _SSH),
    "CERTIFICATE": ("a certificate, not a bare key", _CERTIFICATE),
    "TRUSTED CERTIFICATE": ("a certificate, not a bare key", _CERTIFICATE),
    "X509 CERTIFICATE": ("a certificate, not a bare key", _CERTIFICATE),
    "CERTIFICATE REQUEST": ("a certificate request, not a bare key", _CERTIFICATE),
    "PGP PUBLIC KEY BLOCK": ("an OpenPGP public key", _NEW_KEY),
    "PGP PRIVATE KEY BLOCK": ("an OpenPGP private key, which only gpg opens", _NEW_KEY),
    "PGP SIGNATURE": ("an OpenPGP signature", _NAME_FILE),
}
# OpenSSH's types, by how they start, in this order: libraries read a plain key out of FIDO keys and
# certificates (K05). A certificate's type ends in what tells it.
_SSH_CERTIFICATE = b"-cert-v01@openssh.com"
_SSH_TYPES = (
    (b"sk-", "a FIDO key of OpenSSH, whose signatures have another format"),
    (b"webauthn-sk-", "a FIDO key of OpenSSH, whose signatures have another format"),
    (b"ssh-rsa", "an RSA key of OpenSSH"),
    (b"ssh-dss", "a DSA key of OpenSSH"),
    (b"ecdsa-", "an elliptic-curve (ECDSA) key of OpenSSH"),
    (b"ssh-ed25519", "an OpenSSH public key"),
    (b"ssh-", "an OpenSSH key of another algorithm"),
)
_TEXTS = (
    (b"untrusted comment:", "a minisign or signify public key", _PUBLIC),
    (b"{", "JSON", _NEW_KEY),
)
# Object identifiers as they stand in DER.
_ALGORITHMS = {
    "06032b656e": "an X25519 key, which cannot sign",
    "06032b656f": "an X448 key, which cannot sign",
    "06032b6571": "an Ed448 key",
    "06092a864886f70d010101": "an RSA key",
    "06092a864886f70d01010a": "an RSA-PSS key",
    "06072a8648ce3d0201": "an elliptic-curve (ECDSA) key",
    "06072a8648ce380401": "a DSA key",
    "06092a864886f70d010301": "a Diffie-Hellman key, which cannot sign",
    "06072a8648ce3e0201": "a Diffie-Hellman key, which cannot sign",
    "0609608648016503040311": "an ML-DSA key",
    "0609608648016503040312": "an ML-DSA key",
    "0609608648016503040313": "an ML-DSA key",
}
_ALGORITHM_WITHIN = 40  # bytes: the identifier stands near the start of every key
_PRIVATE_STARTS = (bytes.fromhex("302e020100"), bytes.fromhex("3051020101"))
_ED25519 = bytes.fromhex("06032b6570")
_RAW64_LENGTHS = {88, 128}  # base64, hex
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def explain_key(data: bytes, *, what: str) -> FormatError:
    """Return the error that names a refused key.

    Args:
        data: The file, or the bytes decoded from its PEM block.
        what: What was expected: "public key" or "private key".
    """
    named = _by_label(data, what) or _by_text(data) or _by_algorithm(data)
    if named is not None:
        name, hint = named
        return UnsupportedVersionError(f"{what}: expected an Ed25519 key, got {name}", hint=hint)
    if data.startswith(_MARKS):
        message = f"{what} starts with a byte order mark"
        return MalformedError(message, hint="save it as plain ASCII, without a mark")
    if len(data.strip()) in _RAW64_LENGTHS and what == "public key" and data.isascii():
        message = f"{what}: a line of this length can only be a private key of 64 raw bytes"
        return UnsupportedVersionError(message, hint=_PRIVATE)
    if _ED25519 in data[:_ALGORITHM_WITHIN]:
        return _ed25519_error(data, what)
    return _nameless(data, what)


def _nameless(data: bytes, what: str) -> FormatError:
    if not data:
        return MalformedError(f"{what} is empty")
    if len(data) in {32, 64}:
        message = f"{what}: {len(data)} bytes without any encoding are refused"
        return MalformedError(message, hint="write raw keys as base64 or hex: base64 -w0 FILE")
    message = f"{what}: none of PEM, DER, raw base64, raw hex and the formats of other tools"
    return MalformedError(message, hint="see docs/formats/keys.md")


def explain_pem(data: bytes, error: FormatError, *, what: str) -> FormatError:
    """Return the error that says best what is wrong with a file that is not one PEM block.

    Args:
        data: The file.
        error: What `verify/pem.py` said of it.
        what: As `explain_key`.
    """
    count = data.count(PEM_START)
    if count > 1:
        message = f"{what}: expected one PEM block, got {count}"
        return MalformedError(message, hint="keep one key a file")
    if b"\nProc-Type:" in data:
        message = f"{what} is encrypted the old way (Proc-Type header), which is weak"
        hint = "encrypt it again: openssl pkcs8 -topk8 -scrypt -in FILE -out NEW"
        return UnsupportedVersionError(message, hint=hint)
    if not data.startswith(PEM_START):
        message = f"{what}: expected nothing before the PEM block"
        return MalformedError(message, hint="remove what stands before -----BEGIN")
    if b"\n-----END " not in data:
        message = f"{what}: the PEM block has no END line of its own"
        return MalformedError(message, hint="the file is cut off or its line ends were lost")
    return error


def _by_label(data: bytes, what: str) -> tuple[str, str] | None:
    if not data.startswith(PEM_START):
        return None
    label = data[len(PEM_START) :].split(b"-----")[0].decode("ascii", "replace")
    if label in {"PRIVATE KEY", "ENCRYPTED PRIVATE KEY"} and what == "public key":
        return "a private key", _PRIVATE
    if label == "PUBLIC KEY" and what == "private key":
        return "a public key", _PUBLIC
    return _LABELS.get(label, (f"a PEM block called {label!r:.60}", _NEW_KEY))


def _by_text(data: bytes) -> tuple[str, str] | None:
    for start, name, hint in _TEXTS:
        if data.startswith(start):
            return name, hint
    ssh_name = _ssh_name(data.split(b" ", 1)[0])
    return (ssh_name, _SSH) if ssh_name else None


def _ssh_name(kind: bytes) -> str | None:
    if kind.endswith(_SSH_CERTIFICATE):
        return "an OpenSSH certificate, not a bare key"
    return next((name for start, name in _SSH_TYPES if kind.startswith(start)), None)


def explain_ssh_type(kind: bytes, *, what: str) -> FormatError:
    """Return the error for a key whose type, as it stands inside OpenSSH's file, is not plain Ed25519.

    Args:
        kind: The type string.
        what: As `explain_key`.
    """
    name = _ssh_name(kind) or "an OpenSSH key of an unknown type"
    return UnsupportedVersionError(f"{what}: expected an Ed25519 key, got {name}", hint=_SSH)


def _by_algorithm(data: bytes) -> tuple[str, str] | None:
    head = data[:_ALGORITHM_WITHIN]
    for identifier, name in _ALGORITHMS.items():
        if bytes.fromhex(identifier) in head:
            return name, _NEW_KEY
    return None


def _ed25519_error(data: bytes, what: str) -> FormatError:
    if what == "public key" and data.startswith(_PRIVATE_STARTS):
        message = f"{what}: expected an Ed25519 public key, got a private key"
        return UnsupportedVersionError(message, hint=_PRIVATE)
    if what == "private key" and data.startswith(bytes.fromhex("302a3005")):
        message = f"{what}: expected an Ed25519 private key, got a public key"
        return UnsupportedVersionError(message, hint=_PUBLIC)
    message = f"{what}: an Ed25519 key in DER, but not exactly of the shape of RFC 8410"
    return MalformedError(message, hint=_AGAIN)
