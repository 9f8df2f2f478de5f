"""The storage seam: `Database.write(work)` and `Database.read(work)`.

`work` is a synchronous function over a SQLAlchemy Core connection, so no network wait can slip into a
transaction. Transactions begin and end here and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy import Connection, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, QueuePool

from .errors import DatabaseUnavailable
from .loop_thread import LoopThread
from .urls import driver_url

T = TypeVar("T")
Work = Callable[[Connection], T]

GROUP_LIMIT = 64
SQLITE_READERS = 3
_SQLITE_OPTIONS: dict[str, Any] = {
    "max_overflow": 0,
    "pool_timeout": 30,
    "hide_parameters": True,  # they hold what customers wrote, and errors are logged
}
# Seconds: a server that hangs sends no error, and is as good as away long before the driver gives up.
STALLED_AFTER = 5.0
CONNECT_TIMEOUT = 10.0
COMMAND_TIMEOUT = 60.0
SERIALISATION_TRIES = 6
TRUSTED_FOR = 0.02
RESTS_SINCE = "rests_since"
_RETRY_STATES = {"40001", "40P01"}
# 28 and 3D: it refuses us, or is gone. At the start that ends the bot; later it is no item's fault.
_AWAY_CLASSES = {"08", "28", "3D", "40", "53", "57", "58"}
_DRIVER = (asyncpg.InterfaceError, asyncpg.InternalClientError)
_AWAY_STATES = {"55P03", "25006"}
_SQLITE_AWAY = (
    "is locked",
    "busy",
    "full",
    "i/o error",
    "unable to open",
    "readonly",
    "not a database",
    "malformed",
)


class Database(ABC):
    """One database, opened once and shared by everything in the process."""

    dialect: str

    def __init__(self) -> None:
        self._failing: set[str] = set()
        self._closed = False
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def available(self) -> bool:
        """Whether the last read and the last write went through, and none is stalled.

        Each for itself: a locked SQLite file can still be read.
        """
        return not self._failing

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a transaction and commit it.

        Raises DatabaseUnavailable when the database is away: then nothing of `work` can be relied on, and it
        may be called again. Whatever `work` raises comes through, and nothing of it is kept.
        """
        return await self._watched("write", self._write, work)

    async def read(self, work: Work[T]) -> T:
        """Run `work` in a read transaction. Raises as `write` does."""
        return await self._watched("read", self._read, work)

    async def _watched(self, kind: str, run: Callable[[Work[T]], Awaitable[T]], work: Work[T]) -> T:
        if self._closed:
            raise DatabaseUnavailable("the database was closed")
        self._running += 1
        self._idle.clear()
        stalled = asyncio.get_running_loop().call_later(STALLED_AFTER, self._failing.add, kind)
        try:
            result = await run(work)
        except DatabaseUnavailable:
            self._failing.add(kind)
            raise
        except (DBAPIError, PoolExhausted, OSError, TimeoutError, *_DRIVER) as error:
            if is_away(error):
                self._failing.add(kind)
                raise DatabaseUnavailable(_first_line(error)) from error
            self._failing.discard(kind)  # however long it took, the database has answered
            raise
        finally:
            stalled.cancel()
            self._running -= 1
            if not self._running:
                self._idle.set()
        self._failing.discard(kind)
        return result

    @abstractmethod
    async def _write(self, work: Work[T]) -> T: ...

    @abstractmethod
    async def _read(self, work: Work[T]) -> T: ...

    async def close(self) -> None:
        """Let running work finish, then close every connection."""
        self._closed = True
        await self._idle.wait()
        await self._disconnect()

    @abstractmethod
    async def _disconnect(self) -> None: ...


async def uncut(running: Coroutine[Any, Any, T]) -> T:
    """Its result; who is cancelled meanwhile is cancelled once it has ended.

    aiosqlite leaves its thread behind when it is cancelled half-way, and the process would never end.
    """
    task = asyncio.ensure_future(running)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # looked at, so that it is not reported as forgotten
        raise


def open_database(url: str) -> Database:
    """The database behind a URL as users write it. Connects at the first use."""
    parsed = driver_url(url)
    return SqliteDatabase(parsed) if parsed.get_backend_name() == "sqlite" else PostgresDatabase(parsed)


@dataclass(slots=True)
class _Job:
    work: Work[Any]
    done: asyncio.Future[Any]


