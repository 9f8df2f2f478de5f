"""The running bot: it starts in order, its parts run in one event loop, and it stops in order when told to."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from typing import Any, TypeVar

import aiohttp
import structlog
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.exc import DBAPIError

from bot import __version__
from bot.clock import Clock
from bot.collector import spare_what_stays
from bot.config import Settings
from bot.courier.letter import loop_token
from bot.courier.letters import mail_secret
from bot.courier.slack import NotSent, RateLimited, SlackGateway, Uncertain
from bot.leases import NEEDED
from bot.mail.admins import admin_mail_row, how_admins_act
from bot.mail.machines import OwnMail
from bot.mail.reader import MailReader
from bot.ops.access import Access
from bot.ops.exposition import Exposition
from bot.ops.gauges import Connections, DeskGauges, ProcessGauges
from bot.ops.health import HealthServer
from bot.ops.metrics import Metrics
from bot.parts import Means, Parts
from bot.pause import Gate
from bot.processes import OUTDATED
from bot.services import Services
from bot.slack_clients import web_clients
from bot.startup import StartError, Workspace, check_workspace, database_problem, reason
from bot.timing import Timing
from storage import leases as lease_rows
from storage import outbox
from storage.bell import Topic
from storage.engine import Database, open_database
from storage.errors import DatabaseUnavailable, StorageError
from storage.lock import sole_use
from storage.migrate import upgrade_async

T = TypeVar("T")
log = structlog.get_logger(__name__)

RETRY_PAUSE = 2.0
# Stopping is promised within 10 s; beside these it takes 2 s to cut a database connection that hangs.
STOP_CONNECTION = 3.0
STOP_CASEWORK = 2.0
STOP_COURIER = 3.0
STOP_ALL = 5.5
CLOSE_DATABASE = 2.0
CANCEL_AGAIN = 1.0
PROBLEMS_PATIENCE = 5.0


class Stopped(Exception):
    """The bot was told to stop before it had started."""


async def run(settings: Settings, timing: Timing | None = None) -> None:
    """Run the bot until SIGTERM or Ctrl-C. Raises StartError for what is definitely wrong."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    spare_what_stays()
    with contextlib.suppress(Stopped):
        await Bot(settings, stop, timing).run()


