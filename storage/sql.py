"""Small helpers that let one statement serve both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Row = dict[str, Any]


def insert_for(connection: Connection, table: Table) -> Any:
    """An INSERT with `on_conflict_*` in the connection's dialect: both spell it alike."""
    build = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    return build(table)
