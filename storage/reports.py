"""What people ask to see: cases by their waiting, counts, and the whole of one case. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from bot.desk.model import Case

from .cases import CaseThread, Customer, case_from_row
from .tables import cases, customers, inbox, outbox


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case with its customer and where it stands in the support channel."""

    case: Case
    customer: Customer
    thread: CaseThread | None


def case_file(connection: Connection, case_id: str) -> CaseFile | None:
    rows = case_files(connection, joined().where(cases.c.case_id == case_id))
    return rows[0] if rows else None


def longest_waiting(connection: Connection, limit: int = 10) -> list[CaseFile]:
    """Open cases whose customers wait for an answer, the longest first."""
    condition = sa.text("cases.status = 'open' AND cases.waiting_since IS NOT NULL")
    return case_files(connection, joined().where(condition).order_by(cases.c.waiting_since).limit(limit))


def open_cases(connection: Connection, limit: int) -> list[CaseFile]:
    """Open cases: whose customers wait, the longest first, then those that were answered."""
    waiting = longest_waiting(connection, limit)
    answered = sa.text("cases.status = 'open' AND cases.waiting_since IS NULL")
    rest = joined().where(answered).order_by(cases.c.number).limit(limit - len(waiting))
    return waiting + (case_files(connection, rest) if len(waiting) < limit else [])


def newest_cases(connection: Connection, limit: int) -> list[CaseFile]:
    return case_files(connection, joined().order_by(cases.c.number.desc()).limit(limit))


@dataclass(frozen=True, slots=True)
class Troubles:
    """What waits for a person: items that could not be processed, rows that could not be delivered."""

    quarantined: int
    parked: int


def troubles(connection: Connection) -> Troubles:
    quarantined = sa.select(sa.func.count()).where(sa.text("inbox.state = 'quarantined'")).select_from(inbox)
    parked = sa.select(sa.func.count()).where(sa.text("outbox.state = 'parked'")).select_from(outbox)
    return Troubles(
        int(connection.execute(quarantined).scalar_one()), int(connection.execute(parked).scalar_one())
    )


def joined() -> sa.Select[tuple[object, ...]]:
    return sa.select(cases, customers.c.display_name, customers.c.handle).join(
        customers, customers.c.customer_identifier == cases.c.customer_identifier
    )


def case_files(connection: Connection, statement: sa.Select[tuple[object, ...]]) -> list[CaseFile]:
    files = []
    for row in connection.execute(statement):
        case = case_from_row(row)
        thread = CaseThread(row.thread_channel, row.thread_ts) if row.thread_ts is not None else None
        files.append(CaseFile(case, Customer(case.customer, row.display_name, row.handle), thread))
    return files
