"""Reading what the bot posted: its words, where its links lead, and whether anything in it is live markup."""

import html
import json
import re
from collections.abc import Iterator
from typing import Any

from bot.sandbox.server import LocalSlack

Json = dict[str, Any]

WRITES = ("chat.postMessage", "chat.update", "chat.postEphemeral")
_TOKEN = re.compile(r"<[^<>]*>")
_BARE_URL = re.compile(r"<(https?://[^|<>]*)>")


def words(post: Json) -> str:
    """What a person reads in a post: its blocks, or its text where it has none."""
    blocks = post.get("blocks")
    if not blocks:
        return html.unescape(_BARE_URL.sub(r"\1", str(post.get("text", ""))))
    return "\n".join(_words(block) for block in blocks)


def links(post: Json) -> list[str]:
    """Where the links and link buttons of a post lead."""
    return [str(part["url"]) for part in _parts(post.get("blocks") or []) if part.get("url")]


def button(post: Json, action_id: str) -> Json | None:
    return next((part for part in _parts(post.get("blocks") or []) if part.get("action_id") == action_id), None)


def mentioned(post: Json) -> set[str]:
    """Who is really mentioned, and so pinged, by a post."""
    return {str(part["user_id"]) for part in _parts(post.get("blocks") or []) if part.get("type") == "user"}


def refused_calls(slack: LocalSlack) -> list[Json]:
    """The posts that Slack would not take as they were, injected faults aside."""
    return [
        record.detail
        for method in WRITES
        for record in slack.traffic.of(f"call:{method}")
        if "fault" not in record.detail
        and str(record.detail.get("answer", {}).get("error")).startswith(("invalid", "msg_", "no_text", "too_"))
    ]


def live_markup(slack: LocalSlack) -> list[str]:
    """Every mention, link or command in what the bot wrote that is not the desk's own."""
    found: list[str] = []
    for method in WRITES:
        for call in slack.calls(method):
            found += _live_in_call(slack, call)
    return found


def _live_in_call(slack: LocalSlack, call: Json) -> list[str]:
    team = {user.id for user in slack.workspace.users.values() if user.email and "desk.example" in user.email}
    found = [f"text {token}" for token in _TOKEN.findall(str(call.get("text", ""))) if not _ours(token, team)]
    if re.search(r"[<>]", _TOKEN.sub("", str(call.get("text", "")))):
        found.append(f"stray sign in text {call['text']!r}")
    if re.search(r"[<>@!]", str(call.get("username", ""))):
        found.append(f"username {call['username']!r}")
    blocks = call.get("blocks") or []
    for part in _parts(json.loads(blocks) if isinstance(blocks, str) else blocks):
        kind = part.get("type")
        if kind in {"usergroup", "broadcast", "emoji", "date"}:
            found.append(f"block {part}")
        if kind == "user" and part["user_id"] not in team:
            found.append(f"block {part}")
        if kind == "mrkdwn":
            found += [f"mrkdwn {t}" for t in _TOKEN.findall(part["text"]) if not _ours(t, team)]
        if kind == "plain_text" and part.get("emoji") is not False:
            found.append(f"emoji in {part}")
        if part.get("url") and not str(part["url"]).startswith("https://sandbox.slack.com/"):
            found.append(f"link {part['url']}")
    return found


def _ours(token: str, team: set[str]) -> bool:
    return token[2:-1] in team if token.startswith("<@") else token.startswith("<#C0") or token == "<!here>"


def _parts(part: Any) -> Iterator[Json]:
    if isinstance(part, dict):
        yield part
        for value in part.values():
            yield from _parts(value)
    elif isinstance(part, list):
        for value in part:
            yield from _parts(value)


def _words(part: Json) -> str:
    match part.get("type"):
        case "user":
            return f"<@{part['user_id']}>"
        case "channel":
            return f"<#{part['channel_id']}>"
        case "rich_text_list":
            return "\n".join(_words(element) for element in part["elements"])
    if "text" in part:
        text = part["text"]
        return str(text["text"] if isinstance(text, dict) else text)
    return "".join(_words(element) for element in part.get("elements", ()))
