"""The courier's life: one server per destination channel, lane after lane, until nothing is due."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy import Connection
from structlog.contextvars import bound_contextvars

from bot.clock import Clock
from bot.leases import FIRST_TOKEN, Lease, Leases, channel_lease
from bot.ops.metrics import Metrics, Step
from bot.timing import Timing
from storage import outbox
from storage.engine import Database
from storage.errors import DatabaseUnavailable, LeaseLost
from storage.outbox import OutboxRow, way_of

from .files import FileRows
from .mail_rows import MailRows
from .pacing import Pacing
from .slack_rows import SlackRows

T = TypeVar("T")
log = structlog.get_logger(__name__)

# Whoever puts a row into the outbox wakes us; this is for what another process left behind.
POLL = 5.0
AWAY_PAUSE = 1.0
TOKENS_KEPT = 10_000


class Courier:
    """One per process. A channel is served by the process that holds its lease, and every commit about a row is
    made under it: so a row found `sending` was left behind, by a process that has ended or a commit that failed.
    """

    def __init__(
        self,
        database: Database,
        slack: SlackRows,
        files: FileRows,
        mail: MailRows | None,
        pacing: Pacing,
        clock: Clock,
        leases: Leases,
        timing: Timing,
    ) -> None:
        self._database = database
        self._leases = leases
        self._slack = slack
        self._mail = mail
        self._pacing = pacing
        self._clock = clock
        self._timing = timing
        self._servers: dict[str, asyncio.Task[None]] = {}
        self._serving: dict[str, Lease] = {}
        self._tokens: dict[str, int] = {}
        self._others_serve = False
        self.wake = asyncio.Event()
        slack.write = files.write = self._write
        slack.require = files.require = self._require
        slack.on_rows, slack.on_delivered = self.wake.set, self._delivered
        if mail is not None:
            mail.write = self._write
        self._stopping = False
        self.on_delivered: Callable[[], None] = _nothing
        self.metrics = Metrics()

    async def run(self) -> None:
        """Serve every destination that has something due, until `stop` or cancelled."""
        try:
            while not self._stopping:
                self.wake.clear()
                try:
                    pause = await self._start_servers()
                except DatabaseUnavailable as error:
                    log.warning("the database is away", action="waiting", error=str(error))
                    pause = AWAY_PAUSE
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self.wake.wait()
            await asyncio.gather(*self._servers.values(), return_exceptions=True)
        finally:
            for task in self._servers.values():
                task.cancel()
            await asyncio.gather(*self._servers.values(), return_exceptions=True)

    def stop(self) -> None:
        """Finish the posts that are under way, then end. What is left is safe in the outbox."""
        self._stopping = True
        self.wake.set()

    async def _start_servers(self) -> float:
        """For whatever is due; how long there is nothing else to do, if nobody wakes us."""
        now = self._clock.now()
        due = await self._database.read(partial(outbox.look, now=now))
        unserved = {
            one: channel_lease(outbox.channel_of(one)) for one in due.destinations if one not in self._servers
        }
        ours = await self._leases.take(unserved.values())
        self._others_serve = len(ours) < len(set(unserved.values()))
        for destination, name in unserved.items():
            if name in ours:
                self._begin_empty(outbox.channel_of(destination), ours[name])
                self._serving[destination] = ours[name]
                task = asyncio.create_task(self._serve(destination), name=f"courier-{destination}")
                self._servers[destination] = task
                task.add_done_callback(partial(self._served, destination))
        return self._pause(due.next_at)

    def _begin_empty(self, channel: str, lease: Lease) -> None:
        """Whoever had the channel before may just have posted as fast as may be."""
        if lease.token > self._tokens.pop(channel, FIRST_TOKEN):
            self._pacing.channel(channel).empty()
        if len(self._tokens) >= TOKENS_KEPT:
            self._tokens.pop(
                next(iter(self._tokens))
            )  # of a channel not served for long: it begins empty at worst
        self._tokens[channel] = lease.token

    def _served(self, destination: str, task: asyncio.Task[None]) -> None:
        self._servers.pop(destination, None)
        self._serving.pop(destination, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("serving a destination failed", destination=destination, exc_info=error)
        self.wake.set()

    def _pause(self, due: datetime | None) -> float:
        if due is None:
            return POLL
        left = (due - self._clock.now()).total_seconds()
        # What is due but not ended is being served: its server wakes us when it has done.
        return min(POLL, max(0.02, left)) if left > 0 else (POLL if self._servers or self._others_serve else 0.05)

    async def _serve(self, destination: str) -> None:
        with self._leases.using(self._serving[destination]):
            await self._serve_while_ours(destination)

    async def _serve_while_ours(self, destination: str) -> None:
        while not self._stopping:
            if self._slack.login_trouble is not None and destination != outbox.MAIL:
                await asyncio.sleep(self._timing.login_pause)
            try:
                self._leases.require(self._serving[destination])
                now = self._clock.now()
                turn = await self._database.read(partial(outbox.next_turn, destination=destination, now=now))
                if turn is None:
                    return
                if turn.row is None:
                    await self._write_under(destination, partial(outbox.rest_lane, lane=turn.lane, now=now))
                else:
                    with bound_contextvars(**way_of(turn.row)), self.metrics.timed(Step.SEND):
                        await self._bring(turn.row)
            except DatabaseUnavailable as error:
                log.warning("the database is away", action="waiting", error=str(error))
                await asyncio.sleep(AWAY_PAUSE)
            except LeaseLost:
                log.info("another process may serve it by now", action="lease_over", destination=destination)
                return

    async def _bring(self, row: OutboxRow) -> None:
        if row.destination == outbox.MAIL and self._mail is not None:
            await self._mail.deliver(row)
            self._delivered()
        else:
            await self._slack.deliver(row)

    def _delivered(self) -> None:
        self.wake.set()
        self.on_delivered()

    async def _write(self, row: OutboxRow, work: Callable[[Connection], T]) -> T:
        return await self._write_under(row.destination, work)

    async def _write_under(self, destination: str, work: Callable[[Connection], T]) -> T:
        """Commit only while the destination is ours. Raises LeaseLost otherwise."""
        return await self._leases.commit(self._serving[destination], work)

    def _require(self, row: OutboxRow) -> None:
        """Before a call: it ends while the destination is ours. Raises LeaseLost otherwise."""
        self._leases.require(self._serving[row.destination])


def _nothing() -> None:
    """Until somebody listens."""
