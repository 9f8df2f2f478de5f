"""Playing a sample: a Slack-shaped JSON document becomes the gesture of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.sandbox.errors import SlackError
from bot.sandbox.model import Channel, Json
from bot.sandbox.people import BOT_USER

if TYPE_CHECKING:
    from bot.sandbox.server import LocalSlack

LATEST = "latest"


async def play(slack: LocalSlack, sample: Json) -> Json:
    """Let the sample's person do what it shows, so that real events follow; returns what was done.

    A sample is an `event_callback` body whose event is a message, or the body of a slash command.
    """
    if "command" in sample:
        return await _play_command(slack, sample)
    event = sample.get("event", sample)
    if not isinstance(event, dict) or event.get("type", "message") != "message":
        raise ValueError("a sample is an event_callback with a message, or a slash command")
    if event.get("subtype") not in (None, "file_share", "thread_broadcast"):
        raise ValueError(f"cannot play a message of subtype {event['subtype']!r}")
    return await _play_message(slack, sample, event)


async def _play_message(slack: LocalSlack, sample: Json, event: Json) -> Json:
    user = _person(slack, str(event["user"]), sample.get("user_profile") or event.get("user_profile"))
    channel = _place(slack, user, event.get("channel"), event.get("channel_type"))
    thread_ts = event.get("thread_ts")
    if thread_ts == LATEST:
        thread_ts = _latest_root(channel)
    files = [file for file in event.get("files", []) if "content" in file]
    ts = await slack.post(
        user,
        channel.id,
        str(event.get("text", "")),
        thread_ts,
        files=files,
        blocks=event.get("blocks"),
        reply_broadcast=event.get("subtype") == "thread_broadcast",
        raw=True,
        client_msg_id=event.get("client_msg_id"),
    )
    return {"did": "message", "user": user, "channel": channel.id, "ts": ts, "thread_ts": thread_ts}


async def _play_command(slack: LocalSlack, sample: Json) -> Json:
    user = _person(slack, str(sample["user_id"]), sample.get("user_profile"))
    channel = _place(slack, user, sample.get("channel_id"), None)
    reply = await slack.command(user, channel.id, str(sample["command"]), str(sample.get("text", "")))
    return {"did": "command", "user": user, "channel": channel.id, "reply": reply.to_json()}


def _person(slack: LocalSlack, user: str, profile: Json | None) -> str:
    if user not in slack.workspace.users:
        known = profile or {}
        real_name = str(known.get("real_name") or known.get("display_name") or known.get("name") or user)
        name = str(known.get("name") or real_name.split()[0].lower())
        slack.add_user(user, name, real_name, email=known.get("email"))
    return user


def _place(slack: LocalSlack, user: str, channel: str | None, channel_type: str | None) -> Channel:
    """The named channel, which the person joins if need be, or the person's DM."""
    workspace = slack.workspace
    if not channel or channel in ("im", "directmessage") or channel_type == "im" or channel.startswith("D"):
        return workspace.open_im(user)[0]
    by_name = [c for c in workspace.channels.values() if c.name and c.name == channel.removeprefix("#")]
    place = by_name[0] if by_name else workspace.channel(channel)
    if user not in place.members:
        workspace.join(user, place.id)
    return place


def _latest_root(channel: Channel) -> str:
    """The newest top-level message of the bot that is a card or has replies."""
    for ts, message in reversed(channel.messages.items()):
        is_root = message.get("thread_ts", ts) == ts and message.get("user") == BOT_USER
        if is_root and (message.get("blocks") or channel.threads.get(ts)):
            return ts
    raise SlackError("thread_not_found")
