"""Keys to convert, each made by the tool that owns its form. TEST ONLY."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from tests.support.key_formats.tools import PASSPHRASE, run

_PREFIX = 16  # bytes of PKCS#8 before the seed
_V2 = bytes.fromhex("3051020101300506032b657004220420")


@dataclass(frozen=True, kw_only=True)
class Source:
    """A key file.

    Attributes:
        path: The file.
        public: The raw public key, as the tool that made it says.
        seed: The private bytes, or b"" where only the tool can get at them.
    """

    path: Path
    public: bytes
    seed: bytes = b""


Make = Callable[[Path], Source]


def openssl_pair(folder: Path) -> tuple[bytes, bytes, bytes]:
    """Return the PEM of a new key of openssl, its seed, and its public key."""
    pem = run("openssl", "genpkey", "-algorithm", "Ed25519")
    der = run("openssl", "pkey", "-outform", "DER", stdin=pem.decode())
    public = run("openssl", "pkey", "-pubout", "-outform", "DER", stdin=pem.decode())
    return pem, der[_PREFIX:], public[-32:]


def written(folder: Path, data: bytes, public: bytes, seed: bytes = b"") -> Source:
    """Write a file that only its owner reads."""
    path = folder / "source"
    path.write_bytes(data)
    path.chmod(0o600)
    return Source(path=path, public=public, seed=seed)


def of_openssl(*options: str, public: bool = False) -> Make:
    """Return a key that openssl writes with options."""

    def make(folder: Path) -> Source:
        pem, seed, raw = openssl_pair(folder)
        command = ["openssl", *(["pkey", "-pubout"] if public else []), *options]
        return written(folder, run(*command, stdin=pem.decode()), raw, seed)

    return make


def of_bytes(encode: Callable[[bytes, bytes], bytes]) -> Make:
    """Return a key of openssl's, encoded as no tool does by itself."""

    def make(folder: Path) -> Source:
        _, seed, raw = openssl_pair(folder)
        return written(folder, encode(seed, raw), raw, seed)

    return make


def of_ssh(*, passphrase: bool = False, public: bool = False) -> Make:
    """Return a key of ssh-keygen."""

    def make(folder: Path) -> Source:
        path = folder / "source"
        secret = PASSPHRASE if passphrase else ""
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", secret, "-C", "me@here", "-f", path)
        line = path.with_suffix(".pub")
        raw = b64decode(line.read_text().split()[1])[-32:]
        if not public:
            return Source(path=path, public=raw)
        key = load_ssh_private_key(path.read_bytes(), None)
        return Source(path=line, public=raw, seed=key.private_bytes_raw())  # type: ignore[union-attr]

    return make


def of_minisign(*, passphrase: bool = False, public: bool = False) -> Make:
    """Return a key of minisign."""

    def make(folder: Path) -> Source:
        path, line = folder / "source", folder / "source.pub"
        secret = f"{PASSPHRASE}\n{PASSPHRASE}\n" if passphrase else ""
        open_key = [] if passphrase else ["-W"]
        run("minisign", "-G", *open_key, "-s", path, "-p", line, stdin=secret)
        path.chmod(0o600)
        raw = b64decode(line.read_text().splitlines()[1])[10:]
        seed = b"" if passphrase else b64decode(path.read_text().splitlines()[1])[62:94]
        return Source(path=line if public else path, public=raw, seed=seed)

    return make


def of_signify(*, passphrase: bool = False, public: bool = False) -> Make:
    """Return a key of signify."""

    def make(folder: Path) -> Source:
        path, line = folder / "source.sec", folder / "source.pub"
        secret = f"{PASSPHRASE}\n{PASSPHRASE}\n" if passphrase else ""
        open_key = [] if passphrase else ["-n"]
        run("signify-openbsd", "-G", *open_key, "-s", path, "-p", line, stdin=secret)
        raw = b64decode(line.read_text().splitlines()[1])[10:]
        seed = b"" if passphrase else b64decode(path.read_text().splitlines()[1])[40:72]
        return Source(path=line if public else path, public=raw, seed=seed)

    return make


