"""The storage seam: what is committed is kept whole, what fails leaves nothing, and an absence is told apart."""

import asyncio
import contextlib
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from storage import engine
from storage.engine import Database, engine_for, open_database
from storage.errors import DatabaseUnavailable
from tests.storage.kit import run, scalars
from tests.support.postgres import PostgresServer, PostgresUnavailable, find_binaries
from tests.support.process import eventually
from tests.support.running import until

only_sqlite = pytest.mark.parametrize("database_kind", [pytest.param("sqlite", id="sqlite")])
only_postgres = pytest.mark.parametrize(
    "database_kind", [pytest.param("postgresql", id="postgresql", marks=pytest.mark.postgresql)]
)


class Oops(Exception):
    """What a work raises that is not the database's fault."""


@pytest.fixture
async def desk(database: Database) -> Database:
    """A database with one table to write to."""
    await run(database, "CREATE TABLE written (who TEXT PRIMARY KEY, note TEXT)")
    return database


def put(who: str, note: str = "") -> sa.Executable:
    return sa.text("INSERT INTO written (who, note) VALUES (:who, :note)").bindparams(who=who, note=note)


def writing(*whos: str, then: Exception | None = None):
    def work(connection: Connection) -> str:
        for who in whos:
            connection.execute(put(who))
        if then is not None:
            raise then
        return whos[-1]

    return work


async def written(database: Database) -> list[str]:
    return await scalars(database, "SELECT who FROM written ORDER BY who")


class TestWrite:
    async def test_what_was_written_is_there_for_every_later_reader(
        self, desk: Database, database_url: str
    ) -> None:
        assert await desk.write(writing("a", "b")) == "b"
        other = open_database(database_url)
        assert await written(other) == ["a", "b"]
        await other.close()

    async def test_an_exception_of_the_work_comes_through_and_leaves_nothing(self, desk: Database) -> None:
        with pytest.raises(Oops):
            await desk.write(writing("a", then=Oops()))
        assert await written(desk) == []
        assert desk.available

    async def test_a_failing_work_takes_nothing_of_its_neighbours_with_it(self, desk: Database) -> None:
        works = [writing(f"{n:02}", f"{n:02}+", then=Oops() if n % 3 == 0 else None) for n in range(30)]
        results = await asyncio.gather(*map(desk.write, works), return_exceptions=True)
        assert [n for n, result in enumerate(results) if isinstance(result, Oops)] == list(range(0, 30, 3))
        assert await written(desk) == [f"{n:02}{plus}" for n in range(30) if n % 3 for plus in ("", "+")]

    async def test_a_constraint_broken_in_a_group_hits_only_the_one_that_broke_it(self, desk: Database) -> None:
        results = await asyncio.gather(
            *map(desk.write, [writing("a"), writing("b", "a"), writing("c")]), return_exceptions=True
        )
        broken = [result for result in results if isinstance(result, IntegrityError)]
        assert len(broken) == 1
        assert await written(desk) in (["a", "c"], ["a", "b", "c"])

    async def test_one_that_hangs_shows_before_it_fails(
        self, desk: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("storage.engine.STALLED_AFTER", 0.05)
        engine = engine_for(database_url)
        async with engine.connect() as other:
            await other.execute(put("a"))
            hanging = asyncio.create_task(desk.write(writing("a")))
            await until(lambda: not desk.available)
            assert not hanging.done()
            await other.rollback()
        assert await hanging == "a"
        assert desk.available
        await engine.dispose()

    async def test_readers_refuse_to_write(self, desk: Database) -> None:
        with pytest.raises(DatabaseUnavailable, match=r"read-?only"):
            await desk.read(writing("a"))
        assert await written(desk) == []

    async def test_a_reader_sees_what_was_committed_before_it_began(self, desk: Database) -> None:
        await desk.write(writing("a"))
        assert await desk.read(lambda c: c.execute(sa.text("SELECT who FROM written")).scalars().all()) == ["a"]

    async def test_close_lets_queued_writes_finish(self, desk: Database, database_url: str) -> None:
        writes = [asyncio.create_task(desk.write(writing(f"{n:02}"))) for n in range(8)]
        await asyncio.sleep(0)
        await desk.close()
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert results == [f"{n:02}" for n in range(8)]
        other = open_database(database_url)
        assert len(await written(other)) == 8
        await other.close()

    async def test_many_readers_beside_a_writer(self, desk: Database) -> None:
        async def read() -> int:
            return await desk.read(lambda c: c.execute(sa.text("SELECT count(*) FROM written")).scalar_one())

        counts = await asyncio.gather(*(desk.write(writing(f"{n:02}")) if n % 2 else read() for n in range(40)))
        assert len(counts) == 40
        assert await read() == 20


class TestCancellation:
    async def test_a_cancelled_caller_leaves_nothing_half_done(self, desk: Database) -> None:
        """At random moments; each work writes two rows, or none."""
        chance = random.Random(7)

        async def one(n: int) -> None:
            task = asyncio.create_task(desk.write(writing(f"{n:03}a", f"{n:03}b")))
            await asyncio.sleep(chance.random() * 0.008)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

        for start in range(0, 120, 6):
            await asyncio.gather(*(one(n) for n in range(start, start + 6)))
        left = await written(desk)
        assert [who[:3] for who in left[::2]] == [who[:3] for who in left[1::2]]
        assert all(who.endswith("a") for who in left[::2])
        await asyncio.wait_for(desk.write(writing("zzz")), 5)
        assert desk.available

    async def test_a_cancelled_reader_gives_its_connection_back(self, desk: Database) -> None:
        for round_ in range(30):
            task = asyncio.create_task(desk.read(lambda c: c.execute(sa.text("SELECT 1")).scalar_one()))
            await asyncio.sleep(0.0005 * (round_ % 5))
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        assert await asyncio.wait_for(desk.read(lambda c: c.execute(sa.text("SELECT 1")).scalar_one()), 5) == 1

    @only_postgres
    async def test_no_transaction_is_left_open_on_the_server(self, desk: Database) -> None:
        for pause in (0.0, 0.001, 0.003, 0.006, 0.01) * 4:
            task = asyncio.create_task(desk.write(writing(f"{pause}{time.monotonic()}")))
            await asyncio.sleep(pause)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        idle = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in %'"
        )

        async def none() -> bool:
            return await scalars(desk, idle) == [0]

        await eventually(none, 10)  # the driver lets go in a thread of its own, when nobody waits for it any more


