"""Much waits, and much comes: neither makes the rest slow, nor the process large."""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from bot.sandbox.people import DANA
from bot.sandbox.server import LocalSlack
from storage.cases import CASE_NUMBER
from storage.engine import engine_for, open_database
from tests.storage.test_plans import CASES, LARGE, fill
from tests.support.desk import Desk, running_desk
from tests.support.running import Command, environment, until
from tests.support.stream import Stream

pytestmark = pytest.mark.slow

# Nothing of it is due: a channel is away, say, or a lookup of each customer fails.
BACKLOG = """
UPDATE inbox_lanes SET next_at = :far;
UPDATE outbox_lanes SET next_at = :far;
UPDATE desired SET next_at = NULL;
UPDATE home_views SET next_at = NULL;
UPDATE cases SET due_at = NULL;
INSERT INTO counters (name, value) VALUES (':counter', :cases)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
READ = (
    "SELECT coalesce(sum(seq_tup_read), 0) + (SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes"
    " WHERE relname = ANY(:tables)) FROM pg_stat_user_tables WHERE relname = ANY(:tables)"
)
ENTRIES = 60_000  # of indexes and tables that a day like the one below may read, whatever waits


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


async def work_at(url: str, work: Callable[[Connection], object]) -> object:
    engine = engine_for(url)
    async with engine.begin() as connection:
        result = await connection.run_sync(work)
    await engine.dispose()
    return result


def backlog(connection: Connection) -> None:
    fill(connection)
    postgres = connection.dialect.name == "postgresql"
    far = "timestamptz '2099-01-01T00:00:00Z'" if postgres else "'2099-01-01 00:00:00.000000'"
    for statement in (
        BACKLOG.replace(":far", far).replace(":counter", CASE_NUMBER).replace(":cases", str(CASES)).split(";")
    ):
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql("ANALYZE")


async def a_day(desk: Desk) -> None:
    card = await desk.opened(DANA, "This is urgent")
    for number in range(10):
        await desk.write(f"And number {number}")
        await desk.answer(card, f"Answer {number}")
    await desk.until(lambda: any("is escalated" in post["text"] for post in desk.alerts()))


async def statements_of_a_day(url: str) -> int:
    count = 0

    def note(*_: object) -> None:
        nonlocal count
        count += 1

    async with running_desk(url) as desk:
        sa.event.listen(sa.Engine, "before_cursor_execute", note)
        try:
            await a_day(desk)
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", note)
    return count


async def entries_read(url: str) -> int:
    """What PostgreSQL counts of its reading in the tables that grow."""
    database = open_database(url)
    await asyncio.sleep(1.2)  # its backends hand their counts in once a second
    counted = await database.read(lambda c: c.execute(sa.text(READ), {"tables": sorted(LARGE)}).scalar_one())
    await database.close()
    return int(counted)


async def test_a_hundred_thousand_waiting_items_and_rows_cost_the_others_nothing(
    database_url: str, empty_desk_url: str
) -> None:
    without = await statements_of_a_day(empty_desk_url)
    await work_at(database_url, backlog)
    is_postgres = database_url.startswith("postgresql")
    before = await entries_read(database_url) if is_postgres else 0
    with_backlog = await statements_of_a_day(database_url)
    assert with_backlog < 1.5 * without + 100
    if is_postgres:
        assert await entries_read(database_url) - before < ENTRIES


def resident(pid: int) -> int:
    """Kilobytes of memory that the process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_memory_stays_flat_however_many_messages_come(database_url: str, tmp_path: Path) -> None:
    """What the first thousand leave behind is the size it keeps."""
    people, first, whole, grown = 40, 1_000, 6_000, 24_000
    async with LocalSlack() as slack:
        stream = Stream(slack)
        stream.invite(people)
        env = environment(slack, database_url, SLACK_POSTS_PER_SECOND="2000")
        async with Command(tmp_path, env) as bot:
            await bot.said("Casewire runs")
            database = open_database(database_url)

            async def wrote(count: int) -> int:
                """The process's memory, once so many messages are decided and nothing waits to be sent."""
                for number in range(sum(map(len, stream.written.values())), count):
                    await stream.write(stream.customers[number % people])
                done = (
                    "SELECT (SELECT count(*) FROM messages) - (SELECT count(*) FROM outbox"
                    " WHERE state IN ('pending', 'sending', 'uncertain')) AS n"
                )
                async with asyncio.timeout(300):
                    while await database.read(lambda c: c.execute(sa.text(done)).scalar_one()) < count:
                        await asyncio.sleep(0.2)
                return resident(bot._process.pid)

            before = await wrote(first)
            after = await wrote(whole)
            await database.close()
            assert after - before < grown, f"{before} kB after {first} messages, {after} kB after {whole}"
            await until(lambda: slack.connected)