def of_node(*, public: bool = False) -> Make:
    """Return a JWK of node."""

    def make(folder: Path) -> Source:
        program = (
            "const {privateKey:k}=require('crypto').generateKeyPairSync('ed25519');"
            "process.stdout.write(JSON.stringify(k.export({format:'jwk'})))"
        )
        members = json.loads(run("node", "-e", program))
        seed, raw = (_url_decode(members[name]) for name in ("d", "x"))
        if public:
            del members["d"]
        return written(folder, json.dumps(members).encode(), raw, seed)

    return make


def _url_decode(text: str) -> bytes:
    return b64decode(text.replace("-", "+").replace("_", "/") + "=")


def of_gpg(*, armor: bool) -> Make:
    """Return a public key of gpg."""

    def make(folder: Path) -> Source:
        home = folder / "gnupg"
        home.mkdir(mode=0o700)
        gpg = ["gpg", "--batch", "--homedir", str(home), "--pinentry-mode", "loopback"]
        name = "TEST ONLY <test@example.org>"
        run(*gpg, "--passphrase", "", "--quick-gen-key", name, "ed25519", "sign", "never")
        secret = run(*gpg, "--passphrase", "", "--export-secret-keys")
        run("gpgconf", "--homedir", home, "--kill", "all")
        # The first packet: 2 bytes of head, 51 of public key, no encryption, an MPI, a checksum.
        body = secret[2 : 2 + secret[1]]
        seed = body[54:-2].rjust(32, b"\0")
        data = run(*gpg, *(["--armor"] if armor else []), "--export")
        return written(folder, data, body[19:51], seed)

    return make


def pkcs8_v2(seed: bytes, public: bytes) -> bytes:
    """Encode as ed25519-dalek does."""
    return _V2 + seed + bytes.fromhex("812100") + public


SCRYPT = ("pkcs8", "-topk8", "-scrypt", "-passout", f"pass:{PASSPHRASE}")
PBKDF2 = ("pkcs8", "-topk8", "-iter", "600000", "-passout", f"pass:{PASSPHRASE}")
# Name, the tool that makes it, whether a passphrase opens it, and how it is made.
PRIVATE: tuple[tuple[str, str, bool, Make], ...] = (
    ("pem", "openssl", False, of_openssl("pkey")),
    ("pem, scrypt", "openssl", True, of_openssl(*SCRYPT)),
    ("pem, pbkdf2", "openssl", True, of_openssl(*PBKDF2)),
    ("der", "openssl", False, of_openssl("pkey", "-outform", "DER")),
    ("der, version 2", "openssl", False, of_bytes(pkcs8_v2)),
    ("raw", "openssl", False, of_bytes(lambda seed, _: b64encode(seed))),
    ("hex", "openssl", False, of_bytes(lambda seed, _: seed.hex().encode())),
    ("raw64", "openssl", False, of_bytes(lambda seed, public: b64encode(seed + public))),
    ("hex64", "openssl", False, of_bytes(lambda seed, public: (seed + public).hex().encode())),
    ("openssh", "ssh-keygen", False, of_ssh()),
    ("openssh, bcrypt", "ssh-keygen", True, of_ssh(passphrase=True)),
    ("minisign", "minisign", False, of_minisign()),
    ("minisign, scrypt", "minisign", True, of_minisign(passphrase=True)),
    ("signify", "signify-openbsd", False, of_signify()),
    ("signify, bcrypt", "signify-openbsd", True, of_signify(passphrase=True)),
    ("jwk", "node", False, of_node()),
)
PUBLIC: tuple[tuple[str, str, Make], ...] = (
    ("pem", "openssl", of_openssl(public=True)),
    ("der", "openssl", of_openssl("-outform", "DER", public=True)),
    ("raw", "openssl", of_bytes(lambda _, public: b64encode(public))),
    ("hex", "openssl", of_bytes(lambda _, public: public.hex().encode())),
    ("openssh", "ssh-keygen", of_ssh(public=True)),
    ("minisign", "minisign", of_minisign(public=True)),
    ("signify", "signify-openbsd", of_signify(public=True)),
    ("jwk", "node", of_node(public=True)),
    ("openpgp", "gpg", of_gpg(armor=False)),
    ("openpgp, armor", "gpg", of_gpg(armor=True)),
)
