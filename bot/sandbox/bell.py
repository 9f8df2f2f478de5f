"""Rings whenever something in the sandbox has changed, so that nobody has to poll."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Bell:
    """Wakes everybody who waits for a change; changes within one loop turn wake them once."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self.rings = 0

    def ring(self) -> None:
        """Something changed."""
        self.rings += 1
        rung, self._rung = self._rung, asyncio.Event()
        rung.set()

    def rung_since(self, rings: int) -> bool:
        """Whether it has rung since it had rung so often."""
        return self.rings != rings

    async def next(self) -> None:
        """Return at the next ring."""
        await self._rung.wait()

    async def until(self, predicate: Callable[[], T | None]) -> T:
        """Return the predicate's first truthy value, looking again at each ring."""
        while not (value := predicate()):
            await self.next()
        return value
