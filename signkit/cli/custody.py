"""What the commands of a key's life have in common: whose home, who acts, and which key is meant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from signkit.custody.keeping import Act, Enrolment
    from signkit.custody.store import KeyStore

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="A key, as `keys list` names it.")
]
ReasonOption = Annotated[str, typer.Option(help="Why; it stays in the register.")]
CryptoperiodOption = Annotated[
    str | None,
    typer.Option(metavar="PERIOD", help="How long it may sign once active: 2y, 90d, `never`."),
]
PreActiveOption = Annotated[
    bool, typer.Option("--pre-active", help="It signs only after `keys set-state NAME active`.")
]


def home_and_store() -> tuple[Path, KeyStore]:
    """Return signkit's home and the store in it."""
    from signkit.cli.home import signkit_home
    from signkit.custody.store import KeyStore

    home = signkit_home()
    return home, KeyStore(home / "keys")


def act(reason: str) -> Act:
    """Return who does something now, and why.

    Raises:
        FormatError: the reason is empty, too long, or has control characters.
    """
    from signkit.cli.clock import now, user_at_machine
    from signkit.custody.keeping import Act
    from signkit.verify import limits
    from signkit.verify.encoding import check_text

    check_text(reason, what="--reason", limit=limits.REASON_LENGTH, lines=True)
    return Act(time=now(), who=user_at_machine()[: limits.LABEL_LENGTH], reason=reason)


def read_enrolment(
    reason: str, *, cryptoperiod: str | None, pre_active: bool, predecessor: str | None = None
) -> Enrolment:
    """Read the options, and the register: one that was changed is noticed before a key is made.

    Raises:
        UsageError: the cryptoperiod is none.
        Others: as `custody.register.read_register`.
    """
    from signkit.cli.home import signkit_home
    from signkit.custody.keeping import Enrolment
    from signkit.custody.register import read_register
    from signkit.formats.custody_register import parse_cryptoperiod

    read_register(signkit_home())
    return Enrolment(
        act=act(reason),
        cryptoperiod_days=None if cryptoperiod is None else parse_cryptoperiod(cryptoperiod),
        pre_active=pre_active,
        predecessor=predecessor,
    )
