"""Run schemathesis over the registry, with a token and without: `scripts/schemathesis`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.support.either_footing import FOOTINGS, running_on

ROOT = Path(__file__).parents[3]
# Good by the description, and still refused: a search that does not parse, a name that names
# nothing, a state that is not to be had. What the description can say is not in this list.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "304", "400", "401", "403", "404", "409", "411", "416", "422"]
"""


def main() -> int:
    """Run both; 1 where either finds anything."""
    parser = argparse.ArgumentParser(prog="scripts/schemathesis", description=__doc__)
    parser.add_argument("--seconds", type=int, default=300, help="for each of the two runs")
    parser.add_argument("--footing", choices=FOOTINGS, default="folder", help="of one to start")
    parser.add_argument("--url", help="a registry that runs already, in place of one to start")
    parser.add_argument("--token-file", type=Path, help="holds a token for it")
    options = parser.parse_args()
    if (options.url is None) != (options.token_file is None):
        parser.error("--url and --token-file go together")
    if options.token_file is not None and not options.token_file.is_file():
        parser.error(f"--token-file: no such file: {options.token_file}")
    with _registry(options) as (url, token), TemporaryDirectory() as folder:
        rows = [
            _run(Path(folder), url, token, with_token=with_token, seconds=options.seconds)
            for with_token in (True, False)
        ]
    print(f"\n{'run':<16}{'operations':>11}{'cases':>8}{'failed':>8}{'errors':>8}  result")
    for name, said in rows:
        cases = said["test_cases"]
        figures = (said["operations"]["tested"], cases["generated"], cases["with_failures"])
        verdict = "ok" if said["exit_code"] == 0 else "FAILED"
        print(f"{name:<16}{figures[0]:>11}{figures[1]:>8}{figures[2]:>8}", end="")
        print(f"{cases['errored']:>8}  {verdict}, seed {said['seed']}")
    return max(said["exit_code"] != 0 for _, said in rows)


@contextmanager
def _registry(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    if options.url is not None:
        yield options.url.rstrip("/"), options.token_file.read_text().strip()
        return
    with running_on(options.footing) as registry:
        yield registry.url, registry.token
        defects = registry.errors.read_text().count("Traceback")
        print(f"defects in the registry's log: {defects}")


def _run(
    folder: Path, url: str, token: str, *, with_token: bool, seconds: int
) -> tuple[str, dict[str, Any]]:
    (folder / "schemathesis.toml").write_text(CONFIG)
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("run", f"{url}/openapi.json", "--phases", "examples,coverage,fuzzing,stateful"),
        *("--checks", "all", "--max-time", str(seconds), "--continue-on-failure"),
        *("--report", "json", "--report-json-path", str(report)),
    ]
    if with_token:
        command += ["-H", f"authorization: Token {token}"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.fuzz.api.hooks",
        "SIGNKIT_FUZZ_URL": url,
        "SIGNKIT_FUZZ_TOKEN": token,
    }
    subprocess.run(command, cwd=folder, env=environment, check=False)
    if not report.is_file():
        sys.exit("schemathesis: it did not run: is the registry there, and is the token good?")
    return "with a token" if with_token else "without", json.loads(report.read_text())


if __name__ == "__main__":
    sys.exit(main())
