"""The desk's connection to Slack: several sockets, so that a refresh of one never leaves a gap.

https://docs.slack.dev/apis/events-api/using-socket-mode: Slack sends each event to any one of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import Clock
from bot.envelopes import Keep
from bot.sockets import SWITCHED_OFF, TOO_MANY, Socket

log = structlog.get_logger(__name__)

STAGGER = 60.0
POLL = 0.5

_SWITCHED_OFF = "Socket Mode was switched off in the settings of the Slack app: switch it on again"
_TOO_MANY = "Slack allows ten connections per app, and ten are open: end processes that nobody needs"
_REFUSED = (
    "Slack refuses SLACK_APP_TOKEN ({word}): make an app-level token with connections:write in “Basic "
    "Information” of the Slack app, and start the bot with it"
)
_STRANGERS = (
    "Slack counts {counted} connections of this app, and only {ours} of them are this desk's: another process, "
    "such as a forgotten test, takes a share of its events. End it, or give it a Slack app of its own"
)
_FOR_NOW = {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited"}


class SlackConnection:
    """`connected` while at least one socket is: events can arrive then.

    The sockets start `stagger` seconds apart, since Slack refreshes each some hours after it was opened.
    `trouble` is what keeps us from being connected and no waiting mends, in plain words, or None.
    """

    def __init__(
        self,
        app: AsyncApp,
        app_token: str,
        client: AsyncWebClient,
        clock: Clock,
        *,
        local: bool,
        sockets: int = 2,
        stagger: float = STAGGER,
    ) -> None:
        self._clock = clock
        self._local = local
        self._stagger = stagger
        self._sockets = [Socket(app, app_token, client, clock, self, local=local) for _ in range(sockets)]
        self._stop = asyncio.Event()
        self._began = clock.monotonic()
        self.trouble: str | None = None
        self.on_change_seen: Callable[[], None] = _nothing
        self.on_trouble: Callable[[str], None] = _nobody
        self.keep_unreadable: Keep | None = None
        self.others: Callable[[], int] = _none
        self._counted = 0

    @property
    def connected(self) -> bool:
        return any(socket.connected for socket in self._sockets)

    @property
    def open(self) -> int:
        """How many sockets are connected."""
        return sum(socket.connected for socket in self._sockets)

    async def run(self) -> None:
        """Stay connected until `stop`."""
        async with asyncio.TaskGroup() as group:
            for number, socket in enumerate(self._sockets, 1):
                group.create_task(socket.run(), name=f"slack-socket-{number}")
                await self._settled()
                if self._stop.is_set():
                    return
            await self._stop.wait()

    def stop(self) -> None:
        self._stop.set()
        for socket in self._sockets:
            socket.stop()

    async def _settled(self) -> None:
        """The socket is connected, and has been for a while; or we are told to stop."""
        while not self.connected:
            if await self._stopped_within(POLL):
                return
        await self._stopped_within(self._stagger)

    async def _stopped_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        return self._stop.is_set()

    # what the sockets see

    def on_change(self) -> None:
        self.on_change_seen()

    def on_hello(self, connections: int) -> None:
        self.trouble = None
        if self._clock.monotonic() - self._began < self._stagger:
            return  # those of a process that was just killed may still be counted
        self._counted = max(self._counted, connections)

    def on_census(self) -> None:
        """It was just counted how many connections other processes of this desk have."""
        counted, self._counted = self._counted, 0
        ours = len(self._sockets) + self.others()
        if counted > ours:
            self._tell(_STRANGERS.format(counted=counted, ours=ours))

    def on_refused(self, reason: str) -> None:
        if reason in _FOR_NOW:
            return
        words = {SWITCHED_OFF: _SWITCHED_OFF, TOO_MANY: _TOO_MANY}.get(reason, _REFUSED.format(word=reason))
        if words != self.trouble:
            self.trouble = words
            self._tell(words)

    def on_message(self, message: dict[str, Any]) -> None:
        if message.get("type") == "sandbox_clock" and self._local:
            self._clock.move(timedelta(seconds=float(message["offset"])))

    async def on_unreadable(self, body: Mapping[str, Any]) -> None:
        if self.keep_unreadable is not None:
            await self.keep_unreadable(body)

    def _tell(self, words: str) -> None:
        log.error(words, action="connection_trouble")
        self.on_trouble(words)


def _nothing() -> None:
    """Until somebody listens."""


def _nobody(_words: str) -> None:
    """Until somebody listens."""


def _none() -> int:
    """Until somebody counts."""
    return 0
