"""Run the whole corpus and print the totals: `scripts/corpus`."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.corpus import files, signatures
from tests.support.corpus.table import Table

ROOT = Path(__file__).parents[3]
CORPUS = ROOT.parent / "shared" / "security"


def main() -> int:
    """Run everything; 1 where anything is not as expected."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=signatures.__doc__)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="where it lies")
    parser.add_argument(
        "--every", type=int, default=8, help="start a real process for every n-th case (1: all)"
    )
    options = parser.parse_args()
    if not options.corpus.is_dir():
        print(f"corpus: nothing at {options.corpus}", file=sys.stderr)
        return 1
    table = Table()
    with TemporaryDirectory() as folder:
        run_signatures(table, options.corpus / "ed25519", Path(folder), every=options.every)
        files.run_keys(table, options.corpus, Path(folder))
        files.run_strings(table, options.corpus, Path(folder))
    files.run_json(table, options.corpus)
    files.run_signature_files(table, options.corpus)
    files.run_everything(table, options.corpus)
    print(table.text())
    return 1 if table.wrong else 0


def run_signatures(table: Table, vectors: Path, folder: Path, *, every: int) -> None:
    """Run the Ed25519 vectors through every verifier."""
    verify = signatures.lines_of(vectors / "verify.jsonl")
    sign = signatures.lines_of(vectors / "sign.jsonl")
    pyz = folder / "signkit-verify.pyz"
    subprocess.run(
        [sys.executable, ROOT / "scripts" / "build-pyz", "--output", pyz],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    signatures.run_library(table, verify)
    signatures.run_pyz(table, verify, pyz)
    signatures.run_registry(table, verify)
    others = signatures.context_vectors(vectors / "ctx_ph.json")
    signatures.run_library(table, others, suite="ctx_ph.json")
    signatures.run_signing(table, sign)
    for suite, offers in (
        ("verify.jsonl in a statement", list(signatures.foreign_offers(verify))),
        ("sign.jsonl seeds, a statement", list(signatures.signed_offers(sign))),
    ):
        signatures.run_command(table, suite, offers, folder)
        chosen = [offer for place, offer in enumerate(offers) if place // 2 % every == 0]
        for named in (
            ("signkit verify, processes", [sys.executable, "-m", "signkit.cli", "verify"]),
            ("signkit-verify.pyz, processes", [sys.executable, str(pyz)]),
        ):
            signatures.run_processes(table, suite, chosen, folder, named)


if __name__ == "__main__":
    sys.exit(main())
