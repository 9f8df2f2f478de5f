"""Leases: what one process at a time does for all. Nobody's correctness rests on them; they save work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from .sql import insert_for
from .tables import leases


def database_now(connection: Connection) -> datetime:
    """The clock that all processes on the database share."""
    if connection.dialect.name == "postgresql":
        now: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return now
    return datetime.now(UTC)


def hold(connection: Connection, name: str, owner: str, lasting: timedelta) -> int | None:
    """Take the lease, or prolong it: its token, which rises with each new owner. None while another holds it."""
    now = database_now(connection)
    insert = insert_for(connection, leases).values(name=name, owner=owner, token=1, expires_at=now + lasting)
    statement = insert.on_conflict_do_update(
        index_elements=["name"],
        set_={
            "owner": insert.excluded.owner,
            "token": leases.c.token + sa.case((leases.c.owner == insert.excluded.owner, 0), else_=1),
            "expires_at": insert.excluded.expires_at,
        },
        where=sa.or_(leases.c.owner == insert.excluded.owner, leases.c.expires_at < now),
    ).returning(leases.c.token)
    token = connection.execute(statement).scalar_one_or_none()
    return int(token) if token is not None else None


def give_up(connection: Connection, name: str, owner: str) -> None:
    """Let another process take it at once. The row stays, so that tokens go on rising."""
    ended = database_now(connection) - timedelta(seconds=1)
    connection.execute(
        sa.update(leases).where(leases.c.name == name, leases.c.owner == owner).values(expires_at=ended)
    )
