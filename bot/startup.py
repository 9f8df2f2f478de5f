"""What must be true before the bot runs: the tokens work, the scopes are granted, the channels can be used."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import DBAPIError

from bot.casework.filing_rows import Channels
from bot.config import Settings
from bot.courier.slack import ChannelTrouble, LoginTrouble, Refused, SlackGateway
from bot.setting_types import is_channel_id
from storage.engine import is_away

# What each listener and each call needs; the manifest asks for these (a test compares).
SCOPES = frozenset(
    {
        "app_mentions:read",
        "channels:history",
        "channels:read",
        "chat:write",
        "chat:write.customize",
        "commands",
        "files:read",
        "files:write",
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
_REFUSALS = (LoginTrouble, Refused, ChannelTrouble)
_INVITE = "invite the app there (/invite @Casewire)"
PAGE = 200


class StartError(Exception):
    """The bot cannot run as configured; `problems` says why, in plain words, with the mend."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


@dataclass(frozen=True, slots=True)
class Workspace:
    """What the workspace said of itself, and of our place in it. `names`: of the desk's channels, by id."""

    team_id: str
    url: str
    bot_user_id: str
    bot_id: str
    channels: Channels
    names: dict[str, str]
    warnings: tuple[str, ...]


async def check_workspace(settings: Settings, slack: SlackGateway) -> Workspace:
    """Ask Slack about everything at once.

    Raises StartError for what is definitely wrong, and NotSent or Uncertain while Slack is merely out of reach.
    """
    problems: list[str] = []
    identity = await identity_of(slack, problems)
    await check_socket_mode(slack, settings.slack_app_token.get_secret_value(), problems)
    if identity is None:
        raise StartError(problems)
    await check_same_app(slack, settings, identity, problems)
    await _usergroup(slack, settings.admins.usergroup, problems)
    wanted = settings.channels.items()
    found = {name: await find_channel(slack, name, channel, problems) for name, channel in wanted}
    if problems:
        raise StartError(problems)
    support, alerting, logging = (str(channel["id"]) for channel in found.values())
    unique = {str(channel["id"]): channel for channel in found.values()}
    return Workspace(
        team_id=str(identity["team_id"]),
        url=str(identity.get("url") or ""),
        bot_user_id=str(identity["user_id"]),
        bot_id=str(identity.get("bot_id") or ""),
        channels=Channels(support, alerting, logging),
        names={channel_id: named(channel) for channel_id, channel in unique.items()},
        warnings=tuple(warning for channel in unique.values() for warning in channel_warnings(channel)),
    )


async def channel_members(slack: SlackGateway, channel: str) -> list[str]:
    """Everybody in a channel. Raises an Undelivered."""
    members: list[str] = []
    cursor = ""
    while True:
        more = {"cursor": cursor} if cursor else {}
        answer = await slack.call("conversations_members", channel=channel, limit=PAGE, **more)
        members += answer["members"]
        cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return members


async def identity_of(slack: SlackGateway, problems: list[str]) -> Any:
    try:
        identity = await slack.call("auth_test")
    except _REFUSALS as error:
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


async def check_socket_mode(slack: SlackGateway, app_token: str, problems: list[str]) -> None:
    try:
        await slack.call("apps_connections_open", app_token=app_token)
    except _REFUSALS as error:
        problems.append(
            f"SLACK_APP_TOKEN was refused by Slack ({error}): it must be an app-level token with "
            "connections:write of this same app, and “Socket Mode” must be on"
        )


async def check_same_app(slack: SlackGateway, settings: Settings, identity: Any, problems: list[str]) -> None:
    """With the tokens of two apps every call works, and no message ever comes."""
    written = re.match(r"xapp-\d+-(A[A-Z0-9]+)-", settings.slack_app_token.get_secret_value())
    if written is None or not identity.get("bot_id"):
        return
    try:
        app_id = (await slack.call("bots_info", bot=identity["bot_id"]))["bot"].get("app_id")
    except _REFUSALS:
        return
    if app_id and app_id != written[1]:
        problems.append(
            f"SLACK_APP_TOKEN is of another Slack app ({written[1]}) than SLACK_BOT_TOKEN ({app_id}): copy both "
            "tokens from the same app"
        )


