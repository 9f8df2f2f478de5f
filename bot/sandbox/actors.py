"""What people do: write, edit, delete, react, come and go."""

from __future__ import annotations

import mimetypes
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from bot.sandbox.clock import SandboxClock
from bot.sandbox.composer import rich_text, typed_text
from bot.sandbox.errors import SlackError
from bot.sandbox.model import Channel, Json, StoredFile, User
from bot.sandbox.people import TEAM_ID
from bot.sandbox.traffic import Record, Traffic
from bot.sandbox.web_api.call import Api

FileSpec = Mapping[str, Any]
"""A file to attach: `name`, `content` (bytes or str) and optionally `mimetype`.

`told` are fields of its file object that are otherwise than usual: {"mode": "tombstone"}, another `size`, a
`url_private_download` of somewhere else; {"file_access": "check_file_info"} leaves only the id in events.
"""


class Actors:
    """The people of the workspace. Their gestures change it and send the app what Slack would."""

    def __init__(self, api: Api, traffic: Traffic) -> None:
        self.api = api
        self.workspace = api.workspace
        self.clock: SandboxClock = api.clock
        self.traffic = traffic

    # writing

    async def post(
        self,
        user: str,
        channel: str,
        text: str = "",
        thread_ts: str | None = None,
        files: Iterable[FileSpec] | None = None,
        blocks: list[Json] | None = None,
        *,
        reply_broadcast: bool = False,
        raw: bool = False,
        client_msg_id: str | None = None,
    ) -> str:
        """Type a message and send it; returns its ts.

        `text` is what is typed: reserved characters are encoded, Slack tokens (`<@U..>`, `<https://..|..>`)
        are kept as the mentions and links the client makes of them. With `raw` it is Slack's encoded text.
        """
        place = self._place(user, channel)
        encoded = text if raw else typed_text(text)
        attached = [self._upload(user, spec) for spec in files or ()]
        if not encoded.strip() and not attached and not blocks:
            raise ValueError("Slack's client does not send an empty message")
        message: Json = {
            "client_msg_id": client_msg_id or str(uuid.uuid4()),
            "text": encoded,
            "user": user,
            "team": TEAM_ID,
        }
        if blocks or encoded:
            message["blocks"] = blocks or [rich_text(encoded)]
        if attached:
            message |= {"subtype": "file_share", "upload": False, "display_as_bot": False}
            message["files"] = [file.in_event() for file in attached]
        if thread_ts and reply_broadcast:
            message["subtype"] = "thread_broadcast"
        named = {"files": [file.name for file in attached]} if attached else {}
        noted = self._note("post", user=user, channel=place.id, text=text, thread_ts=thread_ts, **named)
        posted = self.workspace.post(place, message, thread_ts=thread_ts)
        noted.detail["ts"] = posted["ts"]  # known only now
        for file in attached:
            self.workspace.share_file(file, place, posted)
        return str(posted["ts"])

    async def dm(
        self,
        user: str,
        text: str = "",
        thread_ts: str | None = None,
        files: Iterable[FileSpec] | None = None,
    ) -> str:
        """Write to the bot; returns the message's ts."""
        channel, _ = self.workspace.open_im(user)
        return await self.post(user, channel.id, text, thread_ts, files)

    async def edit(self, user: str, channel: str, ts: str, text: str, *, raw: bool = False) -> None:
        """Edit one's own message; `raw` as in `post`."""
        place = self._place(user, channel)
        if self.workspace.message(place, ts).get("user") != user:
            raise SlackError("cant_update_message")
        encoded = text if raw else typed_text(text)
        noted = self._note("edit", user=user, channel=place.id, ts=ts, text=text)
        edited = self.workspace.edit(place, ts, {"text": encoded, "blocks": [rich_text(encoded)]}, by=user)
        noted.detail["edited_ts"] = edited["edited"]["ts"]

    async def delete(self, user: str, channel: str, ts: str) -> None:
        """Delete a message: one's own, or as an admin anybody's."""
        place = self._place(user, channel)
        if self.workspace.message(place, ts).get("user") != user and not self.workspace.user(user).is_admin:
            raise SlackError("cant_delete_message")
        self._note("delete", user=user, channel=place.id, ts=ts)
        self.workspace.delete(place, ts)

    async def react(self, user: str, channel: str, ts: str, name: str) -> None:
        """Add an emoji reaction."""
        place = self._place(user, channel)
        self._note("react", user=user, channel=place.id, ts=ts, name=name)
        self.workspace.react(place, ts, name, user)

    async def unreact(self, user: str, channel: str, ts: str, name: str) -> None:
        """Take one's emoji reaction back."""
        self._note("unreact", user=user, channel=channel, ts=ts, name=name)
        self.workspace.unreact(self._place(user, channel), ts, name, user)

    async def unfurl(self, channel: str, ts: str, url: str) -> None:
        """Slack adds a link preview: a message_changed without any change of the text."""
        place = self.workspace.channel(channel)
        preview = [{"id": 1, "from_url": url, "original_url": url, "fallback": url, "title": url}]
        self.workspace.edit(place, ts, {"attachments": preview}, by=None)

    # the workspace itself

    def add_user(self, id: str | None, name: str, real_name: str, **fields: Any) -> User:
        """Somebody joins; `fields` are those of `model.User`."""
        return self.workspace.add_user(id, name, real_name, **fields)

    def change_user(self, user: str, **fields: Any) -> User:
        """Change somebody's profile or role, for example `deleted=True`: user_change."""
        self._note("change_user", user=user, **fields)
        return self.workspace.change_user(user, **fields)

    def add_channel(
        self, id: str | None, name: str, *, private: bool = True, members: Iterable[str] = ()
    ) -> Channel:
        """Make a channel."""
        return self.workspace.add_channel(id, name, private=private, members=members)

    def invite(self, user: str, channel: str, by: str | None = None) -> None:
        """Bring somebody (or the bot) into a channel."""
        self._note("invite", user=user, channel=channel, by=by)
        self.workspace.join(user, channel, by)

    def kick(self, user: str, channel: str) -> None:
        """Remove somebody (or the bot) from a channel."""
        self._note("kick", user=user, channel=channel)
        self.workspace.leave(user, channel)

    def rename_channel(self, channel: str, name: str) -> None:
        """Give a channel another name."""
        self._note("rename_channel", channel=channel, name=name)
        self.workspace.rename(channel, name)

    def archive(self, channel: str, by: str, *, archived: bool = True) -> None:
        """Archive a channel, or bring it back."""
        self._note("archive", channel=channel, by=by, archived=archived)
        self.workspace.archive(channel, by, archived=archived)

    def set_usergroup(self, id: str, handle: str, users: Iterable[str], name: str = "") -> None:
        """Set who is in a user group."""
        self.workspace.set_usergroup(id, handle, name or handle, users)

    # inside

    def _note(self, verb: str, **detail: Any) -> Record:
        return self.traffic.add(self.clock.now(), "person", verb, **detail)

    def _place(self, user: str, channel: str) -> Channel:
        """The conversation a person is in; "im" is the DM with the bot."""
        if self.workspace.user(user).deleted:
            raise SlackError("account_inactive")
        if channel == "im" or channel == f"D{user[1:]}":
            return self.workspace.open_im(user)[0]
        place = self.workspace.channel(channel)
        if user not in place.members:
            raise SlackError("not_in_channel")
        return place

    def _upload(self, user: str, spec: FileSpec) -> StoredFile:
        given = spec["content"]
        data = given.encode() if isinstance(given, str) else bytes(given)
        name = str(spec["name"])
        file = StoredFile(
            id=self.workspace.new_id("F"),
            name=name,
            user=user,
            created=int(self.clock.now()),
            base_url=self.api.base_url,
            size=len(data),
            mimetype=str(spec.get("mimetype") or mimetypes.guess_type(name)[0] or "application/octet-stream"),
            content=data,
            completed=True,
            told=dict(spec.get("told") or {}),
        )
        self.workspace.files[file.id] = file
        return file
