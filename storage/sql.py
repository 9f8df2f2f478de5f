"""Small helpers that let one statement serve both databases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Row = dict[str, Any]

# Both drivers take some 32,000 parameters in a statement. Rows given to `execute` beside the statement need no
# care, and it is compiled once, not anew for each number of rows.
ROWS_PER_INSERT = 500


def insert_for(connection: Connection, table: Table) -> Any:
    """An INSERT with `on_conflict_*` in the connection's dialect: both spell it alike."""
    return insert_into(connection.dialect.name, table)


def insert_into(dialect: str, table: Table) -> Any:
    """As `insert_for`, for statements that are built once and kept: building one takes longer than running it."""
    return (sqlite.insert if dialect == "sqlite" else postgresql.insert)(table)


def insert_in_order(connection: Connection, table: Table, rows: Sequence[Row]) -> list[int]:
    """Insert rows and return their ids in the order of the rows."""
    if connection.dialect.name == "postgresql":
        statement = sa.insert(table).returning(table.c.id, sort_by_parameter_order=True)
        return list(connection.execute(statement, list(rows)).scalars())
    # SQLite numbers the rows of a statement upwards in their order. SQLAlchemy, asked for the order, would
    # insert them one by one.
    return sorted(connection.execute(sa.insert(table).returning(table.c.id), list(rows)).scalars())
