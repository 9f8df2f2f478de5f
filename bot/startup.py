"""What must be true before the bot runs: the tokens work, the scopes are granted, the channels can be used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import structlog

from bot.casework.filing import Channels
from bot.config import Settings
from bot.courier.slack import ChannelTrouble, LoginTrouble, Refused, SlackGateway

log = structlog.get_logger(__name__)

# What each listener and each call needs; the manifest asks for these (a test compares).
SCOPES = frozenset(
    {
        "app_mentions:read",
        "channels:history",
        "channels:read",
        "chat:write",
        "chat:write.customize",
        "commands",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "reactions:write",
        "usergroups:read",
        "users:read",
        "users:read.email",
    }
)
_ID_LENGTH = 9
_MEMBERS_ASKED = 200


class StartError(Exception):
    """The bot cannot run as configured; `problems` says why, in plain words, with the mend."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


@dataclass(frozen=True, slots=True)
class Workspace:
    """What the workspace said of itself, and of our place in it."""

    team_id: str
    url: str
    bot_user_id: str
    bot_id: str
    channels: Channels
    warnings: tuple[str, ...]
    members: dict[str, frozenset[str]]


async def check_workspace(settings: Settings, bot: SlackGateway, app: SlackGateway) -> Workspace:
    """Ask Slack about everything at once.

    Raises StartError for what is definitely wrong, and NotSent or Uncertain while Slack is merely out of reach.
    """
    problems: list[str] = []
    identity = await _identity(bot, problems)
    try:
        await app.call("apps_connections_open", app_token=settings.slack_app_token.get_secret_value())
    except (LoginTrouble, Refused, ChannelTrouble) as error:
        problems.append(
            f"SLACK_APP_TOKEN was refused by Slack ({error}): it must be an app-level token with "
            "connections:write of this same app, and Socket Mode must be on"
        )
    if identity is None:
        raise StartError(problems)
    names = {
        "SUPPORT_SLACK_CHANNEL": settings.support_slack_channel,
        "ALERTING_SLACK_CHANNEL": settings.alerting_slack_channel,
        "LOGGING_SLACK_CHANNEL": settings.logging_slack_channel,
    }
    found = {setting: await _channel(bot, setting, name, problems) for setting, name in names.items()}
    if problems:
        raise StartError(problems)
    ids = {setting: str(channel["id"]) for setting, channel in found.items()}
    unique = {str(channel["id"]): channel for channel in found.values()}
    members = {channel_id: await _members(bot, channel_id) for channel_id in unique}
    return Workspace(
        team_id=str(identity["team_id"]),
        url=str(identity.get("url") or ""),
        bot_user_id=str(identity["user_id"]),
        bot_id=str(identity.get("bot_id") or ""),
        channels=Channels(
            ids["SUPPORT_SLACK_CHANNEL"], ids["ALERTING_SLACK_CHANNEL"], ids["LOGGING_SLACK_CHANNEL"]
        ),
        warnings=tuple(warning for channel in unique.values() for warning in _warnings(channel)),
        members=members,
    )


async def _identity(bot: SlackGateway, problems: list[str]) -> Any:
    try:
        identity = await bot.call("auth_test")
    except (LoginTrouble, Refused, ChannelTrouble) as error:
        problems.append(
            f"SLACK_BOT_TOKEN was refused by Slack ({error}): copy the Bot User OAuth Token again from "
            "“OAuth & Permissions”, after installing the app to the workspace"
        )
        return None
    granted = _header(identity.headers, "x-oauth-scopes")
    if granted is not None:
        missing = SCOPES - {scope.strip() for scope in granted.split(",")}
        if missing:
            problems.append(
                f"the app lacks scopes: {', '.join(sorted(missing))}. Paste manifest.yml again into “App "
                "Manifest” of your Slack app, then reinstall it to the workspace"
            )
    return identity


async def _channel(bot: SlackGateway, setting: str, name: str, problems: list[str]) -> Any:
    """The channel by id or name, if the bot is in it; else the problem is noted."""
    invite = "invite the app there (/invite @Casewire)"
    try:
        if name.isupper() and name[0] in "CG" and len(name) >= _ID_LENGTH:
            channel = (await bot.call("conversations_info", channel=name))["channel"]
        else:
            channel = await _by_name(bot, name)
            if channel is None:
                problems.append(
                    f"{setting}: there is no channel #{name} that the app is in: check the name, and {invite}"
                )
                return {"id": ""}
    except (LoginTrouble, Refused, ChannelTrouble) as error:
        problems.append(
            f"{setting}: Slack does not show channel {name} ({error}): check the id; if it is private, {invite}"
        )
        return {"id": ""}
    if channel.get("is_archived"):
        problems.append(f"{setting}: channel {_named(channel)} is archived: unarchive it, or name another")
    elif not channel.get("is_member"):
        problems.append(f"{setting}: the app is not in channel {_named(channel)}: {invite}")
    return channel


async def _by_name(bot: SlackGateway, name: str) -> Any:
    cursor = ""
    while True:
        arguments: dict[str, Any] = {"types": "public_channel,private_channel", "limit": 200}
        if cursor:
            arguments["cursor"] = cursor
        answer = await bot.call("users_conversations", **arguments)
        for channel in answer["channels"]:
            if channel.get("name") == name:
                return dict(channel) | {"is_member": True}
        cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return None


async def _members(bot: SlackGateway, channel_id: str) -> frozenset[str]:
    answer = await bot.call("conversations_members", channel=channel_id, limit=_MEMBERS_ASKED)
    return frozenset(answer["members"])


def _warnings(channel: Any) -> list[str]:
    warnings = []
    if not channel.get("is_private", False):
        warnings.append(
            f"channel {_named(channel)} is public: everybody in the workspace can read your customers' cases there"
        )
    if channel.get("is_ext_shared"):
        warnings.append(f"channel {_named(channel)} is shared with another organisation, which can read it")
    return warnings


def _named(channel: Any) -> str:
    return f"#{channel['name']}" if channel.get("name") else str(channel["id"])


def _header(headers: Any, wanted: str) -> str | None:
    for name, value in headers.items():
        if name.lower() == wanted:
            return str(value[0] if isinstance(value, list) else value)
    return None
