"""conversations.* and users.conversations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from bot.sandbox.errors import SlackError
from bot.sandbox.model import Channel, Json
from bot.sandbox.people import BOT_USER
from bot.sandbox.web_api.call import Api, Args, Method, page

TYPES = {"public_channel": "public", "private_channel": "private", "im": "im", "mpim": "mpim"}
SCOPE_OF_TYPE = {"public": "channels:read", "private": "groups:read", "im": "im:read", "mpim": "mpim:read"}
TS = re.compile(r"\d+(\.\d+)?")


def open_dm(api: Api, args: Args) -> Json:
    """conversations.open with one person; group DMs are not part of this sandbox."""
    if channel_id := args.text("channel"):
        channel = api.joined(channel_id)
        return {"no_op": True, "already_open": True, "channel": {"id": channel.id}}
    users = args.names("users")
    if not users:
        raise SlackError("users_list_not_supplied")
    if len(users) > 1:
        raise SlackError("not_implemented_in_sandbox")
    user = api.workspace.user(users[0])
    if user.deleted:
        raise SlackError("user_disabled")
    if user.is_bot:
        raise SlackError("cannot_dm_bot")
    channel, is_new = api.workspace.open_im(user.id)
    shown = channel.to_slack() if args.flag("return_im") else {"id": channel.id}
    return {"channel": shown} if is_new else {"no_op": True, "already_open": True, "channel": shown}


def info(api: Api, args: Args) -> Json:
    """conversations.info."""
    channel = api.visible(args.required("channel"))
    api.need(channel.scope_for("read"))
    shown = channel.to_slack()
    if not args.flag("include_num_members"):
        shown.pop("num_members", None)
    return {"channel": shown}


def list_all(api: Api, args: Args) -> Json:
    """conversations.list: the public ones and those the bot is in."""
    seen = [c for c in api.workspace.channels.values() if c.kind == "public" or BOT_USER in c.members]
    return _list(api, args, seen)


def list_of_user(api: Api, args: Args) -> Json:
    """users.conversations: those of the bot, or those of a person that the bot shares."""
    user = args.text("user") or BOT_USER
    api.workspace.user(user)
    shared = [
        c
        for c in api.workspace.channels.values()
        if user in c.members and (c.kind == "public" or BOT_USER in c.members)
    ]
    return _list(api, args, shared)


def members(api: Api, args: Args) -> Json:
    """conversations.members."""
    channel = api.visible(args.required("channel"))
    api.need(channel.scope_for("read"))
    rows, cursor = page(channel.members, args, default=100)
    return {"members": rows, "response_metadata": {"next_cursor": cursor}}


def join(api: Api, args: Args) -> Json:
    """conversations.join: only public channels can be joined."""
    channel = api.visible(args.required("channel"))
    if channel.kind != "public":
        raise SlackError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise SlackError("is_archived")
    if BOT_USER in channel.members:
        return {"channel": channel.to_slack(), "warning": "already_in_channel"}
    api.workspace.join(BOT_USER, channel.id)
    return {"channel": channel.to_slack()}


def history(api: Api, args: Args) -> Json:
    """conversations.history: top-level messages and broadcast replies, newest first."""
    channel = _readable(api, args)
    rows = [
        message
        for message in reversed(channel.messages.values())
        if message.get("thread_ts", message["ts"]) == message["ts"] or message.get("subtype") == "thread_broadcast"
    ]
    return _rows(api, args, channel, _window(rows, args))


def replies(api: Api, args: Args) -> Json:
    """conversations.replies: a thread from its parent on, oldest first; the parent is on every page."""
    channel = _readable(api, args)
    ts = args.required("ts")
    parent = channel.messages.get(ts)
    if parent is None:
        raise SlackError("thread_not_found")
    rows = [channel.messages[reply] for reply in channel.threads.get(ts, ())]
    answer = _rows(api, args, channel, _window(rows, args))
    include = args.flag("include_all_metadata")
    answer["messages"].insert(0, api.workspace.shown(channel, parent, metadata=include))
    return answer


def _readable(api: Api, args: Args) -> Channel:
    channel = api.joined(args.required("channel"))
    api.need(channel.scope_for("history"))
    return channel


def _window(rows: Iterable[Json], args: Args) -> list[Json]:
    """The rows between `oldest` and `latest`; both are exclusive unless `inclusive`."""
    oldest, latest, inclusive = args.text("oldest"), args.text("latest"), args.flag("inclusive")
    if not oldest and not latest:
        return list(rows)
    for name, bound in (("oldest", oldest), ("latest", latest)):
        if bound and not TS.fullmatch(bound):
            raise SlackError(f"invalid_ts_{name}")
    low = Decimal(oldest) if oldest else None
    high = Decimal(latest) if latest else None

    def inside(ts: Decimal) -> bool:
        after = low is None or ts > low or (inclusive and ts == low)
        before = high is None or ts < high or (inclusive and ts == high)
        return after and before

    return [row for row in rows if inside(Decimal(row["ts"]))]


def _rows(api: Api, args: Args, channel: Channel, rows: list[Json]) -> Json:
    shown, cursor = page(rows, args, default=100, cap=api.history_cap)
    include = args.flag("include_all_metadata")
    answer: Json = {
        "messages": [api.workspace.shown(channel, row, metadata=include) for row in shown],
        "has_more": bool(cursor),
    }
    if cursor:
        answer["response_metadata"] = {"next_cursor": cursor}
    return answer


def _list(api: Api, args: Args, channels: list[Channel]) -> Json:
    types = args.names("types") or ["public_channel"]
    if unknown := set(types) - set(TYPES):
        raise SlackError("invalid_types", response_metadata={"messages": [f"[ERROR] {sorted(unknown)}"]})
    kinds = [TYPES[name] for name in types]
    for kind in kinds:
        api.need(SCOPE_OF_TYPE[kind])
    open_only = args.flag("exclude_archived")
    found = [c.to_slack() for c in channels if c.kind in kinds and not (open_only and c.is_archived)]
    rows, cursor = page(found, args, default=100)
    return {"channels": rows, "response_metadata": {"next_cursor": cursor}}


METHODS = {
    "conversations.open": Method(open_dm, ("im:write",)),
    "conversations.info": Method(info),
    "conversations.list": Method(list_all),
    "users.conversations": Method(list_of_user),
    "conversations.members": Method(members),
    "conversations.join": Method(join, ("channels:join",)),
    "conversations.history": Method(history),
    "conversations.replies": Method(replies),
}
