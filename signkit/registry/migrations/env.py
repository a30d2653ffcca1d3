"""What Alembic runs: every step within the transaction that `database.migrate` opened."""

from __future__ import annotations

from alembic import context

from signkit.registry.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