@only_sqlite
class TestSqlite:
    async def test_what_is_queued_meanwhile_shares_one_transaction(self, desk: Database) -> None:
        commits = 0

        def count(_connection: object) -> None:
            nonlocal commits
            commits += 1

        sa.event.listen(desk._writer_engine, "commit", count)
        await asyncio.gather(*(desk.write(writing(f"{n:03}")) for n in range(100)))
        assert commits <= 3
        assert len(await written(desk)) == 100

    async def test_a_full_disk_is_an_absence_and_nobody_is_told_wrongly_that_he_was_kept(
        self, desk: Database
    ) -> None:
        """SQLite ends the whole transaction when it is full: what was thought written must not be told as kept."""

        def no_larger(connection: Connection) -> None:
            pages = connection.execute(sa.text("PRAGMA page_count")).scalar_one()
            connection.execute(sa.text(f"PRAGMA max_page_count = {pages + 4}"))

        calls: list[str] = []

        def note(who: str, size: int = 10):
            def work(connection: Connection) -> str:
                calls.append(who)
                connection.execute(put(who, "x" * size))
                return who

            return work

        await desk.write(no_larger)
        writes = [note("a"), note("b"), note("large", 1_000_000), note("c"), note("d")]
        results = await asyncio.gather(*map(desk.write, writes), return_exceptions=True)
        assert isinstance(results[2], DatabaseUnavailable)
        assert [result for result in results if isinstance(result, str)] == await written(desk)
        for work, result in zip(writes, results, strict=True):
            if work is not writes[2] and isinstance(result, DatabaseUnavailable):
                await desk.write(work)
        assert await written(desk) == ["a", "b", "c", "d"]
        with pytest.raises(DatabaseUnavailable):
            await desk.write(note("large again", 1_000_000))
        assert not desk.available
        await run(desk, "PRAGMA max_page_count = 100000")
        assert await desk.write(note("large", 1_000_000)) == "large"
        assert desk.available

    async def test_a_committed_work_was_called_once(self, desk: Database) -> None:
        calls: dict[str, int] = {}

        def counted(who: str, then: Exception | None):
            def work(connection: Connection) -> None:
                calls[who] = calls.get(who, 0) + 1
                connection.execute(put(who))
                if then:
                    raise then

            return work

        works = [counted(f"{n:02}", Oops() if n % 5 == 0 else None) for n in range(50)]
        await asyncio.gather(*map(desk.write, works), return_exceptions=True)
        assert set(calls.values()) == {1}
        assert await written(desk) == [f"{n:02}" for n in range(50) if n % 5]

    async def test_a_file_locked_by_somebody_else_is_waited_for_then_away_then_back(
        self, desk: Database, database_url: str
    ) -> None:
        await run(desk, "PRAGMA busy_timeout = 50")
        with contextlib.closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseUnavailable, match="locked"):
                await desk.write(writing("a"))
            assert not desk.available
            other.rollback()
        assert await desk.write(writing("a")) == "a"
        assert desk.available
        assert await written(desk) == ["a"]

    async def test_a_closed_database_says_so(self, desk: Database) -> None:
        await desk.close()
        with pytest.raises(DatabaseUnavailable, match="closed"):
            await desk.write(writing("a"))

    async def test_every_commit_is_on_the_disk_before_it_is_told(self, desk: Database) -> None:
        modes = [await scalars(desk, f"PRAGMA {name}") for name in ("journal_mode", "synchronous", "foreign_keys")]
        assert modes == [["wal"], [2], [1]]


