"""The composition root: every part is built once, here, and runs in one event loop until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from typing import Any, TypeVar

import aiohttp
import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.exc import DBAPIError

from bot import __version__
from bot.advice import Advice
from bot.canary.canary import Canary, MailLeg
from bot.casework.batch_state import Desk
from bot.casework.enquiries import Enquiries
from bot.casework.worker import Casework
from bot.channels import DeskChannels
from bot.clock import Clock
from bot.config import Settings
from bot.connection import SlackConnection
from bot.courier.courier import Courier
from bot.courier.files import FileRows
from bot.courier.letter import loop_token
from bot.courier.letters import LetterWriter, mail_secret
from bot.courier.mail_rows import MailRows
from bot.courier.pacing import Pacing
from bot.courier.render import Words
from bot.courier.slack import NotSent, RateLimited, SlackGateway, Uncertain
from bot.courier.states import States
from bot.courier.transfer import FileTransfer
from bot.escalation import EscalationClock
from bot.home import Homes
from bot.leases import ALARM, CLOCK, HOMES, NEEDED, RETENTION, STATES, Leases
from bot.listeners import register_listeners
from bot.listeners.deps import Deps
from bot.listeners.events.keeping import keep_unreadable
from bot.mail.admins import admin_mail_row, how_admins_act
from bot.mail.machines import OwnMail
from bot.mail.mailbox import Mailbox
from bot.mail.oauth import TokenSource
from bot.mail.reader import MailReader
from bot.mail.stored import StoredMails
from bot.mail_parts import mail_carrier, mailbox_anew, stationery
from bot.ops.access import Access
from bot.ops.alarm import AlarmPost, AlertAlarm
from bot.ops.exposition import Exposition
from bot.ops.gauges import Connections, DeskGauges, ProcessGauges
from bot.ops.health import HealthServer
from bot.ops.metrics import CountsRateLimits, Metrics, Step
from bot.ops.troubles import Troubles
from bot.pause import Gate
from bot.people import LookupUnavailable, People
from bot.processes import OUTDATED, Processes
from bot.replay import Replay
from bot.retention import Retention
from bot.startup import StartError, Workspace, check_workspace, database_problem, reason
from bot.timing import Timing
from bot.views import Views
from storage import leases as lease_rows
from storage import outbox
from storage.bell import Bell, Topic
from storage.engine import Database, open_database
from storage.errors import DatabaseUnavailable, StorageError
from storage.lock import sole_use
from storage.migrate import upgrade_async
from storage.processes import Process

T = TypeVar("T")
log = structlog.get_logger(__name__)

WRITE_TIMEOUT = 12
READ_TIMEOUT = 10
RETRY_PAUSE = 2.0
# Stopping is promised within 10 s; beside these it takes 2 s to cut a database connection that hangs.
STOP_CONNECTION = 3.0
STOP_CASEWORK = 2.0
STOP_COURIER = 3.0
STOP_ALL = 5.5
CLOSE_DATABASE = 2.0
CANCEL_AGAIN = 1.0
PAUSED = "the desk is paused: look through `casewire outbox list`, then `casewire resume` and start the bot"
PROBLEMS_PATIENCE = 5.0


class Stopped(Exception):
    """The bot was told to stop before it had started."""


async def run(settings: Settings, timing: Timing | None = None) -> None:
    """Run the bot until SIGTERM or Ctrl-C. Raises StartError for what is definitely wrong."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
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
        self.port: int | None = None
        self._migrated = False
        self._database: Database | None = None
        self._connection: SlackConnection | None = None
        self._people: People | None = None
        self._casework: Casework | None = None
        self._courier: Courier | None = None
        self._channels: DeskChannels | None = None
        self._escalation: EscalationClock | None = None
        self._processes: Processes | None = None
        self._outdated = False
        self._mailbox: Mailbox | None = None
        self._gate: Gate | None = None
        self._metrics = Metrics()
        self._desk_gauges = DeskGauges(self._clock)
        self._alarm: AlertAlarm | None = None

    async def run(self) -> None:
        settings = self._settings
        facts = {"admin_mail": settings.admin_check_in_force.value} if settings.reads_mail else {}
        health = HealthServer(
            settings.host,
            settings.port,
            self.services,
            facts,
            self.processes,
            self._exposition(),
            Access(settings.metrics_token.get_secret_value()),
        )
        health.notes = self._notes
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

    def services(self) -> dict[str, str]:
        """How each part is just now, in the words of `/health`."""
        escalation = self._escalation
        database_well = self._migrated if self._database is None else self._database.available
        if self._casework is not None and not self._casework.keeping:
            database_well = False
        if self._gate is not None and self._gate.pause is not None:
            parts = dict.fromkeys(("email_listener", "scheduler", "slack"), "stopped")
            return {"database": "connected" if database_well else "disconnected", **parts}
        return {
            "database": "connected" if database_well else "disconnected",
            "email_listener": self._email(),
            "scheduler": "running" if escalation is not None and escalation.running else "stopped",
            "slack": self._slack(),
        }

    def _notes(self) -> dict[str, str]:
        """What whoever asks for `/health` is told only while it lasts."""
        pause = self._gate.pause if self._gate is not None else None
        paused = {"note": f"{PAUSED} ({pause.why})"} if pause is not None else {}
        return paused | (self._alarm.note() if self._alarm is not None else {})

    def processes(self) -> list[Process]:
        """Who works on the database, as this process knows it."""
        return self._processes.everybody if self._processes is not None else []

    def _exposition(self) -> Exposition:
        settings = self._settings
        dialect = "postgresql" if settings.database_url.startswith("postgres") else "sqlite"
        gauges = ProcessGauges(
            self._clock,
            dialect,
            self.services,
            lambda: Connections(self._connection.open if self._connection else 0, settings.slack_sockets),
            lambda: self._mailbox.status if self._mailbox is not None else None,
            lambda: len(self.processes()),
        )
        return Exposition(self._metrics, self._desk_gauges, gauges)

    def _email(self) -> str:
        if not self._settings.reads_mail:
            return "disabled"
        return self._mailbox.status.word if self._mailbox is not None else "disconnected"

    def _slack(self) -> str:
        connection, courier, channels, people = self._connection, self._courier, self._channels, self._people
        if connection is None or courier is None or channels is None or people is None:
            return "disconnected"
        if courier.login_trouble is not None or people.login_trouble is not None or channels.trouble:
            return "disconnected"
        if self._alarm is not None and self._alarm.waiting:
            return "disconnected"  # whatever the reason, alerts do not get there
        if not self._settings.slack_sockets:
            return "standby"  # other processes take what Slack sends; this one works on it
        return "connected" if connection.connected else "disconnected"

    async def _run(self, health: HealthServer, session: aiohttp.ClientSession, problems: list[str]) -> None:
        settings = self._settings
        # What was called is over before another process can take our leases.
        write_timeout = min(WRITE_TIMEOUT, max(1, int(NEEDED * self._timing.lease)))
        reading, writing = web_clients(settings, session, write_timeout, self._metrics)
        workspace = await self._ready(SlackGateway(reading), problems)
        database = self._database = open_database(settings.database_url)
        self._desk_gauges.watch(database)
        try:
            if settings.debug:
                health.show_cases(database)
            gate = self._gate = Gate(database, SlackGateway(writing), workspace.channels.alerting)
            await self._or_stopped(gate.passed())
            async with MailReader() as reader:
                await self._work(workspace, database, reading, writing, session, reader)
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

    async def _work(
        self,
        workspace: Workspace,
        database: Database,
        reading: AsyncWebClient,
        writing: AsyncWebClient,
        session: aiohttp.ClientSession,
        reader: MailReader,
    ) -> None:
        settings, clock = self._settings, self._clock
        people = self._people = People(reading, settings.admins, workspace.team_id, clock.monotonic)
        desk = Desk(settings.policy, workspace.channels)
        views = Views(workspace.url)
        words = Words(
            support_channel=workspace.channels.support,
            received_template=settings.received_text,
            closure_phrase=settings.closure_phrase,
            alert_mention=settings.alert_mention,
            views=views,
            reserved_names=people.admin_names,
            command=settings.command,
            file_max_bytes=settings.file_max_bytes,
        )
        bell = Bell(settings.database_url, self._name)
        leases = Leases(database, self._name, clock.monotonic, self._timing.lease)
        leases.want(CLOCK, STATES, HOMES, ALARM, RETENTION)
        processes = Processes(database, self._name, settings.slack_sockets, self._timing.lease)
        gateway, pacing = SlackGateway(writing), Pacing(settings.slack_posts_per_second, clock.monotonic)
        own_mail = await self._own_mail(database)
        mails = StoredMails(database, reader, settings.trust, own_mail)
        casework = self._casework = Casework(
            database,
            people,
            desk,
            clock,
            self._name,
            mails if settings.reads_mail else None,
            lasting=self._timing.lease / 2,
        )
        bot_token = settings.slack_bot_token.get_secret_value()
        transfer = FileTransfer(session, bot_token, settings.slack_api_url, writing.proxy)
        transfer.read_mail = mails.file
        files = FileRows(database, gateway, transfer, pacing, words, clock, settings.file_max_bytes)
        carrier = mail_carrier(settings, session, clock)
        mail_rows = MailRows(
            database,
            LetterWriter(stationery(settings)),
            carrier,
            files,
            clock,
            workspace.channels.alerting,
            answer_delay=settings.answer_delay,
            max_bytes=settings.email_send_max_bytes,
            timing=self._timing,
        )
        channels = self._channels = DeskChannels(
            workspace.channels.support,
            workspace.channels.alerting,
            workspace.channels.logging,
            settings.channels,
            workspace.names,
            database,
            clock,
        )
        courier = self._courier = Courier(
            database, gateway, pacing, words, channels, clock, files, leases, self._timing, mail_rows
        )
        courier.why_gone = _as_delivery(people.why_gone)
        states = States(database, gateway, pacing, words, clock, leases)

        def outbox_changed(*, by_another: bool = False) -> None:
            courier.wake.set()
            states.wake.set()
            if not by_another:
                bell.ring(Topic.OUTBOX)  # who holds the lease may be another

        casework.metrics = courier.metrics = mail_rows.metrics = self._metrics
        casework.on_outbox = channels.on_outbox = outbox_changed
        courier.on_delivered = outbox_changed
        courier.on_report = mail_rows.on_report = casework.wake
        states.on_outbox = outbox_changed

        app = bolt_app(workspace, reading)
        enquiries = Enquiries(database, views, settings.command)
        homes = Homes(database, people, gateway, pacing, views, clock, leases)
        homes.on_news = partial(bell.ring, Topic.HOMES)
        canary = Canary(
            database,
            gateway,
            pacing,
            clock,
            leases,
            channel=workspace.channels.logging,
            interval=settings.canary_interval,
            mail=MailLeg(carrier, settings.mail_from[0], settings.imap_email, own_mail.loop_token)
            if carrier is not None and settings.reads_mail
            else None,
        )
        deps = Deps(
            casework,
            enquiries,
            people,
            clock,
            settings.closure_phrase,
            channels,
            workspace.bot_user_id,
            settings.command,
            gateway,
            homes,
            canary.heard,
        )
        canary.metrics = self._metrics
        register_listeners(app, deps)
        token = settings.slack_app_token.get_secret_value()
        connection = self._connection = SlackConnection(
            app,
            token,
            reading,
            clock,
            local=settings.api_is_local,
            sockets=settings.slack_sockets,
            stagger=self._timing.stagger,
        )
        troubles = Troubles(database, workspace.channels.alerting, clock)
        connection.keep_unreadable = partial(keep_unreadable, deps)
        connection.on_trouble = mail_rows.on_trouble = troubles.tell
        troubles.on_outbox = outbox_changed
        canary.on_trouble, canary.on_well = troubles.tell, troubles.well
        connection.others = lambda: processes.sockets_of_others

        replay = Replay(
            database,
            SlackGateway(reading),
            pacing,
            clock,
            leases=leases,
            logging_channel=workspace.channels.logging,
            interval=settings.replay_interval,
            connected=lambda: connection.connected,
            us=workspace.bot_user_id,
        )
        replay.on_items, replay.on_outbox = casework.wake, outbox_changed
        replay.on_trouble = troubles.tell
        connection.on_change_seen = replay.changed

        def rung(topic: Topic) -> None:
            match topic:
                case Topic.OUTBOX:
                    outbox_changed(by_another=True)
                case Topic.HOMES:
                    homes.wake.set()
                case Topic.LEASES:
                    leases.wake.set()
                    outbox_changed(by_another=True)

        def counted() -> None:
            pacing.shared_by(len(processes.everybody))
            connection.on_census()

        bell.on_ring = rung
        leases.on_gain = lambda: rung(Topic.OUTBOX)
        processes.connected = lambda: connection.connected
        processes.on_census, processes.on_outdated = counted, self._end_outdated
        self._processes = processes

        async def begin() -> None:
            if database.dialect == "sqlite":  # its file's lock says that nobody else holds any
                await database.write(lease_rows.forget)
            await processes.beat()
            await replay.begin(listens=settings.slack_sockets > 0)

        await self._until_reached("the database", begin, DatabaseUnavailable)

        escalation = self._escalation = EscalationClock(
            casework,
            clock,
            settings.escalation_check_interval,
            connected=lambda: connection.connected or not settings.slack_sockets,
            catch_up=self._timing.catch_up,
            replayed=lambda: replay.caught_up or not settings.slack_sockets,
            on_duty=lambda: leases.current(CLOCK) is not None,
        )

        if settings.reads_mail:
            mailbox = self._mailbox = Mailbox(
                database,
                settings.mailbox,
                clock,
                owner=self._name,
                tokens=partial(TokenSource, session=session, clock=clock),
                read_settings=partial(mailbox_anew, settings),
            )
            mailbox.listen(
                on_mail=casework.wake,
                on_trouble=troubles.tell,
                on_warning=troubles.warn,
                on_well=troubles.well,
                on_lag=partial(self._metrics.took, Step.MAILBOX),
            )

        if said := how_admins_act(settings):
            log.warning(said, action="admin_mail")
            note = admin_mail_row(said, workspace.channels.logging, clock.now())
            await self._until_reached(
                "the database",
                partial(database.write, partial(outbox.enqueue, rows=[note], now=clock.now())),
                DatabaseUnavailable,
            )

        alarm = self._alarm = AlertAlarm(
            database,
            clock,
            leases,
            workspace.channels.alerting,
            settings.alerting_slack_channel,
            AlarmPost(carrier, stationery(settings), settings.admin_emails)
            if carrier is not None and settings.admin_emails
            else None,
            self._timing.alarm,
            self._timing.mail_login_pause,
        )

        advice = Advice(settings, workspace, SlackGateway(reading), people, database, clock)
        advice.on_outbox = outbox_changed
        channels.on_joined = advice.look_again

        retention = Retention(database, clock, leases, settings.raw_retention_days, settings.retention_days)

        tasks = {
            name: asyncio.create_task(_keep_going(name, part), name=name)
            for name, part in {
                "casework": casework.run,
                "courier": courier.run,
                "states": states.run,
                "homes": homes.run,
                "escalation": escalation.run,
                "connection": connection.run,
                "advice": advice.run,
                "alarm": alarm.run,
                "troubles": troubles.run,
                "replay": replay.run,
                "retention": retention.run,
                "leases": leases.run,
                "processes": processes.run,
                "bell": bell.run,
                **({"canary": canary.run} if settings.canary_interval else {}),
                **({"mailbox": self._mailbox.run} if self._mailbox is not None else {}),
            }.items()
        }
        log.info("Casewire runs", action="started", version=__version__)
        try:
            await self._stop.wait()
            log.info("Casewire stops", action="stopping")
            # What comes in ends first, then what is decided, then what goes out.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_ALL):
                    connection.stop()
                    escalation.stop()
                    if "canary" in tasks:
                        tasks["canary"].cancel()
                    if self._mailbox is not None:
                        tasks["mailbox"].cancel()
                        await self._mailbox.release()
                    await _ended(tasks["connection"], tasks["escalation"], within=STOP_CONNECTION)
                    casework.stop()
                    await _ended(tasks["casework"], within=STOP_CASEWORK)
                    courier.stop()
                    states.stop()
                    homes.stop()
                    tasks["replay"].cancel()
                    await _ended(tasks["courier"], tasks["states"], tasks["homes"], within=STOP_COURIER)
                    # Others go on at once.
                    await leases.release_all()
                    await bell.tell_at_once(Topic.LEASES)
                    await processes.leave()
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
            self._migrated = True

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


