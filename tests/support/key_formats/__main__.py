"""Print the format matrix: `scripts/key-formats`."""

from __future__ import annotations

import argparse
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from hashlib import sha256
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from signkit.cli.keys_convert import convert
from signkit.errors import SignkitError
from signkit.formats.display import format_table
from signkit.formats.key_form import KeyForm
from tests.support.key_formats import tools
from tests.support.key_formats.sources import PRIVATE, PUBLIC, Make, Source
from tests.support.key_formats.tools import PACKAGES, PASSPHRASE, RefusedError, has

MESSAGE = b"signkit format matrix\n"
NOT_WRITTEN = "(a)"
LEGEND = """\
ok   signkit keys convert made it, and the tool that owns the form found the same key in it
(a)  not possible: an OpenPGP key carries a signature by its own private half, which gpg makes; and
     OpenPGP private keys stay with gpg, so none is read either"""

# Whether a file holds this key; raises RefusedError where its tool does not take it.
Check = Callable[[Path, Source], None]
Column = tuple[str, str, KeyForm, bool, Check]


def same_key(judge: tools.Judge) -> Check:
    """Check that a tool reads the key that was meant."""

    def check(path: Path, source: Source) -> None:
        if judge(path) != source.public:
            raise RefusedError("another key")

    return check


def signs(sign: Callable[[Path, Path, bool], bytes], *, passphrase: bool) -> Check:
    """Check that what a tool signs verifies under the key that was meant."""

    def check(path: Path, source: Source) -> None:
        message = path.with_name("message")
        message.write_bytes(MESSAGE)
        try:
            VerifyKey(source.public).verify(MESSAGE, sign(path, message, passphrase))
        except BadSignatureError:
            raise RefusedError("signs for another key") from None

    return check


def verifies(verify: Callable[[Path, Path, Path], None]) -> Check:
    """Check that a tool accepts a signature by the key that was meant, and no altered one."""

    def check(path: Path, source: Source) -> None:
        message, signature = path.with_name("message"), path.with_name("signature")
        message.write_bytes(MESSAGE)
        number = sha256(source.public).digest()[:8]
        made = SigningKey(source.seed).sign(MESSAGE).signature
        trusted = b"timestamp:0"
        both = SigningKey(source.seed).sign(made + trusted).signature
        lines = [
            b"untrusted comment: x",
            b64encode(b"Ed" + number + made),
            b"trusted comment: " + trusted,
            b64encode(both),
        ]
        kept = lines if verify is tools.minisign_verify else lines[:2]
        signature.write_bytes(b"\n".join([*kept, b""]))
        verify(path, message, signature)
        message.write_bytes(MESSAGE + b"x")
        try:
            verify(path, message, signature)
        except RefusedError:
            return
        raise RefusedError("verifies anything")

    return check


def plain_bytes(decode: Callable[[bytes], bytes], *, private: bool) -> Check:
    """Check a form that is nothing but bytes; openssl reads them behind a fixed prefix."""

    def check(path: Path, source: Source) -> None:
        raw = decode(path.read_bytes().removesuffix(b"\n"))
        if private:
            if len(raw) == 64 and raw[32:] != source.public:
                raise RefusedError("the wrong public half")
            der = bytes.fromhex("302e020100300506032b657004220420") + raw[:32]
        else:
            der = bytes.fromhex("302a300506032b6570032100") + raw
        path.write_bytes(der)
        judge = tools.openssl_private if private else tools.openssl_public
        same_key(lambda file: judge(file, "DER"))(path, source)

    return check


def unhex(data: bytes) -> bytes:
    """Decode hex."""
    return bytes.fromhex(data.decode("ascii"))