class SqliteDatabase(Database):
    """SQLite in WAL mode: one writing connection with group commit, and a few that only read.

    A work runs whole in a thread: through aiosqlite each call of the driver is a way to a thread and back, which
    on a busy loop costs far more than what SQLite does meanwhile (docs/performance.md).
    One writer, which alone checkpoints, also keeps clear of SQLite's WAL-reset bug (sqlite.org/wal.html).
    """

    dialect = "sqlite"

    def __init__(self, url: URL) -> None:
        super().__init__()
        self._writer_engine = _thread_engine(url, writable=True)
        self._reader_engine = _thread_engine(url, writable=False)
        self._writer = ThreadPoolExecutor(1, "sqlite-writer")
        self._readers = ThreadPoolExecutor(SQLITE_READERS, "sqlite-reader")
        self._jobs: asyncio.Queue[_Job | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def _write(self, work: Work[T]) -> T:
        if self._task is None:
            self._task = asyncio.create_task(self._serve(), name="sqlite-writer")
        job = _Job(work, asyncio.get_running_loop().create_future())
        self._jobs.put_nowait(job)
        result: T = await job.done
        return result

    async def _read(self, work: Work[T]) -> T:
        return await _in_thread(self._readers, partial(_begun, self._reader_engine, work))

    async def _disconnect(self) -> None:
        if self._task is not None:
            self._jobs.put_nowait(None)
            await self._task
            self._task = None
            with contextlib.suppress(DBAPIError):
                await _in_thread(self._writer, partial(_tidy, self._writer_engine))
        for threads, engine in ((self._readers, self._reader_engine), (self._writer, self._writer_engine)):
            await asyncio.to_thread(threads.shutdown)
            engine.dispose()

    async def _serve(self) -> None:
        while (job := await self._jobs.get()) is not None:
            group, ended = [job], False
            while not self._jobs.empty() and len(group) < GROUP_LIMIT:
                following = self._jobs.get_nowait()
                if following is None:
                    ended = True
                    break
                group.append(following)
            await self._commit(group)
            if ended:
                break

    async def _commit(self, group: list[_Job]) -> None:
        """One transaction for the group, a savepoint for each.

        A group that fails whole is run one by one, unless the database is away: each try would wait for it anew.
        """
        group = [job for job in group if not job.done.cancelled()]
        if not group:
            return
        try:
            works = partial(_run_group, works=[job.work for job in group])
            results = await _in_thread(self._writer, partial(_begun, self._writer_engine, works))
        except Exception as error:
            if len(group) == 1 or is_away(error):
                for job in group:
                    _settle(job.done, error)
            else:
                for job in group:
                    await self._commit([job])
            return
        for job, result in zip(group, results, strict=True):
            _settle(job.done, result)


def _run_group(connection: Connection, works: list[Work[Any]]) -> list[Any]:
    if len(works) == 1:
        return [works[0](connection)]
    results: list[Any] = []
    for work in works:
        savepoint = connection.begin_nested()
        try:
            result = work(connection)
            savepoint.commit()
        except Exception as error:
            if isinstance(error, DBAPIError) and is_away(error):
                raise
            # A savepoint that is gone went with the whole transaction (SQLite ends one by itself when the
            # disk is full): then this raises, and nothing of the group is taken for kept.
            savepoint.rollback()
            results.append(_Failed(error))
        else:
            results.append(result)
    return results


@dataclass(slots=True)
class _Failed:
    error: Exception


def _settle(done: asyncio.Future[Any], result: Any) -> None:
    if done.done():
        return
    if isinstance(result, _Failed):
        done.set_exception(result.error)
    elif isinstance(result, Exception):
        done.set_exception(result)
    else:
        done.set_result(result)


async def _in_thread(threads: Executor, work: Callable[[], T]) -> T:
    """Whoever is cancelled meanwhile does not wait: what runs there is ended, and its result let go."""
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(threads, partial(context.run, work))


def _begun(engine: sa.Engine, work: Work[T]) -> T:
    with engine.begin() as connection:
        return work(connection)


def _tidy(engine: sa.Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("PRAGMA optimize"))
        connection.execute(sa.text("PRAGMA wal_checkpoint(TRUNCATE)"))


def _thread_engine(url: URL, *, writable: bool) -> sa.Engine:
    """An engine for threads of our own."""
    engine = sa.create_engine(
        url.set(drivername="sqlite+pysqlite"),
        poolclass=QueuePool,
        pool_size=1 if writable else SQLITE_READERS,
        **_SQLITE_OPTIONS,
        connect_args={"check_same_thread": False},
    )
    _begins_itself(engine, writable=writable)
    return engine


def sqlite_engine(url: URL, *, writable: bool) -> AsyncEngine:
    """An engine for tools that are asynchronous themselves."""
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1 if writable else SQLITE_READERS,
        **_SQLITE_OPTIONS,
    )
    _begins_itself(engine.sync_engine, writable=writable)
    return engine


