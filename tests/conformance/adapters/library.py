"""The conformance protocol over the library: what a device agent in Python does."""

from __future__ import annotations

import argparse
import os
import sys
from typing import BinaryIO

from signkit.device import files
from signkit.device.state import StateFile, accept, follow, new_state
from signkit.errors import SignkitError
from signkit.verify import limits
from signkit.verify.verdict import (
    Expectation,
    check_expiry,
    latest,
    verify_open_file,
    verify_statement,
)


def options_of(words: list[str]) -> argparse.Namespace:
    """Read the command line of the protocol."""
    parser = argparse.ArgumentParser(exit_on_error=True)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("lacks")
    for name in ("init", "update"):
        command = commands.add_parser(name)
        command.add_argument("state")
        command.add_argument("trust")
    command = commands.add_parser("verify")
    for name in ("state", "content", "statement"):
        command.add_argument(name)
    for option in ("--artifact", "--target", "--now", "--permit"):
        command.add_argument(option)
    return parser.parse_args(words)


def provision(path: str, trust: bytes) -> None:
    """Make the state of a new device."""
    with StateFile(path, first=True) as place:
        place.save(new_state(trust, now=None))


def follow_one(path: str, trust: bytes) -> None:
    """Follow a trust root by one version."""
    with StateFile(path) as place:
        place.save(follow(place.held, [trust], now=None))


def verify(path: str, content: BinaryIO, options: argparse.Namespace) -> None:
    """Give the verdict on an open file, and remember it."""
    with StateFile(path) as place:
        state = place.held
        now = latest(None if options.now in {None, "none"} else options.now, state.newest)
        check_expiry("the trust root", state.trust.expires, now)
        permits = [options.permit] if options.permit else []
        verified = verify_statement(
            files.read_file(options.statement, limit=limits.STATEMENT_SIZE),
            roles=tuple(state.trust.roles.values()),
            expectation=Expectation(
                artifact=options.artifact, target=options.target, floor=0, now=now
            ),
            floors=state.floors,
            permits=[files.read_file(each, limit=limits.STATEMENT_SIZE) for each in permits],
        )
        verify_open_file(verified, content, name=options.content)
        clock = None if options.now in {None, "none"} else options.now
        place.save(accept(state, [verified], clock=clock))


def act(options: argparse.Namespace) -> None:
    """Do what the sub-command says."""
    if options.command == "lacks":
        return
    path = os.path.join(options.state, "state.json")
    if options.command == "verify":
        with open(files.open_regular(options.content), "rb", buffering=0) as content:
            verify(path, content, options)
    else:
        trust = files.read_file(options.trust, limit=limits.TRUST_SIZE)
        (provision if options.command == "init" else follow_one)(path, trust)


def main() -> int:
    """Answer one call."""
    try:
        act(options_of(sys.argv[1:]))
    except SignkitError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
