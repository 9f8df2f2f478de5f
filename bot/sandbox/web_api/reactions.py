"""reactions.*"""

from __future__ import annotations

import re

from bot.sandbox.errors import SlackError
from bot.sandbox.model import Channel, Json
from bot.sandbox.people import BOT_USER
from bot.sandbox.web_api.call import Api, Args, Method

NAME = re.compile(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?")


def add(api: Api, args: Args) -> Json:
    """reactions.add."""
    channel, ts, name = _target(api, args)
    api.workspace.react(channel, ts, name, BOT_USER)
    return {}


def remove(api: Api, args: Args) -> Json:
    """reactions.remove."""
    channel, ts, name = _target(api, args)
    api.workspace.unreact(channel, ts, name, BOT_USER)
    return {}


def get(api: Api, args: Args) -> Json:
    """reactions.get."""
    channel = api.joined(args.required("channel"))
    message = api.workspace.message(channel, args.required("timestamp"))
    return {"type": "message", "channel": channel.id, "message": api.workspace.shown(channel, message)}


def _target(api: Api, args: Args) -> tuple[Channel, str, str]:
    channel = api.joined(args.required("channel"))
    if channel.is_archived:
        raise SlackError("is_archived")
    name = args.required("name").strip(":")
    if not NAME.fullmatch(name):
        raise SlackError("invalid_name")
    return channel, args.required("timestamp"), name


METHODS = {
    "reactions.add": Method(add, ("reactions:write",)),
    "reactions.remove": Method(remove, ("reactions:write",)),
    "reactions.get": Method(get, ("reactions:read",)),
}
