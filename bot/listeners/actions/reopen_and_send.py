"""The "Reopen and send" button under a post that was not sent."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.blocks.thread import ACTION_REOPEN_AND_SEND
from bot.casework.intake import Verb
from bot.listeners.deps import Deps

from .clicks import decide_click


def register(app: AsyncApp, deps: Deps) -> None:
    async def reopen_and_send(ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        await ack()
        await decide_click(deps, body, Verb.REOPEN_AND_SEND, respond)

    app.action(ACTION_REOPEN_AND_SEND)(reopen_and_send)
