"""The "Go to thread" button is a link; Slack tells of the click all the same, and wants it acknowledged."""

from __future__ import annotations

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.blocks.alert import ACTION_OPEN_THREAD


def register(app: AsyncApp) -> None:
    async def go_to_thread(ack: AsyncAck) -> None:
        await ack()

    app.action(ACTION_OPEN_THREAD)(go_to_thread)
