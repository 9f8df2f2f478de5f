"""Alembic's entry: uses the connection that `storage.migrate` hands in, inside its transaction."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from storage.tables import UtcDateTime, metadata


def render_item(kind: str, item: Any, autogen_context: Any) -> str | Literal[False]:
    """Freeze our own types into plain ones, so that old revisions never depend on today's code."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=context.config.attributes["connection"].dialect.name == "sqlite",
    render_item=render_item,
    compare_type=True,
    compare_server_default=True,
)
context.run_migrations()
