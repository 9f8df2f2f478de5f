"""The way of a case's messages, from the item that came to what was sent, with times, for an operator to read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from storage.tables import case_events, cases, copies, inbox, messages, outbox


@dataclass(frozen=True)
class Step:
    at: datetime
    what: str


def way_of_item(connection: Connection, key: str) -> list[Step]:
    """What became of one item; with a case, all of the case's way. Empty when there is no such item."""
    found = _found(connection, key)
    for case_id in found.values():
        if case_id is not None:
            return way_of_case(connection, case_id)
    return _items(connection, inbox.c.id.in_(sorted(found)))


def _found(connection: Connection, key: str) -> dict[int, str | None]:
    """The item that has this key, or whose twin has it, and its case: each looked for by its own index."""
    found: dict[int, str | None] = {}
    for column in (inbox.c.key, inbox.c.twin_key):
        rows = connection.execute(sa.select(inbox.c.id, inbox.c.case_id).where(column == key))
        found |= {row.id: row.case_id for row in rows}
    return found


def way_of_case(connection: Connection, case_id: str) -> list[Step]:
    """All that is known of a case, in the order of time. Empty when there is no such case."""
    if connection.scalar(sa.select(cases.c.number).where(cases.c.case_id == case_id)) is None:
        return []
    steps = _items(connection, inbox.c.case_id == case_id)
    for message in connection.execute(sa.select(messages).where(messages.c.case_id == case_id)):
        side = "answer" if message.is_admin else "customer's message"
        delivery = f", {message.delivery}" if message.delivery else ""
        steps.append(Step(message.timestamp, f"message {message.id}: {side} by {message.source}{delivery}"))
    for event in connection.execute(sa.select(case_events).where(case_events.c.case_id == case_id)):
        steps.append(Step(event.at, f"event {event.id}: {event.kind}"))
    for row in connection.execute(sa.select(outbox).where(outbox.c.case_id == case_id)):
        name = f"outbox {row.id} ({row.kind} {row.dedupe_key})"
        steps.append(Step(row.created_at, f"{name}: queued to {row.destination}"))
        if row.first_attempt_at is not None:
            steps.append(Step(row.first_attempt_at, f"{name}: first tried"))
        if row.done_at is not None:
            steps.append(Step(row.done_at, f"{name}: {row.state}{_why(row.error)}"))
    mirrored = sa.select(copies).join(messages, messages.c.id == copies.c.message_id)
    for copy in connection.execute(mirrored.where(messages.c.case_id == case_id)):
        at = datetime.fromtimestamp(float(copy.ts), UTC)
        steps.append(Step(at, f"copy of message {copy.message_id}: {copy.channel} {copy.ts}"))
    return sorted(steps, key=lambda step: step.at)


def _items(connection: Connection, condition: sa.ColumnElement[bool]) -> list[Step]:
    columns = (
        inbox.c.key,
        inbox.c.kind,
        inbox.c.at,
        inbox.c.received_at,
        inbox.c.state,
        inbox.c.error,
        inbox.c.done_at,
    )
    steps = []
    for item in connection.execute(sa.select(*columns).where(condition).order_by(inbox.c.id)):
        steps.append(Step(item.at, f"item {item.key}: {item.kind} written"))
        steps.append(Step(item.received_at, f"item {item.key}: stored"))
        steps.append(Step(item.done_at or item.received_at, f"item {item.key}: {item.state}{_why(item.error)}"))
    return steps


def _why(error: str | None) -> str:
    return f" ({error})" if error else ""
