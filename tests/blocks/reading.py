"""Reading posts as Slack and people do."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from bot.blocks.post import Post

THEN = datetime(2026, 1, 31, 12, 34, 56, tzinfo=UTC)
LATER = THEN + timedelta(hours=2)
LINK = "https://example.slack.com/archives/C1/p1769862896000100"

_PARSED = re.compile(r"<[^>]*>?")
_STRAY = re.compile(r"[<>]|&(?!amp;|lt;|gt;)")


def assert_valid(post: Post, ours: tuple[str, ...] = ()) -> None:
    """The post is one that Slack takes, and nothing in it is parsed but `ours`."""
    assert 0 < len(post.text) <= 4000
    assert post.text.strip()
    assert post.username is None or 0 < len(post.username) <= 80
    assert len(post.blocks) <= 50
    json.dumps([post.text, post.blocks, post.username], ensure_ascii=False).encode()  # no lone surrogate
    parsed = Block.parse_all(list(post.blocks))
    assert [block.to_dict() for block in parsed] == list(post.blocks)  # validates, and nothing is unknown
    for element in elements(post):
        _assert_within_limits(element)
    for words in parsed_words(post):
        assert set(_PARSED.findall(words)) <= set(ours)
        assert not _STRAY.search(_PARSED.sub("", words))


def assert_valid_view(view: dict[str, Any]) -> None:
    """The form or Home tab is one that Slack takes, and nothing in it is parsed."""
    json.dumps(view, ensure_ascii=False).encode()
    blocks = view["blocks"]
    assert 0 < len(blocks) <= 100
    parsed = View(**view)
    parsed.validate_json()
    assert [block.to_dict() for block in Block.parse_all(blocks)] == blocks
    for place in ("title", "submit", "close"):
        assert len(view.get(place, {}).get("text", "")) <= 24
    assert len(view.get("private_metadata", "")) <= 3000
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    assert len(set(ids)) == len(ids)
    assert all(len(block_id) <= 255 for block_id in ids)
    for element in _objects(view):
        assert element.get("type") != "mrkdwn"
        _assert_within_limits(element)


def elements(post: Post) -> Iterator[dict[str, Any]]:
    """Every object of the blocks, from the outside in."""
    return _objects(list(post.blocks))


def _objects(found: Any) -> Iterator[dict[str, Any]]:
    pending: list[Any] = [found]
    while pending:
        found = pending.pop(0)
        if isinstance(found, dict):
            yield found
            pending[:0] = found.values()
        elif isinstance(found, list):
            pending[:0] = found


def parsed_words(post: Post) -> list[str]:
    """All that Slack looks for markup in."""
    return [post.text] + [element["text"] for element in elements(post) if element.get("type") == "mrkdwn"]


def seen(post: Post) -> str:
    """The words that somebody sees who looks at the blocks."""
    return "\n".join(filter(None, (_words(block) for block in post.blocks)))


def seen_in(view: dict[str, Any]) -> str:
    """The words that somebody sees in a form or a Home tab."""
    return "\n".join(filter(None, (_words(block) for block in view["blocks"])))


def buttons(post: Post) -> dict[str, dict[str, Any]]:
    return {element["action_id"]: element for element in elements(post) if element.get("type") == "button"}


def links(post: Post) -> dict[str, str]:
    return {element["text"]: element["url"] for element in elements(post) if element.get("type") == "link"}


def mentioned(post: Post) -> list[str]:
    return [element["user_id"] for element in elements(post) if element.get("type") == "user"]


def _words(found: Any) -> str:
    if isinstance(found, list):
        return "".join(_words(one) for one in found)
    if not isinstance(found, dict):
        return ""
    if isinstance(found.get("text"), str):
        return str(found["text"])
    if found.get("type") in ("user", "channel"):
        return f"@{found['user_id']}" if found["type"] == "user" else f"#{found['channel_id']}"
    if found.get("type") == "rich_text_list":
        return "\n".join(_words(one) for one in found["elements"])
    return "".join(_words(found.get(part)) for part in ("text", "label", "elements", "accessory", "hint"))


def _assert_within_limits(element: dict[str, Any]) -> None:
    for key, limit in (("url", 3000), ("value", 2000), ("action_id", 255), ("accessibility_label", 75)):
        assert len(element.get(key, "")) <= limit
    if "elements" in element:
        assert element["elements"]
    text = element.get("text")
    if isinstance(text, dict):
        # A question before a click, and an option, have no type.
        untyped = "question" if "confirm" in element else "option"
        size = {"header": 150, "section": 3000, "button": 75, "question": 300, "option": 75}
        assert 0 < len(text["text"]) <= size[element.get("type", untyped)]
    elif text is not None:
        assert 0 < len(text) <= 4000
    if element.get("type") == "plain_text":
        assert element["emoji"] is False  # or ":fire:" in a name would burn
    if element.get("type") == "context":
        assert len(element["elements"]) <= 10
        assert all(len(one["text"]) <= 2000 for one in element["elements"])
