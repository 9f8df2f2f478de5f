"""Items are prepared beside each other, and stay in the order of their lanes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from bot.casework import preparing
from bot.casework.prepare import Prepared
from bot.casework.preparing import Preparing
from bot.people import LookupUnavailable
from storage.inbox import Item
from tests.casework.test_taking import waiting_item

READY = object()


class Lookups:
    """Those of `away` fail, those of `slow` take until `go_on`."""

    def __init__(self, away: set[int], slow: set[int]) -> None:
        self.away, self.slow = away, slow
        self.go_on = asyncio.Event()

    async def __call__(self, item: Item) -> Prepared:
        if item.id in self.slow:
            await self.go_on.wait()
        if item.id in self.away:
            raise LookupUnavailable("away")
        return READY


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "WAIT", 0.01)


@contextlib.asynccontextmanager
async def ended(preparing_: Preparing) -> AsyncIterator[Preparing]:
    try:
        yield preparing_
    finally:
        await preparing_.cancel()


async def test_what_is_behind_a_failure_or_a_slow_lookup_waits() -> None:
    items = [waiting_item(n, lane, 0) for n, lane in enumerate("aabbc", 1)]
    lookups = Lookups(away={1}, slow={3})
    async with ended(Preparing(lookups)) as preparing_:
        pairs, failed, busy = await preparing_.heads(items)
        assert [item.id for item, _ in pairs] == [5]
        assert [item.id for item, _ in failed] == [1]
        assert busy == {"b"}
        assert preparing_.is_at(items[2])
        lookups.go_on.set()
        lookups.away.clear()
        pairs, failed, busy = await preparing_.heads(items[:4])
        assert ([item.id for item, _ in pairs], failed, busy) == ([1, 2, 3, 4], [], set())
        assert preparing_.failures(items[0]) == 0


async def test_failures_are_counted_of_so_many_items_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "FAILURES_REMEMBERED", 10)
    items = [waiting_item(n, f"lane {n}", 0) for n in range(1, 16)]
    preparing_ = Preparing(Lookups(away={item.id for item in items}, slow=set()))
    await preparing_.heads(items)
    await preparing_.heads(items[5:])
    assert [preparing_.failures(item) for item in items] == [0] * 5 + [2] * 10
