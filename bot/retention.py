"""The periodic coroutine that lets go of what is old: raw forms, and the content of cases closed long ago."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from bot.clock import Clock
from bot.leases import RETENTION, Duty, Leases
from storage import retention
from storage.engine import Database
from storage.errors import DatabaseUnavailable, LeaseLost
from storage.retention import Reached

log = structlog.get_logger(__name__)

INTERVAL = 3600.0
DUTY_POLL = 5.0
BETWEEN = 0.05  # seconds between two batches, in which others have the database


class Retention:
    """One process at a time does it, in small batches. 0 days: nothing is let go of."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        leases: Leases,
        raw_days: float,
        days: float,
        interval: float = INTERVAL,
    ) -> None:
        self._duty = Duty(leases, RETENTION, self._begin_anew)
        self._database = database
        self._clock = clock
        self._raw_days = raw_days
        self._days = days
        self._interval = interval
        self._reached = Reached()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            pause = DUTY_POLL
            try:
                if self._duty.is_ours():
                    await self.let_go()
                    pause = self._interval
            except LeaseLost:
                log.info("another process may do it by now", action="lease_over", lease=RETENTION)
            except DatabaseUnavailable as error:
                log.warning("the database is away", action="waiting", error=str(error))
            await asyncio.sleep(pause)

    async def let_go(self) -> None:
        """All that is old enough now."""
        now = self._clock.now()
        items = mails = cases = 0
        if self._raw_days:
            before = now - timedelta(days=self._raw_days)
            items, mails = await self._items(before), await self._mails(before)
        if self._days:
            while done := await self._cases(now - timedelta(days=self._days), now):
                cases += done
        if items or mails or cases:
            log.info("what was old was let go of", action="retention", items=items, mails=mails, cases=cases)

    async def _items(self, before: datetime) -> int:
        gone = 0
        while True:
            look = partial(retention.old_items, reached=self._reached, before=before)
            found = await self._database.read(look)
            if found.end is None:
                return gone
            gone += await self._let(retention.let_items_go, found.ids)
            self._reached.item = found.end

    async def _mails(self, before: datetime) -> int:
        gone = 0
        while True:
            look = partial(retention.old_mails, reached=self._reached, before=before)
            found = await self._database.read(look)
            if found.end is None:
                return gone
            gone += await self._let(retention.let_mails_go, found.ids)
            self._reached.mail = found.end

    async def _let(self, go: Callable[[Connection, list[int]], None], ids: list[int]) -> int:
        if ids:
            await self._duty.commit(lambda connection: go(connection, ids))
            await asyncio.sleep(BETWEEN)
        return len(ids)

    async def _cases(self, before: datetime, now: datetime) -> int:
        found = await self._database.read(partial(retention.old_cases, reached=self._reached, before=before))
        for case_id, closed_at in found:
            await self._duty.commit(partial(retention.let_case_go, case_id=case_id, now=now))
            self._reached.closed_at = closed_at
            await asyncio.sleep(BETWEEN)
        return len(found)

    def _begin_anew(self) -> None:
        """What another process left behind is looked for from the beginning."""
        self._reached = Reached()
