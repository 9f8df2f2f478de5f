"""The Socket Mode connection: kept, watched, and made anew when it does not come back by itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from aiohttp import WSMessage, WSMsgType
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import Clock

log = structlog.get_logger(__name__)

PING_INTERVAL = 5.0
WATCH_INTERVAL = 0.5
FRESH_ADDRESS_AFTER = 20.0
REBUILD_AFTER = 60.0
CLOSE_TIMEOUT = 3.0


class SlackConnection:
    """`connected` is true only while events can arrive."""

    def __init__(
        self, app: AsyncApp, app_token: str, client: AsyncWebClient, clock: Clock, *, local: bool
    ) -> None:
        self._app = app
        self._app_token = app_token
        self._client = client
        self._clock = clock
        self._local = local
        self._stop = asyncio.Event()
        self.connected = False
        self.on_change: Callable[[], None] = lambda: None

    async def run(self) -> None:
        """Stay connected until `stop`."""
        while not self._stop.is_set():
            handler = self._new_handler()
            connecting = asyncio.create_task(_connect(handler), name="slack-connect")
            try:
                await self._watch(handler)
            finally:
                self.connected = False
                connecting.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await connecting
                # Closing has been seen to hang in the client's teardown.
                with contextlib.suppress(TimeoutError, Exception):
                    async with asyncio.timeout(CLOSE_TIMEOUT):
                        await handler.close_async()  # type: ignore[no-untyped-call]

    def stop(self) -> None:
        self._stop.set()

    def _new_handler(self) -> AsyncSocketModeHandler:
        handler = AsyncSocketModeHandler(
            self._app, self._app_token, web_client=self._client, ping_interval=PING_INTERVAL
        )
        if self._local:
            handler.client.proxy = None
        handler.client.message_listeners.append(self._on_message)
        handler.client.on_message_listeners.append(_on_frame)
        return handler

    async def _watch(self, handler: AsyncSocketModeHandler) -> None:
        """Return when stopped, or when the client is past healing and a new one is due."""
        lost_at = renewed_at = self._clock.monotonic()
        while not self._stop.is_set():
            connected = await handler.client.is_connected()
            if connected != self.connected:
                self.connected = connected
                log.info("Slack connection", action="connected" if connected else "disconnected")
                self.on_change()
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

    async def _on_message(self, _client: Any, message: dict[str, Any], _raw: str | None = None) -> None:
        kind = message.get("type")
        if kind == "hello":
            log.info("Slack said hello", action="hello", connections=message.get("num_connections"))
        elif kind == "sandbox_clock" and self._local:
            self._clock.offset = timedelta(seconds=float(message["offset"]))


async def _on_frame(frame: WSMessage) -> None:
    """Every frame as it came: the client connects anew before it tells of a disconnect, and may fail to."""
    if frame.type is WSMsgType.TEXT and '"link_disabled"' in frame.data:
        message = json.loads(frame.data)
        if message.get("type") == "disconnect":
            log.error("Socket Mode was switched off in the settings of the Slack app: switch it on again")


async def _connect(handler: AsyncSocketModeHandler) -> None:
    """Returns once connected; the client retries by itself, for ever."""
    await handler.connect_async()  # type: ignore[no-untyped-call]
