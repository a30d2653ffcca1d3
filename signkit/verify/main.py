"""`signkit verify`, `signkit-verify`, `python -m signkit.verify` and the pyz: one command.

It parses, calls the verdict once, prints, and maps errors to exit codes. argparse instead of typer:
a verdict on a small file must not wait for a command-line framework.
"""

from __future__ import annotations

import argparse
import errno
import os
import stat
import sys

from signkit.errors import (
    DocumentError,
    FileError,
    ResponseError,
    SignkitError,
    StatementError,
    TooLargeError,
    TrustError,
    UsageError,
    VerificationError,
)
from signkit.verify import limits
from signkit.verify.public_key import parse_public_key
from signkit.verify.trust import Role, load_trust
from signkit.verify.verdict import (
    Expectation,
    VerifiedStatement,
    release_roles,
    role_of_keys,
    statement_from_response,
    verify_content,
    verify_statement_by_any,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from signkit.verify.statement import Statement

_INTERRUPTED = 130
_REFUSALS: dict[str, type[DocumentError]] = {
    "response": ResponseError,
    "statement": StatementError,
    "trust root": TrustError,
}
_EPILOG = """\
exit codes: 0 verified · 2 usage · 3 malformed key file · 4 for something else · 8 file
10 content differs · 11 statement refused · 13 response refused · 14 trust root refused · 15 expired
16 too old · 17 too few keys"""


def main() -> int:
    """Run `signkit-verify` and return its exit code."""
    return run(sys.argv[1:], program="signkit-verify")


def run(arguments: Sequence[str], *, program: str) -> int:
    """Run one verification.

    Args:
        arguments: The command line without the program's name.
        program: The program's name, for messages.

    Returns:
        0 where everything verified, otherwise the error's exit code.
    """
    as_json = "--json" in arguments
    try:
        options = _parser(program).parse_args(arguments)
        verified = _verify(options)
    except SignkitError as error:
        return _fail(error, as_json=as_json)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except MemoryError:
        return _fail(VerificationError("could not check: out of memory"), as_json=as_json)
    return _say(options.file, verified, as_json=as_json)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        """Raise instead of printing: there is one way out of this command."""
        raise UsageError(message, hint=f"see {self.prog} --help")


def _formatter(prog: str) -> argparse.HelpFormatter:
    # A width of its own: measuring the terminal imports shutil, which a verdict need not pay for.
    return argparse.RawDescriptionHelpFormatter(prog, width=88)


def _parser(program: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=program,
        description="Verify content against its release statement: one verdict.",
        epilog=_EPILOG,
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("file", metavar="FILE", help="the content")
    add("--statement", metavar="S", help="its statement (default: FILE.statement.json)")
    add("--response", metavar="R", help="take the statement out of this response instead")
    add(
        "--key",
        action="append",
        default=[],
        metavar="PUBLIC",
        help="a public key that may sign (PEM, DER, raw base64 or hex); again for any of several",
    )
    add("--trust", metavar="T", help="a trust root that says who may sign")
    add("--artifact", metavar="NAME", help="refuse a statement for another artifact")
    add("--target", metavar="NAME", help="refuse a statement for another target")
    add("--floor", type=_sequence, default=0, metavar="N", help="the least sequence accepted")
    add("--allow-test-keys", action="store_true", help="trust keys that anybody can sign with")
    add("--json", action="store_true", help="print the verdict as JSON")
    return parser


def _sequence(text: str) -> int:
    most = len(str(limits.INTEGER_MAX))
    if not (text.isascii() and text.isdecimal() and len(text) <= most) or (
        int(text) > limits.INTEGER_MAX
    ):
        message = f"expected a whole number up to {limits.INTEGER_MAX}, got {text!r:.40}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _verify(options: argparse.Namespace) -> VerifiedStatement:
    if bool(options.key) == (options.trust is not None):
        message = "expected either --key or --trust"
        raise UsageError(message, hint="nothing is trusted by default; name a key or a trust root")
    if options.statement is not None and options.response is not None:
        message = "expected --statement or --response, got both"
        raise UsageError(message)
    expectation = Expectation(
        artifact=options.artifact, target=options.target, floor=options.floor, now=_now()
    )
    roles = _roles(options, now=expectation.now)
    content = _open(options.file)
    try:
        statement = _statement(options, expectation)
        verified = verify_statement_by_any(statement, roles=roles, expectation=expectation)
        verify_content(
            verified, lambda view: _read_into(content, view, options.file), name=options.file
        )
    finally:
        os.close(content)
    return verified


def _now() -> str:
    from time import gmtime, strftime

    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime())


def _roles(options: argparse.Namespace, *, now: str | None) -> tuple[Role, ...]:
    if options.trust is not None:
        return release_roles(
            load_trust(
                _read(options.trust, limit=limits.TRUST_SIZE, what="trust root"),
                allow_test_keys=options.allow_test_keys,
            ),
            now=now,
        )
    keys = tuple(
        parse_public_key(
            _read(path, limit=limits.KEY_FILE_SIZE, what="public key"),
            allow_test_keys=options.allow_test_keys,
        )
        for path in options.key
    )
    return (role_of_keys(keys),)


def _statement(options: argparse.Namespace, expectation: Expectation) -> bytes:
    if options.response is not None:
        data = _read(options.response, limit=limits.RESPONSE_SIZE, what="response")
        name = os.path.basename(options.file)
        return statement_from_response(data, name=name, expectation=expectation)
    path = options.statement
    if path is None:
        path = f"{options.file}.statement.json"
    return _read(path, limit=limits.STATEMENT_SIZE, what="statement")


def _open(path: str) -> int:
    """Open a regular file for reading; a FIFO cannot hang it, a device is refused."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = f"{path} cannot be opened: {reason}"
        raise FileError(message, hint="check the name and its permissions") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        message = f"{path} is not a regular file"
        raise FileError(message, hint="name the file itself")
    return descriptor


def _read(path: str, *, limit: int, what: str) -> bytes:
    descriptor = _open(path)
    try:
        size = os.fstat(descriptor).st_size
        if size > limit:
            raise _too_large(path, what, limit)
        pieces = []
        while piece := os.read(descriptor, limits.MIB):
            pieces.append(piece)
            if sum(map(len, pieces)) > limit:
                raise _too_large(path, what, limit)
        return b"".join(pieces)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise FileError(message) from None
    finally:
        os.close(descriptor)


def _too_large(path: str, what: str, limit: int) -> SignkitError:
    """Return the refusal of the document, or of the key file, before it is read."""
    message = f"{path} is too large for a {what}: expected at most {limit} bytes"
    refusal = _REFUSALS.get(what)
    return refusal(message, reason=TooLargeError.code) if refusal else TooLargeError(message)


def _read_into(descriptor: int, view: memoryview, path: str) -> int:
    try:
        return os.readv(descriptor, [view])
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise FileError(message) from None


def _say(path: str, verified: VerifiedStatement, *, as_json: bool) -> int:
    said = verified.statement
    if as_json:
        from json import dumps

        text = dumps(_describe(path, verified), indent=2)
    else:
        expires = said.expires or "never"
        keys = "\n          ".join(key.keyid for key in verified.signers)
        text = (
            f"verified: {_safe(path)}\n"
            f"artifact  {_safe(said.artifact)}\n"
            f"version   {_safe(said.version)}\n"
            f"target    {_safe(said.target)}\n"
            f"sequence  {said.sequence}\n"
            f"size      {said.size} bytes\n"
            f"SHA-256   {said.digest.hex()}\n"
            f"expires   {expires}\n"
            f"keyid     {keys}"
        )
    try:
        _write(sys.stdout, f"{text}\n")
    except OSError as error:
        # A verdict that nobody gets is none.
        message = f"the verdict cannot be written: {error.strerror}"
        return _fail(FileError(message, hint="see where the output goes"), as_json=as_json)
    return 0


def _describe(path: str, verified: VerifiedStatement) -> dict[str, object]:
    said: Statement = verified.statement
    return {
        "verified": True,
        "file": path,
        "name": said.name,
        "artifact": said.artifact,
        "version": said.version,
        "target": said.target,
        "sequence": said.sequence,
        "size": said.size,
        "digest": {"sha256": said.digest.hex()},
        "issued": said.issued,
        "expires": said.expires,
        "keyids": [key.keyid for key in verified.signers],
    }


def _fail(error: SignkitError, *, as_json: bool) -> int:
    if as_json:
        from json import dumps

        value = {"verified": False, "error": str(error), "code": error.code, "hint": error.hint}
        if isinstance(error, DocumentError):
            value["reason"] = error.reason
        text = f"{dumps(value)}\n"
    else:
        text = f"error: {_safe(str(error))}\n"
        if error.hint:
            text += f"hint: {_safe(error.hint)}\n"
    try:
        _write(sys.stderr, text)
    except OSError:
        return error.exit_code  # nobody reads it; the exit code says it all the same
    return error.exit_code


def _write(stream: TextIO | None, text: str) -> None:
    """Write a text whole; what the stream's encoding lacks is escaped."""
    if stream is None:  # closed before this process began
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    stream.reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]
    stream.write(text)
    stream.flush()


def _safe(text: str) -> str:
    r"""Show text from outside: every unprintable character as \u{hex}."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in text)
