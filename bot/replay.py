"""Gap replay: what was written while we were away is found in Slack's history and goes through the inbox, once.

Slack repeats an undelivered event for some minutes only: https://docs.slack.dev/apis/events-api#retries.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection

from bot.casework.intake import ItemKind
from bot.clock import Clock
from bot.courier.pacing import Pacing
from bot.courier.reports import recovered_row
from bot.courier.slack import ChannelTrouble, RateLimited, Refused, SlackGateway, Undelivered
from bot.history import Listing, deletions_of, items_of, read_history, threads_changed
from bot.leases import REPLAY, Leases
from storage import inbox, outbox, replays
from storage.engine import Database
from storage.errors import DatabaseUnavailable
from storage.inbox import NewItem
from storage.replays import ReplayState, Unit

T = TypeVar("T")
log = structlog.get_logger(__name__)

TICK = 5.0
AGAIN = 15.0
HOLD = timedelta(seconds=60)
OVERLAP = timedelta(minutes=2)
LOOKED_BACK = timedelta(hours=48)  # for edits and deletions of what was written before
CLOSED_LATELY = timedelta(days=7)
CALLS_PER_PERIOD = 100
IMS_PER_PAGE = 999

_CUT = (
    "Slack gives this app its history fifteen rows at a time, so that a gap takes very long to make good: the app "
    "must be one made for your own workspace, not a distributed one"
)


@dataclass(slots=True)
class _Run:
    """One comparison: when it began, from when on it looks, and what it has found."""

    began: datetime
    since: datetime
    whole: bool
    found: Counter[str] = field(default_factory=Counter)


class Replay:
    """Compares after each time without a connection, at the start, and every `interval` seconds.

    One process at a time does it (a lease), those with open cases first. It goes on where it stopped.
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
        self._us = us
        self._database = database
        self._slack = slack
        self._pacing = pacing
        self._clock = clock
        self._leases = leases
        self._logging = logging_channel
        self._interval = interval
        self._connected = connected
        self._lost_at: datetime | None = None
        self._compared_at: float | None = None
        self._wake = asyncio.Event()
        self.caught_up = False
        self.on_items: Callable[[], None] = _nothing
        self.on_outbox: Callable[[], None] = _nothing
        self.on_trouble: Callable[[str], None] = _nobody

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
        if self._lost_at is not None:
            lost_at, now = self._lost_at, self._clock.now()
            await self._database.write(partial(replays.open_gap, at=lost_at, hold_until=now + HOLD))
            if self._connected():
                self._lost_at = None
        if not self._connected():
            await self._leases.release(REPLAY)  # who is connected may have it
            return
        state = await self._database.write(partial(_seen_alive, now=self._clock.now(), due=self._is_due()))
        if state is None:
            self.caught_up = True
            return
        if await self._holds_lease():
            await self._compare(state)

    def _is_due(self) -> bool:
        if self._compared_at is None:
            self._compared_at = self._clock.monotonic()
        return self._clock.monotonic() - self._compared_at >= self._interval

    async def _holds_lease(self) -> bool:
        return bool(await self._leases.take([REPLAY]))

    async def _compare(self, state: ReplayState) -> None:
        now = self._clock.now()
        ims = await self._ims()
        nowhere_since = await self._database.read(replays.unsettled_card_since)
        units = await self._database.read(partial(replays.units, closed_since=now - CLOSED_LATELY))
        calls = len(ims) + sum(len(unit.threads) for unit in units)
        run = _Run(
            now, state.complete_until - OVERLAP, whole=state.gap_at is not None or calls <= CALLS_PER_PERIOD
        )
        done = await self._database.read(partial(_already_done, ims=ims, units=units, state=state))
        everybody = _with_dms(units, ims, run.whole)
        in_turn = _in_turn(everybody, done, run.whole, state.gap_at)
        for unit in in_turn:
            if not await self._holds_lease():
                return  # another process goes on
            await self._compare_unit(run, unit, done.untils.get(unit.customer))
        compared_now = {unit.customer for unit in in_turn}
        # Whoever was compared before an interruption was compared up to then, and not up to now.
        untils = (
            [done.untils[unit.customer] for unit in everybody if unit.customer not in compared_now]
            if run.whole
            else []
        )
        if nowhere_since is not None:
            untils.append(nowhere_since)
        await self._finish(run, state, min([run.began, *untils]))

    async def _finish(self, run: _Run, state: ReplayState, complete_until: datetime) -> None:
        now = self._clock.now()
        row = None
        if run.found:
            since = min(state.alive_at, state.gap_at or state.alive_at)
            edits = run.found.total() - run.found[ItemKind.MESSAGE]
            row = recovered_row(run.found[ItemKind.MESSAGE], edits, since, run.began, self._logging)
            log.warning("what was missing was recovered", action="recovered", **run.found)

        def work(connection: Connection) -> None:
            if run.whole:
                replays.close_gap(connection, complete_until, now, state)
            if row is not None:
                outbox.enqueue(connection, [row], now)

        await self._database.write(work)
        self._compared_at = self._clock.monotonic()
        self.caught_up = True
        self.on_items()  # what was held back for the replay goes on
        if row is not None:
            self.on_outbox()

    async def _ims(self) -> dict[str, str]:
        """Everybody's DM with the app, by user."""
        found: dict[str, str] = {}
        cursor = ""
        while True:
            await self._pacing.call("users.conversations")
            more = {"cursor": cursor} if cursor else {}
            answer = await self._slack.call("users_conversations", types="im", limit=IMS_PER_PAGE, **more)
            found |= {str(im["user"]): str(im["id"]) for im in answer["channels"] if im.get("user")}
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return found

    async def _compare_unit(self, run: _Run, unit: Unit, checked: datetime | None) -> None:
        """One customer's conversations; what is missing, and that they were compared, in one commit."""
        since = max(run.since, checked - OVERLAP) if checked is not None else run.since
        from_ = since - LOOKED_BACK if unit.is_open else since
        compared: list[tuple[str, str | None, Listing]] = []
        if unit.dm is not None:
            listing = await self._listed(unit.dm, None, from_)
            compared.append((unit.dm, None, listing))
            unit.threads += [(unit.dm, root) for root in threads_changed(listing, since)]
        for channel, root in dict.fromkeys(unit.threads):
            compared.append((channel, root, await self._listed(channel, root, from_)))
        now = self._clock.now()

        def work(connection: Connection) -> list[NewItem]:
            stored = []
            for channel, root, listing in compared:
                held = replays.posts_held(connection, channel, root, from_, run.began)
                items = [*items_of(channel, listing, self._us), *deletions_of(channel, root, listing, held, now)]
                new = inbox.put_all(connection, items, now)
                stored += [item for item, is_new in zip(items, new, strict=True) if is_new]
            replays.checked(connection, unit.customer, run.began)
            return stored

        stored = await self._database.write(work)
        run.found.update(item.kind for item in stored)
        self.on_items()

    async def _listed(self, channel: str, root: str | None, since: datetime) -> Listing:
        """What stands there; nothing where the conversation is gone."""
        try:
            listing = await read_history(_Paced(self._slack, self._pacing), channel, since, root)
        except (ChannelTrouble, Refused) as error:
            log.info("a conversation cannot be compared", channel=channel, root=root, error=str(error))
            return Listing((), whole=False)
        if listing.cut:
            self.on_trouble(_CUT)
        return listing


