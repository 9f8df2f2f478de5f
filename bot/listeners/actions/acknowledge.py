"""The "Acknowledge" button on an alert."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.blocks.alert import ACTION_ACKNOWLEDGE
from bot.casework.intake import Verb
from bot.listeners.deps import Deps

from .clicks import decide_click


def register(app: AsyncApp, deps: Deps) -> None:
    async def acknowledge(ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        await ack()
        await decide_click(deps, body, Verb.ACKNOWLEDGE, respond)

    app.action(ACTION_ACKNOWLEDGE)(acknowledge)
