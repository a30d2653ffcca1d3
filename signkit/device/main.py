"""`signkit verify`, `signkit-verify`, `python -m signkit.verify` and the pyz: one command.

It parses, calls the verdict once for each file, prints, and maps errors to exit codes. Its options are
one table, read by hand: a verdict on a small file must not wait for a command-line framework.

Controls: SK-VERIFY-ALONE (docs/design/assurance.md).
"""

from __future__ import annotations

import errno
import os
import sys

from signkit.device import files
from signkit.device.judge import Judge, Verdict, judge_files
from signkit.errors import DocumentError, FileError, SignkitError, UsageError, VerificationError
from signkit.verify import limits
from signkit.verify.encoding import check_time
from signkit.verify.public_key import parse_public_key
from signkit.verify.trust import Role, load_trust
from signkit.verify.verdict import Expectation, latest, release_roles, role_of_keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import NoReturn, TextIO

    from signkit.device.offer import Fetcher, Offer
    from signkit.device.state import State
    from signkit.verify.verdict import VerifiedStatement

    FromResponse = Callable[..., bytes]
    Commit = Callable[[list[VerifiedStatement]], State | None]

_INTERRUPTED = 130
# Option: what its value is called (empty for a flag, ... for one that may be given again), and help.
_OPTIONS = {
    "--key": (
        "PUBLIC...",
        "a public key that may sign (PEM, DER, raw base64 or hex); any of several",
    ),
    "--trust": ("T", "a trust root that says who may sign"),
    "--state": ("S", "what this device remembers: trust root, floors, newest time"),
    "--init": ("", "make that state from FILE, the device's first trust root"),
    "--update": ("", "follow the trust roots FILE..., one version after the other, all or none"),
    "--keep-floor": ("", "do not write the state"),
    "--least-revision": ("N", "refuse a state that was written before its revision N"),
    "--statement": ("S", "its statement (default: FILE.statement.json)"),
    "--response": ("R", "take the statement out of this response instead (`signkit verify` only)"),
    "--artifact": ("NAME", "refuse a statement for another artifact"),
    "--target": ("NAME", "refuse a statement for another target"),
    "--floor": ("N", "the least sequence accepted"),
    "--allow-downgrade": ("PERMIT...", "accept an older release that a signed permit names"),
    "--now": ("TIME", "the time, instead of this machine's clock; none: there is no clock"),
    "--signature": ("HEX...", "the registry's signature must verify as well; by any of several"),
    "--manifest": ("M", "find FILE, its statement and signatures in the registry's manifest"),
    "--no-statement": ("", "the registry's signatures alone: no artifact, target, order or expiry"),
    "--files-from": ("LIST", "more files: paths, one a line, or NUL-separated"),
    "--output": ("PATH", "copy FILE there, or several into a new folder, after the verdict"),
    "--force": ("", "let --output replace a file"),
    "--allow-test-keys": ("", "trust keys that anybody can sign with"),
    "--json": ("", "print the verdict as JSON"),
    "--help": ("", "print this; it ends with 2, because nothing was verified"),
}
_SOURCES = {"--statement", "--response", "--manifest", "--from"}
_MODES = {"--init", "--update", "--keep-floor"}
_ROOT_MODES = {"--init", "--update"}
_BESIDE_A_ROOT = {"--state", "--now", "--least-revision", "--allow-test-keys", "--json"}
_INSTEAD_OF_FILES = {"--files-from", "--from"}
_OF_ONE = {"--statement", "--signature", "--init"}
_DEMANDS = {"--artifact", "--target", "--floor", "--state", "--allow-downgrade", "--statement"}
# What is said of a file, or of a state, in this order.
_LABELS = {
    "file": "verified:",
    "artifact": "artifact",
    "version": "version",
    "target": "target",
    "sequence": "sequence",
    "size": "size",
    "digest": "SHA-256",
    "expires": "expires",
    "keyids": "keyid",
    "registry_keyids": "registry",
    "revision": "revision",
    "trust": "trust",
    "newest": "newest",
}
_EXIT_CODES = """\
exit codes: 0 verified, and nothing else · 2 usage · 3 malformed key or signature · 4 not authentic, or
for something else · 8 file · 10 content differs · 11 statement refused · 14 trust root refused
15 expired · 16 too old · 17 too few keys · 20 state refused"""


