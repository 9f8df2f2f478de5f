"""Alerts as they were raised, and the posts that show them: one post may show many (a list)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from .sql import Row
from .tables import alert_posts, alerts


@dataclass(frozen=True, slots=True)
class AlertPost:
    post_key: str
    channel: str | None
    ts: str | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None


@dataclass(frozen=True, slots=True)
class Alert:
    alert_key: str
    case_id: str
    post_key: str
    raised_at: datetime
    data: dict[str, Any]


def alert_key(case_id: str, alert_no: int) -> str:
    return f"{case_id}/{alert_no}"


def add_alerts(connection: Connection, rows: Sequence[Row]) -> None:
    if not rows:
        return
    posts = [{"post_key": key} for key in sorted({row["post_key"] for row in rows})]
    connection.execute(sa.insert(alert_posts), posts)
    connection.execute(sa.insert(alerts), list(rows))


def post_keys(connection: Connection, keys: Iterable[str]) -> dict[str, str]:
    """Which post shows each alert."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    rows = connection.execute(
        sa.select(alerts.c.alert_key, alerts.c.post_key).where(alerts.c.alert_key.in_(wanted))
    )
    return {row.alert_key: row.post_key for row in rows}


def alerts_on(connection: Connection, post_key: str) -> list[Alert]:
    statement = sa.select(alerts).where(alerts.c.post_key == post_key).order_by(alerts.c.alert_key)
    return [Alert(**row._mapping) for row in connection.execute(statement)]


def posts_of(connection: Connection, case_id: str) -> list[str]:
    """The keys of the posts that show alerts of the case."""
    statement = sa.select(alerts.c.post_key).where(alerts.c.case_id == case_id).distinct()
    return sorted(connection.execute(statement).scalars())


def find_post(connection: Connection, post_key: str) -> AlertPost | None:
    row = connection.execute(sa.select(alert_posts).where(alert_posts.c.post_key == post_key)).first()
    return AlertPost(**row._mapping) if row is not None else None


def set_post(connection: Connection, post_key: str, channel: str, ts: str) -> None:
    connection.execute(
        sa.update(alert_posts).where(alert_posts.c.post_key == post_key).values(channel=channel, ts=ts)
    )


def acknowledge_post(connection: Connection, post_key: str, at: datetime, by: str) -> None:
    connection.execute(
        sa.update(alert_posts)
        .where(alert_posts.c.post_key == post_key, alert_posts.c.acknowledged_at.is_(None))
        .values(acknowledged_at=at, acknowledged_by=by)
    )
