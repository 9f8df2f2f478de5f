"""What is handed to Slack: a post, put together from passages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from bot.text.graphemes import boundary

Block = dict[str, Any]

# chat.postMessage takes more, but chat.update refuses a longer text with msg_too_long:
# https://docs.slack.dev/reference/methods/chat.update
TEXT_LIMIT = 4000

_TORN_END = re.compile(r"(?:&[a-z]{0,3}|<[^<>]*)\Z")


@dataclass(frozen=True, slots=True)
class Post:
    """One Slack message. `text` is complete, plain and escaped: screen readers read nothing else.

    `username` is the author shown instead of the app, already made safe to show.
    """

    text: str
    blocks: tuple[Block, ...] = ()
    username: str | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a post as a block and as escaped words; either may be missing."""

    block: Block | None = None
    text: str = ""


def compose(*passages: Passage | None, username: str | None = None) -> Post:
    """The passages in their order as one post; where the text is too long, its longest passage gives way."""
    given = [passage for passage in passages if passage is not None]
    text = _fit([passage.text for passage in given if passage.text], TEXT_LIMIT)
    blocks = tuple(passage.block for passage in given if passage.block is not None)
    return Post(text, blocks, username)


def _fit(texts: list[str], limit: int) -> str:
    while (excess := len("\n".join(texts)) - limit) > 0:
        longest = max(range(len(texts)), key=lambda index: len(texts[index]))
        texts[longest] = _cut_escaped(texts[longest], len(texts[longest]) - excess)
    return "\n".join(texts)


def _cut_escaped(text: str, size: int) -> str:
    """At most `size` characters, ending with "…", with no entity and no mention of ours torn."""
    kept = text[: boundary(text, max(size - 1, 0))]
    return _TORN_END.sub("", kept) + "…"