def main() -> int:
    """Run `signkit-verify` and return its exit code."""
    return run(sys.argv[1:], program="signkit-verify")


def run(
    arguments: Sequence[str],
    *,
    program: str,
    from_response: FromResponse | None = None,
    fetcher: Fetcher | None = None,
) -> int:
    """Run one verification.

    Args:
        arguments: The command line without the program's name.
        program: The program's name, for messages.
        from_response: `statement_from_response`, where there is one: devices carry none.
        fetcher: Fetches content, where there is one: devices carry none.

    Returns:
        0 where everything verified, otherwise the error's exit code.
    """
    as_json = "--json" in arguments
    try:
        rows = {**_OPTIONS, **fetcher.rows} if fetcher else _OPTIONS
        options = _Options(arguments, rows)
        if options.has("--help"):
            return _show_help(program, rows)
        _check_usage(options, rows)
        if fetcher and options.has("--from"):
            with fetcher.open(options) as find:
                said = _run(options, from_response, find())
        else:
            said = _run(options, from_response, None)
        _write(sys.stdout, _render(said, as_json=as_json))
    except SignkitError as error:
        return _fail(error, as_json=as_json)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except MemoryError:
        return _fail(VerificationError("could not check: out of memory"), as_json=as_json)
    except OSError as error:
        # A verdict that nobody gets is none.
        message = f"the verdict cannot be written: {error.strerror}"
        return _fail(FileError(message, hint="see where the output goes"), as_json=as_json)
    return 0


class _Options:
    """The command line, read from left to right.

    Raises:
        UsageError: an unknown option, one given twice, or one without its value.
    """

    def __init__(self, arguments: Sequence[str], rows: Mapping[str, tuple[str, str]]) -> None:
        self._rows = rows
        self._values: dict[str, list[str]] = {}
        self.files: list[str] = []
        rest = iter(arguments)
        for word in rest:
            if word == "--":
                self.files += rest
            elif word.startswith("-"):
                self._read(word, rest)
            else:
                self.files.append(word)

    def _read(self, word: str, rest: Iterator[str]) -> None:
        name, equals, value = word.partition("=")
        if name not in self._rows:
            _misused(f"unknown option {name!r:.80}")
        called = self._rows[name][0]
        if called and not equals:
            value = next(rest, "--")
            if value.startswith("--"):
                _misused(f"expected a value after {name}")
        elif equals and not called:
            _misused(f"expected no value after {name}")
        if name in self._values and not called.endswith("..."):
            _misused(f"expected {name} once")
        self._values.setdefault(name, []).append(value)

    def has(self, *names: str) -> bool:
        return any(name in self._values for name in names)

    def all(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def one(self, name: str) -> str | None:
        return self.all(name)[0] if self.has(name) else None

    def number(self, name: str) -> int:
        text = self.one(name) or "0"
        most = str(limits.INTEGER_MAX)
        if (
            not (text.isascii() and text.isdecimal())
            or len(text) > len(most)
            or (int(text) > limits.INTEGER_MAX)
        ):
            _misused(f"{name}: expected a whole number up to {most}, got {text!r:.40}")
        return int(text)


def _misused(message: str) -> NoReturn:
    raise UsageError(message, hint="see --help")


def _show_help(program: str, rows: Mapping[str, tuple[str, str]]) -> int:
    lines = [f"usage: {program} FILE... (--key PUBLIC | --trust T | --state S) [OPTION]...", ""]
    for name, (called, text) in rows.items():
        lines.append(f"  {f'{name} {called}'.replace('...', ''):26} {text}")
    _write(sys.stdout, "\n".join([*lines, "", _EXIT_CODES, ""]))
    return UsageError.exit_code


def _now(options: _Options) -> str | None:
    """Return the time that this device knows of by itself, or None."""
    text = options.one("--now")
    if text == "none":
        return None
    if text is not None:
        try:
            return check_time(text, what="--now")
        except SignkitError as error:
            _misused(f"{error}, or none")
    from time import gmtime, strftime

    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime())


