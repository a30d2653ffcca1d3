"""Ledgers to read, search and break; transcripts and entries of their lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from signkit.station.installation import Installation
from signkit.station.ledger import Entry, LedgerItem, LedgerKey, open_ledger
from signkit.station.transcript import Confirmation, ControlResult, Transcript
from signkit.verify.digest import Sha256, compute_digest

NOW = "2026-01-31T13:00:00Z"
KEYID = "cd" * 32
INSTALLATION = Installation(
    signkit="0.1.0", python="3.11.7", pynacl="1.6.2", openssl="OpenSSL 4", digest=Sha256(bytes(32))
)
TRANSCRIPT = Transcript(
    station="vault-1",
    installation=INSTALLATION,
    began="2026-01-31T12:58:00Z",
    confirmed=(Confirmation("olga", "words", "2026-01-31T12:59:00Z"),),
    controls=(ControlResult("SK-SIGN-CONFIRM", "held"),),
)


def ledger_item(**changes: Any) -> LedgerItem:
    """One item that was signed with KEYID."""
    said = {
        "name": "model.bin",
        "artifact": "ML-Model",
        "version": "1.0.0",
        "target": "aarch64-unknown-linux",
        "sequence": 1,
        "size": 14,
        "digest": compute_digest(b"Hello, Binary\n"),
        "expires": None,
        "roles": ("release",),
        "content_hashed": True,
        "schemes": ("peridio", "statement"),
        "error": None,
    }
    return LedgerItem(**{**said, **changes})


def ledger_entry(*items: LedgerItem, **changes: Any) -> Entry:
    """One ceremony that was signed with KEYID."""
    said = {
        "time": NOW,
        "event": "signed",
        "request": Sha256(b"\xab" * 32),
        "requester": "ba" * 32,
        "key": LedgerKey("prod", KEYID),
        "items": items or (ledger_item(),),
        "reason": None,
        "transcript": TRANSCRIPT,
    }
    return Entry(**{**said, **changes})


def declined_entry(**changes: Any) -> Entry:
    """One ceremony that was not confirmed."""
    said = {"event": "declined", "key": None, "items": (), "reason": "the words are not those"}
    return ledger_entry(**{**said, **changes})


def write_ledger(path: Path, *entries: Entry) -> None:
    """Append entries to a ledger."""
    with open_ledger(path) as ledger:
        for entry in entries:
            ledger.append(entry)
