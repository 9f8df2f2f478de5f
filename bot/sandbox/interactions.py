"""Triggers, response_urls and replies: what follows when a person commands or clicks."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.sandbox.block_kit import check_message_blocks
from bot.sandbox.composer import posted_text
from bot.sandbox.errors import SlackError
from bot.sandbox.model import Channel, Json, bot_message

if TYPE_CHECKING:
    from bot.sandbox.workspace import Workspace

TRIGGER_LIFETIME = 3.0
"""Seconds: https://docs.slack.dev/interactivity/handling-user-interaction."""
RESPONSE_URL_USES = 5
RESPONSE_URL_LIFETIME = 1800
"""A response_url works 5 times within 30 minutes (same page)."""


@dataclass
class CommandReply:
    """What the person gets to see after a command, click or shortcut; grows as answers arrive."""

    user: str
    channel: str
    ok: bool = False
    error: str | None = None
    ack: Json | None = None
    shown: list[Json] = field(default_factory=list)

    @property
    def messages(self) -> list[str]:
        """The texts shown so far, from the acknowledgement and from the response_url."""
        return [str(message.get("text", "")) for message in self.shown]

    def to_json(self) -> Json:
        """The reply as the control API gives it."""
        return {
            "ok": self.ok,
            "error": self.error,
            "ack": self.ack,
            "messages": self.messages,
            "shown": self.shown,
        }


@dataclass
class _ResponseUrl:
    reply: CommandReply
    original: str | None
    thread_ts: str | None
    expires: float
    uses: int = 0


class Interactions:
    """Hands out trigger_ids and response_urls, and honours them as long as Slack does."""

    def __init__(self, workspace: Workspace) -> None:
        self.trigger_lifetime = TRIGGER_LIFETIME
        self.base_url = ""
        self._workspace = workspace
        self._triggers: dict[str, tuple[str, float]] = {}
        self._used: set[str] = set()
        self._urls: dict[str, _ResponseUrl] = {}

    def new_trigger(self, user: str) -> str:
        """A trigger_id for one modal."""
        trigger = f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**13)}.{secrets.token_hex(16)}"
        self._triggers[trigger] = (user, time.monotonic() + self.trigger_lifetime)
        return trigger

    def use_trigger(self, trigger: str) -> str:
        """Whose gesture this trigger_id stands for; it is good for one use."""
        if trigger in self._used:
            raise SlackError("exchanged_trigger_id")
        if trigger not in self._triggers:
            raise SlackError("invalid_trigger_id")
        user, expires = self._triggers.pop(trigger)
        self._used.add(trigger)
        if expires < time.monotonic():
            raise SlackError("expired_trigger_id")
        return user

    def new_response_url(
        self, reply: CommandReply, *, original: str | None = None, thread_ts: str | None = None
    ) -> str:
        """A response_url for this gesture; `original` is the message that was clicked."""
        key = secrets.token_urlsafe(12)
        expires = self._workspace.clock.now() + RESPONSE_URL_LIFETIME
        self._urls[key] = _ResponseUrl(reply, original, thread_ts, expires)
        return f"{self.base_url}/response/{key}"

    def respond(self, key: str, body: Json) -> str | None:
        """A POST to a response_url; returns Slack's error, or None if it was taken."""
        url = self._urls.get(key)
        if url is None:
            return "invalid_url"
        if url.expires < self._workspace.clock.now():
            return "expired_url"
        if url.uses >= RESPONSE_URL_USES:
            return "used_url"
        url.uses += 1
        if body.get("delete_original"):
            self._delete(url)
            return None
        if not body.get("text") and not body.get("blocks") and not body.get("attachments"):
            return "no_text"
        try:
            message = content(body)
        except SlackError as error:
            return error.code
        if url.original and body.get("replace_original"):
            self._replace(url, message)
        else:
            self.show(url.reply, message, str(body.get("response_type") or "ephemeral"), url.thread_ts)
        return None

    def show(self, reply: CommandReply, message: Json, response_type: str, thread_ts: str | None = None) -> None:
        """Show an answer: to its person only, or to the whole conversation with `in_channel`."""
        channel = self._workspace.channels.get(reply.channel)
        if response_type == "in_channel" and channel is not None:
            shown = self._workspace.post(channel, bot_message(message), thread_ts=thread_ts)
        else:
            where = {"thread_ts": thread_ts} if thread_ts else {}
            shown = self._workspace.whisper(reply.user, reply.channel, bot_message(message) | where)
        reply.shown.append(shown)
        self._workspace.bell.ring()

    def _replace(self, url: _ResponseUrl, message: Json) -> None:
        ephemeral = self._ephemeral(url)
        if ephemeral is not None:
            ephemeral.pop("blocks", None)
            ephemeral |= message
            url.reply.shown.append(ephemeral)
            self._workspace.bell.ring()
        elif url.original:
            changes = {"blocks": None, "username": None, "icons": None, **message}
            shown = self._workspace.edit(self._channel(url), url.original, changes, by=None)
            url.reply.shown.append(shown)

    def _delete(self, url: _ResponseUrl) -> None:
        ephemeral = self._ephemeral(url)
        if ephemeral is not None:
            self._workspace.ephemerals[url.reply.user].remove(ephemeral)
            self._workspace.bell.ring()
        elif url.original:
            self._workspace.delete(self._channel(url), url.original)

    def _channel(self, url: _ResponseUrl) -> Channel:
        return self._workspace.channel(url.reply.channel)

    def _ephemeral(self, url: _ResponseUrl) -> Json | None:
        seen = self._workspace.ephemerals.get(url.reply.user, [])
        return next((message for message in seen if message["ts"] == url.original), None)


def content(body: Json) -> Json:
    """The visible part of an acknowledgement or a response_url body, checked like a post."""
    message: Json = {"text": posted_text(str(body.get("text") or ""))}
    if body.get("blocks"):
        message["blocks"] = check_message_blocks(body["blocks"])
    if body.get("attachments"):
        message["attachments"] = body["attachments"]
    return message
