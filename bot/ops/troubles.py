"""What parts of the bot must tell the people who run it, outside of any transaction: kept, then posted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog

from bot.clock import Clock
from bot.courier.reports import recovery_row, start_warning_row, trouble_row
from bot.ops.logging import redacted
from storage import outbox
from storage.engine import Database
from storage.errors import DatabaseUnavailable
from storage.outbox import NewRow

log = structlog.get_logger(__name__)

AGAIN = 5.0

_Row = Callable[[str, str, datetime], NewRow]


class Troubles:
    """`tell` may be called from anywhere in the loop. The same words are posted once an hour."""

    def __init__(self, database: Database, alerting: str, clock: Clock) -> None:
        self._database = database
        self._alerting = alerting
        self._clock = clock
        self._told: asyncio.Queue[tuple[_Row, str]] = asyncio.Queue()
        self.on_outbox: Callable[[], None] = lambda: None

    def tell(self, words: str) -> None:
        """A sentence for the alerting channel, without its full stop."""
        self._told.put_nowait((trouble_row, words))

    def warn(self, words: str) -> None:
        """As `tell`, of something about the setup that an operator should know."""
        self._told.put_nowait((start_warning_row, words))

    def well(self, words: str) -> None:
        """As `tell`, of something that is well again."""
        self._told.put_nowait((recovery_row, words))

    async def run(self) -> None:
        """Put what is told into the outbox, until cancelled. A database that is away is waited for."""
        while True:
            row, words = await self._told.get()
            now = self._clock.now()
            rows = [row(redacted(words), self._alerting, now)]
            try:
                await self._database.write(partial(outbox.enqueue, rows=rows, now=now))
            except DatabaseUnavailable as error:
                log.warning("the database is away", action="waiting", error=str(error))
                self._told.put_nowait((row, words))
                await asyncio.sleep(AGAIN)
            else:
                self.on_outbox()