class Bot:
    """One running bot: starts its parts in order, keeps them going, and stops them in order."""

    def __init__(self, settings: Settings, stop: asyncio.Event, timing: Timing | None = None) -> None:
        self._settings = settings
        self._timing = timing or Timing()
        self._stop = stop
        self._clock = Clock()
        self._name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._outdated = False
        self._metrics = Metrics()
        self._desk_gauges = DeskGauges(self._clock)
        self.services = Services(settings)
        self.port: int | None = None

    async def run(self) -> None:
        """Until stopped. Raises StartError for what is definitely wrong, Stopped when it ends before it began."""
        settings = self._settings
        facts = {"admin_mail": settings.admin_check_in_force.value} if settings.reads_mail else {}
        health = HealthServer(
            settings.host,
            settings.port,
            self.services.words,
            facts,
            self.services.processes,
            self._exposition(),
            Access(settings.metrics_token.get_secret_value()),
        )
        health.notes = self.services.notes
        try:
            problems = await self._listen(health)
            with _SoleUse(self._settings.database_url) as sole_use:
                problems += sole_use.problems
                async with aiohttp.ClientSession() as session:
                    await self._run(health, session, problems)
        finally:
            await health.stop()

    async def _listen(self, health: HealthServer) -> list[str]:
        host, port = self._settings.host, self._settings.port
        try:
            self.port = await health.start()
        except OSError as error:
            why = error.strerror or str(error)
            return [
                f"HOST={host} PORT={port} cannot be listened on ({why}): choose another, or end what listens there"
            ]
        log.info("health is served", action="listening", host=host, port=self.port)
        return []

    def _exposition(self) -> Exposition:
        services, settings = self.services, self._settings
        dialect = "postgresql" if settings.database_url.startswith("postgres") else "sqlite"
        gauges = ProcessGauges(
            self._clock,
            dialect,
            services.words,
            lambda: Connections(services.parts.connection.open if services.parts else 0, settings.slack_sockets),
            lambda: services.parts.mailbox.status if services.parts and services.parts.mailbox else None,
            lambda: len(services.processes()),
        )
        return Exposition(self._metrics, self._desk_gauges, gauges)

    async def _run(self, health: HealthServer, session: aiohttp.ClientSession, problems: list[str]) -> None:
        settings = self._settings
        # What was called is over before another process can take our leases.
        reading, writing = web_clients(settings, session, NEEDED * self._timing.lease, self._metrics)
        workspace = await self._ready(SlackGateway(reading), problems)
        database = self.services.database = open_database(settings.database_url)
        self._desk_gauges.watch(database)
        try:
            if settings.debug:
                health.show_cases(database)
            gate = self.services.gate = Gate(database, SlackGateway(writing), workspace.channels.alerting)
            await self._or_stopped(gate.passed())
            async with MailReader() as reader:
                parts = await self._begin(workspace, database, reading, writing, session, reader)
                await self._work(parts)
        finally:
            await _closed(database)

    async def _ready(self, slack: SlackGateway, problems: list[str]) -> Workspace:
        """The workspace, once it and the database are as they must be. Raises StartError for all that is wrong."""
        workspace = asyncio.create_task(self._workspace(slack))
        checks: set[asyncio.Task[Any]] = {workspace}
        if not problems:  # else another process may be at work on this database
            checks.add(asyncio.create_task(self._migrate()))
        try:
            done, rest = await asyncio.wait(
                checks, return_when=asyncio.FIRST_EXCEPTION, timeout=PROBLEMS_PATIENCE if problems else None
            )
            if problems or any(isinstance(task.exception(), StartError) for task in done):
                more = await asyncio.wait(rest, timeout=PROBLEMS_PATIENCE) if rest else (set(), set())
                for task in done | more[0]:
                    if isinstance(error := task.exception(), StartError):
                        problems.extend(error.problems)
                raise StartError(problems)
            for task in done:
                task.result()
            return workspace.result()
        finally:
            for task in checks:
                task.cancel()
            await asyncio.gather(*checks, return_exceptions=True)

    async def _begin(
        self,
        workspace: Workspace,
        database: Database,
        reading: AsyncWebClient,
        writing: AsyncWebClient,
        session: aiohttp.ClientSession,
        reader: MailReader,
    ) -> Parts:
        """Build the parts, and write down what must be known before they run."""
        settings = self._settings
        own_mail = await self._own_mail(database)
        parts = self.services.parts = Parts(
            Means(
                settings,
                self._timing,
                self._clock,
                self._name,
                workspace,
                database,
                reading,
                writing,
                session,
                reader,
                own_mail,
                self._metrics,
            )
        )
        parts.processes.on_outdated = self._end_outdated

        async def begin() -> None:
            if database.dialect == "sqlite":  # its file's lock says that nobody else holds any
                await database.write(lease_rows.forget)
            await parts.processes.beat()
            await parts.slack_rows.origins.begin()
            await parts.replay.begin(listens=settings.slack_sockets > 0)

        await self._until_reached("the database", begin, DatabaseUnavailable)
        if said := how_admins_act(settings):
            log.warning(said, action="admin_mail")
            now = self._clock.now()
            note = admin_mail_row(said, workspace.channels.logging, now)
            enqueue = partial(database.write, partial(outbox.enqueue, rows=[note], now=now))
            await self._until_reached("the database", enqueue, DatabaseUnavailable)
        return parts

    async def _work(self, parts: Parts) -> None:
        """Run the parts until told to stop. Raises StartError where another version took over meanwhile."""
        tasks = {
            name: asyncio.create_task(_keep_going(name, part), name=name) for name, part in parts.tasks().items()
        }
        log.info("Casewire runs", action="started", version=__version__)
        try:
            await self._stop.wait()
            log.info("Casewire stops", action="stopping")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_ALL):
                    await _stopped(parts, tasks)
        finally:
            await cancelled(tasks.values())
            log.info("Casewire stopped", action="stopped")
        if self._outdated:
            raise StartError([OUTDATED])

    def _end_outdated(self) -> None:
        """Another version has changed the database so that this one must not touch it any more."""
        self._outdated = True
        self._stop.set()

    async def _own_mail(self, database: Database) -> OwnMail:
        """By what we know our own mail when it comes back to us."""
        key = await self._until_reached("the database", partial(database.write, mail_secret), DatabaseUnavailable)
        return OwnMail(self._settings.policy.mail.own, loop_token(key))

    async def _migrate(self) -> None:
        async def migrate() -> None:
            try:
                await upgrade_async(self._settings.database_url)
            except StorageError as error:
                raise StartError([f"DATABASE_URL: {error}"]) from error
            except (DBAPIError, OSError) as error:
                if why := database_problem(error):
                    raise StartError([f"DATABASE_URL: {why}"]) from error
                raise DatabaseUnavailable(reason(error)) from error
            self.services.migrated = True

        await self._until_reached("the database", migrate, DatabaseUnavailable)

    async def _workspace(self, gateway: SlackGateway) -> Workspace:
        check = partial(check_workspace, self._settings, gateway)
        return await self._until_reached("Slack", check, NotSent, Uncertain)

    async def _until_reached(
        self, what: str, work: Callable[[], Coroutine[Any, Any, T]], *away: type[Exception]
    ) -> T:
        """What is merely unreachable is retried without limit; `/health` says 503 meanwhile."""
        while True:
            try:
                return await self._or_stopped(work())
            except away as error:
                log.warning(f"{what} is out of reach; trying again", action="waiting", error=str(error))
                pause = error.seconds if isinstance(error, RateLimited) else RETRY_PAUSE
            await self._or_stopped(asyncio.sleep(pause))

    async def _or_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        task, stopped = asyncio.create_task(work), asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise Stopped
            return task.result()
        finally:
            for pending in (task, stopped):
                pending.cancel()
            await asyncio.gather(task, stopped, return_exceptions=True)