def _begins_itself(engine: sa.Engine, *, writable: bool) -> None:
    """Its transactions begin as IMMEDIATE (writers) or DEFERRED on query-only connections."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy begins transactions, not the driver
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",  # we acknowledge to Slack and IMAP after the commit
            "foreign_keys=ON",
            "busy_timeout=5000",
            "temp_store=MEMORY",
            *(() if writable else ("query_only=ON",)),
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            return
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writable else "BEGIN")


class PostgresDatabase(Database):
    """PostgreSQL through a pool; a transaction that lost a race (deadlock, serialisation) is run again.

    The driver has an event loop in a thread of its own: in the bot's, each statement of a work would wait until
    everything else that is ready there has had its turn.
    """

    dialect = "postgresql"

    def __init__(self, url: URL) -> None:
        super().__init__()
        self._engine = postgres_engine(url)
        self._reading = _reading_engine(url)
        self._thread = LoopThread("postgresql")

    async def _write(self, work: Work[T]) -> T:
        return await self._thread.run(self._run(self._engine, work))

    async def _read(self, work: Work[T]) -> T:
        return await self._thread.run(self._run(self._reading, work))

    @staticmethod
    async def _run(engine: AsyncEngine, work: Work[T]) -> T:
        tries = 0
        while True:
            tries += 1
            try:
                async with engine.begin() as connection:
                    return await connection.run_sync(work)
            except DBAPIError as error:
                if tries >= SERIALISATION_TRIES or not _lost_a_race(error):
                    raise
            await asyncio.sleep(random.uniform(0, 0.02 * 2**tries))  # noqa: S311 (jitter, no secret)

    async def _disconnect(self) -> None:
        await self._thread.end(self._dispose())

    async def _dispose(self) -> None:
        await self._engine.dispose()
        await self._reading.dispose()


def postgres_engine(url: URL) -> AsyncEngine:
    engine = create_async_engine(
        url, pool_size=8, max_overflow=4, pool_timeout=10, **postgres_engine_options("casewire")
    )
    _lets_go_of_dead_connections(engine.sync_engine)
    return engine


def _reading_engine(url: URL) -> AsyncEngine:
    """Each statement by itself, as READ COMMITTED sees it anyway: one look is one question to the server."""
    options = postgres_engine_options("casewire")
    options["connect_args"]["server_settings"]["default_transaction_read_only"] = "on"
    engine = create_async_engine(
        url, pool_size=4, max_overflow=4, pool_timeout=10, isolation_level="AUTOCOMMIT", **options
    )
    _lets_go_of_dead_connections(engine.sync_engine)
    return engine


def _lets_go_of_dead_connections(engine: sa.Engine) -> None:
    """As `pool_pre_ping` does, which asks the server three things before each use: here one, and after a rest."""

    @event.listens_for(engine, "checkin")
    def on_checkin(_connection: Any, record: Any) -> None:
        record.info[RESTS_SINCE] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def on_checkout(connection: Any, record: Any, _proxy: Any) -> None:
        if connection.driver_connection.is_closed():
            raise sa.exc.DisconnectionError
        if time.monotonic() - record.info.get(RESTS_SINCE, time.monotonic()) > TRUSTED_FOR:
            try:
                connection.run_async(lambda driver: driver.fetchrow(";"))
            except Exception as error:  # whatever it is, another connection may be well
                raise sa.exc.DisconnectionError from error


def postgres_engine_options(application_name: str) -> dict[str, Any]:
    """What every connection of ours has; the server is told whose it is."""
    return {
        "hide_parameters": True,
        "connect_args": {
            "timeout": CONNECT_TIMEOUT,
            "command_timeout": COMMAND_TIMEOUT,
            "server_settings": {
                "application_name": application_name,
                "jit": "off",
                "statement_timeout": "30s",
                "idle_in_transaction_session_timeout": "30s",
                "lock_timeout": "10s",
            },
        },
    }


def engine_for(url: str) -> AsyncEngine:
    """A writing engine, for migrations and tools."""
    parsed = driver_url(url)
    if parsed.get_backend_name() == "sqlite":
        return sqlite_engine(parsed, writable=True)
    return postgres_engine(parsed)


def is_away(error: BaseException) -> bool:
    """Whether an error says that the database is away or cannot write, not that the work was wrong."""
    if isinstance(error, asyncpg.InternalClientError):
        return True  # a call met one that the cut of its connection, or a cancellation, had left half done
    if isinstance(error, asyncpg.InterfaceError):
        return _says_closed(error)  # the driver's own, raised while a broken connection is given back
    if not isinstance(error, DBAPIError):
        return isinstance(error, OSError | TimeoutError | PoolExhausted)
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        return state[:2] in _AWAY_CLASSES or state in _AWAY_STATES
    if "InternalClientError" in type(error.orig).__name__:
        return True
    words = str(error.orig).lower()
    if "sqlite" in type(error.orig).__module__:
        return any(word in words for word in _SQLITE_AWAY)
    # Without a state, the connection broke; the driver also says of other misuse that it was an interface error.
    return isinstance(error, sa.exc.OperationalError) or _says_closed(error.orig)


def _says_closed(error: BaseException | None) -> bool:
    words = str(error).lower()
    return "connection" in words and ("closed" in words or "lost" in words)


def _lost_a_race(error: DBAPIError) -> bool:
    if getattr(error.orig, "sqlstate", None) in _RETRY_STATES:
        return True
    return "InvalidCachedStatementError" in type(error.orig).__name__


def _first_line(error: BaseException) -> str:
    origin = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return (str(origin).strip() or type(origin).__name__).splitlines()[0]
