"""A file alone was deleted in Slack: its copies go too, as they do with a message that is deleted."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.listeners.deps import Deps


def register(app: AsyncApp, deps: Deps) -> None:
    async def file_deleted(event: dict[str, Any]) -> None:
        # An error here leaves the envelope unacknowledged: Slack sends it again.
        await deps.casework.file_deleted(str(event["file_id"]))

    app.event("file_deleted")(file_deleted)