PRIVATE_COLUMNS: tuple[Column, ...] = (
    ("pem", "openssl", KeyForm.PEM, False, same_key(lambda p: tools.openssl_private(p, "PEM"))),
    (
        "+scrypt",
        "openssl",
        KeyForm.PEM,
        True,
        same_key(lambda p: tools.openssl_private(p, "PEM", passphrase=True)),
    ),
    ("der", "openssl", KeyForm.DER, False, same_key(lambda p: tools.openssl_private(p, "DER"))),
    ("raw", "openssl", KeyForm.RAW, False, plain_bytes(b64decode, private=True)),
    ("hex", "openssl", KeyForm.HEX, False, plain_bytes(unhex, private=True)),
    ("raw64", "openssl", KeyForm.RAW64, False, plain_bytes(b64decode, private=True)),
    ("hex64", "openssl", KeyForm.HEX64, False, plain_bytes(unhex, private=True)),
    ("openssh", "ssh-keygen", KeyForm.OPENSSH, False, same_key(tools.ssh_private)),
    (
        "+bcrypt",
        "ssh-keygen",
        KeyForm.OPENSSH,
        True,
        same_key(lambda p: tools.ssh_private(p, passphrase=True)),
    ),
    (
        "minisign",
        "minisign",
        KeyForm.MINISIGN,
        False,
        signs(tools.minisign_sign, passphrase=False),
    ),
    ("+scrypt", "minisign", KeyForm.MINISIGN, True, signs(tools.minisign_sign, passphrase=True)),
    (
        "signify",
        "signify-openbsd",
        KeyForm.SIGNIFY,
        False,
        signs(tools.signify_sign, passphrase=False),
    ),
    (
        "+bcrypt",
        "signify-openbsd",
        KeyForm.SIGNIFY,
        True,
        signs(tools.signify_sign, passphrase=True),
    ),
    ("jwk", "node", KeyForm.JWK, False, same_key(tools.node_private)),
)
PUBLIC_COLUMNS: tuple[Column, ...] = (
    ("pem", "openssl", KeyForm.PEM, False, same_key(lambda p: tools.openssl_public(p, "PEM"))),
    ("der", "openssl", KeyForm.DER, False, same_key(lambda p: tools.openssl_public(p, "DER"))),
    ("raw", "openssl", KeyForm.RAW, False, plain_bytes(b64decode, private=False)),
    ("hex", "openssl", KeyForm.HEX, False, plain_bytes(unhex, private=False)),
    ("openssh", "ssh-keygen", KeyForm.OPENSSH, False, same_key(tools.ssh_public)),
    ("minisign", "minisign", KeyForm.MINISIGN, False, verifies(tools.minisign_verify)),
    ("signify", "signify-openbsd", KeyForm.SIGNIFY, False, verifies(tools.signify_verify)),
    ("jwk", "node", KeyForm.JWK, False, same_key(tools.node_public)),
)


class Matrix:
    """The cells, and what went wrong in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: list[str] = []
        self.missing: set[str] = set()
        self._secret = folder / "secret"
        self._secret.write_text(PASSPHRASE)
        self._secret.chmod(0o600)
        self._count = 0

    def row(
        self, name: str, tool: str, make: Make, columns: tuple[Column, ...], *, private: bool
    ) -> list[str]:
        """Make one key, and convert it into every form."""
        if not has(tool):
            self.missing.add(tool)
            return [name, *["missing"] * len(columns)]
        source = make(self._new_folder())
        return [name, *(self._cell(name, source, column, private=private) for column in columns)]

    def _cell(self, name: str, source: Source, column: Column, *, private: bool) -> str:
        to, tool, form, encrypted, check = column
        if not has(tool):
            self.missing.add(tool)
            return "missing"
        out = self._new_folder() / "out"
        said = StringIO()
        try:
            with redirect_stdout(said), redirect_stderr(said):
                convert(
                    str(source.path),
                    to=form,
                    private=private,
                    encrypt=encrypted,
                    reveal_private=private and not encrypted,
                    out=out,
                    passphrase_file=self._secret,
                    new_passphrase_file=self._secret,
                )
            check(out, source)
        except (RefusedError, SignkitError) as error:
            self.faults.append(f"{name} -> {to} ({form}): {error}")
            return "FAILED"
        return "ok"

    def _new_folder(self) -> Path:
        self._count += 1
        folder = self.folder / str(self._count)
        folder.mkdir(mode=0o700)
        return folder


def main() -> int:
    """Fill and print both tables; 1 where a cell is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="no encrypted minisign files")
    options = parser.parse_args()
    rows, columns = list(PRIVATE), PRIVATE_COLUMNS
    if options.quick:
        rows = [row for row in rows if row[:3:2] != ("minisign, scrypt", True)]
        columns = tuple(each for each in columns if each[2:4] != (KeyForm.MINISIGN, True))
    with TemporaryDirectory() as folder:
        matrix = Matrix(Path(folder))
        private = [
            matrix.row(name, tool, make, columns, private=True) for name, tool, _, make in rows
        ]
        public = [
            [*matrix.row(name, tool, make, PUBLIC_COLUMNS, private=False), NOT_WRITTEN]
            for name, tool, make in PUBLIC
        ]
    print(format_table(("PRIVATE, from / to", *(each[0] for each in columns)), private), "\n")
    header = ("PUBLIC, from / to", *(each[0] for each in PUBLIC_COLUMNS), "openpgp")
    print(format_table(header, public), "\n")
    print(LEGEND)
    for tool in sorted(matrix.missing):
        print(f"missing: {tool}; on Debian and Ubuntu: apt install {PACKAGES[tool]}")
    print(
        f"{sum(row.count('ok') for row in private + public)} conversions, {len(matrix.faults)} wrong"
    )
    for fault in matrix.faults:
        print(f"FAILED: {fault}", file=sys.stderr)
    return 1 if matrix.faults else 0


if __name__ == "__main__":
    sys.exit(main())
