"""Somebody's profile changed: names and rights follow. Best effort, since profiles are asked anew anyway."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.listeners.deps import Deps


def register(app: AsyncApp, deps: Deps) -> None:
    async def user_change(event: dict[str, Any]) -> None:
        deps.people.changed(event.get("user") or {})

    app.event("user_change")(user_change)
