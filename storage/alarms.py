"""Alerts that cannot be posted, and how often the people who run the desk were told of them by another way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from .outbox import UNSENT, URGENT
from .sql import insert_for
from .tables import alarms, outbox, outbox_lanes

_ALERTS = "alerts"
_LANES = 1000
# Nobody need be called because of news that something is well.
_GOOD_NEWS = ("recovery", "channel_back")


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An alert that waits since `since`; `error` is what came of the last try to post it."""

    row_id: int
    kind: str
    case_id: str | None
    payload: dict[str, Any]
    since: datetime
    error: str | None


@dataclass(frozen=True, slots=True)
class Alarm:
    """It lasts since `began_at`; `told_at` is when it was last told of, `times` how often."""

    began_at: datetime
    told_at: datetime | None
    times: int


def undelivered(connection: Connection, channel: str, before: datetime, limit: int) -> list[Undelivered]:
    """What should have been posted urgently in the channel since before that moment, the oldest first."""
    lanes = connection.execute(
        sa.select(outbox_lanes.c.lane)
        .where(
            outbox_lanes.c.destination == channel,
            outbox_lanes.c.priority == URGENT,
            sa.text("outbox_lanes.next_at IS NOT NULL"),
        )
        .limit(_LANES)
    ).scalars()
    rows = connection.execute(
        sa.select(
            outbox.c.id, outbox.c.kind, outbox.c.case_id, outbox.c.payload, outbox.c.created_at, outbox.c.error
        )
        .where(
            outbox.c.lane.in_(sorted(lanes)),
            UNSENT,
            outbox.c.created_at <= before,
            outbox.c.kind.not_in(_GOOD_NEWS),
        )
        .order_by(outbox.c.lane, outbox.c.id)
        .limit(limit)
    )
    found = [Undelivered(*row) for row in rows]
    return sorted(found, key=lambda one: (one.since, one.row_id))


def standing(connection: Connection) -> Alarm | None:
    """The alarm, while it lasts."""
    row = connection.execute(sa.select(alarms).where(alarms.c.name == _ALERTS)).first()
    return Alarm(row.began_at, row.told_at, row.times) if row is not None else None


def begin(connection: Connection, now: datetime) -> None:
    """It lasts from now on. One that lasts already keeps its beginning."""
    row = {"name": _ALERTS, "began_at": now}
    connection.execute(insert_for(connection, alarms).values(row).on_conflict_do_nothing())


def told(connection: Connection, now: datetime) -> None:
    told_once_more = {"told_at": now, "times": alarms.c.times + 1}
    connection.execute(sa.update(alarms).where(alarms.c.name == _ALERTS).values(told_once_more))


def over(connection: Connection) -> None:
    connection.execute(sa.delete(alarms).where(alarms.c.name == _ALERTS))
