"""The "Escalate" button on a card; it is not there while the case is escalated."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.blocks.card import ACTION_ESCALATE_CASE
from bot.casework.intake import Verb
from bot.listeners.deps import Deps

from .clicks import decide_click


def register(app: AsyncApp, deps: Deps) -> None:
    async def escalate_case(ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        await ack()
        await decide_click(deps, body, Verb.ESCALATE, respond, once=True)

    app.action(ACTION_ESCALATE_CASE)(escalate_case)
