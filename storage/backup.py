"""Backup and restore: all that a desk holds, as it was at one moment, read while it is at work.

A restored desk is paused. What its outbox had not sent when it was backed up may have been sent since: posts are
looked for in Slack before they are sent again, and mails, which cannot be looked for, wait for a person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Table
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from . import migrate, outbox, pauses
from .backup_file import Header, UnusableBackup, Writer, rows_of
from .engine import CONNECT_TIMEOUT, sqlite_engine
from .errors import StorageError
from .tables import UtcDateTime, attachment_chunks, mails, metadata, outbox_lanes, processes
from .tables import outbox as outbox_table
from .urls import driver_url

ROWS_AT_ONCE = 500
LARGE_ROWS_AT_ONCE = 20  # each may hold a whole mail
# What belongs to running programs, or to the database that is restored into.
_LEFT_OUT = {"leases", "processes", "schema_info"}
# Where one of these has a row, a desk is at home.
_DESK = ("customers", "cases", "inbox", "outbox", "mailboxes", "erased")
UNSENT_ERROR = "the desk was restored from a backup: it may have been sent after the backup was made"

Progress = Callable[[str, int], None]


class DeskNotEmpty(StorageError):
    """There is a desk where one should be restored to."""


async def write_backup(
    url: str, writer: Callable[[Header], Writer], version: str, now: datetime, tell: Progress
) -> None:
    """Read every table in one snapshot. `tell` hears of each table how many rows it has by now."""
    parsed = driver_url(url)
    engine = _engine(parsed, writable=False)

    def work(connection: Connection, go_on: Callable[[], None]) -> None:
        current, head = migrate.revisions(connection)
        if current != head:
            raise StorageError(
                f"the database is at revision {current}, this version at {head}: run `casewire migrate`, or back "
                "up with the version that runs on it"
            )
        target = writer(Header(head, version, now.isoformat(), connection.dialect.name))
        for table in _tables():
            target.table(table)
            for row in _rows(connection, table):
                go_on()
                target.row(row)
                tell(table.name, target.rows[table.name])
        target.finish()

    await _in_transaction(engine, work)


async def restore_backup(url: str, path: Path, header: Header, now: datetime, tell: Progress) -> None:
    """Into a database without a desk, in one transaction: whoever is interrupted has restored nothing.

    An older backup goes into the tables that it was made of, which are then brought to this version's.
    """
    await migrate.upgrade_async(url)

    def work(connection: Connection, go_on: Callable[[], None]) -> None:
        if not migrate.is_known(header.schema):
            raise UnusableBackup(
                f"{path} was made by a newer Casewire ({header.version}, at revision {header.schema}): restore it "
                "with that version"
            )
        _refuse_a_desk(connection)
        for table in reversed(_tables()):
            connection.execute(sa.delete(table))
        migrate.go_back(connection, header.schema)
        tables = _tables_of(connection, header.schema)
        done: dict[str, int] = {}
        for table, rows in rows_of(path, {table.name: table for table in tables}):
            go_on()
            connection.execute(_insert(table), rows)
            done[table.name] = done.get(table.name, 0) + len(rows)
            tell(table.name, done[table.name])
        _go_on_counting(connection, tables)
        migrate.go_on(connection)
        _hold_back(connection, now)
        pauses.pause_restored(connection, f"it was restored from a backup of {header.at:%Y-%m-%d %H:%M} UTC", now)

    await _in_transaction(_engine(driver_url(url), writable=True), work)


def _tables() -> list[Table]:
    return [table for table in metadata.sorted_tables if table.name not in _LEFT_OUT]


def _tables_of(connection: Connection, revision: str) -> list[Table]:
    """The tables as they are declared; those of an earlier revision as they are in the database."""
    if revision == migrate.revisions(connection)[1]:
        return _tables()
    found = sa.MetaData()
    found.reflect(connection)
    tables = [table for table in found.sorted_tables if table.name not in _LEFT_OUT | {"alembic_version"}]
    for column in (column for table in tables for column in table.columns):
        if isinstance(column.type, sa.DateTime):
            column.type = UtcDateTime()
    return tables


def _rows(connection: Connection, table: Table) -> Iterator[tuple[Any, ...]]:
    """All rows in the order of the primary key, some at a time."""
    key = list(table.primary_key.columns)
    limit = LARGE_ROWS_AT_ONCE if table in (mails, attachment_chunks) else ROWS_AT_ONCE
    statement = sa.select(table).order_by(*key).limit(limit)
    places = [list(table.columns).index(column) for column in key]
    after: tuple[Any, ...] | None = None
    while True:
        page = statement
        if after is not None:
            bounds = [sa.literal(value, type_=column.type) for value, column in zip(after, key, strict=True)]
            page = statement.where(sa.tuple_(*key) > sa.tuple_(*bounds) if len(key) > 1 else key[0] > bounds[0])
        rows = connection.execute(page).all()
        for row in rows:
            yield tuple(row)
        if len(rows) < limit:
            return
        after = tuple(rows[-1][place] for place in places)


def _insert(table: Table) -> sa.Insert:
    """An absent JSON value is NULL, as it was, and not JSON's null."""
    values = {
        column.name: sa.bindparam(column.name, type_=sa.JSON(none_as_null=True))
        for column in table.columns
        if isinstance(column.type, sa.JSON)
    }
    return sa.insert(table).values(values) if values else sa.insert(table)