def _run(
    options: _Options, from_response: FromResponse | None, offer: Offer | None
) -> dict[str, object]:
    """Do what was asked, and return what is said of it."""
    path = options.one("--state")

    def verify(held: State | None, commit: Commit) -> dict[str, object]:
        judge = _judge_of(options, held, from_response)
        if offer is None:
            return _verify(judge, _paths(options), options, commit)
        return _verify_offer(judge, offer, options, commit)

    if path is None:
        return verify(None, lambda _verdicts: None)
    from signkit.device import state

    now, least = _now(options), options.number("--least-revision")
    roots = _paths(options) if options.has("--init", "--update") else []
    tests = options.has("--allow-test-keys")
    if options.has("--keep-floor"):
        held = state.load_state(path, least_revision=least)
        return verify(held, lambda _verdicts: held)
    with state.StateFile(path, least_revision=least, first=options.has("--init")) as file:
        data = [files.read_file(root, limit=limits.TRUST_SIZE) for root in roots]
        if options.has("--init"):
            return _remembered(file.save(state.new_state(data[0], now=now, allow_test_keys=tests)))
        if options.has("--update"):
            return _remembered(
                file.save(state.follow(file.held, data, now=now, allow_test_keys=tests))
            )
        return verify(file.held, lambda found: file.save(state.accept(file.held, found, clock=now)))


def _remembered(held: State) -> dict[str, object]:
    return {"revision": held.revision, "trust": held.trust.version, "newest": held.newest}


def _verify_offer(
    judge: Judge, offer: Offer, options: _Options, commit: Commit
) -> dict[str, object]:
    """Judge what is offered; what was fetched never outlives its verdict."""
    judge = Judge(**{**judge.__dict__, "manifest": offer.manifest})
    try:
        fetch = lambda: offer.fetch(judge)  # noqa: E731
        return {**_verify(judge, [offer.path], options, commit, fetch=fetch), "file": offer.name}
    finally:
        offer.remove()


def _verify(
    judge: Judge,
    paths: list[str],
    options: _Options,
    commit: Commit,
    *,
    fetch: Callable[[], None] = lambda: None,
) -> dict[str, object]:
    """Judge every file; then write the state; then give copies their names."""
    several, output = len(paths) > 1 or options.has("--files-from"), options.one("--output")
    if output is None:
        fetch()
        verdicts = judge_files(judge, paths)
        held: State | None = commit([each.verified for each in verdicts if each.verified])
    else:
        from signkit.device.copies import Copies

        with Copies(output, several=several, force=options.has("--force")) as copies:
            fetch()
            verdicts = judge_files(judge, paths, copies=copies)
            held = commit([each.verified for each in verdicts if each.verified])
            copies.keep()
    described = [_describe(verdict) for verdict in verdicts]
    value: dict[str, object] = {"verified": True}
    value |= {"files": described} if several else described[0]
    return value if held is None else {**value, "revision": held.revision}


def _paths(options: _Options) -> list[str]:
    source = options.one("--files-from")
    if source is None:
        return options.files
    import gc

    gc.disable()  # a hundred thousand verdicts, and not a cycle among them
    data = files.read_file(source, limit=limits.RELEASE_LIST_SIZE)
    listed = data.split(b"\0" if b"\0" in data else b"\n")
    paths = [*options.files, *(os.fsdecode(path) for path in listed if path)]
    if not 0 < len(paths) <= limits.ITEM_COUNT or len(data) > limits.RELEASE_LIST_SIZE:
        _misused(f"{source}: expected 1 to {limits.ITEM_COUNT} paths, got {len(paths)}")
    return paths


def _judge_of(options: _Options, held: State | None, from_response: FromResponse | None) -> Judge:
    now = latest(_now(options), held.newest if held else None)
    expectation = Expectation(
        artifact=options.one("--artifact"),
        target=options.one("--target"),
        floor=options.number("--floor"),
        now=now,
    )
    signatures: list[tuple[None, bytes]] = []
    manifest = None
    if options.has("--manifest", "--signature"):
        from signkit.device.manifest import decode_any_hex, parse_manifest

        given = options.all("--signature")
        signatures = [(None, decode_any_hex(text, size=64, what="signature")) for text in given]
        path = options.one("--manifest")
        if path is not None:
            manifest = parse_manifest(files.read_file(path, limit=limits.MANIFEST_SIZE))
    return Judge(
        roles=_roles(options, held, now=now),
        expectation=expectation,
        floors=held.floors if held else {},
        permits=[
            files.read_file(path, limit=limits.STATEMENT_SIZE)
            for path in options.all("--allow-downgrade")
        ],
        statement_of=None
        if options.has("--no-statement")
        else lambda path: _statement(options, path, expectation, from_response),
        signatures=signatures,
        manifest=manifest,
    )


