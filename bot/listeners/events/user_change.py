"""Somebody's profile changed: names and rights follow. Best effort, since profiles are asked anew anyway."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.listeners.deps import Deps


def register(app: AsyncApp, deps: Deps) -> None:
    async def user_change(event: dict[str, Any]) -> None:
        user: dict[str, Any] = event.get("user") or {}
        deps.people.changed(user)
        await deps.casework.renamed(str(user.get("id")))

    app.event("user_change")(user_change)
