"""Replay every trace and print the table: `scripts/contract-traces`."""

from __future__ import annotations

import argparse
import sys
from http.client import HTTPException
from pathlib import Path

from tests.support.either_footing import FOOTINGS, running_on
from tests.support.traces.client import Client, Step
from tests.support.traces.traces import TRACES


def main() -> int:
    """Replay; 1 where any answer is not as the contract has it."""
    parser = argparse.ArgumentParser(prog="scripts/contract-traces", description=__doc__)
    parser.add_argument("--footing", choices=FOOTINGS, default="folder", help="of one to start")
    parser.add_argument("--url", help="a registry that runs already, in place of one to start")
    parser.add_argument("--token-file", type=Path, help="holds a token for it")
    parser.add_argument("--ca-file", help="trusts the certificates in this file, in PEM")
    parser.add_argument("--brief", action="store_true", help="only what is wrong, and the totals")
    options = parser.parse_args()
    if (options.url is None) != (options.token_file is None):
        parser.error("--url and --token-file go together")
    if options.url is not None:
        try:
            token = options.token_file.read_text().strip()
        except OSError as error:
            parser.error(f"--token-file: {error.strerror}: {options.token_file}")
        return report(replay(options.url, token, options.ca_file), brief=options.brief)
    with running_on(options.footing) as registry:
        return report(replay(registry.url, registry.token), brief=options.brief)


def replay(
    url: str, token: str, ca_file: str | None = None, *, scheme: str = "Token"
) -> dict[str, list[Step]]:
    """Replay every trace against a registry, and return the steps of each."""
    done = {}
    for name, trace in TRACES.items():
        client = Client(url=url, token=token, scheme=scheme, ca_file=ca_file, place=name)
        try:
            trace(client)
        except (LookupError, TypeError, OSError, HTTPException) as error:
            # An answer was not what the next request needs: what was wrong stands in a step.
            place = client.place
            said = f"{type(error).__name__}: {error}"
            client.steps.append(Step(place=place, request="-", wanted="", status=0, wrong=(said,)))
        done[name] = client.steps
    return done


def report(done: dict[str, list[Step]], *, brief: bool) -> int:
    """Print the table; return 1 where anything is wrong."""
    wrong = sum(bool(step.wrong) for steps in done.values() for step in steps)
    shown = [step for steps in done.values() for step in steps if step.wrong or not brief]
    if shown:
        print(f"{'STEP':<32}{'REQUEST':<84}{'WANTED':<12}{'GOT':<5}FIELDS")
    for step in shown:
        fields = "; ".join(step.wrong) or "ok"
        request = step.request if len(step.request) < 83 else f"{step.request[:81]}…"
        print(f"{step.place:<32}{request:<84}{step.wanted:<12}{step.status:<5}{fields}")
    print(f"{'TRACE':<12}{'REQUESTS':>9}{'WRONG':>7}  RESULT")
    for name, steps in done.items():
        count = sum(bool(step.wrong) for step in steps)
        print(f"{name:<12}{len(steps):>9}{count:>7}  {'FAILED' if count else 'ok'}")
    print(f"{'all':<12}{sum(map(len, done.values())):>9}{wrong:>7}  {'FAILED' if wrong else 'ok'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
