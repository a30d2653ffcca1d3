"""What is wrong with a footing, before it serves: each check by name, with what to do.

Nothing that is there is changed. What a check makes to find out, it removes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from signkit.errors import RegistryError, SignkitError


class Health(StrEnum):
    """What a check found."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found.

    Attributes:
        check: Its name.
        health: Whether all is well.
        detail: What is there.
        hint: What to do, or empty.
    """

    check: str
    health: Health
    detail: str
    hint: str = ""


class TroubleError(Exception):
    """A check found something; never leaves the doctor."""

    def __init__(self, detail: str, hint: str = "", *, is_fatal: bool = True) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.is_fatal = is_fatal


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing to look at.

    Attributes:
        name: As it is shown.
        run: Looks, and returns what is there; raises `TroubleError` or any error of its libraries.
        needs: The check without which this one says nothing, or empty.
    """

    name: str
    run: Callable[[], str]
    needs: str = ""


def examine(data: Path) -> list[Finding]:
    """Look at a data folder or a footing file.

    Args:
        data: As `signkit registry serve` gets it.

    Returns:
        What each check found, in order.

    Raises:
        RegistryError, MalformedError: the footing file cannot be read, or what it needs is not
            installed.
    """
    if data.is_file():
        from signkit.registry.footing_file import check_installed

        check_installed()
        from signkit.registry.doctor_shared import list_shared_checks

        with list_shared_checks(data) as checks:
            return list(_run_all(checks))
    from signkit.registry.doctor_folder import list_folder_checks

    return list(_run_all(list_folder_checks(data)))


def refuse_unhealthy(findings: list[Finding]) -> None:
    """Pass where the footing can serve, with warnings or without.

    Raises:
        RegistryError: a check failed.
    """
    failed = [finding.check for finding in findings if finding.health is Health.FAILED]
    if failed:
        message = f"the footing cannot serve: {', '.join(failed)}"
        raise RegistryError(message, hint="the table says what to do")


def _run_all(checks: list[Check]) -> Iterator[Finding]:
    fallen: set[str] = set()
    for check in checks:
        finding = _run(check, fallen)
        if finding.health in {Health.FAILED, Health.SKIPPED}:
            fallen.add(check.name)
        yield finding


def _run(check: Check, fallen: set[str]) -> Finding:
    if check.needs in fallen:
        detail = f"not looked at: needs {check.needs}"
        return Finding(check=check.name, health=Health.SKIPPED, detail=detail)
    try:
        return Finding(check=check.name, health=Health.OK, detail=check.run())
    except TroubleError as trouble:
        health = Health.FAILED if trouble.is_fatal else Health.WARNING
        return Finding(check=check.name, health=health, detail=trouble.detail, hint=trouble.hint)
    except SignkitError as error:
        return Finding(
            check=check.name, health=Health.FAILED, detail=str(error), hint=error.hint or ""
        )
    except (OSError, SQLAlchemyError) as error:
        # Drivers add lines of advice.
        detail = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        return Finding(check=check.name, health=Health.FAILED, detail=detail)
