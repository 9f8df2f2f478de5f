"""What this process alone does for all that share the database: its leases, kept while they are used."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from storage import leases
from storage.engine import Database
from storage.errors import DatabaseUnavailable, LeaseLost

T = TypeVar("T")
log = structlog.get_logger(__name__)

LASTING = 20.0
# Parts of a lease's time: how often it is renewed, and how much must be left to begin something. What was begun
# (a call to Slack, at most that long) is over before another process can take the lease.
RENEWED, NEEDED = 0.2, 0.6

FIRST_TOKEN = 1

CLOCK = "clock"
STATES = "states"
HOMES = "homes"
REPLAY = "replay"
RETENTION = "retention"
ALARM = "alarm"


def channel_lease(channel: str) -> str:
    """Who holds it alone posts there."""
    return f"channel:{channel}"


@dataclass(frozen=True, slots=True)
class Lease:
    """As it was taken; the token tells whether somebody else had it since."""

    name: str
    token: int


@dataclass(slots=True)
class _Held:
    token: int
    until: float
    used: float


class Leases:
    """One per process. Those in `want` are tried for until they are ours; others are taken when needed, and given
    up when they are not used for as long as one lasts.

    On SQLite there is no other process: everything is ours.
    """

    def __init__(
        self, database: Database, owner: str, monotonic: Callable[[], float], lasting: float = LASTING
    ) -> None:
        self._database = database
        self._owner = owner
        self._monotonic = monotonic
        self._lasting = lasting
        self._alone = database.dialect == "sqlite"
        self._held: dict[str, _Held] = {}
        self._wanted: set[str] = set()
        self._in_use: Counter[str] = Counter()
        self._asking = asyncio.Lock()
        self._ended = False
        self.wake = asyncio.Event()
        self.on_gain: Callable[[], None] = _nothing

    def want(self, *names: str) -> None:
        """Try for these from now on."""
        self._wanted |= set(names)
        self.wake.set()

    async def take(self, names: Iterable[str]) -> dict[str, Lease]:
        """Those that are ours now, for use at once."""
        asked = set(names)
        if self._ended or not asked:
            return {}
        if missing := [name for name in asked if self.current(name) is None]:
            async with self._asking:
                await self._ask(missing)
        return {name: lease for name in asked if (lease := self.current(name)) is not None}

    def current(self, name: str) -> Lease | None:
        """The lease, if it is ours for long enough to begin something."""
        if self._ended:
            return None
        if self._alone:
            return Lease(name, 0)
        held, now = self._held.get(name), self._monotonic()
        if held is None or held.until - now < NEEDED * self._lasting:
            return None
        held.used = now
        return Lease(name, held.token)

    @contextlib.contextmanager
    def using(self, lease: Lease) -> Iterator[None]:
        """Have it renewed for as long as something under it takes."""
        self._in_use[lease.name] += 1
        try:
            yield
        finally:
            self._in_use[lease.name] -= 1
            if not self._in_use[lease.name]:
                del self._in_use[lease.name]

    def require(self, lease: Lease) -> None:
        """Raises LeaseLost unless it is ours still, for long enough to begin something."""
        if self.current(lease.name) != lease:
            raise LeaseLost(lease.name)

    def fence(self, connection: Connection, lease: Lease) -> None:
        """Let this transaction commit only while the lease is ours. Raises LeaseLost otherwise."""
        if not self._alone:
            leases.fence(connection, lease.name, self._owner, lease.token)

    async def commit(self, lease: Lease, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction that commits only while the lease is ours. Raises LeaseLost otherwise."""

        def fenced(connection: Connection) -> T:
            self.fence(connection, lease)
            return work(connection)

        return await self._database.write(fenced)

    async def run(self) -> None:
        """Renew and try, until cancelled."""
        while not self._alone:
            self.wake.clear()
            try:
                async with self._asking:
                    await self._renew()
            except DatabaseUnavailable as error:
                log.warning("the database is away", action="waiting", error=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RENEWED * self._lasting):
                    await self.wake.wait()

    async def release(self, name: str) -> None:
        """Let another process have it at once."""
        async with self._asking:
            if self._held.pop(name, None) is not None:
                await self._database.write(partial(leases.give_up, name=name, owner=self._owner))

    async def release_all(self) -> None:
        """We end: others go on at once, and nothing is taken any more."""
        self._ended = True
        if self._alone:
            return
        async with self._asking:
            self._held.clear()
            with contextlib.suppress(DatabaseUnavailable):
                await self._database.write(partial(leases.give_up_all, owner=self._owner))

    async def _renew(self) -> None:
        if self._ended:
            return
        now = self._monotonic()
        idle = [
            name
            for name, held in self._held.items()
            if name not in self._wanted and not self._in_use[name] and now - held.used > self._lasting
        ]
        for name in idle:
            del self._held[name], self._in_use[name]
        if idle:
            await self._database.write(partial(leases.give_up_all, owner=self._owner, names=idle))
        await self._ask({*self._held, *self._wanted})

    async def _ask(self, names: Iterable[str]) -> None:
        """Take or prolong these. Their time counts from before the database was asked."""
        asked, now = sorted(set(names)), self._monotonic()
        if not asked:
            return
        lasting = timedelta(seconds=self._lasting)
        hold = partial(leases.hold_all, names=asked, owner=self._owner, lasting=lasting)
        tokens = await self._database.write(hold)
        gained = False
        for name in asked:
            before, token = self._held.pop(name, None), tokens.get(name)
            if token is not None:
                used = before.used if before is not None else now
                self._held[name] = _Held(token, now + self._lasting, used)
            if name in self._wanted and (before is None) != (token is None):
                action = "lease_taken" if token is not None else "lease_lost"
                log.info(
                    "this process does it for all" if token is not None else "another does it",
                    action=action,
                    lease=name,
                )
                gained = gained or token is not None
        if gained:
            self.on_gain()


class Duty:
    """What one process at a time does, under a lease; `on_taken_over` is called where another had it before."""

    def __init__(self, leases: Leases, name: str, on_taken_over: Callable[[], None]) -> None:
        self._leases = leases
        self._on_taken_over = on_taken_over
        self._lease = Lease(name, FIRST_TOKEN)

    def is_ours(self) -> bool:
        """Whether it is ours for long enough to begin something."""
        lease = self._leases.current(self._lease.name)
        if lease is None:
            return False
        if lease.token > self._lease.token:
            self._on_taken_over()
        self._lease = lease
        return True

    def require(self) -> None:
        """Raises LeaseLost unless it is ours still."""
        self._leases.require(self._lease)

    async def commit(self, work: Callable[[Connection], T]) -> T:
        """Raises LeaseLost when it is ours no more."""
        return await self._leases.commit(self._lease, work)


def _nothing() -> None:
    """Until somebody listens."""
