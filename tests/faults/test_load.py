"""However much waits: what comes is worked on as if it were alone."""

import asyncio
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from bot.sandbox.people import DANA, OMAR
from storage.cases import CASE_NUMBER
from storage.engine import engine_for, open_database
from tests.storage.test_plans import CASES, LARGE, fill
from tests.support.desk import Desk, running_desk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# Nothing of it is due: a channel is away, say, or a lookup of each customer fails.
BACKLOG = """
UPDATE inbox_lanes SET next_at = :far;
UPDATE outbox_lanes SET next_at = :far;
UPDATE outbox SET message_id = NULL;
UPDATE desired SET next_at = NULL;
UPDATE home_views SET next_at = NULL;
UPDATE cases SET due_at = NULL, status = 'closed', closed_at = :noon;
INSERT INTO counters (name, value) VALUES (':counter', :cases)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
READ = (
    "SELECT coalesce(sum(seq_tup_read), 0) + (SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes"
    " WHERE relname = ANY(:tables)) FROM pg_stat_user_tables WHERE relname = ANY(:tables)"
)
ENTRIES = 10_000  # of indexes and tables that a day like the one below may read, whatever waits


@pytest.fixture
def empty_desk_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database as it is at the first start, of the same kind as the other."""
    if database_kind == "sqlite":
        yield f"sqlite:///{shutil.copyfile(request.getfixturevalue('sqlite_template'), tmp_path / 'empty.db')}"
        return
    cluster = request.getfixturevalue("postgres_cluster")
    yield cluster.create_database(
        name := f"casewire_load_{os.getpid()}", request.getfixturevalue("postgres_template")
    )
    cluster.drop_database(name)


async def fill_with_backlog(url: str) -> None:
    engine = engine_for(url)
    async with engine.begin() as connection:
        await connection.run_sync(backlog)
    if url.startswith("postgresql"):
        # What the statements above replaced would be read over until some vacuum or other takes it away.
        async with engine.connect() as connection:
            alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await alone.exec_driver_sql("VACUUM ANALYZE")
    await engine.dispose()


def backlog(connection: Connection) -> None:
    fill(connection)
    postgres = connection.dialect.name == "postgresql"
    far = "timestamptz '2099-01-01T00:00:00Z'" if postgres else "'2099-01-01 00:00:00.000000'"
    given = {":far": far, ":noon": far.replace("2099", "2026"), ":counter": CASE_NUMBER, ":cases": str(CASES)}
    statements = re.sub(r":[a-z]+\b", lambda found: given[found[0]], BACKLOG)
    for statement in statements.split(";"):
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql("ANALYZE")


async def a_day(desk: Desk) -> None:
    card = await desk.opened(DANA, "This is urgent")
    for number in range(10):
        await desk.write(f"And number {number}")
        await desk.answer(card, f"Answer {number}")
    await desk.until(lambda: any("is escalated" in post["text"] for post in desk.alerts()))


async def cost_of_a_day(url: str) -> tuple[int, int]:
    """How many statements a desk needs for it, and on PostgreSQL how many entries are read.

    Counted once the desk has started: then what waits is looked through, which is in proportion to it. So is what
    is let go of when it is old, page by page: not in this desk.
    """
    count = 0

    def note(*_: object) -> None:
        nonlocal count
        count += 1

    async with running_desk(url, raw_retention_days=0) as desk:
        await desk.opened(OMAR)
        before = await entries_read(url)
        sa.event.listen(sa.Engine, "before_cursor_execute", note)
        try:
            await a_day(desk)
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", note)
        return count, await entries_read(url) - before


async def entries_read(url: str) -> int:
    """What PostgreSQL counts of its reading in the tables that grow; SQLite counts nothing."""
    if not url.startswith("postgresql"):
        return 0
    database = open_database(url)
    await asyncio.sleep(1.2)  # its backends hand their counts in once a second
    counted = await database.read(lambda c: c.execute(sa.text(READ), {"tables": sorted(LARGE)}).scalar_one())
    await database.close()
    return int(counted)


async def test_a_hundred_thousand_waiting_items_and_rows_cost_the_others_nothing(
    database_url: str, empty_desk_url: str
) -> None:
    statements, _ = await cost_of_a_day(empty_desk_url)
    await fill_with_backlog(database_url)
    with_backlog, entries = await cost_of_a_day(database_url)
    assert with_backlog < 1.5 * statements + 100
    assert entries < ENTRIES
