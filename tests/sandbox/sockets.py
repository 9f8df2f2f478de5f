"""A Socket Mode client that does only what it is told, for looking at what goes over the wire."""

import asyncio
import json
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient


async def open_url(slack) -> str:
    """The wss URL of a new connection, as Slack's own client asks for it."""
    client = AsyncWebClient(base_url=slack.api_url, retry_handlers=[])
    answer = await client.apps_connections_open(app_token=slack.app_token)
    return answer["url"]


class Socket:
    """One connection: `next()` gives the next frame of a type, acknowledged only if asked for."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws

    async def next(self, *kinds: str) -> dict[str, Any]:
        async with asyncio.timeout(5):
            while True:
                frame = json.loads(await self.ws.receive_str())
                if not kinds or frame["type"] in kinds:
                    return frame

    async def ack(self, frame: dict[str, Any], payload: dict[str, Any] | None = None) -> None:
        more = {} if payload is None else {"payload": payload}
        await self.ws.send_json({"envelope_id": frame["envelope_id"], **more})

    async def event(self) -> dict[str, Any]:
        """The next event, acknowledged."""
        frame = await self.next("events_api")
        await self.ack(frame)
        return frame["payload"]["event"]


@asynccontextmanager
async def connected(slack, http: aiohttp.ClientSession):
    """An open connection that has said hello."""
    async with http.ws_connect(await open_url(slack)) as ws:
        socket = Socket(ws)
        assert (await socket.next())["type"] == "hello"
        assert (await socket.next())["type"] == "sandbox_clock"
        yield socket
