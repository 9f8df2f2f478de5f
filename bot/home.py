"""The Home tab of whoever has it open: published when it is opened or something is chosen, kept current meanwhile.

A Home tab is a desired state: what it should show is read anew every ten seconds, and published where that has
changed. Nothing waits for it, and whatever fails is tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from bot.blocks.forms import View
from bot.blocks.home import (
    CLOSED_SHOWN,
    ROWS,
    ClosedCase,
    DeskHomeView,
    HomeRow,
    OwnHomeView,
    desk_home,
    own_home,
)
from bot.blocks.status import CustomerStatusView, DeskCounts
from bot.clock import Clock
from bot.courier.pacing import Pacing
from bot.courier.slack import LoginTrouble, RateLimited, Refused, SlackGateway, Undelivered
from bot.leases import HOMES, Duty, Leases
from bot.people import LookupUnavailable, People, UnknownUser
from bot.views import Views
from storage import cases, held_mails, home_views, queues, reports
from storage.engine import Database
from storage.errors import DatabaseUnavailable, LeaseLost
from storage.home_views import HomeView, Place
from storage.queues import Queue
from storage.reports import CaseFile

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=10)
WATCHED = timedelta(minutes=30)
TAKEN = timedelta(seconds=25)
PUBLISH_TIMEOUT = 20.0
# Whoever opens a Home tab wakes us; this is for what another process left behind.
POLL = 5.0
AWAY_PAUSE = 1.0
BETWEEN_LOOKS = 0.05  # at what another process has locked
AT_ONCE = 10
BACKOFF_MOST = 300.0
LOGIN_PAUSE = 60.0
LEAST_PAUSE = 1.0
INTAKE_TIMEOUT = 2.0


class _Busy(Exception):
    """Slack would not take one more just now."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