@only_postgres
class TestPostgres:
    async def test_two_that_lock_each_other_out_both_get_through(self, desk: Database) -> None:
        await desk.write(writing("a", "b"))
        first = asyncio.Barrier(2)
        loop = asyncio.get_running_loop()
        tries = 0

        async def locks(connection_order: tuple[str, str]) -> None:
            met = False

            def work(connection: Connection) -> None:
                nonlocal met, tries
                tries += 1
                update = sa.text("UPDATE written SET note = note || 'x' WHERE who = :who")
                connection.execute(update, {"who": connection_order[0]})
                if not met:
                    met = True
                    connection.connection.dbapi_connection.run_async(lambda _: first.wait())
                connection.execute(update, {"who": connection_order[1]})

            await desk.write(work)

        await asyncio.wait_for(asyncio.gather(locks(("a", "b")), locks(("b", "a"))), 20)
        assert loop.is_running()
        assert tries == 3
        assert await scalars(desk, "SELECT note FROM written ORDER BY who") == ["xx", "xx"]

    async def test_what_never_wins_its_race_is_away_and_not_at_fault(self, desk: Database) -> None:
        def loses(connection: Connection) -> None:
            connection.execute(sa.text("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$"))

        with pytest.raises(DatabaseUnavailable):
            await desk.write(loses)

    async def test_a_terminated_connection_is_an_absence_and_the_next_one_works(self, desk: Database) -> None:
        def cut_off(connection: Connection) -> None:
            connection.execute(put("a"))
            connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))

        with pytest.raises(DatabaseUnavailable):
            await desk.write(cut_off)
        assert not desk.available
        assert await desk.write(writing("b")) == "b"
        assert desk.available
        assert await written(desk) == ["b"]

    async def test_connections_terminated_while_they_rest_are_not_noticed(
        self, desk: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(engine, "TRUSTED_FOR", 0.0)  # they have rested for long
        await asyncio.gather(*(desk.write(writing(f"{n}")) for n in range(6)))
        other = open_database(database_url)
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        await run(other, f"SELECT pg_terminate_backend(pid) {others} AND application_name = 'casewire'")

        async def ended() -> bool:
            return await scalars(other, f"SELECT count(*) {others}") == [0]

        await eventually(ended, 10)
        await other.close()
        assert await asyncio.gather(*(desk.write(writing(f"after {n}")) for n in range(6)))

    async def test_a_schema_changed_by_another_process_is_not_noticed(
        self, desk: Database, database_url: str
    ) -> None:
        async def notes() -> list[tuple[str, ...]]:
            return await desk.read(lambda c: [tuple(row) for row in c.execute(sa.text("SELECT * FROM written"))])

        await desk.write(writing("a"))
        for _ in range(8):
            await notes()
        other = open_database(database_url)
        await run(other, "ALTER TABLE written ADD COLUMN more TEXT DEFAULT 'x'")
        await other.close()
        assert await notes() == [("a", "", "x")]

    async def test_a_pool_that_has_nothing_left_is_an_absence(self, desk: Database) -> None:
        desk._engine.pool._timeout = 0.2
        works = [lambda c: c.execute(sa.text("SELECT pg_sleep(0.6)")) for _ in range(13)]
        results = await asyncio.gather(*map(desk.write, works), return_exceptions=True)
        assert [type(result) for result in results if result is not None and isinstance(result, Exception)] == [
            DatabaseUnavailable
        ]

    async def test_a_statement_that_is_too_long_is_the_works_fault(self, desk: Database) -> None:
        """Taken for an absence, it would be waited for without end."""
        values = ", ".join(f"(:p{n})" for n in range(33_000))

        def work(connection: Connection) -> None:
            statement = sa.text(f"INSERT INTO written (who) VALUES {values}")
            connection.execute(statement, {f"p{n}": str(n) for n in range(33_000)})

        with pytest.raises(sa.exc.InterfaceError):
            await desk.write(work)
        assert desk.available

    async def test_an_idle_transaction_that_the_server_ended_is_an_absence(self, desk: Database) -> None:
        def sleeps(connection: Connection) -> None:
            connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
            time.sleep(0.3)
            connection.execute(put("a"))

        with pytest.raises(DatabaseUnavailable):
            await desk.write(sleeps)
        assert await desk.write(writing("b")) == "b"


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A server of one's own, to stop and start."""
    request.getfixturevalue("postgres_cluster")  # skips where there is none
    try:
        server = PostgresServer(find_binaries())
    except PostgresUnavailable as unavailable:
        pytest.skip(str(unavailable))
    server.initialise()
    server.start()
    yield server
    server.stop()
    server.remove()


@pytest.fixture
async def served(server: PostgresServer) -> AsyncIterator[Database]:
    database = open_database(server.url)
    await run(database, "CREATE TABLE written (who TEXT PRIMARY KEY, note TEXT)")
    yield database
    await database.close()


@pytest.mark.postgresql
class TestAServerThatGoesAway:
    async def test_writers_see_an_absence_and_nothing_else_and_get_on_by_themselves(
        self, server: PostgresServer, served: Database
    ) -> None:
        told: set[type[BaseException]] = set()
        kept: list[str] = []
        back = asyncio.Event()

        async def writer(name: int) -> None:
            n, last = 0, False
            while not last:
                last = back.is_set()
                n += 1
                who = f"{name}/{n:05}"
                try:
                    kept.append(await served.write(writing(f"{who}+", who)))
                except DatabaseUnavailable as error:
                    told.add(type(error))
                    await asyncio.sleep(0.005)

        async def outage() -> None:
            await asyncio.sleep(0.2)
            await asyncio.to_thread(server.stop)
            await until(lambda: not served.available)
            await asyncio.to_thread(server.start)
            back.set()

        await asyncio.wait_for(asyncio.gather(outage(), *(writer(n) for n in range(5))), 60)
        assert told == {DatabaseUnavailable}
        assert served.available
        stored = await written(served)
        assert set(kept) <= set(stored)
        assert {who for who in stored if not who.endswith("+")} == {
            who[:-1] for who in stored if who.endswith("+")
        }