class _Paced:
    """Slack, asked for a page when it is its turn, and for the same page again after "not now"."""

    def __init__(self, slack: SlackGateway, pacing: Pacing) -> None:
        self._slack = slack
        self._pacing = pacing

    async def call(self, method: str, **arguments: Any) -> Any:
        while True:
            await self._pacing.call(method.replace("_", ".", 1))
            try:
                return await self._slack.call(method, **arguments)
            except RateLimited as limited:
                await asyncio.sleep(limited.seconds)


def _seen_alive(connection: Connection, now: datetime, *, due: bool) -> ReplayState | None:
    """The state where something is to be compared; else it is only noted that we are connected."""
    state = replays.read_state(connection)
    if state.gap_at is not None or due:
        return state
    replays.alive(connection, now)
    return None


@dataclass(frozen=True, slots=True)
class _Done:
    """How far each customer was compared, and whose items wait for a decision."""

    untils: dict[str, datetime]
    waiting: set[str]


def _already_done(connection: Connection, ims: dict[str, str], units: Iterable[Unit], state: ReplayState) -> _Done:
    customers = {*ims, *(unit.customer for unit in units)}
    waiting = replays.waiting_customers(connection) if state.gap_at is not None else set()
    return _Done(replays.checked_untils(connection, customers), waiting)


def _with_dms(units: Iterable[Unit], ims: dict[str, str], whole: bool) -> list[Unit]:
    """Each unit with its DM; and, for a whole comparison, everybody else who has one."""
    known = list(units)
    for unit in known:
        unit.dm = ims.get(unit.customer, unit.dm)
    if whole:
        with_cases = {unit.customer for unit in known}
        known += [Unit(user, dm) for user, dm in sorted(ims.items()) if user not in with_cases]
    return known


def _in_turn(units: list[Unit], done: _Done, whole: bool, gap_at: datetime | None) -> list[Unit]:
    """Who waits comes first, then open cases; without a gap as many as a period allows, in rotation."""
    if not whole:
        open_ones = [unit for unit in units if unit.is_open]
        oldest_first = sorted(open_ones, key=lambda unit: _stamp(done.untils.get(unit.customer)))
        return list(_affordable(oldest_first))
    left = [
        unit
        for unit in units
        if gap_at is None or (until := done.untils.get(unit.customer)) is None or until < gap_at
    ]
    return sorted(left, key=lambda unit: (unit.customer not in done.waiting, not unit.is_open))


def _affordable(units: Iterable[Unit]) -> Iterable[Unit]:
    calls = 0
    for unit in units:
        calls += 1 + len(unit.threads)
        if calls > CALLS_PER_PERIOD:
            return
        yield unit


def _stamp(moment: datetime | None) -> float:
    return moment.timestamp() if moment is not None else 0.0


def _nothing() -> None:
    """Until somebody listens."""


def _nobody(_words: str) -> None:
    """Until somebody listens."""
