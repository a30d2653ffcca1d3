"""Organizations: namespaces of which nobody in one can tell that there are others."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from signkit.errors import RegistryError
from signkit.registry.tables import Organization, User
from signkit.verify.encoding import check_text

DEFAULT = "default"
_OPERATOR = "operator"
_NAME_LENGTH = 100  # the name of its user is longer, and has 128


def ensure_organization(session: Session) -> None:
    """Make the first organization and its user on first start."""
    if session.scalar(select(Organization.row).limit(1)) is None:
        _make(session, DEFAULT, username=_OPERATOR)


def new_organization(session: Session, name: str) -> Organization:
    """Make an organization and the user that holds its tokens.

    Args:
        session: A writing session.
        name: Under which it is listed, 1 to 100 characters; clients never see it.

    Raises:
        MalformedError, TooLargeError: the name is empty, too long or holds control characters.
        RegistryError: the name is taken.
    """
    check_text(name, what="organization name", limit=_NAME_LENGTH)
    if session.scalar(select(Organization.row).where(Organization.name == name)) is not None:
        message = f"there is an organization named {name!r} already"
        raise RegistryError(message, hint="choose another name")
    return _make(session, name, username=f"{_OPERATOR}@{name}")


def list_organizations(session: Session) -> list[Organization]:
    """Return every organization, oldest first."""
    return list(session.scalars(select(Organization).order_by(Organization.row)))


def find_organization(session: Session, name: str) -> Organization:
    """Return the organization with a name.

    Raises:
        RegistryError: there is none.
    """
    found = session.scalar(select(Organization).where(Organization.name == name))
    if found is None:
        message = f"there is no organization named {name!r}"
        raise RegistryError(message, hint="see signkit registry organization list")
    return found


def _make(session: Session, name: str, *, username: str) -> Organization:
    organization = Organization(name=name)
    session.add(organization)
    session.flush()
    user = User(username=username, email=f"{username.partition('@')[0]}@localhost")
    user.organization_row = organization.row
    session.add(user)
    return organization
