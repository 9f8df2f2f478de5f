"""Every `message` event goes to the inbox, and is acknowledged only once it is on disk; a canary's does not."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.canary.canary import is_canary
from bot.casework.intake import message_item
from bot.listeners.deps import Deps

from .keeping import keep


def register(app: AsyncApp, deps: Deps) -> None:
    async def message(body: dict[str, Any]) -> None:
        if is_canary(body["event"], deps.bot_user_id):
            await deps.on_canary(body["event"])
            return
        # An error here leaves the envelope unacknowledged: Slack sends it again.
        await keep(deps, message_item, body)

    app.event("message")(message)
