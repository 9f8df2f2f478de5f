"""The "Reopen" button on the card of a closed case."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.blocks.card import ACTION_REOPEN_CASE
from bot.casework.intake import Verb
from bot.listeners.deps import Deps

from .clicks import decide_click


def register(app: AsyncApp, deps: Deps) -> None:
    async def reopen_case(ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        await ack()
        await decide_click(deps, body, Verb.REOPEN, respond)

    app.action(ACTION_REOPEN_CASE)(reopen_case)