def _check_fetching(options: _Options, rows: Mapping[str, tuple[str, str]]) -> None:
    given = set(filter(options.has, rows))
    if "--from" not in given:
        if given - _OPTIONS.keys():
            _misused("expected --from beside the options of the network")
    elif options.files or given & {"--files-from", *_ROOT_MODES}:
        _misused("expected no FILE beside --from")


def _check_usage(options: _Options, rows: Mapping[str, tuple[str, str]]) -> None:
    _check_fetching(options, rows)
    given = set(filter(options.has, rows))
    several = len(options.files) > 1 or "--files-from" in given
    blind, stateless = "--no-statement" in given, "--state" not in given
    for wrong, message in (
        (len(given & {"--key", "--trust", "--state"}) != 1, "expected --key, --trust or --state"),
        (not options.files and not given & _INSTEAD_OF_FILES, "expected a FILE"),
        (len(given & _SOURCES) > 1, f"expected one of {', '.join(sorted(_SOURCES))}"),
        (len(given & _MODES) > 1, f"expected one of {', '.join(sorted(_MODES))}"),
        (several and given & _OF_ONE, f"expected one FILE beside {', '.join(sorted(_OF_ONE))}"),
        (stateless and given & {*_MODES, "--least-revision"}, "expected --state S as well"),
        (
            given & _ROOT_MODES and given - _ROOT_MODES - _BESIDE_A_ROOT,
            f"--init and --update take only {', '.join(sorted(_BESIDE_A_ROOT))} beside them",
        ),
        (blind and given & _DEMANDS, "a registry signature names nothing: expected no demands"),
        (
            blind and not given & {"--signature", "--manifest", "--from"},
            "expected --signature or --manifest beside --no-statement",
        ),
    ):
        if wrong:
            _misused(message)


def _roles(options: _Options, held: State | None, *, now: str | None) -> Sequence[Role]:
    trust, path = held.trust if held else None, options.one("--trust")
    tests = options.has("--allow-test-keys")
    if path is not None:
        data = files.read_file(path, limit=limits.TRUST_SIZE)
        trust = load_trust(data, allow_test_keys=tests)
    if trust is not None:
        return release_roles(trust, now=now)
    keys = (files.read_file(path, limit=limits.KEY_FILE_SIZE) for path in options.all("--key"))
    enrolled = (parse_public_key(key, allow_test_keys=tests) for key in keys)
    return (role_of_keys(tuple(enrolled)),)


def _statement(
    options: _Options, path: str, expectation: Expectation, from_response: FromResponse | None
) -> bytes:
    response = options.one("--response")
    if response is None:
        given = options.one("--statement")
        name = f"{path}.statement.json" if given is None else given
        return files.read_file(name, limit=limits.STATEMENT_SIZE)
    if from_response is None:
        _misused("devices read no response: `signkit extract` takes the statement out of it")
    data = files.read_file(response, limit=limits.RESPONSE_SIZE)
    return from_response(data, name=os.path.basename(path), expectation=expectation)


def _describe(verdict: Verdict) -> dict[str, object]:
    value: dict[str, object] = {"file": verdict.path}
    if verdict.verified is not None:
        said = verdict.verified.statement
        for name in ("name", "artifact", "version", "target", "sequence", "size"):
            value[name] = getattr(said, name)
        value |= {"issued": said.issued, "expires": said.expires}
        value["keyids"] = [key.keyid for key in verdict.verified.signers]
    value["digest"] = {"sha256": verdict.digest.hex()}
    if verdict.registry_signers:
        value["registry_keyids"] = [key.keyid for key in verdict.registry_signers]
    return value


def _render(said: dict[str, object], *, as_json: bool) -> str:
    if as_json:
        from json import dumps

        return f"{dumps(said)}\n"
    described = said.get("files")
    values = [*described, said] if type(described) is list else [said]
    return "".join(f"{line}\n" for value in values for line in _lines(value))


def _lines(value: dict[str, object]) -> Iterator[str]:
    for name, label in _LABELS.items():
        if name in value:
            what = value[name]
            texts = what if type(what) is list else [what]
            for place, text in enumerate(texts):
                yield f"{'' if place else label:9} {_safe(_text(name, text))}"


def _text(name: str, what: object) -> str:
    if type(what) is dict:
        return str(what["sha256"])
    if name == "size":
        return f"{what} bytes"
    return "never" if what is None else str(what)


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
