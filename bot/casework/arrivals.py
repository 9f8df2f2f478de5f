"""What arrives is committed in company: whatever comes while one commit is under way shares the next.

A commit costs the same for one item as for many, and each item's sender waits for it.
"""

from __future__ import annotations

import asyncio
from functools import partial

from bot.clock import Clock
from storage import inbox
from storage.engine import Database
from storage.errors import DatabaseUnavailable
from storage.inbox import NewItem

TOGETHER_MOST = 200

_Arrival = tuple[NewItem, "asyncio.Future[bool]"]


class Arrivals:
    """One per process. `patience`: how many seconds a commit may take before its items count as not taken in."""

    def __init__(self, database: Database, clock: Clock, patience: float) -> None:
        self._database = database
        self._clock = clock
        self._patience = patience
        self._waiting: list[_Arrival] = []
        self._committing: asyncio.Task[None] | None = None

    async def put(self, item: NewItem) -> bool:
        """As `inbox.put`, committed. Raises DatabaseUnavailable, TimeoutError, or what is wrong with the item."""
        kept: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, kept))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit_all(), name="arrivals")
        async with asyncio.timeout(self._patience):
            return await kept

    async def _commit_all(self) -> None:
        while self._waiting:
            together, self._waiting = self._waiting[:TOGETHER_MOST], self._waiting[TOGETHER_MOST:]
            await self._commit([arrival for arrival in together if not arrival[1].done()])

    async def _commit(self, together: list[_Arrival]) -> None:
        """One transaction for all; if that fails for a reason of its own, one for each."""
        if not together:
            return
        work = partial(inbox.put_all, items=[item for item, _ in together], now=self._clock.now())
        try:
            async with asyncio.timeout(self._patience):
                stored = await self._database.write(work)
        except asyncio.CancelledError:
            for _, kept in together:
                kept.cancel()
            raise
        except Exception as error:
            if len(together) > 1 and not isinstance(error, DatabaseUnavailable | TimeoutError):
                for arrival in together:
                    await self._commit([arrival])
                return
            for _, kept in together:
                if not kept.done():
                    kept.set_exception(error)
            return
        for (_, kept), is_new in zip(together, stored, strict=True):
            if not kept.done():
                kept.set_result(is_new)
