"""A verifier of another kind, and every way to get it wrong: `naive.py MISTAKE SUB-COMMAND ...`.

It reads documents with the ground floor's parsers, and does everything after that by itself, from
docs/formats and docs/howto/conformance.md. With the mistake `none` it passes every case; with any
other it leaves out one check, as a device maker might, and the suite has to notice.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from base64 import b64decode, b64encode
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from typing import Any

from signkit.errors import SignkitError
from signkit.verify import limits
from signkit.verify.ed25519 import verify_signature
from signkit.verify.encoding import Fields, parse_json
from signkit.verify.envelope import Envelope, parse_envelope, pre_authentication_encoding
from signkit.verify.statement import PAYLOAD_TYPE as STATEMENT_TYPE
from signkit.verify.statement import Statement, parse_statement
from signkit.verify.trust import PAYLOAD_TYPE as TRUST_TYPE
from signkit.verify.trust import Role, Trust, matches_glob, parse_trust

PERMIT_TYPE = "application/vnd.signkit.permit.v1+json"
MISTAKES = {
    "none": "nothing is left out",
    "accepts-everything": "says yes to whatever it is given",
    "refuses-everything": "says no to whatever it is given",
    "crashes": "prints a traceback, and calls that a refusal",
    "dies": "is ended by a signal",
    "hangs": "reads a pipe for ever",
    "ignores-signatures": "does not verify what it counts",
    "ignores-thresholds": "one key is enough",
    "counts-keys-of-all-roles": "adds the keys of several roles up",
    "ignores-scope": "any role may sign anything",
    "ignores-what-was-asked": "does not compare artifact and target",
    "shell-globs": "reads globs as a shell does",
    "ignores-expiry": "nothing ever expires",
    "expires-late": "is a second late",
    "ignores-the-window": "a role holds always",
    "believes-the-clock": "asks the clock alone",
    "ignores-the-floor": "takes any sequence",
    "raises-the-floor-early": "remembers a release before it has seen the content",
    "ignores-digests": "compares sizes only",
    "ignores-sizes": "reads on and on",
    "skips-versions": "takes any newer trust root",
    "takes-older-roots": "takes any trust root that is signed",
    "asks-the-new-roots-only": "a new root role vouches for itself",
    "asks-the-old-roots-only": "a new root role need not sign",
    "ignores-first-signatures": "takes a first trust root unsigned",
    "forgets": "takes a state that is gone or torn for an empty one",
    "is-provisioned-again": "takes a first trust root at any time",
    "permits-anything": "any permit is good for anything",
}


class RefusedError(Exception):
    """No."""


class Naive:
    """One call of the verifier."""

    def __init__(self, mistake: str, folder: Path) -> None:
        self.mistake = mistake
        self.path = folder / "naive-state"
        self.trust_file = b""
        self.newest = self.clock = ""
        self.floors: dict[str, int] = {}

    def must(self, condition: object, what: str, *, unless: str = "") -> None:
        """Refuse where a condition does not hold, unless that is the mistake made here."""
        if not condition and unless != self.mistake:
            raise RefusedError(what)

    # ---- What it remembers ---------------------------------------------------------------------

    def load(self) -> Trust:
        """Read the state and return the trust root in it."""
        try:
            body, checksum = self.path.read_bytes().split(b"\n")
            self.must(sha256(body).hexdigest().encode() == checksum, "the state is torn")
            state = json.loads(body)
        except (OSError, ValueError, RefusedError) as error:
            if self.mistake == "forgets":
                state = {"trust": b64encode(_first_trust()).decode(), "newest": "", "floors": {}}
            else:
                raise RefusedError("no state") from error
        self.trust_file, self.newest = b64decode(state["trust"]), state["newest"]
        self.floors = state["floors"]
        return self.open_trust(self.trust_file)[1]

    def save(self) -> None:
        """Write the state. A device would do so atomically; nobody kills this one."""
        body = json.dumps(
            {
                "trust": b64encode(self.trust_file).decode(),
                "newest": self.newest,
                "floors": self.floors,
            }
        ).encode()
        self.path.write_bytes(body + b"\n" + sha256(body).hexdigest().encode())

    # ---- Trust roots ---------------------------------------------------------------------------

    def open_trust(self, data: bytes) -> tuple[Envelope, Trust]:
        """Read a trust root whose signatures nobody has looked at yet."""
        envelope = parse_envelope(
            data, payload_type=TRUST_TYPE, limit=limits.TRUST_SIZE, what="trust root"
        )
        return envelope, parse_trust(envelope._payload)

    def count(self, envelope: Envelope, role: Role) -> int:
        """Count the keys of a role that signed; a bad signature by any of them refuses."""
        signed = pre_authentication_encoding(envelope.payload_type, envelope._payload)
        count = 0
        for each in envelope.signatures:
            if each.keyid in role.keys:
                count += 1
                if self.mistake != "ignores-signatures":
                    verify_signature(role.keys[each.keyid], signed, each.signature)
        return count

    def enough(self, envelope: Envelope, role: Role) -> bool:
        """Say whether a role's threshold signed."""
        least = 1 if self.mistake == "ignores-thresholds" else role.threshold
        return self.count(envelope, role) >= least

    def init(self, data: bytes) -> None:
        """Take the first trust root."""
        blank = not self.path.exists()
        self.must(blank, "provisioned already", unless="is-provisioned-again")
        envelope, trust = self.open_trust(data)
        signed = self.enough(envelope, trust.root)
        self.must(signed, "too few keys", unless="ignores-first-signatures")
        self.trust_file, self.newest = data, trust.issued
        self.save()

    def update(self, data: bytes) -> None:
        """Take the next trust root."""
        current = self.load()
        envelope, trust = self.open_trust(data)
        self.must(trust.version > current.version, "too old", unless="takes-older-roots")
        follows = trust.version <= current.version + 1
        self.must(follows, "a version is missing", unless="skips-versions")
        old, new = self.enough(envelope, current.root), self.enough(envelope, trust.root)
        self.must(old, "too few old keys", unless="asks-the-new-roots-only")
        self.must(new, "too few new keys", unless="asks-the-old-roots-only")
        self.trust_file, self.newest = data, max(self.newest, trust.issued)
        self.save()

    # ---- Releases ------------------------------------------------------------------------------

    def verify(self, options: argparse.Namespace) -> None:
        """Give the verdict."""
        trust = self.load()
        self.clock = "" if options.now == "none" else options.now
        now = self.time()
        self.expiry(trust.expires, now)
        envelope = parse_envelope(
            read(options.statement, limits.STATEMENT_SIZE),
            payload_type=STATEMENT_TYPE,
            limit=limits.STATEMENT_SIZE,
            what="statement",
        )
        said = parse_statement(envelope._payload)
        role = self.role(trust, envelope, said, now)
        for asked, got in ((options.artifact, said.artifact), (options.target, said.target)):
            self.must(asked in {None, got}, "not asked for", unless="ignores-what-was-asked")
        self.expiry(said.expires, now)
        self.floor(said, role, options.permit, now)
        if self.mistake == "raises-the-floor-early":
            self.remember(said)
        self.content(said, options.content)
        self.remember(said)

    def time(self) -> str:
        """Return the time that counts: the newest signed one, or the clock's if that is later."""
        return self.clock if self.mistake == "believes-the-clock" else max(self.newest, self.clock)

    def expiry(self, expires: str | None, now: str) -> None:
        """Refuse what has expired."""
        over = expires is not None and now >= expires
        if self.mistake == "expires-late" and now == expires:
            over = False
        self.must(not over, "expired", unless="ignores-expiry")

    def role(self, trust: Trust, envelope: Envelope, said: Statement, now: str) -> Role:
        """Find a role that covers it, holds now, and has signed enough."""
        roles = list(trust.roles.values())
        if self.mistake == "counts-keys-of-all-roles":
            keys = {keyid: key for role in roles for keyid, key in role.keys.items()}
            roles = [_changed(role, keys=keys) for role in roles]
        fitting = [role for role in roles if self.covers(role, said) and self.holds(role, now)]
        accepting = [role for role in fitting if self.enough(envelope, role)]
        if not accepting:
            raise RefusedError("no role")
        return accepting[0]

    def covers(self, role: Role, said: Statement) -> bool:
        """Say whether a role may sign for this."""
        if self.mistake == "ignores-scope":
            return True
        match = matches_glob
        if self.mistake == "shell-globs":
            match = _as_a_shell_does
        return any(match(glob, said.artifact) for glob in role.artifacts) and any(
            match(glob, said.target) for glob in role.targets
        )

    def holds(self, role: Role, now: str) -> bool:
        """Say whether a role may sign now."""
        if self.mistake == "ignores-the-window":
            return True
        return (role.not_before or "") <= now and (role.not_after is None or now < role.not_after)

    def floor(self, said: Statement, role: Role, permit: Path | None, now: str) -> None:
        """Refuse what is older than what was accepted, but for what a permit names."""
        floor = self.floors.get(_place(said), 0)
        if said.sequence >= floor:
            return
        if permit is None:
            self.must(condition=False, what="too old", unless="ignores-the-floor")
        elif self.mistake != "permits-anything":
            self.permit(said, role, read(permit, limits.STATEMENT_SIZE), now)

    def permit(self, said: Statement, role: Role, data: bytes, now: str) -> None:
        """Refuse any permit but one for exactly this release."""
        envelope = parse_envelope(
            data, payload_type=PERMIT_TYPE, limit=limits.STATEMENT_SIZE, what="permit"
        )
        self.must(self.enough(envelope, role), "too few keys for the permit")
        fields = Fields(
            parse_json(envelope._payload, limit=limits.STATEMENT_SIZE, what="permit"), "permit"
        )
        named = (fields.text("artifact"), fields.text("target"), fields.integer("sequence"))
        digest = fields.sha256("digest")
        self.must(fields.time("issued") < (expires := fields.time("expires")), "never valid")
        fields.done()
        release = (said.artifact, said.target, said.sequence)
        self.must((named, digest) == (release, said.digest), "another release")
        self.must(now < expires, "the permit has expired")

    def content(self, said: Statement, path: Path) -> None:
        """Refuse other content."""
        size = 1 << 62 if self.mistake == "ignores-sizes" else said.size
        digest, count = hashed(path, size)
        self.must(count == said.size, "another size")
        self.must(digest == said.digest, "other content", unless="ignores-digests")

    def remember(self, said: Statement) -> None:
        """Raise floor and newest time."""
        place = _place(said)
        self.floors[place] = max(self.floors.get(place, 0), said.sequence)
        # What is signed may be dated ahead by mistake: a clock that can be right bounds it.
        most = self.clock if self.clock >= self.newest else said.issued
        self.newest = max(self.newest, min(said.issued, most))
        self.save()


