"""Whether the desk is paused, and why: then nothing is read, decided or sent, by any process. And when
the desk was restored from a backup, which it needs to know once it is resumed, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from .sql import insert_for
from .tables import pauses

_DESK, _RESTORED = "desk", "restored"


@dataclass(frozen=True, slots=True)
class Pause:
    why: str
    since: datetime


def pause(connection: Connection, why: str, since: datetime) -> None:
    """The newest reason wins."""
    _keep(connection, _DESK, why, since)


def pause_restored(connection: Connection, why: str, now: datetime) -> None:
    """As a desk is that was restored just now."""
    pause(connection, why, now)
    _keep(connection, _RESTORED, why, now)


def _keep(connection: Connection, name: str, why: str, since: datetime) -> None:
    insert = insert_for(connection, pauses).values(name=name, why=why, since=since)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["name"], set_={"why": insert.excluded.why, "since": insert.excluded.since}
        )
    )


def paused(connection: Connection) -> Pause | None:
    row = connection.execute(sa.select(pauses.c.why, pauses.c.since).where(pauses.c.name == _DESK)).first()
    return Pause(row.why, row.since) if row is not None else None


def restored_at(connection: Connection) -> datetime | None:
    """None for a desk that was never restored."""
    found: datetime | None = connection.execute(
        sa.select(pauses.c.since).where(pauses.c.name == _RESTORED)
    ).scalar()
    return found


def resume(connection: Connection) -> bool:
    """False when it was not paused."""
    ended = sa.delete(pauses).where(pauses.c.name == _DESK).returning(pauses.c.name)
    return connection.execute(ended).first() is not None
