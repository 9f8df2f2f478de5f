"""Whether the desk is paused, and why: then nothing is read, decided or sent, by any process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from .sql import insert_for
from .tables import pauses

_ONLY = "desk"


@dataclass(frozen=True, slots=True)
class Pause:
    why: str
    since: datetime


def pause(connection: Connection, why: str, since: datetime) -> None:
    """The newest reason wins."""
    insert = insert_for(connection, pauses).values(name=_ONLY, why=why, since=since)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["name"], set_={"why": insert.excluded.why, "since": insert.excluded.since}
        )
    )


def paused(connection: Connection) -> Pause | None:
    row = connection.execute(sa.select(pauses.c.why, pauses.c.since)).first()
    return Pause(row.why, row.since) if row is not None else None


def resume(connection: Connection) -> bool:
    """False when it was not paused."""
    return connection.execute(sa.delete(pauses).returning(pauses.c.name)).first() is not None
