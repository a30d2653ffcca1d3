"""What a station signs and for whom, as frozen values. No I/O: `formats/policy.py` reads the file.

Spec: docs/formats/station-policy.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from signkit.verify.digest import Sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """Somebody who may ask; all that is not None must hold.

    Attributes:
        name: What the station calls them, 1 to 128 characters.
        keyid: Of the Ed25519 key that signs their requests.
        openpgp: Fingerprint of their primary OpenPGP key, 40 upper-case hex digits.
        openpgp_key: That public key, armored; there wherever `openpgp` is.
    """

    name: str
    keyid: str | None = None
    openpgp: str | None = None
    openpgp_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What may be signed, and how. The first that matches a wanted signature decides.

    Attributes:
        roles: Globs, as in trust roots.
        artifacts: Globs.
        targets: Globs.
        schemes: Names of the table of schemes, or None for any.
        keys: keyids that may sign, or None for any.
        digest_only: Whether an item may be signed whose content was not hashed at the station.
        expires_within_days: Days from now within which an item must expire, or None.
    """

    roles: tuple[str, ...] = ("*",)
    artifacts: tuple[str, ...] = ("*",)
    targets: tuple[str, ...] = ("*",)
    schemes: tuple[str, ...] | None = None
    keys: tuple[str, ...] | None = None
    digest_only: bool = True
    expires_within_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All that a station demands of a request. As it is made here it demands nothing.

    Attributes:
        digest: SHA-256 of the file; None where there is none.
        requesters: Who may ask.
        unknown_requesters: Whether somebody else may ask as well.
        most_items: Items in one request at most, or None.
        most_bytes: Bytes of content in one request at most, or None.
        rising_sequence: Whether sequences rise for each artifact and target.
        follows_last_response: Whether a request follows this station's last response.
        operators: How many confirm, 1 to 8.
        operator_names: The only names that count, or None for any.
        unattended: Whether a digest on the command line counts as a confirmation.
        rules: What may be signed.
    """

    digest: Sha256 | None = None
    requesters: tuple[Requester, ...] = ()
    unknown_requesters: bool = True
    most_items: int | None = None
    most_bytes: int | None = None
    rising_sequence: bool = False
    follows_last_response: bool = False
    operators: int = 1
    operator_names: tuple[str, ...] | None = None
    unattended: bool = True
    rules: tuple[Rule, ...] = (Rule(),)


NO_POLICY = Policy()
"""Of a station without a policy file: whatever its operator confirms."""
