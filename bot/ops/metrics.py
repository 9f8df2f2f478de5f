"""What is counted and timed while the bot works, for Prometheus: one registry per app, no global state.

Labels have few values, all of them ours: no case, customer, channel or address ever is one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from slack_sdk.http_retry import HttpRequest, HttpResponse, RetryState
from slack_sdk.http_retry.async_handler import AsyncRetryHandler

from bot.desk.model import Source

# When each series began is of no use here, and would be a second one beside each.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Step(StrEnum):
    """The steps of a message's way, in their order."""

    MAILBOX = "mailbox"
    """From a mail's arrival at the server until it is kept here."""
    KEEP = "keep"
    """The durable commit of what Slack sent, after which it is acknowledged."""
    PREPARE = "prepare"
    """The look-ups and the parsing of one item."""
    INBOX = "inbox"
    """From keeping an item until it is decided."""
    DECIDE = "decide"
    """One transaction that decides a batch of items."""
    ESCALATE = "escalate"
    """One check for due cases."""
    OUTBOX = "outbox"
    """From a decision until what follows from it is delivered."""
    SEND = "send"
    """One try to deliver one row, its wait for Slack's pace included."""


class Way(StrEnum):
    """By what something is delivered."""

    SLACK = "slack"
    EMAIL = "email"


class Result(StrEnum):
    """What became of one try to deliver one row."""

    SENT = "sent"
    SETTLED = "settled"
    """Its answer had been lost; it was found to have been sent."""
    DELAYED = "delayed"
    """It had no effect, and is tried again."""
    UNCERTAIN = "uncertain"
    """The answer was lost: whether it was sent is looked up."""
    PARKED = "parked"
    """It can never be delivered; a person was told."""
    DROPPED = "dropped"
    """It need not be delivered any more."""


class Author(StrEnum):
    CUSTOMER = "customer"
    ADMIN = "admin"


BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)


class Metrics:
    """The parts of the bot tell it what happens; `/metrics` shows it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._received = Counter(
            "casewire_items_received", "Items that were new and kept, by kind.", ["kind"], registry=self.registry
        )
        self._messages = Counter(
            "casewire_messages",
            "Messages of cases, by where they came from and who wrote them.",
            ["source", "author"],
            registry=self.registry,
        )
        self._failures = Counter(
            "casewire_item_failures",
            "Failed tries to process an item; the third of one quarantines it.",
            registry=self.registry,
        )
        self._deliveries = Counter(
            "casewire_deliveries",
            "Tries to deliver something, by the way it goes and what became of it.",
            ["way", "result"],
            registry=self.registry,
        )
        self._limited = Counter(
            "casewire_slack_rate_limited",
            "Answers by which Slack asked to wait (HTTP 429), by the method that was called.",
            ["method"],
            registry=self.registry,
        )
        self._steps = Histogram(
            "casewire_step_duration_seconds",
            "How long each step of a message's way took.",
            ["step"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._canary_up = Gauge(
            "casewire_canary_up",
            "Whether the last canary of a leg came back; not there while none is sent.",
            ["leg"],
            registry=self.registry,
        )
        self._canary_seconds = Gauge(
            "casewire_canary_round_trip_seconds",
            "How long the last canary of a leg that came back was under way.",
            ["leg"],
            registry=self.registry,
        )
        # Series that are there from the start let a rate see their first increase.
        for source in Source:
            for author in Author:
                self._messages.labels(source.value, author.value)
        for way in Way:
            for result in Result:
                self._deliveries.labels(way.value, result.value)
        self._of_step = {step: self._steps.labels(step.value) for step in Step}

    def received(self, kind: str) -> None:
        self._received.labels(kind).inc()

    def wrote(self, source: Source, author: Author) -> None:
        self._messages.labels(source.value, author.value).inc()

    def item_failed(self) -> None:
        self._failures.inc()

    def delivery(self, way: Way, result: Result, rows: int = 1) -> None:
        self._deliveries.labels(way.value, result.value).inc(rows)

    def rate_limited(self, method: str) -> None:
        self._limited.labels(method).inc()

    def canary(self, leg: str, seconds: float | None) -> None:
        """It was so long under way; None: it did not come back."""
        self._canary_up.labels(leg).set(float(seconds is not None))
        if seconds is not None:
            self._canary_seconds.labels(leg).set(seconds)

    def forget_canaries(self) -> None:
        self._canary_up.clear()
        self._canary_seconds.clear()

    def took(self, step: Step, seconds: float) -> None:
        """Wall clocks may go backwards; a duration does not."""
        self._of_step[step].observe(max(0.0, seconds))

    @contextmanager
    def timed(self, step: Step) -> Iterator[None]:
        """How long the block takes, however it ends."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.took(step, time.monotonic() - began)


class CountsRateLimits(AsyncRetryHandler):
    """Stands first among a Slack client's retry handlers, sees every answer, and never retries.

    So those are counted, too, after which the client waits and repeats by itself.
    """

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._metrics = metrics

    async def can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        if error is None and response is not None and response.status_code == 429:
            self._metrics.rate_limited(request.url.rpartition("/")[2].partition("?")[0])
        return False
