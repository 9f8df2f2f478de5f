"""An event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
PATIENCE = 5.0  # seconds that what still runs has at the end


class LoopThread:
    """Starts with the first thing to run in it. Nobody needs to end it for the process to end."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    async def run(self, running: Coroutine[Any, Any, T]) -> T:
        """Its result; whoever is cancelled meanwhile cancels it, and does not wait until it has ended."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name=self._name, daemon=True)
            self._thread.start()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(running, self._loop))

    async def end(self, last: Coroutine[Any, Any, None]) -> None:
        """Once what runs there has ended, and that last thing too."""
        await self.run(_after_all_others(last))
        loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            await asyncio.to_thread(thread.join)
            loop.close()


async def _after_all_others(last: Coroutine[Any, Any, None]) -> None:
    if others := asyncio.all_tasks() - {asyncio.current_task()}:
        _, hanging = await asyncio.wait(others, timeout=PATIENCE)
        for task in hanging:
            task.cancel()
    await last
