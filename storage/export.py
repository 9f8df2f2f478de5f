"""What a desk holds, read in pages for an export: memory stays flat, and no transaction is held open for long."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, Connection, Table

from .engine import Database
from .tables import case_events, cases, messages

ROWS_PER_PAGE = 500


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of row that is exported; `key` rises with every new row."""

    table: Table
    key: Column[int]

    @property
    def columns(self) -> list[str]:
        return [column.name for column in self.table.columns]


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[dict[str, Any]]
    reached: int
    last: int


PARTS = {
    "cases": Part(cases, cases.c.number),
    "messages": Part(messages, messages.c.id),
    "events": Part(case_events, case_events.c.id),
}


async def pages(database: Database, part: Part, case_id: str | None) -> AsyncIterator[Page]:
    """The rows there are at the start, in the order of their keys; of one case, or of all."""
    last = await database.read(partial(_last, part=part, case_id=case_id))
    reached = 0
    while reached < last:
        rows = await database.read(partial(_page, part=part, case_id=case_id, after=reached, last=last))
        if not rows:
            return
        reached = rows[-1][part.key.name]
        yield Page(rows, reached, last)


def has_case(connection: Connection, case_id: str) -> bool:
    return connection.execute(sa.select(cases.c.case_id).where(cases.c.case_id == case_id)).first() is not None


def _last(connection: Connection, part: Part, case_id: str | None) -> int:
    statement = sa.select(sa.func.max(part.key))
    if case_id is not None:
        statement = statement.where(part.table.c.case_id == case_id)
    return connection.execute(statement).scalar() or 0


def _page(connection: Connection, part: Part, case_id: str | None, after: int, last: int) -> list[dict[str, Any]]:
    statement = (
        sa.select(part.table).where(part.key > after, part.key <= last).order_by(part.key).limit(ROWS_PER_PAGE)
    )
    if case_id is not None:
        statement = statement.where(part.table.c.case_id == case_id)
    return [dict(row._mapping) for row in connection.execute(statement)]
