"""The processes of this desk: each says that it lives, and knows who else does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Connection

from bot import __version__
from storage import leases, migrate, processes
from storage.engine import Database
from storage.errors import DatabaseUnavailable
from storage.processes import Census, Process

log = structlog.get_logger(__name__)

FORGET_LEASES = timedelta(days=1)
OUTDATED = "the database was migrated by a newer Casewire that this version cannot work beside: this process ends"


class Processes:
    """One per process. On SQLite there is no other: nothing is written there.

    `lifetime` is for how long somebody who says nothing is taken to live.
    """

    def __init__(self, database: Database, process_id: str, sockets: int, lifetime: float) -> None:
        self._database = database
        self._id = process_id
        self._sockets = sockets
        self._lifetime = lifetime
        self._alone = database.dialect == "sqlite"
        self._started = datetime.now(UTC)
        self._others: tuple[Process, ...] = ()
        self.connected: Callable[[], bool] = lambda: False
        self.on_census: Callable[[], None] = _nothing
        self.on_outdated: Callable[[], None] = _nothing

    @property
    def everybody(self) -> list[Process]:
        """Who lives, this process included."""
        now = datetime.now(UTC)
        own = Process(self._id, self._started, now, self._sockets, self.connected(), __version__)
        return sorted((own, *self._others), key=lambda process: (process.started_at, process.id))

    @property
    def sockets_of_others(self) -> int:
        return sum(process.sockets for process in self._others)

    async def run(self) -> None:
        """Say that we live, until cancelled."""
        while True:
            try:
                await self.beat()
            except DatabaseUnavailable as error:
                log.warning("the database is away", action="waiting", error=str(error))
            await asyncio.sleep(self._lifetime / 5)

    async def beat(self) -> None:
        if not self._alone:
            census, is_served = await self._database.write(self._census)
            self._take_note(census)
            if not is_served:
                log.error(OUTDATED, action="outdated")
                self.on_outdated()
        self.on_census()

    async def leave(self) -> None:
        """We end, and on purpose. Where the database is away, the others see that we are silent."""
        if self._alone:
            return
        with contextlib.suppress(DatabaseUnavailable):
            await self._database.write(lambda connection: processes.leave(connection, self._id))

    def _census(self, connection: Connection) -> tuple[Census, bool]:
        lifetime = timedelta(seconds=self._lifetime)
        census = processes.beat(connection, self._id, self._sockets, self.connected(), __version__, lifetime)
        if census.lost:
            leases.forget(connection, leases.database_now(connection) - FORGET_LEASES)
        return census, migrate.serves(connection)

    def _take_note(self, census: Census) -> None:
        known = {process.id for process in self._others}
        self._others = tuple(process for process in census.alive if process.id != self._id)
        for process in self._others:
            if process.id not in known:
                log.info("another process shares the desk", action="process_seen", process=process.id)
        for process in census.lost:
            log.warning("another process ended without a word", action="process_lost", process=process.id)


def _nothing() -> None:
    """Until somebody listens."""