class Homes:
    """One per process; one of them publishes. `opened` and `moved` answer a person's own gesture at once."""

    def __init__(
        self,
        database: Database,
        people: People,
        gateway: SlackGateway,
        pacing: Pacing,
        views: Views,
        clock: Clock,
        leases: Leases,
    ) -> None:
        self._duty = Duty(leases, HOMES, self._begin_empty)
        self._database = database
        self._people = people
        self._gateway = gateway
        self._pacing = pacing
        self._views = views
        self._clock = clock
        self._stopping = False
        self.wake = asyncio.Event()
        self.on_news: Callable[[], None] = _nothing

    async def opened(self, person: str) -> None:
        """Have somebody's Home shown now, and kept current for the next half hour."""
        await self._note(partial(home_views.opened, person=person, now=self._clock.now()))

    async def moved(self, person: str, change: Callable[[Place], Place]) -> None:
        """Have somebody's Home show something else."""
        await self._note(partial(home_views.moved, person=person, change=change, now=self._clock.now()))

    async def _note(self, work: Callable[[Connection], None]) -> None:
        try:
            async with asyncio.timeout(INTAKE_TIMEOUT):
                await self._database.write(work)
        except (DatabaseUnavailable, TimeoutError) as error:
            log.warning("a Home tab cannot be shown just now", error=str(error))
        self.wake.set()
        self.on_news()

    async def run(self) -> None:
        """Show what is due, until `stop` or cancelled."""
        while not self._stopping:
            self.wake.clear()
            try:
                pause = await self._look() if self._duty.is_ours() else POLL
            except LeaseLost:
                pause = AWAY_PAUSE
            except DatabaseUnavailable as error:
                log.warning("the database is away", action="waiting", error=str(error))
                pause = AWAY_PAUSE
            if pause:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self.wake.wait()

    def stop(self) -> None:
        self._stopping = True
        self.wake.set()

    def _begin_empty(self) -> None:
        """Whoever had it before may just have called as fast as may be."""
        self._pacing.method("views.publish").empty()

    async def _look(self) -> float:
        """Show what is due; how long there is nothing else to do, if nobody wakes us."""
        now = self._clock.now()
        due = await self._database.read(home_views.next_due)
        if due is None:
            return POLL
        if due > now:
            return min(POLL, (due - now).total_seconds())
        return 0.0 if await self._round(now) else BETWEEN_LOOKS

    async def _round(self, now: datetime) -> bool:
        taken = await self._database.write(partial(home_views.take_due, now=now, limit=AT_ONCE, lease=TAKEN))
        for result in await asyncio.gather(*(self._bring(home) for home in taken), return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
        return bool(taken)

    async def _bring(self, home: HomeView) -> None:
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT):
                shown = await self._show(home)
        except RateLimited as limited:
            self._pacing.method("views.publish").pause(limited.seconds)
            await self._later(home, limited.seconds, str(limited))
        except _Busy as busy:
            await self._later(home, max(LEAST_PAUSE, busy.seconds), "others are first")
        except (Refused, UnknownUser) as error:
            await self._later(home, None, str(error))
        except LoginTrouble as error:
            await self._later(home, LOGIN_PAUSE, str(error))
        except (Undelivered, LookupUnavailable, TimeoutError) as error:
            await self._later(home, min(BACKOFF_MOST, 2.0 ** min(home.failures, 10)), str(error))
        except (DatabaseUnavailable, LeaseLost, asyncio.CancelledError):
            raise
        except Exception as error:
            log.error("a Home tab cannot be shown", person=home.person, exc_info=error)
            await self._later(home, None, type(error).__name__)
        else:
            now = self._clock.now()
            again = now + EVERY if now - home.opened_at < WATCHED else None
            await self._database.write(partial(home_views.looked_at, home=home, shown=shown, again=again))

    async def _show(self, home: HomeView) -> str:
        """Rights are asked for each time: who is no admin any more sees what customers see."""
        person = await self._people.person(home.person)
        build = self._desk if person.is_admin else self._own
        view = await self._database.read(partial(build, home=home))
        digest = _digest(view)
        if digest == home.shown:
            return digest
        # Who just opened it does not stand in line behind those who have it open.
        if home.shown is not None and (wait := self._pacing.method("views.publish").reserve()):
            raise _Busy(wait)
        self._duty.require()
        await self._gateway.call("views_publish", user_id=home.person, view=view)
        return digest

    async def _later(self, home: HomeView, seconds: float | None, error: str) -> None:
        log.info("a Home tab is shown later", person=home.person, seconds=seconds, error=error)
        until = self._clock.now() + timedelta(seconds=seconds) if seconds is not None else None
        await self._database.write(partial(home_views.delay, home=home, until=until))

    def _desk(self, connection: Connection, home: HomeView) -> View:
        place = home.place
        counts = cases.read_counters(connection)
        troubles = reports.troubles(connection)
        page = queues.page(connection, place.shown, place.after, ROWS, place.customer or "")
        return desk_home(
            DeskHomeView(
                queue=place.shown.value,
                counts=DeskCounts(
                    open=counts.get("open", 0),
                    waiting=counts.get("waiting", 0),
                    escalated=counts.get("escalated", 0),
                    held=held_mails.count_held(connection),
                    quarantined=troubles.quarantined,
                    parked=troubles.parked,
                ),
                rows=tuple(self._row(file) for file in page.files),
                page=place.page,
                next_value=home_views.cursor_value(page.next) if page.next is not None else None,
                customer=place.customer,
            )
        )

    def _row(self, file: CaseFile) -> HomeRow:
        case = file.case
        return HomeRow(
            case_id=case.case_id,
            customer_name=file.customer.display_name,
            status=case.status,
            created_at=case.created_at,
            quiet_since=case.last_message_at,
            waiting_since=case.waiting_since,
            escalated_since=case.escalated_at if case.escalated else None,
            closed_at=case.closed_at,
            closed_by=case.closed_by,
            link=self._views.thread_link(file),
        )

    def _own(self, connection: Connection, home: HomeView) -> View:
        own = queues.page(connection, Queue.CUSTOMER, None, CLOSED_SHOWN + 1, home.person).files
        current = next((file.case for file in own if file.case.is_open), None)
        closed = tuple(
            ClosedCase(file.case.case_id, file.case.created_at, file.case.closed_at)
            for file in own
            if file.case.closed_at is not None
        )
        return own_home(
            OwnHomeView(
                CustomerStatusView(
                    current.case_id,
                    current.status,
                    current.created_at,
                    waits=current.waiting_since is not None,
                    last_answer_at=current.last_answer_at,
                )
                if current is not None
                else None,
                closed,
            )
        )


def _nothing() -> None:
    """Until somebody listens."""


def _digest(view: View) -> str:
    return hashlib.sha256(json.dumps(view, sort_keys=True).encode()).hexdigest()
