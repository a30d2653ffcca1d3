"""What a key is for: the options of `keys new --sealed`, and how it is shown."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.errors import UsageError

if TYPE_CHECKING:
    from signkit.custody.sealed import Sealing
    from signkit.formats.sealed_key import SealedHeader

SealedOption = Annotated[
    bool, typer.Option("--sealed", help="A key file that says what the key is for.")
]
RoleOption = Annotated[str | None, typer.Option(help="Sealed: requests must want it of this role.")]
ArtifactOption = Annotated[
    list[str] | None, typer.Option(metavar="GLOB", help="Sealed: artifacts it may sign; again.")
]
TargetOption = Annotated[
    list[str] | None, typer.Option(metavar="GLOB", help="Sealed: targets it may sign; again.")
]
SchemeOption = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Sealed: schemes it may sign; again.")
]
NotBeforeOption = Annotated[
    str | None, typer.Option(metavar="DATE", help="Sealed: it may sign from then on.")
]
NotAfterOption = Annotated[
    str | None, typer.Option(metavar="DATE", help="Sealed: it may sign until then.")
]
MostOption = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Sealed: signatures in one ceremony.")
]
PredecessorOption = Annotated[
    str | None, typer.Option(metavar="KEYID", help="Sealed: the key that it follows.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PurposeOptions:
    """What a sealed key file is to say, as it was typed; None where nothing was.

    Attributes:
        role: A role.
        artifact: Globs.
        target: Globs.
        scheme: Names of schemes.
        not_before: A date or time.
        not_after: A date or time.
        most: Signatures in one ceremony.
        predecessor: A keyid.
    """

    role: str | None
    artifact: list[str] | None
    target: list[str] | None
    scheme: list[str] | None
    not_before: str | None
    not_after: str | None
    most: int | None
    predecessor: str | None

    def check_unsealed(self) -> None:
        """Refuse a purpose for a file that cannot hold one.

        Raises:
            UsageError: an option was given.
        """
        for field in fields(self):
            if getattr(self, field.name):
                option = field.name.replace("_", "-")
                message = f"--{option} without --sealed: a plain key file has no place for it"
                raise UsageError(message, hint="add --sealed")

    def sealing(self) -> Sealing:
        """Read the options, and choose how dear a guess at the passphrase is to be.

        Raises:
            UsageError: a scheme that there is not.
            FormatError: a value that a key file cannot hold.
        """
        from signkit.cli.clock import now
        from signkit.custody.sealed import Sealing, choose_cost
        from signkit.formats.sealed_key import check_purpose
        from signkit.model.purpose import Purpose
        from signkit.verify.encoding import decode_hex

        if self.predecessor is not None:
            decode_hex(self.predecessor, size=32, what="--predecessor")
        purpose = Purpose(
            role=self.role,
            artifacts=tuple(self.artifact or ["*"]),
            targets=tuple(self.target or ["*"]),
            schemes=tuple(map(_check_scheme, self.scheme)) if self.scheme else None,
            not_before=_read_moment(self.not_before, "--not-before"),
            not_after=_read_moment(self.not_after, "--not-after"),
            most_signatures=self.most,
        )
        check_purpose(purpose)  # before anybody waits for the measurement
        return Sealing(
            purpose=purpose, predecessor=self.predecessor, created=now(), cost=choose_cost()
        )


def _read_moment(text: str | None, what: str) -> str | None:
    from signkit.cli.clock import parse_moment

    return None if text is None else parse_moment(text, what=what)


def _check_scheme(name: str) -> str:
    from signkit.schemes.table import SCHEMES

    known = {*SCHEMES, "trust"}
    if name not in known:
        message = f"--scheme: expected one of {', '.join(sorted(known))}, got {name!r:.80}"
        raise UsageError(message)
    return name


def describe_purpose(header: SealedHeader) -> tuple[dict[str, object], list[tuple[str, str]]]:
    """Return what a sealed key file says: for data, and as rows of label and text."""
    from signkit.formats.purpose_text import purpose_rows

    cost = header.cost
    rows = [
        ("created", header.created),
        *purpose_rows(header.purpose),
        ("follows", header.predecessor or "no other key"),
        ("sealed", f"argon2id, {cost.passes} passes over {cost.memory >> 20} MiB"),
    ]
    value: dict[str, object] = {
        "created": header.created,
        **asdict(header.purpose),
        "predecessor": header.predecessor,
        "argon2id": {"passes": cost.passes, "memory": cost.memory},
    }
    return value, rows
