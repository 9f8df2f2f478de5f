"""A mention of the app: answered with help in the support channel."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.casework.intake import mention_item
from bot.listeners.deps import Deps


def register(app: AsyncApp, deps: Deps) -> None:
    async def app_mention(body: dict[str, Any]) -> None:
        item = mention_item(body)
        if item is not None:
            await deps.casework.put(item)

    app.event("app_mention")(app_mention)
