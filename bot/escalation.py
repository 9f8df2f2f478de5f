"""The periodic coroutine that lets time come to cases: silence and reminders."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from bot.casework.worker import Casework
from bot.clock import Clock
from storage.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

HOLD_MOST = 300.0
HOLD_POLL = 0.5
JUMP = timedelta(seconds=60)
DATABASE_PAUSE = 5.0
DUTY_POLL = 1.0


class EscalationClock:
    """Checks every `interval` seconds, but not before what was written meanwhile has been read.

    A wall clock that outran the monotonic one (a laptop woke, a clock was set) makes its tick a skipped one:
    what arrived while the machine slept must be read first. Of several processes one is `on_duty`; one that
    takes over checks at once.
    """

    def __init__(
        self,
        casework: Casework,
        clock: Clock,
        interval: float,
        connected: Callable[[], bool],
        catch_up: float,
        replayed: Callable[[], bool],
        hold_most: float | None = None,
        on_duty: Callable[[], bool] = lambda: True,
    ) -> None:
        self._on_duty = on_duty
        self._casework = casework
        self._clock = clock
        self._interval = interval
        self._connected = connected
        self._catch_up = catch_up
        self._replayed = replayed
        self._hold_most = HOLD_MOST if hold_most is None else hold_most
        self._stop = asyncio.Event()
        self.running = False

    async def run(self) -> None:
        self.running = True
        try:
            await self._hold()
            seen = self._readings()
            while not self._stop.is_set():
                now = self._readings()
                on_duty = self._on_duty()
                if self._jumped(seen, now):
                    log.warning("the clock jumped; this check is skipped", action="escalation_skipped")
                elif on_duty:
                    await self._check()
                seen = now
                await self._wait(self._interval if on_duty else min(self._interval, DUTY_POLL))
        finally:
            self.running = False

    def stop(self) -> None:
        self._stop.set()

    async def _hold(self) -> None:
        """Wait until what was written before the start has been decided, five minutes at most.

        Slack hands over what it held back only once we are connected, so that is given its time first.
        """
        deadline = self._clock.monotonic() + self._hold_most
        connected_at: float | None = None
        received_by: datetime | None = None
        while not self._stop.is_set() and self._clock.monotonic() < deadline:
            if not self._connected():
                connected_at = received_by = None
            elif connected_at is None:
                connected_at = self._clock.monotonic()
            elif (
                received_by is None
                and self._replayed()
                and self._clock.monotonic() - connected_at >= self._catch_up
            ):
                received_by = self._clock.now()
            if received_by is not None:
                with contextlib.suppress(DatabaseUnavailable):
                    if await self._casework.caught_up(received_by):
                        return
            await self._wait(min(HOLD_POLL, self._catch_up))

    async def _check(self) -> None:
        while not self._stop.is_set():
            try:
                if not await self._casework.check_due():
                    return
            except DatabaseUnavailable as error:
                log.warning("the database is away", action="waiting", error=str(error))
                await self._wait(DATABASE_PAUSE)
            except Exception:
                log.exception("an escalation check failed; it is repeated with the next one")
                return

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

    def _readings(self) -> tuple[datetime, float]:
        return self._clock.now(), self._clock.monotonic()

    @staticmethod
    def _jumped(before: tuple[datetime, float], now: tuple[datetime, float]) -> bool:
        passed = timedelta(seconds=now[1] - before[1])
        return (now[0] - before[0]) - passed > JUMP
