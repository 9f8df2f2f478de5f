"""chat.*: posting, editing and deleting the bot's messages."""

from __future__ import annotations

import json
from urllib.parse import quote

from bot.sandbox.block_kit import check_message_blocks
from bot.sandbox.composer import posted_text
from bot.sandbox.errors import SlackError
from bot.sandbox.model import Channel, Json, bot_message
from bot.sandbox.people import BOT_ID, BOT_USER, TEAM_DOMAIN
from bot.sandbox.web_api.call import Api, Args, Method

TRUNCATE_AT = 40_000
"""Slack truncates longer texts silently: https://docs.slack.dev/reference/methods/chat.postMessage#truncating."""
UPDATE_LIMIT = 4_000
"""chat.update refuses longer texts with msg_too_long."""
MAX_ATTACHMENTS = 100
MAX_METADATA = 8_000
"""Slack documents metadata_too_large without the number; this one is ours."""


def content(args: Args) -> Json:
    """The text, blocks and attachments of a call, checked; at least one of them is there."""
    blocks = args.structure("blocks", "invalid_blocks_format")
    attachments = args.structure("attachments", "invalid_attachments")
    markdown = args.text("markdown_text")
    text = args.text("text")
    if markdown and (text or blocks):
        raise SlackError("markdown_text_conflict")
    if markdown and len(markdown) > 12_000:
        raise SlackError("msg_too_long")
    if attachments is not None and not isinstance(attachments, list):
        raise SlackError("invalid_attachments")
    if len(attachments or ()) > MAX_ATTACHMENTS:
        raise SlackError("too_many_attachments")
    text = markdown or text
    if not (text and text.strip()) and not blocks and not attachments:
        raise SlackError("no_text")
    fields: Json = {}
    names = args.text("parse") == "full" or args.flag("link_names")
    fields["text"] = posted_text((text or "")[:TRUNCATE_AT], names=names)
    if blocks:
        fields["blocks"] = check_message_blocks(blocks)
    if attachments:
        fields["attachments"] = [{"id": n, "fallback": "", **item} for n, item in enumerate(attachments, 1)]
    return fields


def post_message(api: Api, args: Args) -> Json:
    """chat.postMessage."""
    channel = _target(api, args)
    fields = content(args)
    custom = {name: args.text(name) for name in ("username", "icon_url", "icon_emoji") if args.text(name)}
    if custom:
        api.need("chat:write.customize")
        fields["subtype"] = "bot_message"
        fields |= {"username": custom["username"]} if "username" in custom else {}
        icons = {"image_48": custom.get("icon_url"), "emoji": custom.get("icon_emoji")}
        fields["icons"] = {name: value for name, value in icons.items() if value}
    if (metadata := _metadata(args)) is not None:
        fields["metadata"] = metadata
    thread_ts = args.text("thread_ts")
    if thread_ts and args.flag("reply_broadcast"):
        fields["subtype"] = "thread_broadcast"
    message = api.workspace.post(channel, bot_message(fields), thread_ts=thread_ts)
    shown = api.workspace.shown(channel, message, metadata=True)
    return {"channel": channel.id, "ts": message["ts"], "message": shown}


def update(api: Api, args: Args) -> Json:
    """chat.update: drops a custom author, and the blocks if only a text is given.

    The custom author: slackapi/node-slack-sdk#944. The blocks: the method's page.
    """
    channel = api.joined(args.required("channel"))
    message = api.workspace.message(channel, args.required("ts"))
    if message.get("bot_id") != BOT_ID:
        raise SlackError("cant_update_message")
    if len(args.text("text") or "") > UPDATE_LIMIT:
        raise SlackError("msg_too_long")
    changes: Json = {"username": None, "icons": None, "subtype": None}
    metadata = _metadata(args)
    given = {"text", "blocks", "attachments", "markdown_text"} & set(args.values)
    if given or metadata is None:
        cleared = args.structure("blocks", "invalid_blocks_format") == [] and not args.text("text")
        fields = {"text": ""} if cleared else content(args)
        changes |= {"blocks": None} | fields
        if args.structure("attachments", "invalid_attachments") == []:
            changes["attachments"] = None
    if metadata is not None:
        changes["metadata"] = metadata or None
    by = None if changes.get("blocks") else BOT_USER
    message = api.workspace.edit(channel, message["ts"], changes, by=by)
    shown = api.workspace.shown(channel, message, metadata=True)
    return {"channel": channel.id, "ts": message["ts"], "text": message["text"], "message": shown}


def delete(api: Api, args: Args) -> Json:
    """chat.delete: a bot may delete only its own messages."""
    channel = api.joined(args.required("channel"))
    message = api.workspace.message(channel, args.required("ts"))
    if message.get("bot_id") != BOT_ID:
        raise SlackError("cant_delete_message")
    api.workspace.delete(channel, message["ts"])
    return {"channel": channel.id, "ts": message["ts"]}


def post_ephemeral(api: Api, args: Args) -> Json:
    """chat.postEphemeral: shown to one member of the conversation, and no part of its history."""
    channel = api.joined(args.required("channel"))
    user = args.required("user")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    fields = content(args)
    if thread_ts := args.text("thread_ts"):
        fields["thread_ts"] = thread_ts
    ephemeral = api.workspace.whisper(user, channel.id, bot_message(fields))
    return {"message_ts": ephemeral["ts"]}


def get_permalink(api: Api, args: Args) -> Json:
    """chat.getPermalink."""
    channel = api.visible(args.required("channel"))
    message = api.workspace.message(channel, args.required("message_ts"))
    return {"channel": channel.id, "permalink": permalink(channel, message)}


def permalink(channel: Channel, message: Json) -> str:
    """The link to a message, with its thread if it is a reply."""
    link = f"https://{TEAM_DOMAIN}.slack.com/archives/{channel.id}/p{message['ts'].replace('.', '')}"
    thread_ts = message.get("thread_ts")
    if thread_ts and thread_ts != message["ts"]:
        link += f"?thread_ts={quote(thread_ts)}&cid={channel.id}"
    return link


def _target(api: Api, args: Args) -> Channel:
    """The conversation to post to: by id, by name, or a person's DM by user id."""
    wanted = args.required("channel")
    if wanted in api.workspace.users:
        return api.workspace.open_im(wanted)[0]
    if wanted not in api.workspace.channels:
        name = wanted.removeprefix("#")
        found = [c.id for c in api.workspace.channels.values() if c.name == name and c.kind != "im"]
        wanted = found[0] if found else wanted
    channel = api.visible(wanted)
    if BOT_USER not in channel.members and "chat:write.public" not in api.scopes:
        raise SlackError("not_in_channel")
    if channel.is_archived:
        raise SlackError("is_archived")
    return channel


def _metadata(args: Args) -> Json | None:
    metadata = args.structure("metadata", "invalid_metadata_format")
    if metadata is None:
        return None
    if not isinstance(metadata, dict):
        raise SlackError("invalid_metadata_format")
    if metadata and not (metadata.get("event_type") and isinstance(metadata.get("event_payload"), dict)):
        raise SlackError("invalid_metadata_schema")
    if len(json.dumps(metadata)) > MAX_METADATA:
        raise SlackError("metadata_too_large")
    return metadata


WRITE = ("chat:write",)

METHODS = {
    "chat.postMessage": Method(post_message, WRITE),
    "chat.update": Method(update, WRITE),
    "chat.delete": Method(delete, WRITE),
    "chat.postEphemeral": Method(post_ephemeral, WRITE),
    "chat.getPermalink": Method(get_permalink),
}
