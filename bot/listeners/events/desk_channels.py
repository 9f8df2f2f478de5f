"""What happens to the desk's own channels: archived, renamed, left, joined.

Best effort: a channel that cannot be used shows at the next post to it, too.
"""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.listeners.deps import Deps

from .best_effort import best_effort

# Public channels send channel_…, private ones group_…: https://docs.slack.dev/reference/events
LOST = {
    "channel_archive": "is_archived",
    "group_archive": "is_archived",
    "channel_deleted": "channel_not_found",
    "group_deleted": "channel_not_found",
    "channel_left": "not_in_channel",
    "group_left": "not_in_channel",
}
USABLE = ("channel_unarchive", "group_unarchive")
RENAMED = ("channel_rename", "group_rename")


def register(app: AsyncApp, deps: Deps) -> None:
    channels = deps.channels

    async def lost(event: dict[str, Any]) -> None:
        if event["channel"] in channels:
            await channels.lost(event["channel"], LOST[event["type"]])

    async def usable(event: dict[str, Any]) -> None:
        if event["channel"] in channels:
            await channels.usable(event["channel"])

    async def renamed(event: dict[str, Any]) -> None:
        channel = event["channel"]
        if channel["id"] in channels:
            await channels.renamed(channel["id"], channel["name"])

    async def joined(event: dict[str, Any]) -> None:
        if event["channel"] not in channels:
            return
        if event["user"] == deps.bot_user_id:
            await channels.usable(event["channel"])
        else:
            channels.on_joined()

    for name in LOST:
        app.event(name)(best_effort(lost))
    for name in USABLE:
        app.event(name)(best_effort(usable))
    for name in RENAMED:
        app.event(name)(best_effort(renamed))
    app.event("member_joined_channel")(best_effort(joined))