async def _usergroup(slack: SlackGateway, name: str, problems: list[str]) -> None:
    if not name:
        return
    try:
        groups = (await slack.call("usergroups_list"))["usergroups"]
    except _REFUSALS as error:
        problems.append(f"ADMIN_SLACK_USERGROUP={name}: Slack does not show the user groups ({error})")
        return
    if not any(name in {group.get("id"), group.get("handle")} for group in groups):
        problems.append(
            f"ADMIN_SLACK_USERGROUP={name}: the workspace has no such active user group; write its "
            "handle, such as helpdesk, or its id"
        )


async def find_channel(slack: SlackGateway, setting: str, name: str, problems: list[str]) -> Any:
    """The channel by id or name, if the bot is in it; else the problem is noted."""
    try:
        if is_channel_id(name):
            channel = (await slack.call("conversations_info", channel=name))["channel"]
        else:
            channel = await _by_name(slack, name)
    except LoginTrouble as error:
        problems.append(f"{setting}: Slack does not show channel {name} ({error})")
        return {"id": ""}
    except (Refused, ChannelTrouble) as error:
        problems.append(
            f"{setting}: Slack does not show channel {name} ({error}): check the id; if it is private, {_INVITE}"
        )
        return {"id": ""}
    if channel is None:
        problems.append(
            f"{setting}: there is no channel #{name} that the app is in: check the name, and {_INVITE}"
        )
        return {"id": ""}
    if channel.get("is_archived"):
        problems.append(f"{setting}: channel {named(channel)} is archived: unarchive it, or name another")
    elif not channel.get("is_member"):
        problems.append(f"{setting}: the app is not in channel {named(channel)}: {_INVITE}")
    return channel


async def _by_name(slack: SlackGateway, name: str) -> Any:
    """Among the channels that the bot is in."""
    cursor = ""
    while True:
        arguments: dict[str, Any] = {"types": "public_channel,private_channel", "limit": PAGE}
        if cursor:
            arguments["cursor"] = cursor
        answer = await slack.call("users_conversations", **arguments)
        for channel in answer["channels"]:
            if channel.get("name") == name:
                return dict(channel) | {"is_member": True}
        cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return None


def channel_warnings(channel: Any) -> list[str]:
    warnings = []
    if not channel.get("is_private", False):
        warnings.append(
            f"channel {named(channel)} is public: everybody in the workspace can read your customers' cases there"
        )
    if channel.get("is_ext_shared"):
        warnings.append(f"channel {named(channel)} is shared with another organisation, which can read it")
    return warnings


def named(channel: Any) -> str:
    return f"#{channel['name']}" if channel.get("name") else str(channel["id"])


def _header(headers: Any, wanted: str) -> str | None:
    for name, value in headers.items():
        if name.lower() == wanted:
            return str(value[0] if isinstance(value, list) else value)
    return None


def database_problem(error: DBAPIError | OSError) -> str | None:
    """Why no waiting mends this error, if so: a wrong password, a database not there, a file that is none."""
    if not isinstance(error, DBAPIError):
        return None
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        if state[:2] in {"28", "3D"} or state == "42501" or not is_away(error):
            return f"PostgreSQL refuses it ({reason(error)}): check user, password, database name and rights"
        return None
    words = str(error.orig).lower()
    if "not a database" in words or "malformed" in words:
        return (
            f"the file is no SQLite database, or is damaged ({reason(error)}): name another, or restore a backup"
        )
    if "unable to open" in words or "readonly" in words:
        return f"the file cannot be opened for writing ({reason(error)}): check the path and its rights"
    return None if is_away(error) else reason(error)


def reason(error: BaseException) -> str:
    """What the database or the network says, in one line."""
    origin = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return (str(origin).strip() or type(origin).__name__).splitlines()[0]
