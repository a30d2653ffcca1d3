"""What is known of a request beside what it says, wherever the controls are asked.

The station knows all of it; the networked side knows less. None means: not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from signkit.verify.digest import Sha256


class Signed(NamedTuple):
    """What was signed last for one artifact and target.

    Attributes:
        sequence: The highest.
        request: SHA-256 of the request file that asked for it, or None.
    """

    sequence: int
    request: Sha256 | None = None


class LastResponse(NamedTuple):
    """The last response of this station; both None where there is none yet.

    Attributes:
        request: SHA-256 of the request file that it answers.
        response: SHA-256 of its file.
    """

    request: Sha256 | None = None
    response: Sha256 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known here.

    Attributes:
        now: RFC 3339 UTC text, by this machine's clock.
        requester: keyid of the key under which the request verified.
        request: SHA-256 of the request file; None while it is not written.
        openpgp: Fingerprint of the primary OpenPGP key whose signature beside the request holds;
            None where there is none.
        openpgp_problem: Why the signature beside it does not hold, or None.
        keyids: The keys that sign or signed.
        hashed: Places of the items whose content was hashed at the station, or that were not
            signed at all.
        signed: By (artifact, target), what was signed before.
        last_response: The station's last response.
        unattended: Whether the confirmation is a digest on the command line.
        operators: The names of those who confirmed.
    """

    now: str
    requester: str
    request: Sha256 | None = None
    openpgp: str | None = None
    openpgp_problem: str | None = None
    keyids: frozenset[str] | None = None
    hashed: frozenset[int] | None = None
    signed: Mapping[tuple[str, str], Signed] | None = None
    last_response: LastResponse | None = None
    unattended: bool | None = None
    operators: tuple[str, ...] | None = None
