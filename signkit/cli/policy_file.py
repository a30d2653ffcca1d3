"""The policy as the commands meet it: read from a file, asked of a request, shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.openpgp_signature import find_signatures
from signkit.errors import FileError, MalformedError, SignatureInvalidError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from signkit.model.policy import Policy
    from signkit.model.request import Request
    from signkit.policy.controls import Outcome
    from signkit.policy.facts import Facts

StationPolicy = Annotated[
    Path | None,
    typer.Option("--policy", metavar="TOML", help="Default: station.toml in signkit's home."),
]
DeskPolicy = Annotated[
    Path | None,
    typer.Option("--policy", metavar="TOML", help="Ask what the station of this policy will ask."),
]


def load_policy(path: Path) -> Policy:
    """Read a policy file.

    Raises:
        FileError, FormatError: it cannot be read, or is no policy.
    """
    from signkit.formats.files import read_file
    from signkit.formats.policy import POLICY_SIZE
    from signkit.policy.read import read_policy

    return read_policy(read_file(path, limit=POLICY_SIZE, what="policy"))


def station_policy_path(path: Path | None) -> Path:
    """Return where the station's policy is: the one that was named, or that of signkit's home."""
    from signkit.cli.home import signkit_home

    return path or signkit_home() / "station.toml"


def load_station_policy(path: Path | None) -> Policy:
    """Read the station's policy; there may be none where none was named.

    Raises:
        FileError, FormatError: it cannot be read, or is no policy.
    """
    from signkit.model.policy import NO_POLICY

    place = station_policy_path(path)
    try:
        return load_policy(place)
    except FileError as error:
        # A link that leads nowhere is no station without a policy: it is out of reach.
        gone = isinstance(error.__cause__, FileNotFoundError) and not place.is_symlink()
        if path is None and gone:
            return NO_POLICY
        raise


def find_openpgp(path: Path, data: bytes, policy: Policy) -> tuple[str | None, str | None]:
    """Look for the OpenPGP signature beside a request.

    Args:
        path: The request file.
        data: What was read from it.
        policy: Whose OpenPGP keys count.

    Returns:
        The fingerprint of the primary key whose signature it is, and why it does not hold;
        both None where there is none, or where the policy names no OpenPGP key.

    Raises:
        FileError, FormatError: a signature cannot be read, or there are two.
        CustodyError: GnuPG is missing, or a key of the policy is another than it says.
    """
    from signkit.formats.files import read_file
    from signkit.verify import limits

    keys = {
        each.openpgp: each.openpgp_key.encode("utf-8")
        for each in policy.requesters
        if each.openpgp is not None and each.openpgp_key is not None
    }
    found = find_signatures(path)
    if not keys or not found:
        return None, None
    if len(found) > 1:
        message = (
            f"two OpenPGP signatures beside {path}: {' and '.join(each.name for each in found)}"
        )
        raise MalformedError(message, hint="find out which is right, and take the other away")
    from signkit.custody.openpgp import verify_detached

    limit = limits.OPENPGP_SIGNATURE_SIZE
    signature = read_file(found[0], limit=limit, what="OpenPGP signature", follow=False)
    try:
        return verify_detached(data, signature, keys=keys), None
    except SignatureInvalidError as error:
        return None, str(error)


def check_at_desk(request: Request, policy: Policy, facts: Facts) -> None:
    """Ask the controls on the networked side, and say what came of it.

    Raises:
        PolicyError: one of them refuses.
    """
    from signkit.policy.controls import HELD, REFUSED, ask_controls, check_outcomes
    from signkit.policy.report import outcome_lines

    outcomes = ask_controls(request, policy, facts)
    refused = [each for each in outcomes if each.result == REFUSED]
    if refused:
        output.note("\n".join([*describe_policy(policy), *outcome_lines(refused)]))
    check_outcomes(outcomes)
    count = sum(1 for each in outcomes if each.result == HELD)
    output.note(f"policy   {count} controls hold, {len(outcomes) - count} are not asked here")


def describe_policy(policy: Policy) -> list[str]:
    """Return the lines that say which policy is asked."""
    return ["POLICY", f"  SHA-256    {policy.digest.hex() if policy.digest else 'none'}"]


def show_outcomes(policy: Policy, outcomes: Sequence[Outcome]) -> None:
    """Show on stderr what became of every control, those that refused first."""
    from signkit.policy.report import outcome_lines

    output.note("\n".join([*describe_policy(policy), *outcome_lines(outcomes), ""]))
