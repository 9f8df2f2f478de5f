"""Who else works on this database: each process says every few seconds that it lives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from .leases import database_now
from .sql import insert_for
from .tables import processes


@dataclass(frozen=True, slots=True)
class Process:
    """`sockets` is how many connections to Slack it keeps, when it is connected."""

    id: str
    started_at: datetime
    beat_at: datetime
    sockets: int
    is_connected: bool
    version: str


@dataclass(frozen=True, slots=True)
class Census:
    """Who lives, by age, and who was found to have ended without a word since the last census."""

    alive: tuple[Process, ...]
    lost: tuple[Process, ...]


def beat(
    connection: Connection, process_id: str, sockets: int, is_connected: bool, version: str, lifetime: timedelta
) -> Census:
    """Say that we live. Who has not for that long is taken for dead, and told of once."""
    now = database_now(connection)
    insert = insert_for(connection, processes).values(
        id=process_id, started_at=now, beat_at=now, sockets=sockets, is_connected=is_connected, version=version
    )
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["id"],
            set_={name: insert.excluded[name] for name in ("beat_at", "sockets", "is_connected", "version")},
        )
    )
    columns = tuple(processes.c[name] for name in Process.__dataclass_fields__)
    known = sa.select(*columns).order_by(processes.c.started_at, processes.c.id)
    alive = tuple(Process(*row) for row in connection.execute(known))
    if all(process.beat_at >= now - lifetime for process in alive):
        return Census(alive, ())
    dead = sa.delete(processes).where(processes.c.beat_at < now - lifetime).returning(*columns)
    lost = tuple(Process(*row) for row in connection.execute(dead))
    return Census(tuple(Process(*row) for row in connection.execute(known)), lost)


def leave(connection: Connection, process_id: str) -> None:
    """We end, and on purpose."""
    connection.execute(sa.delete(processes).where(processes.c.id == process_id))
