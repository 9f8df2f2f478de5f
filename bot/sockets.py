"""One Socket Mode connection: kept, watched, and made anew when it does not come back by itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog
from aiohttp import WSMessage, WSMsgType
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import Clock
from bot.envelopes import EnvelopeHandler

log = structlog.get_logger(__name__)

PING_INTERVAL = 5.0
WATCH_INTERVAL = 0.5
FRESH_ADDRESS_AFTER = 20.0
REBUILD_AFTER = 60.0
CLOSE_TIMEOUT = 3.0

SWITCHED_OFF = "link_disabled"
TOO_MANY = "too_many_websockets"


class Listener(Protocol):
    """Who is told what a socket sees."""

    def on_change(self) -> None:
        """It was connected, or lost."""

    def on_hello(self, connections: int) -> None:
        """Slack greets, and says how many connections the app has."""

    def on_refused(self, reason: str) -> None:
        """Slack does not let us connect, or sends us away for good: its word for why."""

    def on_message(self, message: dict[str, Any]) -> None:
        """Whatever else Slack says."""

    async def on_unreadable(self, body: Mapping[str, Any]) -> None:
        """An event that Bolt cannot read: it is acknowledged once this returns."""


class Socket:
    """`connected` is true only while events can arrive."""

    def __init__(
        self,
        app: AsyncApp,
        app_token: str,
        client: AsyncWebClient,
        clock: Clock,
        listener: Listener,
        *,
        local: bool,
    ) -> None:
        self._app = app
        self._app_token = app_token
        self._client = client
        self._clock = clock
        self._listener = listener
        self._local = local
        self._stop = asyncio.Event()
        self._sent_away = False
        self.connected = False

    async def run(self) -> None:
        """Stay connected until `stop`."""
        while not self._stop.is_set():
            handler = self._new_handler()
            connecting = asyncio.create_task(_connect(handler), name="slack-connect")
            try:
                await self._watch(handler)
            finally:
                self._set_connected(False)
                connecting.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await connecting
                await _closed(handler)

    def stop(self) -> None:
        self._stop.set()

    def _new_handler(self) -> EnvelopeHandler:
        handler = EnvelopeHandler(self._app, self._app_token, web_client=self._client, ping_interval=PING_INTERVAL)
        handler.keep = self._listener.on_unreadable
        client = handler.client
        if self._local:
            client.proxy = None
        client.message_listeners.append(self._on_message)
        client.on_message_listeners.append(self._on_frame)
        # The client tries again for ever, and keeps what it was told to itself.
        client.issue_new_wss_url = self._telling(client.issue_new_wss_url)  # type: ignore[method-assign]
        return handler

    def _telling(self, issue: Callable[[], Any]) -> Callable[[], Any]:
        async def issue_and_tell() -> Any:
            try:
                return await issue()
            except SlackApiError as error:
                word = str(error.response.get("error") or "")
                if error.response.status_code == 200 and word:
                    self._listener.on_refused(word)
                raise

        return issue_and_tell

    async def _watch(self, handler: EnvelopeHandler) -> None:
        """Return when stopped, or when the client is past healing and a new one is due."""
        lost_at = renewed_at = self._clock.monotonic()
        while not self._stop.is_set():
            # After being sent away for good, the client takes itself for connected until Slack hangs up.
            connected = await handler.client.is_connected() and not self._sent_away
            self._set_connected(connected)
            now = self._clock.monotonic()
            if connected:
                lost_at = renewed_at = now
            elif now - lost_at > REBUILD_AFTER:
                log.warning("the Slack connection is made anew", action="rebuild")
                return
            elif now - renewed_at > FRESH_ADDRESS_AFTER:
                # The client keeps to an address once issued, even when its ticket has expired.
                handler.client.wss_uri = None
                renewed_at = now
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WATCH_INTERVAL):
                    await self._stop.wait()

    def _set_connected(self, connected: bool) -> None:
        if connected != self.connected:
            self.connected = connected
            log.info("Slack connection", action="connected" if connected else "disconnected")
            self._listener.on_change()

    async def _on_message(self, _client: Any, message: dict[str, Any], _raw: str | None = None) -> None:
        if message.get("type") == "hello":
            self._sent_away = False
            log.info("Slack said hello", action="hello", connections=message.get("num_connections"))
            self._listener.on_hello(int(message.get("num_connections") or 0))
        else:
            self._listener.on_message(message)

    async def _on_frame(self, frame: WSMessage) -> None:
        """Every frame as it came: the client connects anew before it tells of a disconnect, and may fail to."""
        if frame.type is not WSMsgType.TEXT or '"disconnect"' not in frame.data:
            return
        message = json.loads(frame.data)
        reason = message.get("reason")
        if message.get("type") == "disconnect" and reason in (SWITCHED_OFF, TOO_MANY):
            self._sent_away = True
            self._listener.on_refused(str(reason))


async def _closed(handler: EnvelopeHandler) -> None:
    """Closing has been seen to hang in the client's teardown: what it leaves is ended all the same, or it would
    connect again beside its successor.
    """
    with contextlib.suppress(TimeoutError, Exception):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await handler.close_async()  # type: ignore[no-untyped-call]
            return
    log.warning("the Slack connection does not close; it is let go", action="close_hangs")
    client = handler.client
    client.closed, client.auto_reconnect_enabled = True, False
    for task in (client.message_processor, client.current_session_monitor, client.message_receiver):
        if task is not None:
            task.cancel()
    with contextlib.suppress(TimeoutError, Exception):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await client.aiohttp_client_session.close()


async def _connect(handler: EnvelopeHandler) -> None:
    """Returns once connected; the client retries by itself, for ever."""
    await handler.connect_async()  # type: ignore[no-untyped-call]
