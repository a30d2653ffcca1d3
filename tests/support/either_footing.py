"""A registry on the footing that is named, for scripts that measure or replay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.registry import RunningRegistry, running_registry, running_shared

FOOTINGS = ("folder", "scale")


@contextmanager
def running_on(footing: str) -> Iterator[RunningRegistry]:
    """Run a registry while the body runs.

    Args:
        footing: A folder; or PostgreSQL and a store that speaks S3, both run for it, with a worker.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        if footing == "folder":
            with running_registry(folder) as registry:
                yield registry
            return
        from tests.support.shared_footing import running_footing

        with running_footing(folder) as shared, running_shared(shared, folder) as registry:
            yield registry
