"""Gap replay: what was written while we were away is found in Slack's history and goes through the inbox, once.

Slack repeats an undelivered event for some minutes only: https://docs.slack.dev/apis/events-api#retries.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from bot.casework.intake import ItemKind
from bot.clock import Clock
from bot.comparison import OVERLAP, Comparison, PacedSlack
from bot.courier.pacing import Pacing
from bot.courier.reports import recovered_row
from bot.courier.slack import RateLimited, SlackGateway, Undelivered
from bot.leases import REPLAY, Leases
from bot.replay_turns import Turn, Turns
from storage import conversations, outbox, replays
from storage.conversations import Place
from storage.engine import Database
from storage.errors import DatabaseUnavailable
from storage.replays import ReplayState

log = structlog.get_logger(__name__)

TICK = 5.0
AGAIN = 15.0
HOLD = timedelta(seconds=60)
CLOSED_LATELY = timedelta(days=7)
CALLS_PER_PERIOD = 100


class Replay:
    """Compares after each time without a connection, at the start, and every `interval` seconds.

    One process at a time does it (a lease), those with open cases first. It goes on where it stopped. At Slack's
    Tier 3 some 50 customers a minute with one thread each are compared: an hour and a half for 5,000 open cases.
    Nothing waits for that longer than HOLD. Without a gap, a desk too large for one period's calls is compared in
    rotation.
    """

    def __init__(
        self,
        database: Database,
        slack: SlackGateway,
        pacing: Pacing,
        clock: Clock,
        *,
        leases: Leases,
        logging_channel: str,
        interval: float,
        connected: Callable[[], bool],
        us: str = "",
    ) -> None:
        self._database = database
        self._slack = PacedSlack(slack, pacing)
        self.comparison = Comparison(database, self._slack, clock, us)
        self._clock = clock
        self._leases = leases
        self._logging = logging_channel
        self._interval = interval
        self._connected = connected
        self._lost_at: datetime | None = None
        self._is_loss_noted = False
        self._found = Counter[str]()
        self._rotation: Place | None = None
        self._compared_at: float | None = None
        self._wake = asyncio.Event()
        self.caught_up = False
        self.on_items: Callable[[], None] = _nothing
        self.on_outbox: Callable[[], None] = _nothing

    async def begin(self, *, listens: bool = True) -> None:
        """At the start everything written since the last whole comparison may be missing.

        Not so where we do not listen: who does looks after it.
        """
        now = self._clock.now()

        def work(connection: Connection) -> None:
            replays.begin(connection, now)
            if listens:
                replays.open_gap(connection, now, now + HOLD)

        await self._database.write(work)

    def changed(self) -> None:
        """The connection was lost, or is back."""
        if not self._connected() and self._lost_at is None:
            self._lost_at = self._clock.now()
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled. What cannot be reached is tried again."""
        while True:
            self._wake.clear()
            pause = TICK
            try:
                await self._tick()
            except DatabaseUnavailable as error:
                log.warning("the database is away", action="waiting", error=str(error))
            except RateLimited as limited:
                pause = limited.seconds
            except Undelivered as error:
                log.warning("a replay was interrupted", action="replay_interrupted", error=str(error))
                pause = AGAIN
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    async def _tick(self) -> None:
        await self._note_loss()
        if not self._connected():
            await self._leases.release(REPLAY)  # who is connected may have it
            return
        state = await self._database.write(partial(_seen_alive, now=self._clock.now(), due=self._is_due()))
        if state is None or state.gap_at is None:
            self.caught_up = True  # whoever compares: what is due may be another process's to do
        if state is not None and await self._holds_lease():
            await self._compare(state)

    def _is_due(self) -> bool:
        if self._compared_at is None:
            self._compared_at = self._clock.monotonic()
        return self._clock.monotonic() - self._compared_at >= self._interval

    async def _holds_lease(self) -> bool:
        return bool(await self._leases.take([REPLAY]))

    async def _note_loss(self) -> bool:
        """Whether a gap was noticed: when the connection is lost, and again when it is back.

        Not meanwhile: mails arrive then, too, and wait no longer than anything does.
        """
        lost_at, is_connected = self._lost_at, self._connected()
        if lost_at is None or (self._is_loss_noted and not is_connected):
            return False
        hold_until = self._clock.now() + HOLD
        await self._database.write(partial(replays.open_gap, at=lost_at, hold_until=hold_until))
        self._is_loss_noted = not is_connected
        if is_connected and self._connected():
            self._lost_at = None
        return True

    async def _compare(self, state: ReplayState) -> None:
        now = self._clock.now()
        since = state.complete_until - OVERLAP
        nowhere_since = await self._database.read(conversations.unsettled_card_since)
        turns = Turns(self._database, self._slack, now - CLOSED_LATELY)
        if state.gap_at is None and not await turns.are_few(CALLS_PER_PERIOD):
            for turn in await turns.in_rotation(self._rotation, CALLS_PER_PERIOD):
                if not await self._may_go_on():
                    return
                await self._compare_one(turn, since, now)
                self._rotation = turn.place
            await self._finish(state, now, None)
            return
        complete_until = now if nowhere_since is None else min(now, nowhere_since)
        done_since = state.gap_at or now
        async with contextlib.aclosing(turns.of_all(waiting_first=state.gap_at is not None)) as everybody:
            async for turn in everybody:
                if turn.checked is not None and turn.checked >= done_since:
                    # Compared before an interruption: up to then, and not up to now.
                    complete_until = min(complete_until, turn.checked)
                    continue
                if not await self._may_go_on():
                    return
                await self._compare_one(turn, since, now)
        await self._finish(state, now, complete_until)

    async def _may_go_on(self) -> bool:
        """Not where another process does, nor when a new gap makes the first ones the most urgent again."""
        if await self._note_loss():
            self._wake.set()
            return False
        return await self._holds_lease()

    async def _compare_one(self, turn: Turn, since: datetime, began: datetime) -> None:
        found = await self.comparison.compare(turn.unit, since, began, turn.checked)
        if found:
            self._found.update(item.kind for item in found)
        self.on_items()

    async def _finish(self, state: ReplayState, began: datetime, complete_until: datetime | None) -> None:
        """`complete_until`: everybody was compared, up to that moment."""
        now = self._clock.now()
        row = None
        if self._found:
            since = min(state.alive_at, state.gap_at or state.alive_at)
            written = self._found[ItemKind.MESSAGE]
            row = recovered_row(written, self._found.total() - written, since, began, self._logging)
            log.warning("what was missing was recovered", action="recovered", **self._found)

        def work(connection: Connection) -> None:
            if complete_until is not None:
                replays.close_gap(connection, complete_until, now, state)
            if row is not None:
                outbox.enqueue(connection, [row], now)

        await self._database.write(work)
        self._found.clear()
        self._compared_at = self._clock.monotonic()
        self.caught_up = True
        self.on_items()  # what was held back for the replay goes on
        if row is not None:
            self.on_outbox()


def _seen_alive(connection: Connection, now: datetime, *, due: bool) -> ReplayState | None:
    """The state where something is to be compared; else it is only noted that we are connected."""
    state = replays.read_state(connection)
    if state.gap_at is not None or due:
        return state
    replays.alive(connection, now)
    return None


def _nothing() -> None:
    """Until somebody listens."""
