"""Which events the app is sent, and the `event_callback` they are wrapped in."""

from __future__ import annotations

import secrets
from base64 import b64encode

from bot.sandbox.model import Channel, Json
from bot.sandbox.people import APP_ID, BOT_USER, TEAM_ID, VERIFICATION_TOKEN

ALL_SUBSCRIPTIONS = frozenset(
    {
        "app_home_opened",
        "app_mention",
        "channel_archive",
        "channel_deleted",
        "channel_left",
        "channel_rename",
        "channel_unarchive",
        "file_deleted",
        "group_archive",
        "group_deleted",
        "group_left",
        "group_rename",
        "group_unarchive",
        "member_joined_channel",
        "member_left_channel",
        "message.channels",
        "message.groups",
        "message.im",
        "reaction_added",
        "reaction_removed",
        "user_change",
    }
)

SCOPES = {
    "app_mention": "app_mentions:read",
    "channel_archive": "channels:read",
    "channel_deleted": "channels:read",
    "channel_left": "channels:read",
    "channel_rename": "channels:read",
    "channel_unarchive": "channels:read",
    "group_archive": "groups:read",
    "group_deleted": "groups:read",
    "group_left": "groups:read",
    "group_rename": "groups:read",
    "group_unarchive": "groups:read",
    "file_deleted": "files:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
    "user_change": "users:read",
}
"""The scope each subscription needs: https://docs.slack.dev/reference/events."""


def subscription(event: Json, channel: Channel | None) -> str:
    """The name under which an app subscribes to this event."""
    if event["type"] == "message" and channel is not None:
        family = {"im": "im", "private": "groups", "public": "channels"}[channel.kind]
        return f"message.{family}"
    return str(event["type"])


def needed_scope(event: Json, channel: Channel | None) -> str | None:
    """The scope without which Slack withholds this event."""
    name = subscription(event, channel)
    if name.startswith("member_") and channel is not None:
        return channel.scope_for("read")
    return SCOPES.get(name)


def event_callback(event: Json, channel: Channel | None, now: float) -> Json:
    """The outer payload: https://docs.slack.dev/apis/events-api/#the-events-api-payload."""
    context = f'4:{{"et":"{event["type"]}","tid":"{TEAM_ID}","aid":"{APP_ID}","cid":"{channel and channel.id}"}}'
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": TEAM_ID,
        "context_team_id": TEAM_ID,
        "context_enterprise_id": None,
        "api_app_id": APP_ID,
        "event": event,
        "type": "event_callback",
        "event_id": f"Ev0{secrets.token_hex(4).upper()}",
        "event_time": int(now),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM_ID,
                "user_id": BOT_USER,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": b64encode(context.encode()).decode(),
    }