async def _stopped(parts: Parts, tasks: dict[str, asyncio.Task[None]]) -> None:
    """What comes in ends first, then what is decided, then what goes out."""
    parts.connection.stop()
    parts.escalation.stop()
    if "canary" in tasks:
        tasks["canary"].cancel()
    if parts.mailbox is not None:
        tasks["mailbox"].cancel()
        await parts.mailbox.release()
    await _ended(tasks["connection"], tasks["escalation"], within=STOP_CONNECTION)
    parts.casework.stop()
    await _ended(tasks["casework"], within=STOP_CASEWORK)
    parts.courier.stop()
    parts.states.stop()
    parts.homes.stop()
    tasks["replay"].cancel()
    await _ended(tasks["courier"], tasks["states"], tasks["homes"], within=STOP_COURIER)
    # Others go on at once.
    await parts.leases.release_all()
    await parts.bell.tell_at_once(Topic.LEASES)
    await parts.processes.leave()


async def _keep_going(name: str, part: Callable[[], Awaitable[None]]) -> None:
    """A part that fails unexpectedly is started again: its state is in the database."""
    while True:
        try:
            await part()
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("a part of the bot failed and is started again", part=name)
            await asyncio.sleep(RETRY_PAUSE)
        else:
            return


async def cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Until all have ended. A cancellation is lost where `asyncio.wait_for` has its result at that moment (before
    Python 3.12, https://github.com/python/cpython/issues/86296), so it is said again.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN)


async def _ended(*tasks: asyncio.Task[None], within: float) -> None:
    await asyncio.wait(tasks, timeout=within)


async def _closed(database: Database) -> None:
    """A server that hangs must not keep the process; what was committed is safe, the rest never was."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_DATABASE):
            await database.close()


class _SoleUse:
    """The file's lock while it is entered; that somebody else has it is one problem among others."""

    def __init__(self, url: str) -> None:
        self._lock = sole_use(url)
        self._held = False
        self.problems: list[str] = []

    def __enter__(self) -> _SoleUse:
        try:
            self._lock.__enter__()
            self._held = True
        except StorageError as error:
            self.problems = [f"DATABASE_URL: {error}"]
        return self

    def __exit__(self, *error: Any) -> None:
        if self._held:
            self._lock.__exit__(None, None, None)
