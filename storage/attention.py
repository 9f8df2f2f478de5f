"""What waits for a person: items that could not be processed, rows that could not be delivered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from . import inbox as inbox_rows
from . import messages, wishes
from .tables import inbox, outbox_lanes
from .tables import outbox as outbox_table

QUARANTINED = sa.text("inbox.state = 'quarantined'")
PARKED = sa.text("outbox.state = 'parked'")


@dataclass(frozen=True, slots=True)
class QuarantinedItem:
    id: int
    key: str
    kind: str
    lane: str
    at: datetime
    received_at: datetime
    attempts: int
    error: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class ParkedRow:
    id: int
    kind: str
    case_id: str | None
    message_id: int | None
    lane: str
    destination: str
    created_at: datetime
    attempts: int
    error: str
    payload: dict[str, Any]


def quarantined(connection: Connection, limit: int = 1000) -> list[QuarantinedItem]:
    """The oldest first."""
    rows = connection.execute(_items().where(QUARANTINED).order_by(inbox.c.id).limit(limit))
    return [QuarantinedItem(**row._mapping) for row in rows]


def find_quarantined(connection: Connection, key: str) -> QuarantinedItem | None:
    row = connection.execute(_items().where(QUARANTINED, inbox.c.key == key)).first()
    return QuarantinedItem(**row._mapping) if row is not None else None


def retry_item(connection: Connection, key: str, now: datetime) -> bool:
    """Have a quarantined item tried three times anew. False when there is none of that key."""
    row = connection.execute(
        sa.update(inbox)
        .where(QUARANTINED, inbox.c.key == key)
        .values(state="waiting", attempts=0, tried_by="", error=None, done_at=None)
        .returning(inbox.c.lane)
    ).first()
    if row is None:
        return False
    inbox_rows.wake(connection, [row.lane], now)
    return True


def drop_item(connection: Connection, key: str) -> bool:
    """Leave a quarantined item unprocessed for good; its raw form stays until it is old enough."""
    statement = (
        sa.update(inbox).where(QUARANTINED, inbox.c.key == key).values(state="ignored").returning(inbox.c.id)
    )
    return connection.execute(statement).first() is not None


def parked(connection: Connection, limit: int = 1000) -> list[ParkedRow]:
    """The oldest first."""
    rows = connection.execute(_rows().where(PARKED).order_by(outbox_table.c.id).limit(limit))
    return [ParkedRow(**row._mapping) for row in rows]


def retry_row(connection: Connection, row_id: int, now: datetime) -> bool:
    """Have a parked row sent after all. False when there is none of that number."""
    row = _leave(connection, row_id, "pending")
    if row is None:
        return False
    connection.execute(
        sa.update(outbox_lanes).where(outbox_lanes.c.lane == row.lane).values(next_at=now, failures=0)
    )
    if row.kind == "answer" and row.message_id is not None:
        messages.set_delivery(connection, row.message_id, "queued")
        message = messages.load_message(connection, row.message_id)
        if message is not None and message.channel is not None and message.ts is not None:
            wishes.want_mark(connection, message.channel, message.ts, "waiting", now)
    return True


def drop_row(connection: Connection, row_id: int) -> bool:
    """Leave a parked row undelivered for good."""
    return _leave(connection, row_id, "dropped") is not None


def _leave(connection: Connection, row_id: int, state: str) -> Any:
    return connection.execute(
        sa.update(outbox_table)
        .where(PARKED, outbox_table.c.id == row_id)
        .values(state=state, done_at=None, error=None)
        .returning(outbox_table.c.lane, outbox_table.c.kind, outbox_table.c.message_id)
    ).first()


def _items() -> sa.Select[Any]:
    return sa.select(*(_column(inbox, name) for name in QuarantinedItem.__dataclass_fields__))


def _rows() -> sa.Select[Any]:
    return sa.select(*(_column(outbox_table, name) for name in ParkedRow.__dataclass_fields__))


def _column(table: sa.Table, name: str) -> Any:
    column = table.c[name]
    return sa.func.coalesce(column, "").label(name) if name == "error" else column
