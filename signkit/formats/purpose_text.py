"""What a key is for, as text for people, the same wherever it is shown."""

from __future__ import annotations

from signkit.formats.display import escape
from signkit.model.purpose import Purpose


def purpose_rows(purpose: Purpose) -> list[tuple[str, str]]:
    """Return one row of label and text for each field of a purpose; nothing unescaped."""
    return [
        ("role", escape(purpose.role) if purpose.role else "any"),
        ("artifacts", ", ".join(map(escape, purpose.artifacts))),
        ("targets", ", ".join(map(escape, purpose.targets))),
        ("schemes", ", ".join(map(escape, purpose.schemes)) if purpose.schemes else "any"),
        ("not before", purpose.not_before or "always"),
        ("not after", purpose.not_after or "never"),
        ("at most", _most(purpose.most_signatures)),
    ]


def _most(count: int | None) -> str:
    return "any number of signatures" if count is None else f"{count} signatures in one ceremony"
