"""Slack as the courier sees it: one call, and an error that says what became of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NewType

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.blocks.post import Post
from bot.desk.model import FileTrouble
from bot.ops.logging import redacted
from bot.slack_refusals import LOGIN, error_word
from bot.slack_time import ts_of

# Names, without telling it, what a post follows from.
Origin = NewType("Origin", str)
METADATA_TYPE = "casewire_outbox"
PAGES_LOOKED_THROUGH = 10
ORIGIN_LENGTH = 20

# What Slack says of itself, not of the call: nobody knows whether it had an effect.
_UNCERTAIN = {"fatal_error", "internal_error", "request_timeout", "service_unavailable", "service_timeout"}
# Refused for now: the workspace or channel is being moved, or everybody in it posts too much.
_FOR_NOW = {"team_added_to_org", "external_channel_migrating", "message_limit_exceeded"}
_CHANNEL = {
    "channel_not_found",
    "not_in_channel",
    "is_archived",
    "is_inactive",
    "channel_is_archived",
    "restricted_action",
    "restricted_action_read_only_channel",
    "restricted_action_thread_only_channel",
    "restricted_action_non_threadable_channel",
}


class Undelivered(Exception):
    """The base of why something was not delivered; `str()` is Slack's or the mail server's word for it, which is
    stored and shown: a secret that they quote back is left out.
    """

    def __init__(self, why: str = "") -> None:
        super().__init__(redacted(why))


class NotSent(Undelivered):
    """It certainly had no effect, and may be tried again, in `seconds` at the earliest."""

    seconds = 0.0


class StillUncertain(NotSent):
    """The look for a post was lost; it changes nothing and is repeated."""


class RateLimited(NotSent):
    def __init__(self, seconds: float) -> None:
        super().__init__(f"Slack asks to wait {seconds:.0f} s")
        self.seconds = seconds


class Uncertain(Undelivered):
    """The answer was lost: it may or may not have had its effect."""


class LoginTrouble(Undelivered):
    """The token is refused or lacks a right: nothing of this kind can be sent until an operator acts."""


class ChannelTrouble(Undelivered):
    """The channel is gone, archived, or the bot is not in it."""


class Refused(Undelivered):
    """Slack will never take this: trying again cannot help."""


class FileLost(Refused):
    """A file will never get across; `str()` is Slack's word for it, or ours."""

    def __init__(self, trouble: FileTrouble, detail: str = "") -> None:
        super().__init__(detail)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Upload:
    """Where the bytes of a new file go, and the id it will have."""

    url: str
    file_id: str


@dataclass(frozen=True, slots=True)
class Share:
    """A file stands in a channel; in which post is not always known."""

    ts: str | None


