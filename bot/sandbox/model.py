"""What a workspace is made of: people, conversations, files, and how Slack shows them as JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.sandbox.people import APP_ID, BOT_ID, BOT_USER, TEAM_ID

Json = dict[str, Any]
ChannelKind = Literal["im", "private", "public"]

AVATAR = "https://avatars.sandbox.example"


@dataclass
class User:
    """A person or the bot; fields are named as in https://docs.slack.dev/reference/objects/user-object."""

    id: str
    name: str
    real_name: str
    email: str | None = None
    display_name: str = ""
    is_bot: bool = False
    is_admin: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    deleted: bool = False
    tz: str = "Etc/UTC"
    team_id: str = TEAM_ID
    updated: int = 0

    def to_slack(self, *, with_email: bool) -> Json:
        """The user object; the address only for apps that hold users:read.email."""
        profile: Json = {
            "real_name": self.real_name,
            "real_name_normalized": self.real_name,
            "display_name": self.display_name or self.real_name,
            "display_name_normalized": self.display_name or self.real_name,
            "title": "",
            "phone": "",
            "status_text": "",
            "status_emoji": "",
            "avatar_hash": "sandbox",
            "image_24": f"{AVATAR}/{self.id}_24.png",
            "image_48": f"{AVATAR}/{self.id}_48.png",
            "image_72": f"{AVATAR}/{self.id}_72.png",
            "image_192": f"{AVATAR}/{self.id}_192.png",
            "image_512": f"{AVATAR}/{self.id}_512.png",
            "team": self.team_id,
        }
        if self.is_bot:
            profile |= {"bot_id": BOT_ID, "api_app_id": APP_ID, "always_active": True}
        elif with_email and self.email and not self.is_stranger:
            profile["email"] = self.email
        shown: Json = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.deleted,
            "profile": profile,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": self.updated,
        }
        if self.is_stranger:
            shown["is_stranger"] = True
        if self.deleted:
            return shown
        return shown | {
            "color": "9f69e7",
            "real_name": self.real_name,
            "tz": self.tz,
            "tz_label": "Coordinated Universal Time",
            "tz_offset": 0,
            "is_admin": self.is_admin,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
            "is_email_confirmed": self.email is not None,
            "who_can_share_contact_card": "EVERYONE",
        }


@dataclass
class Channel:
    """A conversation. Messages are kept in the order of their ts, replies beside their thread."""

    id: str
    name: str
    kind: ChannelKind
    members: list[str]
    created: int
    creator: str = ""
    is_archived: bool = False
    messages: dict[str, Json] = field(default_factory=dict)
    threads: dict[str, list[str]] = field(default_factory=dict)

    @property
    def type_in_events(self) -> str:
        """`channel_type` of message events: private channels are still called groups there."""
        return {"im": "im", "private": "group", "public": "channel"}[self.kind]

    @property
    def type_in_commands(self) -> str:
        """`channel_name` of slash commands: Slack hides the names of DMs and private channels."""
        return {"im": "directmessage", "private": "privategroup", "public": self.name}[self.kind]

    @property
    def other(self) -> str:
        """Whose DM with the bot this is."""
        return next(member for member in self.members if member != BOT_USER)

    def scope_for(self, right: Literal["history", "read"]) -> str:
        """The scope that reading this kind of conversation needs."""
        family = {"im": "im", "private": "groups", "public": "channels"}[self.kind]
        return f"{family}:{right}"

    def to_slack(self) -> Json:
        """The conversation object: https://docs.slack.dev/reference/objects/conversation-object."""
        if self.kind == "im":
            return {
                "id": self.id,
                "created": self.created,
                "is_im": True,
                "is_org_shared": False,
                "is_archived": self.is_archived,
                "context_team_id": TEAM_ID,
                "updated": self.created * 1000,
                "user": self.other,
                "is_user_deleted": False,
                "is_open": True,
                "priority": 0,
            }
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": True,
            "is_group": False,
            "is_im": False,
            "is_mpim": False,
            "is_private": self.kind == "private",
            "is_archived": self.is_archived,
            "is_general": False,
            "is_shared": False,
            "is_ext_shared": False,
            "is_org_shared": False,
            "is_member": BOT_USER in self.members,
            "created": self.created,
            "creator": self.creator,
            "context_team_id": TEAM_ID,
            "updated": self.created * 1000,
            "num_members": len(self.members),
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
            "previous_names": [],
        }


