"""What Slack sends over a socket, handed to Bolt; and what becomes of it where Bolt itself cannot read it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from time import time
from typing import Any

import structlog
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

log = structlog.get_logger(__name__)

EVENTS = "events_api"

Keep = Callable[[Mapping[str, Any]], Awaitable[None]]


class EnvelopeHandler(AsyncSocketModeHandler):
    """An error of a listener is Bolt's to catch. What gets as far as here, Bolt stumbled over.

    An event is kept for a person and acknowledged, since it will not read better when it comes again; anything
    else is refused, and whoever made the gesture sees that.
    """

    keep: Keep | None = None

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        began = time()
        try:
            response = await run_async_bolt_app(self.app, req)
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            if req.type != EVENTS or self.keep is None or not isinstance(req.payload, Mapping):
                log.error("an envelope cannot be read", action="not_acknowledged", type=req.type, error=why)
                return
            log.error("an event cannot be read; it is kept for a person", action="unreadable", error=why)
            await self.keep(req.payload)
            await client.send_socket_mode_response(SocketModeResponse(envelope_id=req.envelope_id))
            return
        await send_async_response(client, req, response, began)
