"""The base of the ground floor's frozen values.

What `dataclasses` gives, without its import: it loads `inspect`, which costs a device as much
time as the whole verification of a small file (docs/design/decisions/0002).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import dataclass_transform
else:

    def dataclass_transform(**_options: object) -> object:
        """Stand in for the type checker's decorator at run time."""
        return lambda cls: cls


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Value:
    """A frozen value with named fields, compared by content.

    Subclasses annotate the fields' names.
    """

    def __init__(self, **fields: object) -> None:
        names = type(self).__annotations__
        if fields.keys() != names.keys():
            message = f"{type(self).__name__} takes exactly {', '.join(sorted(names))}"
            raise TypeError(message)
        self.__dict__.update(fields)

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: a value is frozen."""
        message = f"{type(self).__name__}.{name} cannot be set: the value is frozen"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> None:
        """Refuse: a value is frozen."""
        message = f"{type(self).__name__}.{name} cannot be deleted: the value is frozen"
        raise AttributeError(message)

    def __eq__(self, other: object) -> bool:
        """Say whether the other is of the same type and holds the same."""
        return type(other) is type(self) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        """Hash by content."""
        return hash((type(self), *(self.__dict__[name] for name in type(self).__annotations__)))

    def __repr__(self) -> str:
        """Show the fields by name."""
        fields = ", ".join(f"{name}={self.__dict__[name]!r}" for name in type(self).__annotations__)
        return f"{type(self).__name__}({fields})"
