"""The database goes away: nothing is acknowledged that is not on disk, the bot stays up, and goes on afterwards."""

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from bot.sandbox.people import ADA, DANA, SUPPORT
from bot.sandbox.server import LocalSlack
from tests.faults.conftest import patient
from tests.faults.health import becomes
from tests.support.desk import Desk, running_desk
from tests.support.postgres import PostgresServer, PostgresUnavailable, find_binaries
from tests.support.stream import Stream, check_everything_once, settled

Outage = Callable[[], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Somebody else writes to the SQLite file for a long time."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of our own, which we may stop."""
    try:
        server = PostgresServer(find_binaries())
        server.initialise()
        server.start()
    except PostgresUnavailable as unavailable:
        pytest.skip(f"no PostgreSQL to test on: {unavailable}")
    yield server
    server.stop()
    server.remove()


@contextlib.contextmanager
def stopped(server: PostgresServer) -> Iterator[None]:
    """The server is down for a while."""
    server.stop()
    yield
    server.start()


@pytest.fixture
async def away(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Desk, Outage]]:
    """A desk, and how to take its database away."""
    if request.param == "sqlite":
        path = tmp_path / "casewire.db"
        url, outage = f"sqlite:///{path}", lambda: locked(path)
    else:
        server: PostgresServer = request.getfixturevalue("server")
        url, outage = server.url, lambda: stopped(server)
    async with running_desk(url) as desk:
        patient(desk)
        yield desk, outage


@pytest.mark.parametrize(
    "away", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)
class TestAway:
    async def test_what_is_written_meanwhile_is_not_acknowledged_and_goes_through_once_afterwards(
        self, away: tuple[Desk, Outage]
    ) -> None:
        desk, outage = away
        customer = f"U0AWAY{random.randrange(10**6):06d}"  # the server keeps what earlier tests wrote
        desk.slack.add_user(customer, "away", "Customer Away")
        card = await desk.opened(customer, "before")
        await settled(desk)
        with outage():
            ts = await desk.slack.dm(customer, "meanwhile")
            answer = await desk.slack.post(ADA, SUPPORT, "answered meanwhile", thread_ts=card["ts"])
            await desk.until(lambda: len(_unacknowledged(desk.slack, ts)) >= 2)
            assert (await becomes(desk, 503))["database"] == "disconnected"
            assert {ts, answer} <= {body["event"]["ts"] for body in desk.slack.sockets.undelivered}
        await desk.until(lambda: len(desk.mirrors(card)) == 2 and "white_check_mark" in desk.marks(answer), 40)
        await becomes(desk, 200)
        await settled(desk)
        rows = await desk.rows("SELECT body FROM messages WHERE sender = :who ORDER BY timestamp", who=customer)
        assert [row["body"] for row in rows] == ["before", "meanwhile"]
        assert sum("answered meanwhile" in post["text"] for post in desk.inbox_of(customer)) == 1
        assert desk.slack.sockets.lost == []

    async def test_what_was_under_way_is_finished_once_afterwards(self, away: tuple[Desk, Outage]) -> None:
        desk, outage = away
        customer = f"U0HALF{random.randrange(10**6):06d}"
        desk.slack.add_user(customer, "half", "Customer Halfway")
        card = await desk.opened(customer, "before")
        await settled(desk)
        slow = desk.slack.faults.add("chat.postMessage", "slow:2", channel=f"D{customer[1:]}")
        answer = await desk.slack.post(ADA, SUPPORT, "halfway", thread_ts=card["ts"])
        await desk.until(lambda: slow not in desk.slack.faults.pending)
        with outage():  # the post arrives, its result cannot be kept
            await desk.until(lambda: any("halfway" in post["text"] for post in desk.inbox_of(customer)))
            await becomes(desk, 503)
        await desk.until(lambda: "white_check_mark" in desk.marks(answer), 40)
        assert sum("halfway" in post["text"] for post in desk.inbox_of(customer)) == 1


