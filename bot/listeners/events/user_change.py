"""Somebody's profile changed: names and rights follow. Best effort, since profiles are asked anew anyway."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.listeners.deps import Deps
from bot.slack_ids import slack_id

from .best_effort import best_effort


def register(app: AsyncApp, deps: Deps) -> None:
    async def user_change(event: dict[str, Any]) -> None:
        user: dict[str, Any] = event["user"]
        person = slack_id(user["id"])
        deps.people.changed(user)
        await deps.casework.renamed(person)

    app.event("user_change")(best_effort(user_change))
