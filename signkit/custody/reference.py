"""Key references: which private key a person means.

    prod                a key of the store
    path/to/key.pem     a private key file, in any form
    file:path/to/key    the same, said outright
    pkcs11:token=...    a key on a token (RFC 7512)
    gpg:FINGERPRINT     a key of GnuPG, perhaps on a card
    mem:name            a key that a test holds in memory; the command line holds none

A scheme is a line of the one table below. A name of the store wins over a file of the same name in
the current folder: nothing is read from there that was not clearly named.

Spec: docs/formats/keys.md section 7.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from signkit.custody.guarded import GuardedSigner, read_clock
from signkit.custody.key_file import load_key_file
from signkit.custody.life import Register
from signkit.custody.memory import protect_process
from signkit.custody.signer import Backend, Clock, OpenedSigner, Secrets
from signkit.custody.software import SoftwareSigner
from signkit.custody.store import KeyStore, check_pair, check_private
from signkit.custody.token_uri import parse_token_uri
from signkit.errors import BackendUnavailableError, CustodyError, KeyNotFoundError, UsageError
from signkit.formats.key_evidence import CHALLENGE_SIZE, encode_key_evidence
from signkit.formats.private_key import PrivateKey
from signkit.verify.ed25519 import PublicKey

if TYPE_CHECKING:
    from signkit.custody.pkcs11 import TokenKey

_HINT = "signkit keys list shows the keys there are; a file is named by its path"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What opening a key needs besides the reference to it.

    Attributes:
        store: Where names are looked up.
        secrets: Gives the passphrase or PIN where one is needed.
        register: What the custody register says of the keys of this home.
        clock: What a key's validity is judged by.
        module: The PKCS#11 module, as the operator named it; never from a document.
        gnupg_home: Where GnuPG keeps its keys; None for the person's own.
        memory: The keys that `mem:` names.
    """

    store: KeyStore
    secrets: Secrets
    register: Register
    clock: Clock = read_clock
    module: Path | None = None
    gnupg_home: Path | None = None
    memory: Mapping[str, PrivateKey] = field(default_factory=dict)


def open_signer(reference: str, surroundings: Surroundings) -> OpenedSigner:
    """Open the private key that a reference means.

    From here on this process writes no core dump (`custody/memory.py`).

    Args:
        reference: A name of the store, a path, or a URI of a known scheme.
        surroundings: Where keys are looked for, and where their secrets come from.

    Raises:
        KeyNotFoundError: neither a key of the store nor a file.
        KeyStateError: the register says that it may not sign.
        CustodyError, FileError, FormatError: as `custody.key_file.load_key_file`.
    """
    protect_process()
    scheme, separator, rest = reference.partition(":")
    if separator and scheme in _SCHEMES:
        return _SCHEMES[scheme](rest, surroundings)
    if surroundings.store.has(reference):
        return _open_stored(reference, surroundings)
    if os.path.exists(reference):
        return _open_file(reference, surroundings)
    message = (
        f"no private key {reference!r:.200}: no such name in {surroundings.store.folder},"
        " and no such file"
    )
    raise KeyNotFoundError(message, hint=_HINT)


def _open_stored(name: str, surroundings: Surroundings) -> OpenedSigner:
    stored = check_private(surroundings.store.get(name))
    signer = load_key_file(
        stored.private_path,
        secrets=surroundings.secrets,
        register=surroundings.register,
        name=name,
        clock=surroundings.clock,
        expected=stored.public_key,
    )
    check_pair(stored, signer.public_key)
    return signer


def _open_file(path: str, surroundings: Surroundings) -> OpenedSigner:
    return load_key_file(
        Path(path),
        secrets=surroundings.secrets,
        register=surroundings.register,
        clock=surroundings.clock,
    )


def _open_memory(name: str, surroundings: Surroundings) -> OpenedSigner:
    key = surroundings.memory.get(name)
    if key is None:
        message = f"no private key 'mem:{name:.200}': such keys exist in tests only"
        raise KeyNotFoundError(message, hint=_HINT)
    return _guard(SoftwareSigner(key, name=f"mem:{name}"), surroundings)