@contextlib.asynccontextmanager
async def full_file(desk: Desk) -> AsyncIterator[None]:
    """There is no room left for the SQLite file to grow."""
    assert desk.bot is not None
    assert desk.bot.services.database is not None
    (pages,) = (await desk.rows("PRAGMA page_count"))[0].values()
    await desk.bot.services.database.write(lambda c: c.exec_driver_sql(f"PRAGMA max_page_count = {pages}").all())
    yield
    await desk.bot.services.database.write(lambda c: c.exec_driver_sql("PRAGMA max_page_count = 1000000").all())


@contextlib.asynccontextmanager
async def full_server(desk: Desk) -> AsyncIterator[None]:
    """What the server says when its disk is full, at every row of the inbox."""
    admin = await asyncpg.connect(desk.settings.database_url)
    await admin.execute(
        """
        CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION 'could not extend file "base/1": No space left on device' USING ERRCODE = '53100';
        END $$;
        CREATE TRIGGER full_disk BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION no_room();
        """
    )
    try:
        yield
    finally:
        await admin.execute("DROP FUNCTION no_room() CASCADE")
        await admin.close()


@contextlib.asynccontextmanager
async def locked_table(desk: Desk) -> AsyncIterator[None]:
    """Somebody's tool holds a lock on the inbox, for as long as it likes."""
    admin = await asyncpg.connect(desk.settings.database_url)
    try:
        async with admin.transaction():
            await admin.execute("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await admin.close()


class TestWithoutRoomOrLocked:
    @pytest.mark.parametrize(
        ("database_kind", "outage"),
        [
            pytest.param("sqlite", full_file, id="full file"),
            pytest.param("postgresql", full_server, id="full server", marks=pytest.mark.postgresql),
            pytest.param("postgresql", locked_table, id="locked table", marks=pytest.mark.postgresql),
        ],
        indirect=["database_kind"],
    )
    async def test_what_is_written_meanwhile_is_not_acknowledged_and_goes_through_once_afterwards(
        self, desk: Desk, outage: Callable[[Desk], contextlib.AbstractAsyncContextManager[None]]
    ) -> None:
        card = await desk.opened(DANA, "before")
        await settled(desk)
        meanwhile = "meanwhile " * 3000
        async with outage(desk):
            ts = await desk.slack.dm(DANA, meanwhile)
            await desk.until(lambda: len(_unacknowledged(desk.slack, ts)) >= 2)
            assert (await becomes(desk, 503))["database"] == "disconnected"
            assert ts in {body["event"]["ts"] for body in desk.slack.sockets.undelivered}
        await desk.until(lambda: len(desk.mirrors(card)) >= 2, 40)
        await becomes(desk, 200)
        await settled(desk)
        rows = await desk.rows("SELECT body FROM messages ORDER BY timestamp")
        assert [row["body"][:9] for row in rows] == ["before", "meanwhile"]
        assert desk.slack.sockets.lost == []


@pytest.mark.postgresql
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
class TestCutConnections:
    async def test_connections_cut_again_and_again_lose_and_double_nothing(
        self, desk: Desk, database_url: str
    ) -> None:
        stream = Stream(desk.slack)
        stream.invite(4)
        writing = asyncio.create_task(stream.run(40, random.Random(7), 0.03))
        admin = await asyncpg.connect(database_url.replace("/" + database_url.rpartition("/")[2], "/postgres"))
        try:
            for _ in range(6):
                await asyncio.sleep(0.2)  # how often they are cut, not something waited for
                await admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = $1 AND application_name = 'casewire'",
                    database_url.rpartition("/")[2],
                )
            await writing
        finally:
            await admin.close()
        await settled(desk)
        figures = await check_everything_once(desk, stream)
        assert figures["messages"] == 40


def _unacknowledged(slack: LocalSlack, ts: str) -> list[str]:
    """The attempts to deliver this message that failed."""
    event_ids = {body["event_id"] for body in slack.sockets.undelivered if body["event"].get("ts") == ts}
    return [
        record.detail["event_id"]
        for record in slack.traffic.of("event_unacked")
        if record.detail["event_id"] in event_ids
    ]
