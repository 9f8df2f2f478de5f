"""Somebody opened the app: its Home tab is shown anew. Best effort, since opening it again asks again."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.listeners.deps import Deps
from bot.slack_ids import slack_id

from .best_effort import best_effort


def register(app: AsyncApp, deps: Deps) -> None:
    async def app_home_opened(event: dict[str, Any]) -> None:
        if event.get("tab") == "home":
            await deps.homes.opened(slack_id(event["user"]))

    app.event("app_home_opened")(best_effort(app_home_opened))
