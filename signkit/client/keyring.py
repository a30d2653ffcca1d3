"""The keyring of the system, which holds tokens. The only module that knows the library `keyring`.

The library is an extra (`signkit[keyring]`), and may find no keyring that works: a machine without a
desktop has none. Then there is none, and tokens are kept in files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from signkit.errors import TokenStoreError

_SERVICE = "signkit registry"
_HINT = "unlock the keyring, or set SIGNKIT_KEYRING=off and add the profile again"


class SystemKeyring:
    """The keyring that the library finds; made by `find_keyring`."""

    def get(self, name: str) -> str | None:
        """Return the token of a profile, or None; raises TokenStoreError."""
        import keyring

        with _translated():
            return keyring.get_password(_SERVICE, name)

    def set(self, name: str, token: str) -> None:
        """Keep the token of a profile; raises TokenStoreError."""
        import keyring

        with _translated():
            keyring.set_password(_SERVICE, name, token)

    def delete(self, name: str) -> None:
        """Forget the token of a profile; raises TokenStoreError."""
        import keyring

        with _translated():
            keyring.delete_password(_SERVICE, name)


def find_keyring(environment: Mapping[str, str]) -> SystemKeyring | None:
    """Return the system's keyring: None where the library is not installed or finds none.

    Args:
        environment: `SIGNKIT_KEYRING=off` says that none is to be used.
    """
    if environment.get("SIGNKIT_KEYRING") == "off":
        return None
    try:
        import keyring

        works = keyring.get_keyring().priority > 0
    except (ImportError, RuntimeError, OSError):  # how backends say that they do not work here
        return None
    return SystemKeyring() if works else None


@contextmanager
def _translated() -> Iterator[None]:
    """Raise what the library raises as our own error, without anything that it was given."""
    from keyring.errors import KeyringError

    try:
        yield
    except (KeyringError, RuntimeError, OSError) as error:
        message = f"the keyring cannot be used: {type(error).__name__}"
        raise TokenStoreError(message, hint=_HINT) from None