def _open_token(rest: str, surroundings: Surroundings) -> OpenedSigner:
    return _guard(_open_token_key(rest, surroundings), surroundings)


def _open_gpg(rest: str, surroundings: Surroundings) -> OpenedSigner:
    from signkit.custody.gpg_key import open_gpg_key  # 40 ms that no other key needs

    key = open_gpg_key(rest, home=surroundings.gnupg_home, secrets=surroundings.secrets)
    return _guard(key, surroundings)


def _open_token_key(rest: str, surroundings: Surroundings) -> TokenKey:
    uri = parse_token_uri(rest)
    try:
        from signkit.custody.pkcs11 import open_token_key
    except ModuleNotFoundError as error:
        raise _no_pkcs11() from error
    return open_token_key(
        uri, module=surroundings.module, secrets=surroundings.secrets, name=f"pkcs11:{rest}"
    )


def _guard(key: Backend, surroundings: Surroundings) -> OpenedSigner:
    return GuardedSigner(key, register=surroundings.register, clock=surroundings.clock)


def attest_key(
    reference: str, surroundings: Surroundings, *, expected: PublicKey, challenge: bytes | None
) -> bytes:
    """Ask a token about a key, and have the key sign what it says.

    Args:
        reference: The key on the token, `pkcs11:...`.
        surroundings: As `open_signer`.
        expected: The key that it must be.
        challenge: 32 bytes that somebody chose, or None for random ones.

    Returns:
        A file of docs/formats/key-evidence.md.

    Raises:
        UsageError: the key is on no token.
        CustodyError: it is another key, or the token fails; as `custody.pkcs11.open_token_key`.
        TooLargeError: the token has more certificates than the format holds.
    """
    scheme, _, rest = reference.partition(":")
    if scheme != "pkcs11":
        message = f"expected a key on a token, pkcs11:..., got {reference!r:.200}"
        raise UsageError(message, hint="only a token can say how it keeps a key; a file cannot")
    protect_process()
    key = _open_token_key(rest, surroundings)
    if key.public_key != expected:
        message = (
            f"{key.name} is another key: expected keyid {expected.keyid},"
            f" got {key.public_key.keyid}"
        )
        raise CustodyError(message, hint="signkit keys show shows the keyid of either")
    return encode_key_evidence(
        key.report(),
        key,
        created=surroundings.clock(),
        challenge=os.urandom(CHALLENGE_SIZE) if challenge is None else challenge,
    )


def load_public_reference(reference: str, *, module: Path | None) -> PublicKey | None:
    """Return the public key of a key that lies in no file; None where the reference is to a file.

    Args:
        reference: As `open_signer`.
        module: The PKCS#11 module.

    Raises:
        CustodyError, MalformedError: as `custody.pkcs11.load_token_public_key`, or
            `custody.gpg_key.load_gpg_public_key`.
    """
    scheme, _, rest = reference.partition(":")
    if scheme == "gpg":
        from signkit.custody.gpg_key import load_gpg_public_key

        return load_gpg_public_key(rest)
    if scheme != "pkcs11":
        return None
    uri = parse_token_uri(rest)
    try:
        from signkit.custody.pkcs11 import load_token_public_key
    except ModuleNotFoundError as error:
        raise _no_pkcs11() from error
    return load_token_public_key(uri, module=module)


def refuse_export(name: str) -> NoReturn:
    """Refuse to write a private key that lies on a token, or that GnuPG holds.

    Raises:
        CustodyError: always.
    """
    message = f"the private key {name} stays where it is: signkit does not take keys out of a token"
    raise CustodyError(message, hint="--public writes its public key; a backup is the token's own")


def _no_pkcs11() -> BackendUnavailableError:
    message = "keys on tokens need python-pkcs11, which is not installed"
    return BackendUnavailableError(message, hint="pip install 'signkit[pkcs11]'")


_SCHEMES: dict[str, Callable[[str, Surroundings], OpenedSigner]] = {
    "file": _open_file,
    "gpg": _open_gpg,
    "mem": _open_memory,
    "pkcs11": _open_token,
}
