"""What tests of storage write and read: rows made with one call, and SQL run as one work."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from bot.desk.model import Case, CaseStatus, ReplyTo, Source
from storage import cases
from storage.cases import Customer
from storage.engine import Database
from storage.inbox import About, NewItem

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


async def run(database: Database, statement: str, **values: Any) -> list[Any]:
    """Write with a statement; its rows, if it returns any."""

    def work(connection: Connection) -> list[Any]:
        result = connection.execute(sa.text(statement), values)
        return [tuple(row) for row in result] if result.returns_rows else []

    return await database.write(work)


async def scalars(database: Database, statement: str, **values: Any) -> list[Any]:
    return [row[0] for row in await run(database, statement, **values)]


def item(key: str, customer: str = "U1", seconds: float = 0, **changed: Any) -> NewItem:
    given: dict[str, Any] = {
        "kind": "message",
        "about": About(customer=customer),
        "at": after(seconds),
        "raw": b"{}",
    }
    return NewItem(key, **(given | changed))


def a_case(number: int = 1, customer: str = "U1", **changed: Any) -> Case:
    given: dict[str, Any] = {
        "case_id": cases.case_id_of(number),
        "customer": customer,
        "source": Source.SLACK,
        "status": CaseStatus.OPEN,
        "created_at": NOON,
        "last_message_at": NOON,
        "reply_to": ReplyTo("D1"),
    }
    return Case(**(given | changed))


def closed(number: int = 1, customer: str = "U1", **changed: Any) -> Case:
    return a_case(number, customer, status=CaseStatus.CLOSED, closed_at=NOON, closed_by="Ada", **changed)


def keep(connection: Connection, *kept: Case) -> None:
    """Store customers and cases as a batch would."""
    found = {case.customer: Customer(case.customer, f"Name of {case.customer}", "handle") for case in kept}
    cases.add_customers(connection, list(found.values()), NOON)
    cases.insert_cases(connection, [(int(case.case_id.removeprefix("CASE_")), case) for case in kept])


def message_row(case_id: str = "CASE_001", **changed: Any) -> dict[str, Any]:
    given = {
        "case_id": case_id,
        "sender": "U1",
        "sender_name": "Dana",
        "is_admin": False,
        "body": "Hello",
        "timestamp": NOON,
        "source": "slack",
        "channel": "D1",
        "ts": "1.000100",
        "thread_ts": None,
        "files": [],
        "delivery": None,
    }
    return given | changed