def _place(said: Statement) -> str:
    return json.dumps([said.artifact, said.target])


def _changed(role: Role, **changes: Any) -> Role:
    return Role(**{**vars(role), **changes})


def _as_a_shell_does(glob: str, text: str) -> bool:
    return fnmatchcase(text, glob)


def _first_trust() -> bytes:
    from tests.conformance.world import trust

    return trust()


def read(path: Path, limit: int) -> bytes:
    """Read a regular file of at most so many bytes."""
    if not S_ISREG(path.stat().st_mode):
        raise RefusedError("not a regular file")
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise RefusedError("too large")
    return data


def hashed(path: Path, size: int) -> tuple[bytes, int]:
    """Hash a regular file, and read no more than one byte past a size."""
    if not S_ISREG(path.stat().st_mode):
        raise RefusedError("not a regular file")
    digest, left = sha256(), size + 1
    with path.open("rb") as file:
        while left and (piece := file.read(min(left, limits.MIB))):
            digest.update(piece)
            left -= len(piece)
    return digest.digest(), size + 1 - left


def options_of(words: list[str]) -> argparse.Namespace:
    """Read the command line of the protocol."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("init", "update"):
        command = commands.add_parser(name)
        command.add_argument("state", type=Path)
        command.add_argument("trust", type=Path)
    command = commands.add_parser("verify")
    for name in ("state", "content", "statement"):
        command.add_argument(name, type=Path)
    command.add_argument("--permit", type=Path)
    for option in ("--artifact", "--target", "--now"):
        command.add_argument(option)
    return parser.parse_args(words)


def act(mistake: str, words: list[str]) -> None:
    """Do what the sub-command says, or raise."""
    options = options_of(words)
    verifier = Naive(mistake, options.state)
    if options.command == "verify":
        if mistake == "hangs" and not options.content.is_file():
            time.sleep(3600)
        verifier.verify(options)
    else:
        data = read(options.trust, limits.TRUST_SIZE)
        (verifier.init if options.command == "init" else verifier.update)(data)


def main(mistake: str, words: list[str]) -> int:
    """Answer one call."""
    if words == ["lacks"]:
        return 0
    if mistake == "accepts-everything":
        return 0
    if mistake == "refuses-everything":
        return 1
    try:
        act(mistake, words)
    except (RefusedError, SignkitError, OSError) as error:
        if mistake == "crashes":
            raise
        if mistake == "dies":
            signal.raise_signal(signal.SIGKILL)
        print(f"refused: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