def bolt_app(workspace: Workspace, client: AsyncWebClient) -> AsyncApp:
    """A Bolt app that acknowledges only what its listeners have done, and never calls auth.test by itself."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None,
            team_id=workspace.team_id,
            bot_user_id=workspace.bot_user_id,
            bot_id=workspace.bot_id,
            bot_token=client.token,
        )

    bolt_log = logging.getLogger("slack_bolt")  # else Bolt takes the root's level for its own
    app = AsyncApp(
        client=client,
        authorize=authorize,
        process_before_response=True,
        logger=bolt_log,
        ignoring_self_events_enabled=False,  # a card that somebody deletes is an event of a post of ours
    )

    async def failed(error: Exception) -> None:
        # The envelope stays unacknowledged, so that Slack sends the event again.
        log.error("a listener failed", action="not_acknowledged", error=f"{type(error).__name__}: {error}")

    app.error(failed)
    return app


def web_clients(
    settings: Settings,
    session: aiohttp.ClientSession,
    write_timeout: int = WRITE_TIMEOUT,
    metrics: Metrics | None = None,
) -> tuple[AsyncWebClient, AsyncWebClient]:
    """One client for reading, which retries by itself, and one for writing, which never does."""
    token = settings.slack_bot_token.get_secret_value()
    counts = [CountsRateLimits(metrics)] if metrics is not None else []
    reading = AsyncWebClient(
        token=token,
        base_url=settings.slack_api_url,
        session=session,
        timeout=READ_TIMEOUT,
        retry_handlers=[
            *counts,
            AsyncConnectionErrorRetryHandler(max_retry_count=1),
            AsyncRateLimitErrorRetryHandler(max_retry_count=2),
            AsyncServerErrorRetryHandler(max_retry_count=1),
        ],
    )
    writing = AsyncWebClient(
        token=token,
        base_url=settings.slack_api_url,
        session=session,
        timeout=write_timeout,
        retry_handlers=[*counts],
    )
    if settings.api_is_local:
        reading.proxy = writing.proxy = None
    return reading, writing


def _as_delivery(lookup: Callable[[str], Awaitable[str | None]]) -> Callable[[str], Awaitable[str | None]]:
    """A lookup that fails delays the delivery that needs it, as any trouble on the way does."""

    async def look(user_id: str) -> str | None:
        try:
            return await lookup(user_id)
        except LookupUnavailable as error:
            raise NotSent(str(error)) from error

    return look


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
