"""What items need before they can be decided is looked up for many at once; the items of a lane stay in order."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence

from bot.people import LookupUnavailable
from storage.inbox import Item

from .prepare import Prepared

AT_ONCE = 8
WAIT = 0.25
FAILURES_REMEMBERED = 1000


class Preparing:
    """Goes on with each item from round to round until it is prepared, or failed."""

    def __init__(self, prepare: Callable[[Item], Awaitable[Prepared]]) -> None:
        self._prepare = prepare
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._tasks: dict[int, asyncio.Task[Prepared]] = {}
        self._failures: OrderedDict[int, int] = OrderedDict()

    def is_at(self, item: Item) -> bool:
        return item.id in self._tasks

    def failures(self, item: Item) -> int:
        """How often in a row a lookup for it failed here."""
        return self._failures.get(item.id, 0)

    async def heads(
        self, items: Sequence[Item]
    ) -> tuple[list[tuple[Item, Prepared]], list[tuple[Item, BaseException]], set[str]]:
        """The items that stand first in their lanes and are prepared; those that failed, behind which their lanes
        wait; and the lanes whose first item is being prepared still."""
        for item in items:
            if item.id not in self._tasks:
                self._tasks[item.id] = asyncio.create_task(self._run(item))
        if items:
            await asyncio.wait([self._tasks[item.id] for item in items], timeout=WAIT)
        pairs: list[tuple[Item, Prepared]] = []
        failed: list[tuple[Item, BaseException]] = []
        blocked: set[str] = set()
        busy: set[str] = set()
        for item in items:
            if item.lane in blocked:
                continue
            task = self._tasks[item.id]
            if not task.done():
                blocked.add(item.lane)
                busy.add(item.lane)
                continue
            del self._tasks[item.id]
            error = task.exception()
            if error is None:
                self._failures.pop(item.id, None)
                pairs.append((item, task.result()))
                continue
            blocked.add(item.lane)
            failed.append((item, error))
            if isinstance(error, LookupUnavailable):
                self._count(item)
        return pairs, failed, busy - {item.lane for item, _ in pairs}

    def forget_all_but(self, waiting: Iterable[int]) -> None:
        """What is prepared and waits no more was decided by another process."""
        for item_id in self._tasks.keys() - set(waiting):
            if self._tasks[item_id].done():
                self._tasks.pop(item_id).exception()

    async def cancel(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _run(self, item: Item) -> Prepared:
        async with self._at_once:
            return await self._prepare(item)

    def _count(self, item: Item) -> None:
        self._failures[item.id] = self._failures.pop(item.id, 0) + 1
        while len(self._failures) > FAILURES_REMEMBERED:  # those of items that another process decided, too
            self._failures.popitem(last=False)
