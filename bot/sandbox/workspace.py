"""The state of the workspace and everything that can happen to it, without HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from bot.sandbox.bell import Bell
from bot.sandbox.clock import SandboxClock
from bot.sandbox.errors import SlackError
from bot.sandbox.model import Channel, Json, StoredFile, User, Usergroup
from bot.sandbox.people import BOT_ID, BOT_USER, SLACKBOT, TEAM_ID

Publisher = Callable[[Json, Channel | None], None]


class Workspace:
    """People, conversations and messages; publishes an event for each change, rings the bell after it.

    Messages are kept as Slack's JSON. `metadata` is part of them and left out by `shown` unless asked for.
    """

    def __init__(self, clock: SandboxClock, bell: Bell) -> None:
        self.clock = clock
        self.bell = bell
        self.publish: Publisher = lambda event, channel: None
        self.watchers: list[Publisher] = []
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.usergroups: dict[str, Usergroup] = {}
        self.files: dict[str, StoredFile] = {}
        self.ephemerals: dict[str, list[Json]] = {}
        self.views: dict[str, Json] = {}
        self.homes: dict[str, Json] = {}
        self._numbers = 0

    # people and channels

    def new_id(self, prefix: str) -> str:
        """A fresh id such as Slack's: a letter and ten characters."""
        self._numbers += 1
        return f"{prefix}0S{self._numbers:08d}"

    def add_user(self, id: str | None, name: str, real_name: str, **fields: Any) -> User:
        """Somebody joins the workspace."""
        user = User(id or self.new_id("U"), name, real_name, updated=int(self.clock.now()), **fields)
        self.users[user.id] = user
        self.bell.ring()
        return user

    def change_user(self, user_id: str, **fields: Any) -> User:
        """Somebody's profile, role or activation changes: user_change."""
        user = self.user(user_id)
        for name, value in fields.items():
            if not hasattr(user, name):
                raise ValueError(f"a user has no field {name!r}")
            setattr(user, name, value)
        user.updated = int(self.clock.now())
        shown = user.to_slack(with_email=True)
        self._announce({"type": "user_change", "user": shown, "cache_ts": user.updated}, None)
        return user

    def add_channel(
        self, id: str | None, name: str, *, private: bool = True, members: Iterable[str] = ()
    ) -> Channel:
        """A channel is made; nobody is told."""
        people = list(members)
        channel = Channel(
            id=id or self.new_id("C"),
            name=name,
            kind="private" if private else "public",
            members=people,
            created=int(self.clock.now()),
            creator=people[0] if people else "",
        )
        self.channels[channel.id] = channel
        self.bell.ring()
        return channel

    def set_usergroup(self, id: str, handle: str, name: str, users: Iterable[str]) -> Usergroup:
        """A user group is made, or replaced by one with these people."""
        group = Usergroup(id, handle, name, list(users))
        self.usergroups[id] = group
        self.bell.ring()
        return group

    def user(self, user_id: str) -> User:
        """The person with this id."""
        if user := self.users.get(user_id):
            return user
        raise SlackError("user_not_found")

    def channel(self, channel_id: str) -> Channel:
        """The conversation with this id."""
        if channel := self.channels.get(channel_id):
            return channel
        raise SlackError("channel_not_found")

    def open_im(self, user_id: str) -> tuple[Channel, bool]:
        """The DM between this person and the bot, and whether it is new."""
        user = self.user(user_id)
        dm_id = f"D{user.id[1:]}"
        if dm_id in self.channels:
            return self.channels[dm_id], False
        members = [user.id, BOT_USER]
        dm = Channel(dm_id, "", "im", members, int(self.clock.now()), creator=user.id)
        self.channels[dm_id] = dm
        self.bell.ring()
        return dm, True

    def join(self, user_id: str, channel_id: str, inviter: str | None = None) -> None:
        """Somebody becomes a member: a channel_join message and member_joined_channel."""
        channel, user = self.channel(channel_id), self.user(user_id)
        if user.id in channel.members:
            return
        channel.members.append(user.id)
        invited: Json = {"inviter": inviter} if inviter else {}
        joined = {"type": "message", "subtype": "channel_join", "user": user.id, **invited}
        self.post(channel, joined | {"text": f"<@{user.id}> has joined the channel"})
        event = {"type": "member_joined_channel", "user": user.id, "channel": channel.id}
        self._announce(event | {"channel_type": _letter(channel), "team": TEAM_ID, **invited}, channel)

    def leave(self, user_id: str, channel_id: str) -> None:
        """Somebody leaves or is removed. The bot is told of its own removal by group_left or channel_left."""
        channel, user = self.channel(channel_id), self.user(user_id)
        if user.id not in channel.members:
            return
        left = {"type": "message", "subtype": "channel_leave", "user": user.id}
        self.post(channel, left | {"text": f"<@{user.id}> has left the channel"})
        event = {"type": "member_left_channel", "user": user.id, "channel": channel.id}
        self._announce(event | {"channel_type": _letter(channel), "team": TEAM_ID}, channel)
        if user.id == BOT_USER:
            kind = "group_left" if channel.kind == "private" else "channel_left"
            self._announce({"type": kind, "channel": channel.id}, channel)
        channel.members.remove(user.id)
        self.bell.ring()

    def rename(self, channel_id: str, name: str) -> None:
        """A channel gets another name."""
        channel = self.channel(channel_id)
        channel.name = name
        kind = "group_rename" if channel.kind == "private" else "channel_rename"
        changed = {"id": channel.id, "name": name, "created": channel.created}
        self._announce({"type": kind, "channel": changed}, channel)

    def archive(self, channel_id: str, by: str, *, archived: bool = True) -> None:
        """A channel is archived, or brought back."""
        channel = self.channel(channel_id)
        channel.is_archived = archived
        family = "group" if channel.kind == "private" else "channel"
        kind = f"{family}_{'archive' if archived else 'unarchive'}"
        self._announce({"type": kind, "channel": channel.id, "user": by}, channel)

    # messages

    def post(self, channel: Channel, message: Json, *, thread_ts: str | None = None) -> Json:
        """Put a message into a conversation, top level or in a thread; returns it with its ts."""
        if channel.is_archived:
            raise SlackError("is_archived")
        parent = self._parent(channel, thread_ts) if thread_ts else None
        ts = self.clock.mint_ts()
        message = {"type": "message", **message, "ts": ts}
        channel.messages[ts] = message
        if parent is not None and thread_ts:
            message |= {"thread_ts": thread_ts, "parent_user_id": parent.get("user", "")}
            channel.threads.setdefault(thread_ts, []).append(ts)
            if message.get("subtype") == "thread_broadcast":
                message["root"] = self.shown(channel, parent)
        event = self.shown(channel, message) | self._where(channel, ts)
        self._announce(event, channel)
        if channel.kind != "im" and _mentions_bot(message):
            mention = {k: v for k, v in event.items() if k not in ("channel_type", "subtype", "parent_user_id")}
            self._announce(mention | {"type": "app_mention"}, channel)
        return message

    def edit(self, channel: Channel, ts: str, changes: Json, *, by: str | None) -> Json:
        """Change a message; `by` is shown as its editor, None leaves no mark: message_changed."""
        message = self.message(channel, ts)
        previous = self.shown(channel, message)
        changed = {**message, **changes}
        changed = {key: value for key, value in changed.items() if value is not None}
        now = self.clock.mint_ts()
        if by is not None:
            changed["edited"] = {"user": by, "ts": now}
        channel.messages[ts] = changed
        self._announce_change(channel, changed, previous, now)
        return changed

    def delete(self, channel: Channel, ts: str) -> None:
        """Delete a message. One with replies stays as a tombstone that holds its thread together."""
        message = self.message(channel, ts)
        previous = self.shown(channel, message)
        now = self.clock.mint_ts()
        if channel.threads.get(ts):
            tombstone = {
                "type": "message",
                "subtype": "tombstone",
                "text": "This message was deleted.",
                "user": SLACKBOT,
                "hidden": True,
                "ts": ts,
            }
            channel.messages[ts] = tombstone
            self._announce_change(channel, tombstone, previous, now)
            return
        del channel.messages[ts]
        channel.threads.pop(ts, None)
        parent = message.get("thread_ts")
        event = {
            "type": "message",
            "subtype": "message_deleted",
            "previous_message": previous,
            "hidden": True,
            "deleted_ts": ts,
        }
        if parent in channel.threads:
            channel.threads[parent].remove(ts)
        self._announce(event | self._where(channel, now) | {"ts": now}, channel)

    def message(self, channel: Channel, ts: str) -> Json:
        """The message with this ts; tombstones count as gone."""
        message = channel.messages.get(ts)
        if message is None or message.get("subtype") == "tombstone":
            raise SlackError("message_not_found")
        return message

    def shown(self, channel: Channel, message: Json, *, metadata: bool = False) -> Json:
        """A message as history and events show it: with its thread's bookkeeping and reactions."""
        row = {key: value for key, value in message.items() if metadata or key != "metadata"}
        replies = channel.threads.get(message["ts"])
        if replies:
            authors = list(dict.fromkeys(self._author(channel.messages[ts]) for ts in replies))
            row |= {
                "thread_ts": message["ts"],
                "reply_count": len(replies),
                "reply_users_count": len(authors),
                "latest_reply": replies[-1],
                "reply_users": authors,
                "is_locked": False,
                "subscribed": BOT_USER in (*authors, message.get("user")),
            }
        return row

    def react(self, channel: Channel, ts: str, name: str, by: str) -> None:
        """Add an emoji reaction."""
        message = self.message(channel, ts)
        reactions: list[Json] = message.setdefault("reactions", [])
        reaction = next((item for item in reactions if item["name"] == name), None)
        if reaction is None:
            reaction = {"name": name, "users": [], "count": 0}
            reactions.append(reaction)
        if by in reaction["users"]:
            raise SlackError("already_reacted")
        reaction["users"].append(by)
        reaction["count"] += 1
        self._announce_reaction("reaction_added", channel, message, name, by)

    def unreact(self, channel: Channel, ts: str, name: str, by: str) -> None:
        """Take an emoji reaction back."""
        message = self.message(channel, ts)
        reactions: list[Json] = message.get("reactions", [])
        reaction = next((item for item in reactions if item["name"] == name), None)
        if reaction is None or by not in reaction["users"]:
            raise SlackError("no_reaction")
        reaction["users"].remove(by)
        reaction["count"] -= 1
        if not reaction["users"]:
            reactions.remove(reaction)
        if not reactions:
            del message["reactions"]
        self._announce_reaction("reaction_removed", channel, message, name, by)

    def whisper(self, user_id: str, channel_id: str, message: Json) -> Json:
        """Show an ephemeral message to one person; it is no part of the conversation."""
        ephemeral = {
            "type": "message",
            "user": BOT_USER,
            "bot_id": BOT_ID,
            "is_ephemeral": True,
            **message,
            "channel": channel_id,
            "ts": self.clock.mint_ts(),
        }
        self.ephemerals.setdefault(user_id, []).append(ephemeral)
        self.bell.ring()
        return ephemeral

    def dismiss(self, user_id: str, ts: str) -> None:
        """Somebody puts an ephemeral message away."""
        kept = [message for message in self.ephemerals.get(user_id, ()) if message["ts"] != ts]
        self.ephemerals[user_id] = kept
        self.bell.ring()

    def share_file(self, file: StoredFile, channel: Channel, message: Json) -> None:
        """Note in a file where it has been posted."""
        family = "public" if channel.kind == "public" else "private"
        share: Json = {
            "ts": message["ts"],
            "channel_name": channel.name,
            "team_id": TEAM_ID,
            "share_user_id": message.get("user", ""),
            "source": "UNKNOWN",
            "reply_users": [],
            "reply_users_count": 0,
            "reply_count": 0,
        }
        if "thread_ts" in message:
            share["thread_ts"] = message["thread_ts"]
        file.shares.setdefault(family, {}).setdefault(channel.id, []).append(share)
        self.bell.ring()

    def delete_file(self, file: StoredFile) -> None:
        """A file is gone; what showed it and nothing else goes too, elsewhere a tombstone stands in its place."""
        del self.files[file.id]
        gone = {"id": file.id, "mode": "tombstone"}
        for family in file.shares.values():
            for channel_id, shares in family.items():
                channel = self.channel(channel_id)
                for ts in [share["ts"] for share in shares if share["ts"] in channel.messages]:
                    shown = channel.messages[ts].get("files", [])
                    left = [gone if other["id"] == file.id else other for other in shown]
                    if channel.messages[ts].get("text") or any(other["mode"] != "tombstone" for other in left):
                        self.edit(channel, ts, {"files": left}, by=None)
                    elif left:
                        self.delete(channel, ts)
        self._announce({"type": "file_deleted", "file_id": file.id}, None)

    # inside

    def _parent(self, channel: Channel, thread_ts: str) -> Json:
        parent = channel.messages.get(thread_ts)
        if parent is None:
            raise SlackError("thread_not_found")
        if parent.get("thread_ts", thread_ts) != thread_ts:
            raise SlackError("cannot_reply_to_message")
        return parent

    def _author(self, message: Json) -> str:
        return str(message.get("user") or message.get("bot_id") or "")

    def _where(self, channel: Channel, ts: str) -> Json:
        return {"channel": channel.id, "event_ts": ts, "channel_type": channel.type_in_events}

    def _announce(self, event: Json, channel: Channel | None) -> None:
        stamped = {**event, "event_ts": event.get("event_ts") or self.clock.mint_ts()}
        for watch in self.watchers:
            watch(stamped, channel)
        self.publish(deepcopy(stamped), channel)  # what is redelivered later must not have changed since
        self.bell.ring()

    def _announce_change(self, channel: Channel, message: Json, previous: Json, now: str) -> None:
        event = {
            "type": "message",
            "subtype": "message_changed",
            "message": self.shown(channel, message),
            "previous_message": previous,
            "hidden": True,
        }
        self._announce(event | self._where(channel, now) | {"ts": now}, channel)

    def _announce_reaction(self, kind: str, channel: Channel, message: Json, name: str, by: str) -> None:
        item = {"type": "message", "channel": channel.id, "ts": message["ts"]}
        event = {"type": kind, "user": by, "reaction": name, "item": item}
        self._announce(event | {"item_user": self._author(message)}, channel)


def _letter(channel: Channel) -> str:
    return {"im": "D", "private": "G", "public": "C"}[channel.kind]


def _mentions_bot(message: Json) -> bool:
    if message.get("bot_id") or message.get("user") == BOT_USER:
        return False
    if message.get("subtype") not in (None, "file_share", "thread_broadcast"):
        return False
    return re.search(rf"<@{BOT_USER}(?:\|[^>]*)?>", message.get("text", "")) is not None
