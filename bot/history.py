"""Slack's history, read page by page and turned into the same items that events make."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bot.casework.intake import WAS_SENT, message_item
from bot.courier.states import EMOJI
from bot.desk.effects import MarkState
from bot.slack_time import moment, ts_of
from storage.inbox import NewItem

PAGE = 200
PAGES = 50
CUT_TO = 15
TOMBSTONE = "tombstone"

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """What a conversation holds of a stretch of time. `whole`: nothing of it is missing here.

    `cut`: Slack gives this app fifteen rows at a time, however many it asks for.
    """

    messages: tuple[Message, ...]
    whole: bool
    cut: bool = False


class Slack(Protocol):
    """What answers a call with what Slack says."""

    async def call(self, method: str, **arguments: Any) -> Any: ...


async def read_history(slack: Slack, channel: str, since: datetime, thread_ts: str | None = None) -> Listing:
    """A conversation's top level, or one thread of it, since that moment. Raises an Undelivered."""
    arguments: dict[str, Any] = {"channel": channel, "oldest": ts_of(since), "limit": PAGE}
    if thread_ts is not None:
        arguments["ts"] = thread_ts
    found: list[Message] = []
    cut = False
    for _ in range(PAGES):
        method = "conversations_history" if thread_ts is None else "conversations_replies"
        answer = await slack.call(method, **arguments)
        rows = answer.get("messages") or []
        found += [row for row in rows if row.get("ts") != thread_ts]
        cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        # https://docs.slack.dev/changelog/2025/05/29: what apps get that are sold outside Slack's marketplace.
        cut = cut or (len(rows) == CUT_TO and bool(cursor))
        if not cursor:
            return Listing(tuple(found), whole=True, cut=cut)
        arguments["cursor"] = cursor
    return Listing(tuple(found), whole=False, cut=cut)


def items_of(channel: str, listing: Listing, us: str = "", written_since: datetime | None = None) -> list[NewItem]:
    """The items of what was written (since that moment, where there is one) and edited, under the keys that its
    events have.

    A post that bears our own sign of having been sent was sent: by a desk that was restored from before it.
    """
    items = []
    for message in sorted(listing.messages, key=lambda message: moment(str(message["ts"]))):
        if message.get("subtype") == TOMBSTONE:
            continue
        place = {"channel": channel, "channel_type": "im" if channel.startswith("D") else "channel"}
        is_new = written_since is None or moment(str(message["ts"])) > written_since
        written = {"event": {**message, **place, **_fate(message, us), "type": "message"}}
        if is_new and (item := message_item(written)) is not None:
            items.append(item)
        if message.get("edited") and (edit := message_item({"event": _edit(message, place)})) is not None:
            items.append(edit)
    return items


def deletions_of(
    channel: str, thread_ts: str | None, listing: Listing, held: Mapping[str, str], now: datetime
) -> list[NewItem]:
    """The items of what we hold (ts and author) and Slack does not show any more."""
    if not listing.whole:
        return []
    shown = {str(message["ts"]) for message in listing.messages if message.get("subtype") != TOMBSTONE}
    return [
        item
        for ts, author in sorted(held.items())
        if ts not in shown and (item := _deletion(channel, thread_ts, ts, author, now)) is not None
    ]


def posts_among(raws: Iterable[bytes], channel: str, thread_ts: str | None) -> dict[str, str]:
    """Of events as they came, the posts in that conversation: ts and author."""
    return {
        event["ts"]: event["user"]
        for event in _posts(raws)
        if event["channel"] == channel and _root(event) == thread_ts
    }


def dm_among(raws: Iterable[bytes]) -> str | None:
    """The DM that one of the events came from."""
    return next((event["channel"] for event in _posts(raws) if event["channel"].startswith("D")), None)


def _posts(raws: Iterable[bytes]) -> Iterable[Mapping[str, str]]:
    """What cannot be read is none: it is told of when it cannot be decided."""
    for raw in raws:
        with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError):
            event = json.loads(raw)["event"]
            names = {name: event[name] for name in ("channel", "ts", "user")}
            yield {name: str(value) for name, value in names.items()} | {"root": str(event.get("thread_ts") or "")}


def _root(event: Mapping[str, str]) -> str | None:
    """The thread it is in; a root is in none, though Slack may name it as its own."""
    return event["root"] if event["root"] not in ("", event["ts"]) else None


def threads_changed(listing: Listing, since: datetime) -> Iterable[str]:
    """The roots of threads that were written in since that moment."""
    for message in listing.messages:
        latest = message.get("latest_reply")
        if latest and moment(str(latest)) > since:
            yield str(message["ts"])


def _fate(message: Message, us: str) -> dict[str, bool]:
    sent = EMOJI[MarkState.SENT]
    ours = any(
        one.get("name") == sent and us in (one.get("users") or ()) for one in message.get("reactions") or ()
    )
    return {WAS_SENT: True} if us and ours else {}


def _edit(message: Message, place: Mapping[str, str]) -> dict[str, Any]:
    return {"type": "message", "subtype": "message_changed", **place, "message": message, "previous_message": {}}


def _deletion(channel: str, thread_ts: str | None, ts: str, author: str, now: datetime) -> NewItem | None:
    previous = {"user": author, "ts": ts} | ({"thread_ts": thread_ts} if thread_ts else {})
    event = {
        "type": "message",
        "subtype": "message_deleted",
        "channel": channel,
        "channel_type": "im" if channel.startswith("D") else "channel",
        "deleted_ts": ts,
        "previous_message": previous,
        "event_ts": ts_of(now),
    }
    return message_item({"event": event})
