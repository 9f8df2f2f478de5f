"""Casework's life: items are taken in, prepared, decided lane by lane, and whoever waits is answered."""

from __future__ import annotations

import asyncio
import contextlib
import math
import uuid
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy import Connection
from structlog.contextvars import bound_contextvars

from bot.clock import Clock
from bot.desk.effects import Reply
from bot.ops.logging import redacted
from bot.ops.metrics import Author, Metrics, Step
from bot.people import LookupUnavailable, People, UnknownUser
from bot.text.safe import clean
from storage import cases, held_mails, inbox, leases, outbox
from storage.engine import Database
from storage.errors import DatabaseUnavailable
from storage.inbox import Done, Item, NewItem

from .arrivals import Arrivals
from .batch import Decided, apply_due, apply_items, read_outcome
from .batch_state import Desk
from .deleted_files import delete_file
from .filing_rows import operations_row
from .mail_due import apply_held_due
from .mail_prepare import Mails
from .names import rename
from .prepare import Prepared, prepare
from .preparing import Preparing
from .taking import Taking, apart, take_unheld

T = TypeVar("T")
log = structlog.get_logger(__name__)

ARRIVING_WAIT = 0.5
HOLD_POLL = timedelta(seconds=0.5)
# What arrives in this process wakes it; this is for what another process left behind.
POLL = 5.0
TROUBLED_POLL = 1.0
# How long what was written together has to arrive together; less for what arrives BUSY seconds after all else.
GATHER, GATHER_IDLE, BUSY = 0.03, 0.004, 0.2
DUE_PER_CHECK = 1000
INTAKE_TIMEOUT = 2.0
RENAME_TIMEOUT = 2.5
TRIES = 3
CAREFUL_MOST = 200
LEFTOVERS, LEFTOVERS_PAUSE = "leftovers", 0.25
# Seconds, of which no round takes more than a part: for so long what one process works on is not another's.
LASTING = 10.0
ENDED_US = "the process ended each time this was tried"
BACKOFF_FIRST, BACKOFF_MOST = 0.5, 30.0


