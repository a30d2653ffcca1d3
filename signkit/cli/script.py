"""`signkit script`: a ceremony as it will be, to be printed before it is held."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.review import write_html

if TYPE_CHECKING:
    from signkit.model.ceremony import CeremonyPlan
    from signkit.model.policy import Policy
    from signkit.model.request import VerifiedRequest
    from signkit.verify.ed25519 import PublicKey


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("script", help="Print the script of a ceremony: roles, boxes, expected words.")(
        script
    )


def script(
    file: Annotated[Path, typer.Argument(metavar="CEREMONY.toml", help="What is planned.")],
    *,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page to print as well.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Read what a ceremony file names, ask the policy, and print who does what."""
    from signkit.cli.policy_file import load_policy
    from signkit.formats.ceremony import CEREMONY_SIZE, parse_ceremony
    from signkit.formats.files import read_file
    from signkit.model.policy import NO_POLICY
    from signkit.station.script import build_script
    from signkit.station.script_page import script_page
    from signkit.station.script_text import script_text, script_value

    plan = parse_ceremony(read_file(file, limit=CEREMONY_SIZE, what="ceremony file"))
    request = file.parent / plan.request
    key = None if plan.public_key is None else _read_key(file.parent / plan.public_key)
    policy = NO_POLICY if plan.policy is None else load_policy(file.parent / plan.policy)
    verified = _read_request(request, plan, policy, key)
    made = build_script(plan, verified, name=request.name, key=key, policy=policy)
    if html is not None:
        write_html(html, script_page(made), replace=False)
    output.show_result(script_value(made), script_text(made), as_json=as_json)


def _read_key(path: Path) -> PublicKey:
    from signkit.formats.files import read_file
    from signkit.formats.public_key import read_public_key
    from signkit.verify import limits

    return read_public_key(read_file(path, limit=limits.KEY_FILE_SIZE, what="public key"))


def _read_request(
    path: Path, plan: CeremonyPlan, policy: Policy, key: PublicKey | None
) -> VerifiedRequest:
    """Read the request, and ask the policy about it and about those who will confirm it."""
    from signkit.cli.clock import now
    from signkit.cli.policy_file import check_at_desk, find_openpgp
    from signkit.formats.files import read_file
    from signkit.formats.request import open_request
    from signkit.policy.facts import Facts
    from signkit.verify import limits

    data = read_file(path, limit=limits.REQUEST_SIZE, what="request")
    verified = open_request(data)
    if policy.digest is None:
        return verified
    openpgp, problem = find_openpgp(path, data, policy)
    facts = Facts(
        now=now(),
        requester=verified.requester_key.keyid,
        request=verified.digest,
        openpgp=openpgp,
        openpgp_problem=problem,
        keyids=None if key is None else frozenset({key.keyid}),
        operators=plan.names("operator")[: policy.operators],
    )
    check_at_desk(verified.request, policy, facts)
    return verified
