"""Whose conversations are compared with Slack's history, a page at a time, and what we hold of each.

Each page is read by an index and is no longer than its limit, however many cases there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from .inbox import UNSENT, WAITING, customer_lane
from .tables import cases, inbox, inbox_lanes, messages, outbox

IS_OPEN = sa.text("cases.status = 'open'")
# Of one lane: what waits beyond them is compared the next time.
WAITING_POSTS = 1000


@dataclass(slots=True)
class Unit:
    """What is compared for one customer: the DM, and threads of the DM and of cases, by (channel, thread_ts).

    `has_case`: an open one or one closed lately.
    """

    customer: str
    dm: str | None = None
    threads: list[tuple[str, str]] = field(default_factory=list)
    is_open: bool = False
    has_case: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether all conversations are known: who writes by mail has no DM."""
        return self.dm is not None or "@" in self.customer


@dataclass(frozen=True, slots=True)
class Place:
    """A case's place in an order: its number and, where the order is that of a moment, that moment."""

    number: int
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Customers, and the places of their cases. The next page begins after the last of them."""

    customers: tuple[str, ...]
    places: tuple[Place, ...]
    is_last: bool


def waiting_customers(connection: Connection, limit: int) -> list[str]:
    """Whose lanes have items that wait for a decision, those first who are looked at first."""
    statement = (
        sa.select(inbox_lanes.c.lane)
        .where(sa.text("inbox_lanes.next_at IS NOT NULL"))
        .order_by(inbox_lanes.c.next_at)
        .limit(limit)
    )
    lanes = connection.execute(statement).scalars()
    return [lane.removeprefix("customer:") for lane in lanes if lane.startswith("customer:")]


def waiting_page(connection: Connection, after: Place | None, limit: int) -> Page:
    """Open cases whose customers wait for an answer, those first who wrote last."""
    statement = sa.select(cases.c.customer_identifier, cases.c.number, cases.c.waiting_since.label("at")).where(
        IS_OPEN, sa.text("cases.waiting_since IS NOT NULL")
    )
    return _page_by_moment(connection, statement, cases.c.waiting_since, after, limit)


def open_page(connection: Connection, after: Place | None, limit: int) -> Page:
    """Open cases, the newest first."""
    statement = sa.select(cases.c.customer_identifier, cases.c.number).where(IS_OPEN)
    if after is not None:
        statement = statement.where(cases.c.number < after.number)
    rows = connection.execute(statement.order_by(cases.c.number.desc()).limit(limit)).all()
    places = tuple(Place(row.number) for row in rows)
    return Page(tuple(row.customer_identifier for row in rows), places, len(rows) < limit)


def closed_page(connection: Connection, after: Place | None, limit: int, since: datetime) -> Page:
    """Cases closed since that moment, those first that were closed last."""
    statement = sa.select(cases.c.customer_identifier, cases.c.number, cases.c.closed_at.label("at")).where(
        sa.text("cases.closed_at IS NOT NULL"), cases.c.closed_at >= since
    )
    return _page_by_moment(connection, statement, cases.c.closed_at, after, limit)


def _page_by_moment(
    connection: Connection,
    statement: sa.Select[tuple[str, int, datetime]],
    moment: sa.ColumnElement[datetime],
    after: Place | None,
    limit: int,
) -> Page:
    if after is not None and after.at is not None:
        # The first half alone is what an index finds; the second is about those of the same moment.
        statement = statement.where(moment <= after.at, sa.or_(moment < after.at, cases.c.number < after.number))
    rows = connection.execute(statement.order_by(moment.desc(), cases.c.number.desc()).limit(limit)).all()
    places = tuple(Place(row.number, row.at) for row in rows)
    return Page(tuple(row.customer_identifier for row in rows), places, len(rows) < limit)


def units_of(connection: Connection, customers: Sequence[str], closed_since: datetime) -> list[Unit]:
    """What to compare for each of these few, in their order."""
    rows = connection.execute(
        sa.select(
            cases.c.customer_identifier,
            cases.c.status,
            cases.c.reply_channel,
            cases.c.reply_thread_ts,
            cases.c.thread_channel,
            cases.c.thread_ts,
        )
        .where(
            cases.c.customer_identifier.in_(list(customers)), sa.or_(IS_OPEN, cases.c.closed_at >= closed_since)
        )
        .order_by(cases.c.customer_identifier, cases.c.number.desc())
    )
    found = {customer: Unit(customer) for customer in customers}
    for row in rows:
        unit = found[row.customer_identifier]
        unit.has_case = True
        unit.is_open = unit.is_open or row.status == "open"
        if row.reply_channel is not None and row.reply_channel.startswith("D"):
            unit.dm = unit.dm or row.reply_channel
            if row.reply_thread_ts is not None:
                unit.threads.append((row.reply_channel, row.reply_thread_ts))
        if row.thread_ts is not None:
            unit.threads.append((row.thread_channel, row.thread_ts))
    for unit in found.values():
        unit.threads = list(dict.fromkeys(unit.threads))
    return list(found.values())


def unsettled_card_since(connection: Connection) -> datetime | None:
    """Since when a card may stand in Slack whose place is not known: what is written under it is not compared."""
    oldest: datetime | None = connection.execute(
        sa.select(sa.func.min(outbox.c.first_attempt_at)).where(sa.text("outbox.kind = 'card'"), UNSENT)
    ).scalar_one()
    return oldest


def posts_waiting(
    connection: Connection, customer: str, since: datetime, limit: int = WAITING_POSTS
) -> list[bytes]:
    """The customer's and admins' posts that are taken in and wait for a decision, as they came.

    To be read before `posts_held`: what is decided between the two is in both then, and not in neither.
    """
    statement = (
        sa.select(inbox.c.raw)
        .where(
            inbox.c.lane == customer_lane(customer), WAITING, inbox.c.at > since, sa.text("inbox.kind = 'message'")
        )
        .order_by(inbox.c.at, inbox.c.id)
        .limit(limit)
    )
    return list(connection.execute(statement).scalars())


def posts_held(connection: Connection, channel: str, thread_ts: str | None, since: datetime) -> dict[str, str]:
    """The posts we hold messages of, in that conversation since then, and not as deleted: ts and author."""
    rows = connection.execute(
        sa.select(messages.c.ts, messages.c.sender).where(
            messages.c.channel == channel,
            messages.c.thread_ts == thread_ts if thread_ts is not None else messages.c.thread_ts.is_(None),
            messages.c.timestamp > since,
            messages.c.deleted_at.is_(None),
        )
    )
    return {row.ts: row.sender for row in rows}