class Casework:
    """One per process. `put` takes items in; `run` works on them until cancelled."""

    def __init__(
        self,
        database: Database,
        people: People,
        desk: Desk,
        clock: Clock,
        owner: str | None = None,
        mails: Mails | None = None,
        lasting: float = LASTING,
    ) -> None:
        self._database = database
        self._people = people
        self._mails = mails
        self._desk = desk
        self._clock = clock
        self._arrivals = Arrivals(database, clock, INTAKE_TIMEOUT)
        self._arrived = asyncio.Event()
        self._last_arrivals = (-math.inf, -math.inf)
        self._progress = asyncio.Condition()
        self._preparing = Preparing(self._prepare)
        self._arriving: set[asyncio.Future[None]] = set()
        self._stopping = False
        self._owner = owner or uuid.uuid4().hex
        self._lasting = timedelta(seconds=lasting)
        self._started = clock.now()
        self._careful_left = CAREFUL_MOST
        self._begun: set[int] = set()
        self._put_off: dict[str, datetime] = {}
        self._well_since = clock.monotonic()
        self._suspects_turn = False
        self._kept: set[str] = set()
        self.keeping = True  # whether what arrives can be kept, as far as the last try tells
        self.on_outbox: Callable[[], None] = _nothing
        self.metrics = Metrics()

    async def put(self, item: NewItem) -> bool:
        """Commit an item to the inbox. False when it was there already, or is about no case.

        Raises DatabaseUnavailable or TimeoutError: then it was not taken in, and must not be acknowledged.
        """
        arrival: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arriving.add(arrival)
        self._last_arrivals = (self._last_arrivals[1], self._clock.monotonic())
        with bound_contextvars(item=item.key):
            try:
                with self.metrics.timed(Step.KEEP):
                    stored = await self._note_keeping(self._arrivals.put(item))
            except (DatabaseUnavailable, TimeoutError) as error:
                log.warning("an item could not be kept; it is sent again", action="not_kept", error=repr(error))
                raise
            finally:
                self._arriving.discard(arrival)
                arrival.set_result(None)
            log.info("item received", action="received", stored=stored)
        if stored:
            self.metrics.received(item.kind)
            self._arrived.set()
        return stored

    async def _keep(self, work: Callable[[Connection], T]) -> T:
        async def write() -> T:
            async with asyncio.timeout(INTAKE_TIMEOUT):
                return await self._database.write(work)

        return await self._note_keeping(write())

    async def _try_to_keep(self) -> None:
        try:
            await self._keep(inbox.try_to_keep)
        except TimeoutError as error:
            raise DatabaseUnavailable(f"it has not kept anything within {INTAKE_TIMEOUT:g} s") from error

    async def _note_keeping(self, keeping: Coroutine[None, None, T]) -> T:
        try:
            result = await keeping
        except (DatabaseUnavailable, TimeoutError):
            self.keeping = False
            raise
        self.keeping = True
        return result

    async def outcome(self, key: str, patience: float) -> Reply | None:
        """What became of a request, within `patience` seconds; None when it is told later instead."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while True:
                    async with self._progress:
                        found = await self._database.read(lambda connection: inbox.outcome(connection, key))
                        if found is not None and found[0] != "waiting":
                            return read_outcome(found[1]) if found[1] is not None else None
                        with contextlib.suppress(TimeoutError):
                            # Another process may decide it: polling is the truth, the condition a shortcut.
                            async with asyncio.timeout(0.25):
                                await self._progress.wait()
        if await self._database.write(lambda connection: inbox.ask_to_be_told(connection, key)):
            return None
        found = await self._database.read(lambda connection: inbox.outcome(connection, key))
        return read_outcome(found[1]) if found is not None and found[1] is not None else None

    async def check_due(self) -> int:
        """Let time come to the cases that are due now; how many there were."""
        now = self._clock.now()
        # Most checks find nothing: a look is enough then, and nobody waits for it to write.
        due = held = 0
        with self.metrics.timed(Step.ESCALATE):
            has_due, has_held = await self._database.read(partial(_look_for_due, now=now))
            if has_due:
                due = await self._database.write(partial(apply_due, desk=self._desk, now=now, limit=DUE_PER_CHECK))
        if has_held:
            held = await self._database.write(partial(apply_held_due, desk=self._desk, now=now))
        if held:
            log.info("mails were held for long", action="held_mail_due", mails=held)
            self.on_outbox()
        if due:
            log.info("cases were due", action="escalation_check", cases=due)
            self.on_outbox()
        return due

    async def renamed(self, person: str) -> None:
        """Let a customer's new name be seen on the card. Best effort: the next message brings it, too."""
        try:
            async with asyncio.timeout(RENAME_TIMEOUT):
                if await rename(self._database, self._people, person, self._clock.now()):
                    self.on_outbox()
        except (DatabaseUnavailable, LookupUnavailable, UnknownUser, TimeoutError) as error:
            log.warning("a customer's new name is not taken over yet", error=str(error))

    async def file_deleted(self, file_id: str) -> None:
        """Have the copies of a file go that was deleted in Slack, in one commit with the note of it.

        Raises DatabaseUnavailable or TimeoutError: then it must not be acknowledged.
        """
        now = self._clock.now()
        if await self._keep(partial(delete_file, file_id=file_id, now=now)):
            self.on_outbox()

    async def caught_up(self, before: datetime) -> bool:
        """Whether everything received before that moment has been decided."""
        return not await self._database.read(lambda connection: inbox.backlog(connection, before))

    async def run(self) -> None:
        """Work until cancelled, or until `stop`. A database that is away is waited for without limit."""
        failures = 0
        is_due = True
        try:
            while not self._stopping:
                self._arrived.clear()
                try:
                    if failures:
                        await self._take_back()
                    if not self.keeping:
                        await self._try_to_keep()
                    pause = 0.0
                    only_look = not is_due and self._database.available
                    if only_look or not await self._round():
                        pause = await self._pause()
                except DatabaseUnavailable as error:
                    failures += 1
                    self._well_since = self._clock.monotonic()
                    log.warning("the database is away", action="waiting", error=str(error))
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_backoff(failures)):
                            await self._arrived.wait()  # what can be kept again can be decided again
                    continue
                failures = 0
                is_due = True
                if pause and not self._stopping:
                    is_due = await self._has_arrived_within(pause) or pause < POLL
                    # Bolt hands events over concurrently: let what was written together arrive together.
                    await asyncio.sleep(GATHER if self._is_busy() else GATHER_IDLE)
            await self._hand_over()
        finally:
            await self._preparing.cancel()

    def stop(self) -> None:
        """Finish the round that is running, then end."""
        self._stopping = True
        self._arrived.set()

    def wake(self) -> None:
        self._arrived.set()

    async def _has_arrived_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self._arrived.wait()
        return False

    def _is_busy(self) -> bool:
        before, last = self._last_arrivals
        return last - before < BUSY

    async def _pause(self) -> float:
        earliest = await self._database.read(inbox.next_wake)
        most = POLL if self.keeping and self._database.available else min(POLL, TROUBLED_POLL)
        if earliest is None:
            return most
        return min(most, max(0.01, (earliest - self._clock.now()).total_seconds()))

    async def _round(self) -> bool:
        if self._arriving:
            # Bolt hands events over concurrently: what came first may be committed last, and is waited for.
            await asyncio.wait(set(self._arriving), timeout=ARRIVING_WAIT)
        now = self._clock.now()
        if not self._database.available:
            await self._database.write(_look)  # reading can go on where writing cannot
        items, held, taken = await self._take(now)
        if not items and not held and not taken:
            return False
        self._kept |= taken  # should this round fail, the next one goes on with them
        if self._careful_left:
            items = await self._alone(items)
            if not items and not held:
                if self._put_off:
                    await self._decide([], self._put_off)
                    self._put_off = {}
                await asyncio.sleep(LEFTOVERS_PAUSE)
                return True
        self._preparing.forget_all_but(item.id for item in items)
        preparing = {item.lane for item in items if self._preparing.is_at(item)}
        items, suspects = apart(items) if not self._careful_left else (items, [])
        self._suspects_turn = bool(suspects) and not (items and self._suspects_turn)
        if self._suspects_turn:
            items = await self._begun_alone(suspects)
        pairs, failed, busy = await self._preparing.heads(items)
        delayed = {item.lane: await self._delay(item, error, now) for item, error in failed}
        delayed |= self._put_off
        self._put_off = {}
        self._kept = busy | (preparing - {item.lane for item, _ in pairs} - delayed.keys())
        delayed |= {lane: now + HOLD_POLL for lane in held if lane not in delayed}
        # Others may have what was taken and is not worked on.
        untouched = taken - {item.lane for item, _ in pairs} - self._kept
        delayed |= {lane: now for lane in untouched if lane not in delayed}
        if pairs or delayed:
            self._kept |= await self._not_decided(await self._decide(pairs, delayed) & taken)
        return True

    async def _take(self, now: datetime) -> tuple[list[Item], set[str], set[str]]:
        """What may be decided, the lanes that wait for a gap replay, and all lanes taken from other processes."""
        if self._database.dialect == "sqlite" or self._careful_left:  # one thing at a time needs no lanes kept
            items, held, _ = await self._database.read(partial(take_unheld, now=now))
            return items, held, set()
        taking = Taking(now + self._lasting, self._owner, frozenset(self._kept))
        return await self._database.write(partial(take_unheld, now=now, taking=taking))

    async def _put_back(self, lanes: set[str]) -> None:
        if lanes:
            now = self._clock.now()
            await self._database.write(partial(inbox.rest_lanes, lanes=sorted(lanes), now=now, delayed={}))

    async def _hand_over(self) -> None:
        """We end: others may go on at once with what was begun here, and it was not its fault."""
        with contextlib.suppress(DatabaseUnavailable):
            await self._put_back(self._kept)
            await self._take_back()

    async def _take_back(self) -> None:
        """Whatever was tried here did not end us: only of who is no more it may be true."""
        self._begun.clear()
        await self._database.write(partial(inbox.take_back_attempts, owner=self._owner))

    async def _alone(self, items: list[Item]) -> list[Item]:
        """What waited when we started may have ended the process before: it is tried alone, and counted first."""
        item = next((one for one in items if one.received_at < self._started), None)
        if item is None or self._careful_left == 1:
            self._careful_left = 0
            await self._database.write(partial(leases.give_up, name=LEFTOVERS, owner=self._owner))
            return items
        hold = partial(leases.hold, name=LEFTOVERS, owner=self._owner, lasting=self._lasting)
        if await self._database.write(hold) is None:  # another process is at it: each try counts once
            lanes = {one.lane for one in items if one.received_at < self._started}
            return [one for one in items if one.lane not in lanes]
        if item.id not in self._begun:
            self._careful_left -= 1
        return await self._begun_alone([item])

    async def _begun_alone(self, items: Sequence[Item]) -> list[Item]:
        """One of the items, with the try counted; none where it has been tried too often, or waits no more."""
        item = next((one for one in items if one.id in self._begun), items[0])
        if item.id not in self._begun:
            begin = partial(inbox.begin_attempt, item_id=item.id, owner=self._owner)
            if await self._database.write(begin) > TRIES:
                if wait := self._until_tries_are_sure():
                    self._put_off[item.lane] = self._clock.now() + timedelta(seconds=wait)
                else:
                    await self._count_failure(item, ENDED_US)
                return []
            self._begun.add(item.id)
        return [item]

    def _until_tries_are_sure(self) -> float:
        """Seconds until the tries of those who live are taken back, if it was the database that ended them."""
        if self._database.dialect == "sqlite":
            return 0.0
        return max(0.0, self._well_since + BACKOFF_MOST + self._lasting.total_seconds() - self._clock.monotonic())

    async def _prepare(self, item: Item) -> Prepared:
        with bound_contextvars(item=item.key), self.metrics.timed(Step.PREPARE):
            return await prepare(item, self._people, self._mails)

    async def _delay(self, item: Item, error: BaseException, now: datetime) -> datetime:
        """Until when the lane of an item that could not be prepared waits. A lookup is tried without limit: what
        is away then is Slack, and it is no fault of the item's."""
        if isinstance(error, DatabaseUnavailable):
            raise error
        if not isinstance(error, LookupUnavailable):
            await self._count_failure(item, error)
            return now + timedelta(seconds=_backoff(1))
        log.warning("a lookup failed; its lane waits", item=item.key, error=str(error))
        if item.id in self._begun:
            self._begun.discard(item.id)
            await self._database.write(partial(inbox.take_back_attempts, owner=self._owner, ids=[item.id]))
        return now + timedelta(seconds=_backoff(self._preparing.failures(item)))

    async def _decide(self, pairs: list[tuple[Item, Prepared]], delayed: dict[str, datetime]) -> set[str]:
        """One transaction for all; if that fails, one for each, so that a bad item stands alone.

        The lanes in which something was not decided.
        """
        try:
            done = await self._apply(pairs, delayed)
            return {item.lane for item, _ in pairs if item.key not in done}
        except DatabaseUnavailable:
            raise
        except Exception as error:
            log.warning("a batch failed; its items are decided one by one", error=repr(error), items=len(pairs))
            failed_lanes: set[str] = set()
            for item, what in sorted(pairs, key=lambda pair: (pair[0].at, pair[0].id)):
                if item.lane in failed_lanes:
                    continue
                try:
                    await self._apply([(item, what)], {})
                except DatabaseUnavailable:
                    raise
                except Exception as reason:
                    failed_lanes.add(item.lane)
                    await self._count_failure(item, reason)
            await self._apply([], {lane: until for lane, until in delayed.items() if lane not in failed_lanes})
            return set()

    async def _not_decided(self, lanes: set[str]) -> set[str]:
        """The lanes that somebody else had locked just then: they are ours still, and looked at again."""
        if not lanes:
            return set()
        return await self._database.read(partial(inbox.not_given_back, lanes=lanes, owner=self._owner))

    async def _apply(self, pairs: list[tuple[Item, Prepared]], delayed: dict[str, datetime]) -> set[str]:
        """The keys of the items that were decided."""
        now = self._clock.now()
        work = partial(apply_items, pairs=pairs, delayed=delayed, desk=self._desk, now=now)
        with self.metrics.timed(Step.DECIDE):
            done = await self._database.write(work)
        received = {item.key: item.received_at for item, _ in pairs}
        for key, decided in done.items():
            self._tell_decided(key, decided, now - received[key])
        if done:
            self.on_outbox()
            async with self._progress:
                self._progress.notify_all()
        return set(done)

    def _tell_decided(self, key: str, decided: Decided, waited: timedelta) -> None:
        facts = {"item": key, "case_id": decided.case_id, "rows": list(decided.rows)}
        log.info("item decided", action="decided", state=decided.state, **facts)
        self.metrics.took(Step.INBOX, waited.total_seconds())
        for message in decided.written:
            self.metrics.wrote(message.source, Author.ADMIN if message.is_answer else Author.CUSTOMER)

    async def _count_failure(self, item: Item, error: BaseException | str) -> None:
        """The third failure of an item by itself quarantines it: its lane goes on, and a person is told."""
        self.metrics.item_failed()
        if isinstance(error, str):
            log.error("an item failed", action="failed", item=item.key, error=error)
            words = error
        else:
            log.error("an item failed", action="failed", item=item.key, exc_info=error)
            words = clean(redacted(f"{type(error).__name__}: {error}")[:1000])
        self._begun.discard(item.id)  # the next try is another one
        now = self._clock.now()
        channels = self._desk.channels

        def work(connection: Connection) -> bool:
            lanes = inbox.lock_lanes(connection, [item.lane])
            if not lanes:
                return False  # another process is working on the lane just now
            quarantine = inbox.count_attempt(connection, item.id, words, self._owner) >= TRIES
            if quarantine:
                inbox.mark(connection, [Done(item.id, "quarantined", error=words)], now)
                payload = {"item": item.key, "kind": item.kind, "error": words}
                row = operations_row(f"quarantined:{item.id}", channels, "quarantined", payload)
                outbox.enqueue(connection, [row], now)
            inbox.rest_lanes(connection, lanes, now, {item.lane: now + timedelta(seconds=_backoff(1))})
            return quarantine

        if await self._database.write(work):
            self.on_outbox()


def _nothing() -> None:
    """Until somebody listens."""


def _look_for_due(connection: Connection, now: datetime) -> tuple[bool, bool]:
    """Whether a case is due, and whether a mail was held for long."""
    return bool(cases.due_cases(connection, now, 1)), held_mails.is_any_overdue(connection, now)


def _look(connection: Connection) -> None:
    """A transaction is begun and ended, and that is all."""
    connection.exec_driver_sql("SELECT 1")


def _backoff(failures: int) -> float:
    """Seconds: doubling, up to half a minute."""
    return min(BACKOFF_MOST, BACKOFF_FIRST * 2.0 ** min(failures - 1, 10))
