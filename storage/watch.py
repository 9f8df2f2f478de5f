"""How the desk stands, in numbers for whoever watches it: cheap however many cases there are.

Cases are counted as they change (`counters`). All else is read by partial indexes over what is unfinished, and
counted up to `COUNTED_MOST`: a scrape in the middle of an outage must not be what makes it worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from .cases import read_counters
from .tables import cases, desired, held_mails, inbox, outbox

COUNTED_MOST = 100_000

_WAITING = sa.text("inbox.state = 'waiting'")
_QUARANTINED = sa.text("inbox.state = 'quarantined'")
_UNSENT = sa.text("outbox.state IN ('pending', 'sending', 'uncertain')")
_PARKED = sa.text("outbox.state = 'parked'")
_HELD = sa.text("held_mails.state = 'held'")
_WISHED = sa.text("desired.next_at IS NOT NULL")
_UNANSWERED = sa.text("cases.status = 'open' AND cases.waiting_since IS NOT NULL")
_DUE = sa.text("cases.due_at IS NOT NULL")


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is unfinished. A moment is that of the oldest, or None where there is nothing.

    `first_due_at` is when the next case is due, or was: a moment that has passed tells how late escalation is.
    """

    inbox_items: int
    inbox_oldest_at: datetime | None
    outbox_rows: int
    outbox_oldest_at: datetime | None
    states: int
    quarantined: int
    parked: int
    held: int
    unanswered_since: datetime | None
    first_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeskReading:
    cases_open: int
    cases_escalated: int
    cases_waiting: int
    cases_closed: int
    backlog: Backlog


def read_desk(connection: Connection) -> DeskReading:
    counts = read_counters(connection)
    return DeskReading(
        counts.get("open", 0),
        counts.get("escalated", 0),
        counts.get("waiting", 0),
        counts.get("closed", 0),
        read_backlog(connection),
    )


def read_backlog(connection: Connection) -> Backlog:
    numbers: dict[str, sa.ScalarSelect[Any]] = {
        "inbox_items": _count(_WAITING, inbox.c.received_at),
        "inbox_oldest_at": _first(_WAITING, inbox.c.received_at),
        "outbox_rows": _count(_UNSENT, outbox.c.created_at),
        "outbox_oldest_at": _first(_UNSENT, outbox.c.created_at),
        "states": _count(_WISHED, desired.c.next_at),
        "quarantined": _count(_QUARANTINED, inbox.c.id),
        "parked": _count(_PARKED, outbox.c.id),
        "held": _count(_HELD, held_mails.c.id),
        "unanswered_since": _first(_UNANSWERED, cases.c.waiting_since),
        "first_due_at": _first(_DUE, cases.c.due_at),
    }
    row = connection.execute(sa.select(*(number.label(name) for name, number in numbers.items()))).one()
    return Backlog(**row._mapping)


def _count(condition: sa.TextClause, order: sa.Column[object]) -> sa.ScalarSelect[int]:
    """How many there are, in the order of the index that is to be read, and no further than need be."""
    found = sa.select(order).where(condition).order_by(order).limit(COUNTED_MOST).subquery()
    return sa.select(sa.func.count()).select_from(found).scalar_subquery()


def _first(condition: sa.TextClause, at: sa.Column[datetime]) -> sa.ScalarSelect[datetime]:
    return sa.select(at).where(condition).order_by(at).limit(1).scalar_subquery()
