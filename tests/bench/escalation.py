"""4. Escalation check with 1,000 and 100,000 (FULL=1: 1,000,000) open cases: none due, and 500 due."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy import Connection

from bot.casework.batch_state import Desk
from bot.casework.filing_rows import Channels
from bot.casework.worker import Casework
from bot.clock import Clock
from bot.desk.policy import Policy
from bot.sandbox.people import ALERTS, LOG, SUPPORT
from storage.engine import open_database
from storage.tables import cases
from storage.urls import driver_url
from tests.bench.figures import Figure, bounded
from tests.bench.filling import fill
from tests.bench.stage import KINDS, TITLES, Stage

SIZES, LARGE = (1_000, 100_000), (1_000, 100_000, 1_000_000)
DUE = 500
QUIET_ROUNDS = 25
NONE_WITHIN, DUE_WITHIN = 5.0, 1.0
LOOK = "SELECT case_id FROM cases WHERE due_at IS NOT NULL AND due_at < {now} ORDER BY due_at LIMIT 1000"


async def measure(stage: Stage) -> list[Figure]:
    figures = []
    for kind in KINDS:
        for size in LARGE if stage.full else SIZES:
            url = await stage.fresh(kind)
            await fill(url, size)
            name = f"4 escalation check, {size:9,} open, {{}}, {TITLES[kind]}"
            quiet, looks, due, bare = await _checks(url, min(3, size // DUE - 1))
            figures.append(bounded(name.format("none due"), quiet, "ms", NONE_WITHIN, looks))
            figures.append(bounded(name.format(f"{DUE} due"), due, "s", DUE_WITHIN, bare))
    return figures


async def _checks(url: str, rounds: int) -> tuple[list[float], list[float], list[float], list[float]]:
    """Milliseconds of checks with none due, and of the query alone; seconds of those with 500 due, and of bare ones."""
    database = open_database(url)
    desk = Desk(Policy(), Channels(SUPPORT, ALERTS, LOG))
    casework = Casework(database, None, desk, Clock())  # type: ignore[arg-type] (nobody is looked up)
    quiet, looks, due, bare = [], [], [], []
    async with _driver(url) as driver:
        for _ in range(QUIET_ROUNDS):
            looks.append(1000 * await _timed(driver.look))
            quiet.append(1000 * await _timed(casework.check_due))
        for turn in range(max(1, rounds)):
            bare.append(await _timed(partial(driver.escalate, turn)))
            await database.write(partial(_make_due, first=1 + turn * DUE))
            began = time.perf_counter()
            assert await casework.check_due() >= DUE * 0.98  # those that were escalated before are not due
            due.append(time.perf_counter() - began)
    await database.close()
    return quiet, looks, due, bare


async def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


def _make_due(connection: Connection, first: int) -> None:
    """Let so many cases have been quiet for too long."""
    now = datetime.now(UTC)
    quiet = {"last_message_at": now - timedelta(hours=50), "waiting_since": now - timedelta(hours=50)}
    due = {"silence_due_at": now - timedelta(hours=2), "due_at": now - timedelta(hours=2)}
    # One more or less waits for an answer then, which the counters are not told: nothing here reads them.
    connection.execute(
        sa.update(cases)
        .where(cases.c.number.between(first, first + DUE - 1), cases.c.escalated.is_(False))
        .values(**quiet, **due)
    )


class _Sqlite:
    """What the driver itself takes to look, and to write as many rows as an escalation of all does."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def look(self) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        self._connection.execute(LOOK.format(now="?"), (now,)).fetchall()

    async def escalate(self, turn: int) -> None:
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        found = run("SELECT case_id FROM cases WHERE number BETWEEN ? AND ?", _numbers(turn)).fetchall()
        many = self._connection.executemany
        many("UPDATE cases SET alert_additions = alert_additions WHERE case_id = ?", found)
        for statement, rows in _rows(found, turn):
            many(statement, rows)
        run("COMMIT")


class _Postgres:
    """As `_Sqlite`."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def look(self) -> None:
        await self._connection.fetch(LOOK.format(now="$1"), datetime.now(UTC))

    async def escalate(self, turn: int) -> None:
        connection = self._connection
        async with connection.transaction():
            found = await connection.fetch(
                "SELECT case_id FROM cases WHERE number BETWEEN $1 AND $2 FOR UPDATE", *_numbers(turn)
            )
            ids = [(row["case_id"],) for row in found]
            await connection.executemany(
                "UPDATE cases SET alert_additions = alert_additions WHERE case_id = $1", ids
            )
            for statement, rows in _rows(ids, turn):
                typed = [(*row[:2], datetime.fromisoformat(row[2]), *row[3:]) for row in rows]
                marks = statement.replace("(?, ?, ?, ?", "($1, $2, $3, $4", 1)
                await connection.executemany(marks, typed)


def _numbers(turn: int) -> tuple[int, int]:
    return 1 + turn * DUE, DUE + turn * DUE


def _rows(found: list[tuple[str]], turn: int) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """An event, an alert and a card's desired state for each."""
    now = datetime.now(UTC).isoformat(sep=" ")
    ids = [row[0] for row in found]
    return [
        (
            "INSERT INTO case_events (kind, case_id, at, data) VALUES (?, ?, ?, ?)",
            [("bare", one, now, json.dumps({})) for one in ids],
        ),
        (
            "INSERT INTO alerts (post_key, case_id, raised_at, alert_key, data) VALUES (?, ?, ?, ?, '{}')",
            [("bare", one, now, f"bare:{turn}:{one}") for one in ids],
        ),
        (
            "INSERT INTO desired (kind, case_id, next_at, target, payload) VALUES (?, ?, ?, ?, '{}')",
            [("bare", one, now, f"bare:{turn}:{one}") for one in ids],
        ),
    ]


@contextlib.asynccontextmanager
async def _driver(url: str):
    parsed = driver_url(url)
    if parsed.get_backend_name() == "sqlite":
        with contextlib.closing(sqlite3.connect(str(parsed.database), isolation_level=None, timeout=5)) as one:
            one.execute("PRAGMA synchronous=FULL")
            yield _Sqlite(one)
        return
    connection = await asyncpg.connect(url)
    try:
        yield _Postgres(connection)
    finally:
        await connection.close()
