"""A device: a folder with its state, and releases to offer it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from signkit.device.state import State, parse_state
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_json
from tests.support.documents import CONTENT, document, statement_envelope, trust_file, trust_value
from tests.support.keys import PROD, KeyOfTest
from tests.support.verifier import Place

PERMIT_TYPE = "application/vnd.signkit.permit.v1+json"
NOW = "2026-06-01T00:00:00Z"


class Device(Place):
    """A provisioned device; its clock says NOW."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        super().__init__(folder, capsys)
        self.root()
        assert self.run("1.root.json", "--state", "state", "--init", "--now", NOW) == 0, self.err

    @property
    def state(self) -> State:
        """What it remembers."""
        return parse_state((self.folder / "state").read_bytes())

    def root(self, version: int = 1, **changes: Any) -> str:
        """Write a trust root and return its name."""
        data = trust_file(trust_value(version=version, **changes))
        return self.write(f"{version}.root.json", data)

    def release(
        self, sequence: int = 1, name: str = "model.bin", content: bytes = CONTENT, **changes: Any
    ) -> str:
        """Write content and its statement beside it, and return the content's name."""
        signer = changes.pop("signer", PROD)
        said = {
            "name": name,
            "size": len(content),
            "digest": {"sha256": compute_digest(content).hex()},
            "sequence": sequence,
            **changes,
        }
        envelope = statement_envelope(signer, **said)
        self.write(f"{name}.statement.json", encode_json(envelope))
        return self.write(name, content)

    def offer(self, *arguments: str, now: str = NOW, state: str = "state") -> int:
        """Offer files to the device."""
        return self.run(*arguments, "--state", state, "--now", now)

    def permit(self, signer: KeyOfTest = PROD, name: str = "permit.json", **changes: Any) -> str:
        """Write a permit for the content at sequence 1 and return its name."""
        return self.write(name, encode_json(permit_envelope(signer, **changes)))

    @property
    def error(self) -> dict[str, Any]:
        """The error of a run with --json."""
        value = json.loads(self.err)
        assert isinstance(value, dict)
        return value


def permit_value(**changes: Any) -> dict[str, Any]:
    """A permit's payload."""
    return {
        "artifact": "ML-Model",
        "target": "aarch64-unknown-linux",
        "sequence": 1,
        "digest": {"sha256": compute_digest(CONTENT).hex()},
        "issued": "2026-05-01T00:00:00Z",
        "expires": "2026-07-01T00:00:00Z",
        **changes,
    }


def permit_envelope(signer: KeyOfTest = PROD, **changes: Any) -> dict[str, Any]:
    """A permit, signed."""
    return document(PERMIT_TYPE, permit_value(**changes), signer, carry_key=False)
