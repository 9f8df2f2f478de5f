"""Small helpers that let one statement serve both databases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Row = dict[str, Any]

ROWS_PER_INSERT = 500  # both drivers take some 32,000 parameters in a statement


def insert_for(connection: Connection, table: Table) -> Any:
    """An INSERT with `on_conflict_*` in the connection's dialect: both spell it alike."""
    build = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    return build(table)


def insert_in_order(connection: Connection, table: Table, rows: Sequence[Row]) -> list[int]:
    """Insert rows and return their ids in the order of the rows."""
    if connection.dialect.name == "postgresql":
        statement = sa.insert(table).returning(table.c.id, sort_by_parameter_order=True)
        return list(connection.execute(statement, list(rows)).scalars())
    # SQLite numbers the rows of a statement upwards in their order. SQLAlchemy, asked for the order, would
    # insert them one by one.
    ids: list[int] = []
    for start in range(0, len(rows), ROWS_PER_INSERT):
        insert = sa.insert(table).values(list(rows[start : start + ROWS_PER_INSERT])).returning(table.c.id)
        ids += sorted(connection.execute(insert).scalars())
    return ids
