"""A mention of the app: answered with help in the support channel."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.casework.intake import mention_item
from bot.listeners.deps import Deps

from .keeping import keep


def register(app: AsyncApp, deps: Deps) -> None:
    async def app_mention(body: dict[str, Any]) -> None:
        await keep(deps, mention_item, body)

    app.event("app_mention")(app_mention)
