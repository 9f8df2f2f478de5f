"""What is looked at when somebody asks: how the desk stands in the database, and how this process is connected."""

from __future__ import annotations

import asyncio
import contextlib
import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from bot import __version__
from bot.clock import Clock
from bot.mail.status import MailCounts, MailStatus
from storage.engine import Database
from storage.errors import DatabaseUnavailable
from storage.watch import DeskReading, read_desk

# Seconds: so long a reading serves all who ask, and so long one may take before the rest is served without it.
FRESH = 5.0
PATIENCE = 3.0
# A reading that took long is kept longer: all scrapes together cost the database a hundredth of its time.
SHARE = 100.0

SERVICE_STATES = ("connected", "standby", "disconnected", "disabled")
_WELL = {"connected", "running", "standby", "disabled"}

_DESK: tuple[tuple[str, str, Callable[[DeskReading], float]], ...] = (
    ("casewire_cases_open", "Cases that are open.", lambda desk: desk.cases_open),
    ("casewire_cases_escalated", "Open cases that are escalated.", lambda desk: desk.cases_escalated),
    ("casewire_cases_waiting", "Open cases whose customer waits for an answer.", lambda desk: desk.cases_waiting),
    ("casewire_cases_closed", "Cases that are closed.", lambda desk: desk.cases_closed),
    ("casewire_held_mails", "Mails that wait for an admin's decision.", lambda desk: desk.backlog.held),
    (
        "casewire_quarantined_items",
        "Incoming items that could not be processed and wait for a person.",
        lambda desk: desk.backlog.quarantined,
    ),
    (
        "casewire_parked_rows",
        "Outgoing rows that could not be delivered and wait for a person.",
        lambda desk: desk.backlog.parked,
    ),
    ("casewire_inbox_items", "Items that wait to be decided.", lambda desk: desk.backlog.inbox_items),
    ("casewire_outbox_rows", "Rows that wait to be delivered.", lambda desk: desk.backlog.outbox_rows),
    (
        "casewire_pending_states",
        "Cards, copies and reactions that are to be brought up to date.",
        lambda desk: desk.backlog.states,
    ),
)

_AGES: tuple[tuple[str, str, Callable[[DeskReading], datetime | None]], ...] = (
    (
        "casewire_oldest_unanswered_age_seconds",
        "How long the customer has waited who has waited longest.",
        lambda desk: desk.backlog.unanswered_since,
    ),
    (
        "casewire_inbox_oldest_age_seconds",
        "How long the oldest item has waited to be decided.",
        lambda desk: desk.backlog.inbox_oldest_at,
    ),
    (
        "casewire_outbox_oldest_age_seconds",
        "How long the oldest row has waited to be delivered.",
        lambda desk: desk.backlog.outbox_oldest_at,
    ),
    (
        "casewire_escalation_lag_seconds",
        "How long ago the case was due that is due longest and was not looked at yet.",
        lambda desk: desk.backlog.first_due_at,
    ),
)

_MAIL_COUNTS: tuple[tuple[str, str, Callable[[MailCounts], int]], ...] = (
    ("casewire_mails_received", "Mails that were new and kept.", lambda counts: counts.mails),
    ("casewire_mailbox_losses", "Connections to the mailbox that were lost.", lambda counts: counts.losses),
    ("casewire_mailbox_refusals", "Logins that the mail server refused.", lambda counts: counts.refusals),
)


class DeskGauges(Collector):
    """How the desk stands. Every process on a database tells the same of it: take the largest, not the sum."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._database: Database | None = None
        self._reading: DeskReading | None = None
        self._fresh_until = 0.0
        self._one_at_a_time = asyncio.Lock()

    def watch(self, database: Database) -> None:
        self._database = database

    async def refresh(self) -> None:
        """Read anew what is not fresh. Of a database that is away nothing is shown but that it is."""
        async with self._one_at_a_time:
            began = self._clock.monotonic()
            if self._database is None or began < self._fresh_until:
                return
            self._reading = None
            with contextlib.suppress(DatabaseUnavailable, TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    self._reading = await self._database.read(read_desk)
            now = self._clock.monotonic()
            took = now - began if self._reading is not None else 0.0
            self._fresh_until = now + max(FRESH, took * SHARE)

    def collect(self) -> Iterable[Metric]:
        reading = self._reading
        yield GaugeMetricFamily(
            "casewire_database_up", "Whether the desk could be read just now.", float(reading is not None)
        )
        if reading is None:
            return
        for name, words, number in _DESK:
            yield GaugeMetricFamily(name, words, number(reading))
        now = self._clock.now()
        for name, words, since in _AGES:
            at = since(reading)
            yield GaugeMetricFamily(name, words, max(0.0, (now - at).total_seconds()) if at is not None else 0.0)


@dataclass(frozen=True, slots=True)
class Connections:
    """Sockets to Slack: how many are open, and how many should be."""

    open: int
    wanted: int


class ProcessGauges(Collector):
    """How this process is, and to what it is connected."""

    def __init__(
        self,
        clock: Clock,
        database: str,
        services: Callable[[], Mapping[str, str]],
        connections: Callable[[], Connections],
        mailbox: Callable[[], MailStatus | None],
        processes: Callable[[], int],
    ) -> None:
        self._clock = clock
        self._build = (__version__, platform.python_version(), database)
        self._services = services
        self._connections = connections
        self._mailbox = mailbox
        self._processes = processes

    def collect(self) -> Iterable[Metric]:
        yield self._build_info()
        services = self._services()
        up = GaugeMetricFamily(
            "casewire_service_up", "Whether a part does what it should, as /health says.", labels=["service"]
        )
        for service, word in services.items():
            up.add_metric([service], float(word in _WELL))
        yield up
        connections = self._connections()
        yield GaugeMetricFamily("casewire_slack_connections", "Sockets to Slack that are open.", connections.open)
        yield GaugeMetricFamily(
            "casewire_slack_connections_wanted", "Sockets to Slack that should be open.", connections.wanted
        )
        yield GaugeMetricFamily(
            "casewire_processes", "Processes at work on the database, this one included.", self._processes()
        )
        yield from self._mail(services.get("email_listener", "disabled"))

    def _build_info(self) -> Metric:
        info = GaugeMetricFamily(
            "casewire_build_info", "What runs; always 1.", labels=["version", "python", "database"]
        )
        info.add_metric(self._build, 1)
        return info

    def _mail(self, word: str) -> Iterable[Metric]:
        states = GaugeMetricFamily("casewire_mailbox_state", "1 at the state that is.", labels=["state"])
        for state in SERVICE_STATES:
            states.add_metric([state], float(state == word))
        yield states
        status = self._mailbox()
        down = status.down_since if status is not None and status.is_reader else None
        yield GaugeMetricFamily(
            "casewire_mailbox_lag_seconds",
            "How long no mail could be read; 0 while it can.",
            max(0.0, self._clock.monotonic() - down) if down is not None else 0.0,
        )
        look = status.last_look if status is not None else None
        yield GaugeMetricFamily(
            "casewire_mailbox_last_look_timestamp_seconds",
            "When the mailbox was last looked into; 0 for never.",
            look.timestamp() if look is not None else 0.0,
        )
        counts = status.counts if status is not None else MailCounts()
        for name, words, number in _MAIL_COUNTS:
            yield CounterMetricFamily(name, words, number(counts))
