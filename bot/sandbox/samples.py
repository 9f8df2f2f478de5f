"""Playing a sample: a Slack-shaped JSON document becomes the gesture of a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.sandbox.block_kit import buttons
from bot.sandbox.model import Channel, Json
from bot.sandbox.people import BOT_USER

if TYPE_CHECKING:
    from bot.sandbox.server import LocalSlack

LATEST = "latest"
"""Stands in a sample for a ts that only the running workspace knows."""

SHAPES = (
    "a sample is the body of an event (event_callback with a message, an app_mention, message_changed or "
    "message_deleted), of a slash command, or of a click (block_actions)"
)
WRITTEN = (None, "file_share", "me_message", "thread_broadcast")


async def play(slack: LocalSlack, sample: Json) -> Json:
    """Let the sample's person do what it shows, so that real events follow; returns what was done.

    Everything that Slack adds (ts, event_id, trigger_id) is made anew, so a sample can be played again.
    Raises ValueError, LookupError or SlackError for what cannot be played.
    """
    if "command" in sample:
        return await _play_command(slack, sample)
    if sample.get("type") == "block_actions":
        return await _play_click(slack, sample)
    event = sample.get("event", sample)
    if not isinstance(event, dict) or event.get("type", "message") not in ("message", "app_mention"):
        raise ValueError(SHAPES)
    subtype = event.get("subtype")
    if subtype == "message_changed":
        return await _play_edit(slack, event)
    if subtype == "message_deleted":
        return await _play_deletion(slack, event)
    if subtype not in WRITTEN:
        raise ValueError(f"cannot play a message of subtype {subtype!r}")
    return await _play_message(slack, sample, event)


async def _play_message(slack: LocalSlack, sample: Json, event: Json) -> Json:
    user = _person(slack, event.get("user"), sample.get("user_profile") or event.get("user_profile"))
    channel = _place(slack, user, event.get("channel"), event.get("channel_type"))
    thread_ts = event.get("thread_ts")
    if thread_ts == LATEST:
        thread_ts = _newest(channel, "thread of the bot's", lambda ts, message: _is_root(channel, ts, message))
    ts = await slack.post(
        user,
        channel.id,
        str(event.get("text", "")),
        thread_ts,
        files=[_file(file) for file in event.get("files", [])],
        blocks=event.get("blocks"),
        reply_broadcast=event.get("subtype") == "thread_broadcast",
        raw=True,
    )
    return {"did": "message", "user": user, "channel": channel.id, "ts": ts, "thread_ts": thread_ts}


async def _play_edit(slack: LocalSlack, event: Json) -> Json:
    message = event.get("message") or {}
    user = _person(slack, message.get("user"), None)
    channel = _place(slack, user, event.get("channel"), event.get("channel_type"))
    ts = _own_message(channel, user, message.get("ts"))
    await slack.edit(user, channel.id, ts, str(message.get("text", "")), raw=True)
    return {"did": "edit", "user": user, "channel": channel.id, "ts": ts}


async def _play_deletion(slack: LocalSlack, event: Json) -> Json:
    message = event.get("previous_message") or {}
    user = _person(slack, message.get("user"), None)
    channel = _place(slack, user, event.get("channel"), event.get("channel_type"))
    ts = _own_message(channel, user, event.get("deleted_ts") or message.get("ts"))
    await slack.delete(user, channel.id, ts)
    return {"did": "deletion", "user": user, "channel": channel.id, "ts": ts}


async def _play_command(slack: LocalSlack, sample: Json) -> Json:
    user = _person(slack, sample.get("user_id"), sample.get("user_profile"))
    channel = _place(slack, user, sample.get("channel_id"), None)
    reply = await slack.command(user, channel.id, str(sample["command"]), str(sample.get("text", "")))
    return {"did": "command", "user": user, "channel": channel.id, "reply": reply.to_json()}


async def _play_click(slack: LocalSlack, sample: Json) -> Json:
    user = _person(slack, (sample.get("user") or {}).get("id"), None)
    container, actions = sample.get("container") or {}, sample.get("actions") or [{}]
    action_id = str(actions[0].get("action_id"))
    channel = _place(slack, user, container.get("channel_id"), None)
    ts = str(container.get("message_ts", LATEST))
    if ts == LATEST:
        ts = _newest(channel, f"button {action_id}", lambda _, message: _offers(message, action_id))
    reply = await slack.click(user, channel.id, ts, action_id)
    return {"did": "click", "user": user, "channel": channel.id, "ts": ts, "reply": reply.to_json()}


def _person(slack: LocalSlack, user: object, profile: Json | None) -> str:
    """Who does it; somebody new joins the workspace."""
    if not isinstance(user, str) or not user:
        raise ValueError(f"the document does not say which user does it; {SHAPES}")
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


def _own_message(channel: Channel, user: str, ts: object) -> str:
    if ts != LATEST:
        return str(ts)
    return _newest(channel, f"message of {user}", lambda _, message: message.get("user") == user)


def _newest(channel: Channel, what: str, wanted: Callable[[str, Json], bool]) -> str:
    for ts, message in reversed(channel.messages.items()):
        if wanted(ts, message):
            return ts
    where = f"#{channel.name}" if channel.name else "the direct message"
    raise LookupError(f'"{LATEST}" finds nothing: there is no {what} in {where} yet')


def _is_root(channel: Channel, ts: str, message: Json) -> bool:
    """Whether it is a top-level message of the bot that is a card or has replies."""
    is_bots = message.get("thread_ts", ts) == ts and message.get("user") == BOT_USER
    return is_bots and bool(message.get("blocks") or channel.threads.get(ts))


def _offers(message: Json, action_id: str) -> bool:
    return any(element.get("action_id") == action_id for _, element in buttons(message.get("blocks", [])))


def _file(file: Json) -> Json:
    """A file to upload; Slack's file objects come without the content."""
    return {"content": f"The content of {file.get('name')}.\n", **file, "name": file.get("name") or "untitled"}
