"""Every part of a running bot, built once, and told of the others it works with. Nothing runs yet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

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
from bot.courier.letters import LetterWriter
from bot.courier.mail_rows import MailRows
from bot.courier.pacing import Pacing
from bot.courier.render import Words
from bot.courier.slack import NotSent, SlackGateway
from bot.courier.slack_rows import SlackRows
from bot.courier.states import States
from bot.courier.transfer import FileTransfer
from bot.escalation import EscalationClock
from bot.home import Homes
from bot.leases import ALARM, CLOCK, HOMES, RETENTION, STATES, Leases
from bot.listeners import register_listeners
from bot.listeners.deps import Deps
from bot.listeners.events.keeping import keep_unreadable
from bot.mail.machines import OwnMail
from bot.mail.mailbox import Mailbox
from bot.mail.oauth import TokenSource
from bot.mail.reader import MailReader
from bot.mail.stored import StoredMails
from bot.mail_parts import mail_carrier, mailbox_anew, stationery
from bot.ops.alarm import AlarmPost, AlertAlarm
from bot.ops.metrics import Metrics, Step
from bot.ops.troubles import Troubles
from bot.people import LookupUnavailable, People
from bot.processes import Processes
from bot.replay import Replay
from bot.retention import Retention
from bot.slack_clients import bolt_app
from bot.startup import Workspace
from bot.timing import Timing
from bot.views import Views
from storage.bell import Bell, Topic
from storage.engine import Database


@dataclass(frozen=True, slots=True)
class Means:
    """What the parts are built from. `name` is this process's, unlike any other's."""

    settings: Settings
    timing: Timing
    clock: Clock
    name: str
    workspace: Workspace
    database: Database
    reading: AsyncWebClient
    writing: AsyncWebClient
    session: aiohttp.ClientSession
    reader: MailReader
    own_mail: OwnMail
    metrics: Metrics


class Parts:
    """One attribute a part. Those that are made first know nothing of those that are made later."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._share()
        self._decide()
        self._deliver()
        self._listen()
        self._look_after()

    def tasks(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What is to run, by name."""
        running: dict[str, Callable[[], Awaitable[None]]] = {
            "casework": self.casework.run,
            "courier": self.courier.run,
            "states": self.states.run,
            "homes": self.homes.run,
            "escalation": self.escalation.run,
            "connection": self.connection.run,
            "advice": self.advice.run,
            "alarm": self.alarm.run,
            "troubles": self.troubles.run,
            "replay": self.replay.run,
            "retention": self.retention.run,
            "leases": self.leases.run,
            "processes": self.processes.run,
            "bell": self.bell.run,
        }
        if self._means.settings.canary_interval:
            running["canary"] = self.canary.run
        if self.mailbox is not None:
            running["mailbox"] = self.mailbox.run
        return running

    def outbox_changed(self, *, by_another: bool = False) -> None:
        """There may be something to send, or a state to show."""
        self.courier.wake.set()
        self.states.wake.set()
        if not by_another:
            self.bell.ring(Topic.OUTBOX)  # who holds the lease may be another

    def _share(self) -> None:
        """What several parts use."""
        means, settings = self._means, self._means.settings
        lease = means.timing.lease
        self.people = People(means.reading, settings.admins, means.workspace.team_id, means.clock.monotonic)
        self.views = Views(means.workspace.url)
        self.bell = Bell(settings.database_url, means.name)
        self.bell.on_ring = self._rung
        self.leases = Leases(means.database, means.name, means.clock.monotonic, lease)
        self.leases.want(CLOCK, STATES, HOMES, ALARM, RETENTION)
        self.leases.on_gain = means.clock.on_moved = self._look_again
        self.processes = Processes(means.database, means.name, settings.slack_sockets, lease)
        self.processes.connected = lambda: self.connection.connected
        self.processes.on_census = self._counted
        self.gateway = SlackGateway(means.writing)
        self.pacing = Pacing(settings.slack_posts_per_second, means.clock.monotonic)
        self.mails = StoredMails(means.database, means.reader, settings.trust, means.own_mail)
        self.channels = DeskChannels(
            means.workspace.channels.support,
            means.workspace.channels.alerting,
            means.workspace.channels.logging,
            settings.channels,
            means.workspace.names,
            means.database,
            means.clock,
        )
        self.channels.on_outbox = self.outbox_changed
        self.troubles = Troubles(means.database, means.workspace.channels.alerting, means.clock)
        self.troubles.on_outbox = self.outbox_changed

    def _decide(self) -> None:
        means, settings = self._means, self._means.settings
        self.casework = Casework(
            means.database,
            self.people,
            Desk(settings.policy, means.workspace.channels),
            means.clock,
            means.name,
            self.mails if settings.reads_mail else None,
            lasting=means.timing.lease / 2,
        )
        self.casework.metrics = means.metrics
        self.casework.on_outbox = self.outbox_changed
        self.enquiries = Enquiries(means.database, self.views, settings.command)
        self.escalation = EscalationClock(
            self.casework,
            means.clock,
            settings.escalation_check_interval,
            connected=lambda: self.connection.connected or not settings.slack_sockets,
            catch_up=means.timing.catch_up,
            replayed=lambda: self.replay.caught_up or not settings.slack_sockets,
            on_duty=lambda: self.leases.current(CLOCK) is not None,
        )

    def _deliver(self) -> None:
        means, settings = self._means, self._means.settings
        database, clock = means.database, means.clock
        words = Words(
            support_channel=means.workspace.channels.support,
            received_template=settings.received_text,
            closure_phrase=settings.closure_phrase,
            alert_mention=settings.alert_mention,
            views=self.views,
            reserved_names=self.people.admin_names,
            command=settings.command,
            file_max_bytes=settings.file_max_bytes,
        )
        bot_token = settings.slack_bot_token.get_secret_value()
        transfer = FileTransfer(means.session, bot_token, settings.slack_api_url, means.writing.proxy)
        transfer.read_mail = self.mails.file
        files = FileRows(database, self.gateway, transfer, self.pacing, words, clock, settings.file_max_bytes)
        self.carrier = mail_carrier(settings, means.session, clock)
        mail_rows = MailRows(
            database,
            LetterWriter(stationery(settings)),
            self.carrier,
            files,
            clock,
            means.workspace.channels.alerting,
            answer_delay=settings.answer_delay,
            max_bytes=settings.email_send_max_bytes,
            timing=means.timing,
        )
        self.slack_rows = SlackRows(
            database, self.gateway, self.pacing, words, self.channels, clock, files, means.timing
        )
        self.slack_rows.why_gone = _as_delivery(self.people.why_gone)
        self.courier = Courier(
            database, self.slack_rows, files, mail_rows, self.pacing, clock, self.leases, means.timing
        )
        self.courier.metrics = self.slack_rows.metrics = mail_rows.metrics = means.metrics
        self.courier.on_delivered = self.outbox_changed
        self.slack_rows.on_report = mail_rows.on_report = self.casework.wake
        mail_rows.on_trouble = self.troubles.tell
        self.states = States(database, self.gateway, self.pacing, words, clock, self.leases)
        self.states.on_outbox = self.outbox_changed
        self.homes = Homes(database, self.people, self.gateway, self.pacing, self.views, clock, self.leases)
        self.homes.on_news = partial(self.bell.ring, Topic.HOMES)

    def _listen(self) -> None:
        means, settings = self._means, self._means.settings
        self.canary = self._canary()
        deps = Deps(
            self.casework,
            self.enquiries,
            self.people,
            means.clock,
            settings.closure_phrase,
            self.channels,
            means.workspace.bot_user_id,
            settings.command,
            self.gateway,
            self.homes,
            self.canary.heard,
        )
        app = bolt_app(means.workspace, means.reading)
        register_listeners(app, deps)
        self.connection = SlackConnection(
            app,
            settings.slack_app_token.get_secret_value(),
            means.reading,
            means.clock,
            local=settings.api_is_local,
            sockets=settings.slack_sockets,
            stagger=means.timing.stagger,
        )
        self.connection.keep_unreadable = partial(keep_unreadable, deps)
        self.connection.on_trouble = self.troubles.tell
        self.connection.others = lambda: self.processes.sockets_of_others
        self.replay = Replay(
            means.database,
            SlackGateway(means.reading),
            self.pacing,
            means.clock,
            leases=self.leases,
            logging_channel=means.workspace.channels.logging,
            interval=settings.replay_interval,
            connected=lambda: self.connection.connected,
            us=means.workspace.bot_user_id,
        )
        self.replay.on_items, self.replay.on_outbox = self.casework.wake, self.outbox_changed
        self.replay.comparison.on_trouble = self.troubles.tell
        self.connection.on_change_seen = self.replay.changed
        self.mailbox = self._mailbox() if settings.reads_mail else None

    def _canary(self) -> Canary:
        means, settings = self._means, self._means.settings
        by_mail = None
        if self.carrier is not None and settings.reads_mail:
            by_mail = MailLeg(self.carrier, settings.mail_from[0], settings.imap_email, means.own_mail.loop_token)
        canary = Canary(
            means.database,
            self.gateway,
            self.pacing,
            means.clock,
            self.leases,
            channel=means.workspace.channels.logging,
            interval=settings.canary_interval,
            mail=by_mail,
        )
        canary.metrics = means.metrics
        canary.on_trouble, canary.on_well = self.troubles.tell, self.troubles.well
        return canary

    def _mailbox(self) -> Mailbox:
        means = self._means
        mailbox = Mailbox(
            means.database,
            means.settings.mailbox,
            means.clock,
            owner=means.name,
            tokens=partial(TokenSource, session=means.session, clock=means.clock),
            read_settings=partial(mailbox_anew, means.settings),
        )
        mailbox.listen(
            on_mail=self.casework.wake,
            on_trouble=self.troubles.tell,
            on_warning=self.troubles.warn,
            on_well=self.troubles.well,
            on_lag=partial(means.metrics.took, Step.MAILBOX),
        )
        return mailbox

    def _look_after(self) -> None:
        """What warns, and what tidies up."""
        means, settings = self._means, self._means.settings
        by_mail = None
        if self.carrier is not None and settings.admin_emails:
            by_mail = AlarmPost(self.carrier, stationery(settings), settings.admin_emails)
        self.alarm = AlertAlarm(
            means.database,
            means.clock,
            self.leases,
            means.workspace.channels.alerting,
            settings.alerting_slack_channel,
            by_mail,
            means.timing.alarm,
            means.timing.mail_login_pause,
        )
        self.advice = Advice(
            settings, means.workspace, SlackGateway(means.reading), self.people, means.database, means.clock
        )
        self.advice.on_outbox = self.outbox_changed
        self.channels.on_joined = self.advice.look_again
        self.retention = Retention(
            means.database, means.clock, self.leases, settings.raw_retention_days, settings.retention_days
        )

    def _look_again(self) -> None:
        """Something may be due that nobody told of."""
        self.casework.wake()
        self.homes.wake.set()
        self.outbox_changed(by_another=True)

    def _rung(self, topic: Topic) -> None:
        """Another process tells that something has changed."""
        match topic:
            case Topic.OUTBOX:
                self.outbox_changed(by_another=True)
            case Topic.HOMES:
                self.homes.wake.set()
            case Topic.LEASES:
                self.leases.wake.set()
                self.outbox_changed(by_another=True)

    def _counted(self) -> None:
        self.pacing.shared_by(len(self.processes.everybody))
        self.connection.on_census()


def _as_delivery(lookup: Callable[[str], Awaitable[str | None]]) -> Callable[[str], Awaitable[str | None]]:
    """A lookup that fails delays the delivery that needs it, as any trouble on the way does."""

    async def look(user_id: str) -> str | None:
        try:
            return await lookup(user_id)
        except LookupUnavailable as error:
            raise NotSent(str(error)) from error

    return look
