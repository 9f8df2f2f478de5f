"""Wake-ups between processes, by LISTEN and NOTIFY: a shortcut only, since everybody looks by himself too.

Notices go over a connection of their own and outside of every transaction: inside one they make all commits on
the server wait for each other.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import asyncpg
import structlog
from sqlalchemy import NullPool
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from .engine import postgres_engine_options
from .urls import driver_url

log = structlog.get_logger(__name__)

CHANNEL = "casewire"
# Seconds: no more than ten notices of a kind a second; and how long a dead line may go unnoticed.
GATHER = 0.1
PROBE = 10.0
CALL = 5.0
AGAIN = 2.0
_BROKEN = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)


class Topic(StrEnum):
    """What there is news of."""

    OUTBOX = "outbox"
    HOMES = "homes"
    LEASES = "leases"


_WORDS = {topic.value for topic in Topic}


class Bell:
    """`ring` tells the other processes; `on_ring` is called for what they tell, and for all after a gap.

    SQLite has no other processes: there it is silent.
    """

    def __init__(self, url: str, process_id: str) -> None:
        self._url = driver_url(url)
        self._id = process_id
        self._due: set[Topic] = set()
        self._rung = asyncio.Event()
        self._broken = asyncio.Event()
        self._connection: asyncpg.Connection[Any] | None = None
        self._calling = asyncio.Lock()  # a connection carries one call at a time
        self.silent = self._url.get_backend_name() == "sqlite"
        self.on_ring: Callable[[Topic], None] = _nobody

    def ring(self, topic: Topic) -> None:
        """Have the others told soon. What cannot be told is dropped."""
        if not self.silent and self._connection is not None:
            self._due.add(topic)
            self._rung.set()

    async def run(self) -> None:
        """Listen and tell, until cancelled; a connection that breaks is made anew."""
        if self.silent:
            return
        engine = create_async_engine(self._url, poolclass=NullPool, **postgres_engine_options("casewire bell"))
        try:
            while True:
                try:
                    await self._serve(engine)
                except (DBAPIError, *_BROKEN) as error:
                    log.info("wake-ups from other processes pause", action="bell_paused", error=str(error))
                await asyncio.sleep(AGAIN)
        finally:
            await engine.dispose()

    async def tell_at_once(self, topic: Topic) -> None:
        """For who ends. Best effort."""
        if self._connection is not None:
            with contextlib.suppress(*_BROKEN):
                await self._tell(self._connection, topic)

    async def _serve(self, engine: AsyncEngine) -> None:
        plain = await engine.connect()
        try:
            connection = await _driver(plain)
            self._broken.clear()
            connection.add_termination_listener(self._on_end)
            await connection.add_listener(CHANNEL, self._on_notice)
            self._connection = connection
            for topic in Topic:
                self.on_ring(topic)  # it may have been rung while nobody listened
            while not self._broken.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PROBE):
                        await self._rung.wait()
                self._rung.clear()
                due, self._due = self._due, set()
                for topic in sorted(due):
                    await self._tell(connection, topic)
                if not due:
                    await self._call(connection, "SELECT 1")
                await asyncio.sleep(GATHER)
        finally:
            self._connection = None
            with contextlib.suppress(DBAPIError, *_BROKEN):
                await plain.invalidate()
                await plain.close()

    async def _tell(self, connection: asyncpg.Connection[Any], topic: Topic) -> None:
        await self._call(connection, "SELECT pg_notify($1, $2)", CHANNEL, f"{topic} {self._id}")

    async def _call(self, connection: asyncpg.Connection[Any], statement: str, *values: str) -> None:
        async with self._calling:
            await connection.execute(statement, *values, timeout=CALL)

    def _on_notice(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        word, _, sender = str(payload).partition(" ")
        if sender != self._id and word in _WORDS:
            self.on_ring(Topic(word))

    def _on_end(self, _connection: Any) -> None:
        self._broken.set()
        self._rung.set()


async def _driver(plain: AsyncConnection) -> asyncpg.Connection[Any]:
    """asyncpg's own connection, outside of any transaction."""
    await plain.execution_options(isolation_level="AUTOCOMMIT")
    raw = await plain.get_raw_connection()
    driver: asyncpg.Connection[Any] | None = raw.driver_connection
    if driver is None:
        raise asyncpg.InterfaceError("the connection was closed")
    return driver


def _nobody(_topic: Topic) -> None:
    """Until somebody listens."""
