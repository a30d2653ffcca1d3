"""Signature files in every form, built by hand from the specifications. TEST ONLY."""

from __future__ import annotations

import textwrap
from base64 import b64encode
from hashlib import blake2b, sha512

from tests.support.keys import PROD, KeyOfTest

MESSAGE = b"Hello, Binary\n"


def ssh_string(*parts: bytes) -> bytes:
    """Each part with its length before it (RFC 4251)."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def sshsig(message: bytes, key: KeyOfTest = PROD, *, namespace: bytes = b"file") -> bytes:
    """An SSHSIG as `ssh-keygen -Y sign` writes it."""
    hashed = sha512(message).digest()
    signature = key.sign(b"SSHSIG" + ssh_string(namespace, b"", b"sha512", hashed))
    public = ssh_string(b"ssh-ed25519", key.public_key.raw)
    return sshsig_file(
        (1).to_bytes(4, "big")
        + ssh_string(public, namespace, b"", b"sha512", ssh_string(b"ssh-ed25519", signature))
    )


def sshsig_file(blob: bytes) -> bytes:
    """The armor round what follows the magic."""
    lines = textwrap.wrap(b64encode(b"SSHSIG" + blob).decode(), 70)
    return "\n".join(
        ["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""]
    ).encode()


def minisign(message: bytes, key: KeyOfTest = PROD, *, algorithm: bytes = b"Ed") -> bytes:
    """A minisign file; `ED` signs the hash of the message."""
    signature = key.sign(message if algorithm == b"Ed" else blake2b(message).digest())
    comment = b"timestamp:1"
    line = b64encode(algorithm + b"12345678" + signature)
    whole = b64encode(key.sign(signature + comment))
    return b"untrusted comment: x\n%b\ntrusted comment: %b\n%b\n" % (line, comment, whole)


def signify(message: bytes, key: KeyOfTest = PROD) -> bytes:
    """A signify file."""
    line = b64encode(b"Ed" + b"12345678" + key.sign(message))
    return b"untrusted comment: x\n" + line + b"\n"


def signature_files(message: bytes = MESSAGE, key: KeyOfTest = PROD) -> dict[str, bytes]:
    """One file for each form, by its name."""
    raw = key.sign(message)
    return {
        "raw": raw,
        "hex": raw.hex().encode() + b"\n",
        "base64": b64encode(raw) + b"\n",
        "minisign": minisign(message, key),
        "signify": signify(message, key),
        "minisign prehashed": minisign(message, key, algorithm=b"ED"),
        "sshsig": sshsig(message, key),
    }
