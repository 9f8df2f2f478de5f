"""Cases as a queue, page by page: however many there are, a page reads its own rows by an index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from .cases import number_of
from .reports import CaseFile, case_files, joined
from .tables import cases


class Queue(StrEnum):
    ESCALATED = "escalated"
    WAITING = "waiting"
    OPEN = "open"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last case of a page: where the next one begins. `at` is None where cases are in the order of numbers."""

    at: datetime | None
    number: int


@dataclass(frozen=True, slots=True)
class Page:
    files: tuple[CaseFile, ...]
    next: Cursor | None


def page(connection: Connection, queue: Queue, after: Cursor | None, limit: int, customer: str = "") -> Page:
    """The first `limit` cases behind the cursor. `customer` is whose cases the queue `CUSTOMER` shows."""
    number = cases.c.number
    statement = joined().limit(limit + 1)
    match queue:
        case Queue.ESCALATED:
            condition = sa.text("cases.status = 'open' AND cases.escalated")
            statement = _by_time(statement.where(condition), cases.c.escalated_at, after)
        case Queue.WAITING:
            condition = sa.text("cases.status = 'open' AND cases.waiting_since IS NOT NULL")
            statement = _by_time(statement.where(condition), cases.c.waiting_since, after)
        case Queue.OPEN:
            statement = statement.where(sa.text("cases.status = 'open'")).order_by(number)
            statement = statement.where(number > after.number) if after is not None else statement
        case Queue.CUSTOMER:
            statement = statement.where(cases.c.customer_identifier == customer).order_by(number.desc())
            statement = statement.where(number < after.number) if after is not None else statement
    files = case_files(connection, statement)
    shown = tuple(files[:limit])
    return Page(shown, _cursor(queue, shown[-1]) if len(files) > limit else None)


def _by_time(
    statement: sa.Select[tuple[object, ...]], at: sa.Column[Any], after: Cursor | None
) -> sa.Select[tuple[object, ...]]:
    statement = statement.order_by(at, cases.c.number)
    if after is None:
        return statement
    behind = sa.tuple_(sa.literal(after.at, at.type), sa.literal(after.number, cases.c.number.type))
    return statement.where(sa.tuple_(at, cases.c.number) > behind)


def _cursor(queue: Queue, file: CaseFile) -> Cursor:
    number = number_of(file.case.case_id)
    match queue:
        case Queue.ESCALATED:
            return Cursor(file.case.escalated_at, number)
        case Queue.WAITING:
            return Cursor(file.case.waiting_since, number)
        case Queue.OPEN | Queue.CUSTOMER:
            return Cursor(None, number)
