"""Leases: what one process at a time does for all. Nobody's correctness rests on them; they save work."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from .errors import LeaseLost
from .sql import ROWS_PER_INSERT, insert_for
from .tables import leases


def database_now(connection: Connection) -> datetime:
    """The clock that all processes on the database share."""
    if connection.dialect.name == "postgresql":
        now: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return now
    return datetime.now(UTC)


def hold(connection: Connection, name: str, owner: str, lasting: timedelta) -> int | None:
    """Take the lease, or prolong it: its token, which rises with each new owner. None while another holds it."""
    return hold_all(connection, [name], owner, lasting).get(name)


def hold_all(connection: Connection, names: Iterable[str], owner: str, lasting: timedelta) -> dict[str, int]:
    """Take or prolong those of the leases that no other process holds: their tokens, by name."""
    names = set(names)
    tokens = _prolonged(connection, names, owner, lasting)
    if not names - tokens.keys():
        return tokens  # as it is nearly always
    now = database_now(connection)
    asked = _not_held_by_others(connection, names - tokens.keys(), owner, now)
    for start in range(0, len(asked), ROWS_PER_INSERT):
        rows = [
            {"name": name, "owner": owner, "token": 1, "expires_at": now + lasting}
            for name in asked[start : start + ROWS_PER_INSERT]
        ]
        insert = insert_for(connection, leases).values(rows)
        statement = insert.on_conflict_do_update(
            index_elements=["name"],
            set_={
                "owner": insert.excluded.owner,
                "token": leases.c.token + sa.case((leases.c.owner == insert.excluded.owner, 0), else_=1),
                "expires_at": insert.excluded.expires_at,
            },
            where=sa.or_(leases.c.owner == insert.excluded.owner, leases.c.expires_at < now),
        ).returning(leases.c.name, leases.c.token)
        tokens |= {row.name: int(row.token) for row in connection.execute(statement)}
    return tokens


def _prolonged(connection: Connection, names: Iterable[str], owner: str, lasting: timedelta) -> dict[str, int]:
    """Those that are the owner's already, or were his last."""
    is_shared = connection.dialect.name == "postgresql"
    until: Any = sa.func.clock_timestamp() + lasting if is_shared else datetime.now(UTC) + lasting
    statement = (
        sa.update(leases)
        .where(leases.c.owner == owner, leases.c.name.in_(sorted(names)))
        .values(expires_at=until)
        .returning(leases.c.name, leases.c.token)
    )
    return {row.name: int(row.token) for row in connection.execute(statement)}


def _not_held_by_others(connection: Connection, names: Iterable[str], owner: str, now: datetime) -> list[str]:
    """In their order. An upsert would lock even those rows that it leaves alone."""
    asked = sorted(set(names))
    held = connection.execute(
        sa.select(leases.c.name).where(
            leases.c.name.in_(asked), leases.c.owner != owner, leases.c.expires_at >= now
        )
    ).scalars()
    taken = set(held)
    return [name for name in asked if name not in taken]


def fence(connection: Connection, name: str, owner: str, token: int) -> None:
    """Let this transaction commit only as the lease's owner: nobody takes it over before.

    Raises LeaseLost when somebody has.
    """
    statement = sa.select(leases.c.token).where(
        leases.c.name == name, leases.c.owner == owner, leases.c.token == token
    )
    if connection.execute(statement.with_for_update(read=True)).first() is None:
        raise LeaseLost(name)


def give_up(connection: Connection, name: str, owner: str) -> None:
    """Let another process take it at once. The row stays, so that tokens go on rising."""
    give_up_all(connection, owner, [name])


def give_up_all(connection: Connection, owner: str, names: Iterable[str] | None = None) -> None:
    """Let other processes take these leases of an owner, or all of them."""
    ended = database_now(connection) - timedelta(seconds=1)
    statement = sa.update(leases).where(leases.c.owner == owner)
    if names is not None:
        statement = statement.where(leases.c.name.in_(sorted(names)))
    connection.execute(statement.values(expires_at=ended))


def forget(connection: Connection, before: datetime | None = None) -> None:
    """Drop the leases that ended before that moment; without one, all: who knows himself alone need not wait."""
    statement = sa.delete(leases)
    connection.execute(statement if before is None else statement.where(leases.c.expires_at < before))