@dataclass
class Usergroup:
    """A user group such as @helpdesk."""

    id: str
    handle: str
    name: str
    users: list[str]

    def to_slack(self, *, with_users: bool) -> Json:
        """The user group object: https://docs.slack.dev/reference/objects/usergroup-object."""
        shown: Json = {
            "id": self.id,
            "team_id": TEAM_ID,
            "is_usergroup": True,
            "name": self.name,
            "handle": self.handle,
            "description": "",
            "is_external": False,
            "date_delete": 0,
            "user_count": len(self.users),
        }
        return shown | {"users": list(self.users)} if with_users else shown


@dataclass
class StoredFile:
    """A file, from the moment its upload URL is handed out."""

    id: str
    name: str
    user: str
    created: int
    base_url: str
    size: int
    title: str = ""
    mimetype: str = "application/octet-stream"
    content: bytes | None = None
    completed: bool = False
    shares: Json = field(default_factory=dict)
    asked_for: int = 0
    told: Json = field(default_factory=dict)
    """What is told of it otherwise than of an ordinary file."""

    def in_event(self) -> Json:
        """As a message shows it; with `check_file_info` files.info must be asked for all but the id."""
        if self.told.get("file_access") == "check_file_info":
            return {
                "id": self.id,
                "mode": "file_access",
                "file_access": "check_file_info",
                "created": self.created,
            }
        return self.to_slack()

    def to_slack(self) -> Json:
        """The file object: https://docs.slack.dev/reference/objects/file-object."""
        extension = self.name.rsplit(".", 1)[-1] if "." in self.name else "binary"
        path = f"files-pri/{TEAM_ID}-{self.id}"
        named = re.sub(r"[^a-z0-9.]+", "_", self.name.lower()).strip("._")[-100:]
        private = list(self.shares.get("private", {}))
        return {
            "id": self.id,
            "created": self.created,
            "timestamp": self.created,
            "name": self.name,
            "title": self.title or self.name,
            "mimetype": self.mimetype,
            "filetype": extension,
            "pretty_type": extension.upper(),
            "user": self.user,
            "user_team": TEAM_ID,
            "editable": False,
            "size": self.size,
            "mode": "hosted",
            "is_external": False,
            "external_type": "",
            "is_public": bool(self.shares.get("public")),
            "public_url_shared": False,
            "display_as_bot": False,
            "username": "",
            "url_private": f"{self.base_url}/{path}/{named}",
            "url_private_download": f"{self.base_url}/{path}/download/{named}",
            "permalink": f"{self.base_url}/files/{self.user}/{self.id}/{named}",
            "is_starred": False,
            "has_rich_preview": False,
            "file_access": "visible",
            "shares": self.shares,
            "channels": list(self.shares.get("public", {})),
            "groups": [channel for channel in private if not channel.startswith("D")],
            "ims": [channel for channel in private if channel.startswith("D")],
            **self.told,
        }


def bot_message(fields: Json) -> Json:
    """A message of the bot as Slack shows it: bot_id, user, app_id and the bot's profile."""
    return {
        "user": BOT_USER,
        "type": "message",
        "bot_id": BOT_ID,
        "app_id": APP_ID,
        "team": TEAM_ID,
        "bot_profile": {
            "id": BOT_ID,
            "app_id": APP_ID,
            "user_id": BOT_USER,
            "name": "Casewire",
            "icons": {"image_48": f"{AVATAR}/bot_48.png"},
            "deleted": False,
            "updated": 1700000000,
            "team_id": TEAM_ID,
        },
        **fields,
    }
