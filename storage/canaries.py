"""The canary of each leg that is under way, or was last: written by who sends it, and by who sees it come back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from .sql import insert_for
from .tables import canaries


@dataclass(frozen=True, slots=True)
class Flight:
    """`ts` is that of its post, where it has one that stands."""

    leg: str
    token: str
    sent_at: datetime
    seen_at: datetime | None
    ts: str | None


def begin(connection: Connection, leg: str, token: str, now: datetime) -> None:
    """From now on this one counts for its leg, and none before it."""
    insert = insert_for(connection, canaries).values(leg=leg, token=token, sent_at=now)
    again = {"token": token, "sent_at": now, "seen_at": None, "ts": None}
    connection.execute(insert.on_conflict_do_update(index_elements=["leg"], set_=again))


def seen(connection: Connection, token: str, now: datetime, ts: str | None = None) -> bool:
    """It came back. False where it is not the one that counts, or was seen before."""
    statement = (
        sa.update(canaries)
        .where(canaries.c.token == token, canaries.c.seen_at.is_(None))
        .values(seen_at=now, ts=sa.func.coalesce(canaries.c.ts, ts))
        .returning(canaries.c.leg)
    )
    return connection.execute(statement).first() is not None


def set_post(connection: Connection, token: str, ts: str | None) -> None:
    """Where its post stands; None: nowhere any more."""
    connection.execute(sa.update(canaries).where(canaries.c.token == token).values(ts=ts))


def give_up(connection: Connection, token: str) -> None:
    """It was waited for in vain: should it come back after all, it counts for nothing."""
    connection.execute(sa.delete(canaries).where(canaries.c.token == token, canaries.c.ts.is_(None)))


def flights(connection: Connection) -> dict[str, Flight]:
    """By their legs."""
    names = Flight.__dataclass_fields__
    rows = connection.execute(sa.select(*(canaries.c[name] for name in names)))
    return {row.leg: Flight(**row._mapping) for row in rows}
