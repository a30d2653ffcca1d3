"""Other tools as judges of key files: each reads one and says whose key it is. TEST ONLY."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

PASSPHRASE = "correct horse battery"
Judge = Callable[[Path], bytes]
# The program, and the Debian package that has it.
PACKAGES = {
    "openssl": "openssl",
    "ssh-keygen": "openssh-client",
    "minisign": "minisign",
    "signify-openbsd": "signify-openbsd",
    "node": "nodejs",
    "gpg": "gnupg",
}


class RefusedError(Exception):
    """A tool does not take the file."""


def has(program: str) -> bool:
    """Say whether a program is installed."""
    return shutil.which(program) is not None


def run(*arguments: str | Path, stdin: str = "", env: dict[str, str] | None = None) -> bytes:
    """Run a program, and return its stdout."""
    done = subprocess.run(
        list(map(str, arguments)),
        input=stdin.encode(),
        capture_output=True,
        check=False,
        env={**os.environ, **(env or {})},
        timeout=120,
    )
    if done.returncode:
        raise RefusedError(f"{arguments[0]}: {done.stderr.decode(errors='replace').strip()[-200:]}")
    return done.stdout


# Public keys: the raw key as the tool reads it, or a signature that the tool verifies.


def openssl_public(path: Path, form: str) -> bytes:
    """Return what openssl reads."""
    return run("openssl", "pkey", "-pubin", "-inform", form, "-in", path, "-outform", "DER")[-32:]


def ssh_public(path: Path) -> bytes:
    """Return what ssh-keygen reads; it must take the line and find this key's fingerprint."""
    blob = b64decode(path.read_text().split()[1])
    shown = b64encode(sha256(blob).digest()).decode().rstrip("=")
    said = run("ssh-keygen", "-l", "-f", path).decode()
    if f"256 SHA256:{shown} " not in said or "(ED25519)" not in said:
        raise RefusedError(said)
    return blob[-32:]


def node_public(path: Path) -> bytes:
    """Return what node reads from a JWK."""
    program = (
        "const c=require('crypto'),k=c.createPublicKey({format:'jwk',"
        "key:JSON.parse(require('fs').readFileSync(process.argv[1]))});"
        "process.stdout.write(k.export({format:'der',type:'spki'}))"
    )
    return run("node", "-e", program, path)[-32:]


def gpg_public(path: Path) -> bytes:
    """Return what gpg reads: the point of the first key's record."""
    home = path.parent / "gnupg"
    home.mkdir(mode=0o700, exist_ok=True)
    environment = {"GNUPGHOME": str(home)}
    said = run(
        "gpg", "--batch", "--with-colons", "--with-key-data", "--show-keys", path, env=environment
    ).decode()
    point = re.search(r"^pkd:1:263:40([0-9A-F]{64}):", said, re.MULTILINE)
    if point is None:
        raise RefusedError("gpg: no point of an Ed25519 key")
    return bytes.fromhex(point[1])


# minisign and signify never say the key: their public file is judged by a signature that they made
# with a private file of their own (`signed`), and a private one by a signature that PyNaCl verifies.


def minisign_sign(path: Path, message: Path, passphrase: bool) -> bytes:
    """Return the 64 bytes that minisign signs a message with."""
    out = path.with_suffix(".minisig")
    out.unlink(missing_ok=True)
    secret = PASSPHRASE + "\n" if passphrase else ""
    open_key = [] if passphrase else ["-W"]
    run("minisign", "-S", "-l", *open_key, "-s", path, "-m", message, "-x", out, stdin=secret)
    return b64decode(out.read_text().splitlines()[1])[10:]


def minisign_verify(public: Path, message: Path, signature: Path) -> None:
    """Have minisign verify."""
    run("minisign", "-V", "-q", "-p", public, "-m", message, "-x", signature)


def signify_sign(path: Path, message: Path, passphrase: bool) -> bytes:
    """Return the 64 bytes that signify signs a message with."""
    named = path.with_name("signed.sec")  # it asks for this ending
    shutil.copyfile(path, named)
    out = path.with_name("signed.sig")
    secret = PASSPHRASE + "\n" if passphrase else ""
    run("signify-openbsd", "-S", "-s", named, "-m", message, "-x", out, stdin=secret)
    return b64decode(out.read_text().splitlines()[1])[10:]


def signify_verify(public: Path, message: Path, signature: Path) -> None:
    """Have signify verify."""
    named = public.with_name("verifying.pub")
    shutil.copyfile(public, named)
    run("signify-openbsd", "-V", "-q", "-p", named, "-m", message, "-x", signature)


# Private keys: the public key that the tool derives.


def openssl_private(path: Path, form: str, passphrase: bool = False) -> bytes:
    """Return the public key that openssl derives."""
    secret = ("-passin", f"pass:{PASSPHRASE}") if passphrase else ()
    command = ("openssl", "pkey", "-inform", form, "-in", path, *secret)
    return run(*command, "-pubout", "-outform", "DER")[-32:]


def ssh_private(path: Path, passphrase: bool = False) -> bytes:
    """Return the public key that ssh-keygen derives."""
    secret = PASSPHRASE if passphrase else ""
    path.chmod(0o600)
    line = run("ssh-keygen", "-y", "-P", secret, "-f", path)
    # -y prints the copy in the file's open part; a change of passphrase makes it read the rest.
    copy = path.with_name("again")
    shutil.copyfile(path, copy)
    copy.chmod(0o600)
    run("ssh-keygen", "-q", "-p", "-P", secret, "-N", "", "-f", copy)
    if run("ssh-keygen", "-y", "-P", "", "-f", copy).split()[1] != line.split()[1]:
        raise RefusedError("ssh-keygen: another key after a change of passphrase")
    return b64decode(line.split()[1])[-32:]


def node_private(path: Path) -> bytes:
    """Return the public key that node derives from a JWK."""
    program = (
        "const c=require('crypto'),k=c.createPrivateKey({format:'jwk',"
        "key:JSON.parse(require('fs').readFileSync(process.argv[1]))});"
        "process.stdout.write(c.createPublicKey(k).export({format:'der',type:'spki'}))"
    )
    return run("node", "-e", program, path)[-32:]