class SlackGateway:
    """Posts and changes posts. The client must not retry writes by itself: the courier does, knowingly."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def post(
        self,
        channel: str,
        post: Post,
        outbox_id: int,
        thread_ts: str | None = None,
        *,
        broadcast: bool = False,
        origins: Sequence[Origin] = (),
    ) -> str:
        """Post, carrying our id and what it follows from as metadata, and return the ts."""
        payload = {"outbox_id": str(outbox_id)} | ({"origins": " ".join(origins)} if origins else {})
        arguments: dict[str, Any] = {
            "channel": channel,
            "text": post.text,
            "unfurl_links": False,
            "unfurl_media": False,
            "metadata": {"event_type": METADATA_TYPE, "event_payload": payload},
        }
        if post.blocks:
            arguments["blocks"] = list(post.blocks)
        else:
            arguments["mrkdwn"] = False  # bare words are said as they are
        if post.username:
            arguments["username"] = post.username
        if thread_ts is not None:
            arguments["thread_ts"] = thread_ts
            if broadcast:
                arguments["reply_broadcast"] = True
        return str((await self.call("chat_postMessage", **arguments))["ts"])

    async def whisper(self, channel: str, user: str, post: Post, thread_ts: str | None) -> None:
        """Show a hint to one person; it is no record, and may get lost."""
        await self.call(
            "chat_postEphemeral",
            channel=channel,
            user=user,
            text=post.text,
            blocks=list(post.blocks),
            thread_ts=thread_ts,
        )

    async def update(self, channel: str, ts: str, post: Post) -> None:
        await self.call("chat_update", channel=channel, ts=ts, text=post.text, blocks=list(post.blocks))

    async def delete(self, channel: str, ts: str) -> None:
        await self.call("chat_delete", allow="message_not_found", channel=channel, ts=ts)

    async def react(self, channel: str, ts: str, name: str) -> None:
        await self.call("reactions_add", allow="already_reacted", channel=channel, timestamp=ts, name=name)

    async def unreact(self, channel: str, ts: str, name: str) -> None:
        await self.call("reactions_remove", allow="no_reaction", channel=channel, timestamp=ts, name=name)

    async def direct_channel(self, user: str) -> str:
        """The DM with a person, opened if need be."""
        return str((await self.call("conversations_open", users=user))["channel"]["id"])

    async def find(self, channel: str, thread_ts: str | None, outbox_id: int, since: datetime) -> str | None:
        """The ts of the post that carries our id, looked for among what was posted since then."""
        return await self._find(channel, thread_ts, "outbox_id", str(outbox_id), since)

    async def find_origin(
        self, channel: str, thread_ts: str | None, wanted: Origin, since: datetime
    ) -> str | None:
        """The ts of a post that shows what follows from this."""
        return await self._find(channel, thread_ts, "origins", wanted, since)

    async def _find(
        self, channel: str, thread_ts: str | None, name: str, wanted: str, since: datetime
    ) -> str | None:
        method, cursor = ("conversations_replies" if thread_ts else "conversations_history"), ""
        for _ in range(PAGES_LOOKED_THROUGH):
            arguments: dict[str, Any] = {
                "channel": channel,
                "oldest": ts_of(since),
                "include_all_metadata": True,
                "limit": 200,
            }
            if thread_ts:
                arguments["ts"] = thread_ts
            if cursor:
                arguments["cursor"] = cursor
            answer = await self.call(method, **arguments)
            for message in answer.get("messages") or []:
                if wanted in _carried(message, name).split():
                    return str(message["ts"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                break
        return None

    async def begin_upload(self, name: str, size: int) -> Upload:
        """Step one of three; without the third it has no effect."""
        answer = await self.call("files_getUploadURLExternal", filename=name, length=size)
        return Upload(str(answer["upload_url"]), str(answer["file_id"]))

    async def complete_upload(
        self, file_id: str, title: str, channel: str, thread_ts: str | None, comment: str
    ) -> None:
        """Step three: the file is posted. `comment` is parsed by Slack: it must be escaped."""
        arguments: dict[str, Any] = {
            "files": [{"id": file_id, "title": title}],
            "channel_id": channel,
            "initial_comment": comment,
        }
        if thread_ts is not None:
            arguments["thread_ts"] = thread_ts
        await self.call("files_completeUploadExternal", **arguments)

    async def file_info(self, file_id: str) -> Mapping[str, Any]:
        file: Mapping[str, Any] = (await self.call("files_info", file=file_id))["file"]
        return file

    async def shared(self, file_id: str, channel: str) -> Share | None:
        """Whether a file of ours stands in a channel. Slack shares a moment after it has said yes."""
        try:
            file = await self.file_info(file_id)
        except Refused:
            return None  # not completed, so Slack shows it to nobody
        for places in (file.get("shares") or {}).values():
            for share in places.get(channel) or ():
                return Share(str(share["ts"]) if share.get("ts") else None)
        named = (*(file.get("channels") or ()), *(file.get("groups") or ()), *(file.get("ims") or ()))
        return Share(None) if channel in named else None

    async def delete_file(self, file_id: str, *, allow: str = "") -> None:
        await self.call("files_delete", allow=allow, file=file_id)

    async def call(self, method: str, allow: str = "", **arguments: Any) -> Any:
        """Call a Web API method; an error named `allow` counts as done. Raises an Undelivered."""
        ask = getattr(self._client, method)
        try:
            return await ask(**arguments)
        except SlackApiError as error:
            word = error_word(error)
            if allow and word == allow:
                return error.response
            raise _undelivered(error, word) from error
        except aiohttp.ClientConnectorError as error:
            raise NotSent(f"Slack cannot be reached ({type(error).__name__})") from error
        # The client takes every answer for a JSON object, and fails at what is a line of text.
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, AttributeError) as error:
            raise Uncertain(f"the answer was lost ({type(error).__name__})") from error


def _undelivered(error: SlackApiError, word: str) -> Undelivered:
    status = getattr(error.response, "status_code", 200)
    if status == 429 or word in {"ratelimited", "rate_limited"}:
        headers = getattr(error.response, "headers", None) or {}
        return RateLimited(seconds_to_wait(headers))
    if status >= 500 or word in _UNCERTAIN or not word:
        return Uncertain(word or f"HTTP {status}")
    if word in _FOR_NOW:
        return NotSent(word)
    if word in LOGIN:
        return LoginTrouble(word)
    if word in _CHANNEL:
        return ChannelTrouble(word)
    return Refused(word)


def seconds_to_wait(headers: Mapping[str, Any]) -> float:
    """What `Retry-After` says."""
    for name, value in headers.items():
        if name.lower() == "retry-after":
            try:
                return max(0.05, float(value))
            except (TypeError, ValueError):
                break
    return 30.0


def origin(name: str) -> Origin:
    return Origin(hashlib.sha256(name.encode()).hexdigest()[:ORIGIN_LENGTH])


def _carried(message: Mapping[str, Any], name: str) -> str:
    """What a post of ours carries under this name."""
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != METADATA_TYPE:
        return ""
    return str((metadata.get("event_payload") or {}).get(name) or "")