def _refuse_a_desk(connection: Connection) -> None:
    for name in _DESK:
        if connection.execute(sa.select(sa.literal(1)).select_from(metadata.tables[name]).limit(1)).first():
            raise DeskNotEmpty(
                "there is a desk in it already: name an empty database (or a new file), and keep this one until "
                "the restored desk is well"
            )
    if connection.execute(sa.select(processes.c.id).limit(1)).first():
        raise DeskNotEmpty("a bot runs on it: stop every process first, and try again a minute later")


def _go_on_counting(connection: Connection, tables: list[Table]) -> None:
    """New rows get numbers above the restored ones, which SQLite sees to by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables:
        key = table.primary_key.columns.values()
        if len(key) == 1 and key[0].name == "id" and isinstance(key[0].type, sa.BigInteger | sa.Integer):
            highest = sa.select(sa.func.coalesce(sa.func.max(key[0]), 0) + 1).scalar_subquery()
            sequence = sa.func.pg_get_serial_sequence(table.name, "id")
            connection.execute(sa.select(sa.func.setval(sequence, highest, False)))


def _hold_back(connection: Connection, now: datetime) -> None:
    """What was unsent: of posts it is uncertain whether they were sent, mails are parked."""
    by_mail = outbox_table.c.destination == outbox.MAIL
    parked_lanes = sa.select(outbox_table.c.lane).where(outbox.UNSENT, by_mail)
    lanes = list(connection.execute(parked_lanes.distinct()).scalars())
    connection.execute(
        sa.update(outbox_table)
        .where(outbox.UNSENT)
        .values(
            state=sa.case((by_mail, "parked"), else_="uncertain"),
            error=UNSENT_ERROR,
            looks=0,
            done_at=sa.case((by_mail, sa.bindparam("b_now", now, type_=outbox_table.c.done_at.type)), else_=None),
            first_attempt_at=sa.func.coalesce(outbox_table.c.first_attempt_at, outbox_table.c.created_at),
        )
    )
    left = sa.exists().where(outbox_table.c.lane == outbox_lanes.c.lane, outbox.UNSENT)
    for start in range(0, len(lanes), ROWS_AT_ONCE):
        some = outbox_lanes.c.lane.in_(lanes[start : start + ROWS_AT_ONCE])
        connection.execute(sa.update(outbox_lanes).where(some, ~left).values(next_at=None))


class _Interrupted(Exception):
    """Ends the work at its next row, so that its transaction is rolled back."""


async def _in_transaction(engine: AsyncEngine, work: Callable[[Connection, Callable[[], None]], None]) -> None:
    """Whoever is cancelled waits for the end of what is under way, which comes with its next row."""
    cancelled = asyncio.Event()

    def go_on() -> None:
        if cancelled.is_set():
            raise _Interrupted

    async def run() -> None:
        async with engine.begin() as connection:
            await connection.run_sync(work, go_on)

    task = asyncio.create_task(run())
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        cancelled.set()
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # looked at, so that it is not reported as forgotten
        raise
    finally:
        await engine.dispose()


def _engine(url: URL, *, writable: bool) -> AsyncEngine:
    """A backup of a large desk takes longer than any statement or transaction of the bot may."""
    if url.get_backend_name() == "sqlite":
        return sqlite_engine(url, writable=writable)
    return create_async_engine(
        url,
        hide_parameters=True,
        isolation_level="REPEATABLE READ",
        execution_options={} if writable else {"postgresql_readonly": True},
        connect_args={
            "timeout": CONNECT_TIMEOUT,
            "command_timeout": None,
            "server_settings": {
                "application_name": "casewire backup",
                "statement_timeout": "0",
                "idle_in_transaction_session_timeout": "0",
                "lock_timeout": "10s",
            },
        },
    )
