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

    Subclasses declare `__slots__` and annotate the same names in the same order.
    """

    __slots__: tuple[str, ...] = ()

    def __init__(self, **fields: object) -> None:
        names = self.__slots__
        if fields.keys() != set(names):
            message = f"{type(self).__name__} takes exactly {', '.join(names)}"
            raise TypeError(message)
        for name in names:
            object.__setattr__(self, name, fields[name])

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
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        """Hash by content."""
        return hash((type(self), *(getattr(self, name) for name in self.__slots__)))

    def __repr__(self) -> str:
        """Show the fields by name."""
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({fields})"
