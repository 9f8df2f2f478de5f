"""The floor: a Bolt app on the same Slack that acknowledges every event, and does nothing.

Of what it is asked (a command, the Home tab) it answers one line.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

HOME = {"type": "home", "blocks": [{"type": "section", "text": {"type": "plain_text", "text": "Nothing"}}]}


async def run() -> None:
    token = os.environ["SLACK_BOT_TOKEN"]
    client = AsyncWebClient(token=token, base_url=os.environ["SLACK_API_URL"])
    client.proxy = None
    identity = await client.auth_test()

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None, team_id=identity["team_id"], bot_user_id=identity["user_id"], bot_token=token
        )

    app = AsyncApp(client=client, authorize=authorize, process_before_response=True)

    async def message() -> None:
        """Nothing."""

    async def case(ack: AsyncAck) -> None:
        await ack(text="Nothing")

    async def opened(event: dict[str, Any]) -> None:
        await client.views_publish(user_id=event["user"], view=HOME)

    app.event("message")(message)
    app.command("/case")(case)
    app.event("app_home_opened")(opened)
    handler = AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"], web_client=client)
    handler.client.proxy = None
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await handler.connect_async()
    await stop.wait()
    await handler.close_async()


if __name__ == "__main__":
    asyncio.run(run())
