"""What a person typed in Slack, read from a message as Slack delivers it.

Every message a person sends has a `rich_text` block and, for older readers, a mrkdwn `text`. The block
is the faithful form; `text` is read where there is no block, or a part of it is of a kind not known here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.text import formatted, mrkdwn, rich
from bot.text.runs import Naming, Run, has_words, leading_mention, plain_text, typed_text, users
from bot.text.safe import clean


@dataclass(frozen=True, slots=True)
class MessageText:
    """The words of a message; "" where it has none, as with a bare file."""

    plain: str
    """The whole message as a person reads it. Mere text: `escape` or `rich_text_block` it to post it."""

    typed: str
    """The author's own words: quotes and code are cut ("…" where words would join up), and names of
    mentioned people, groups and channels, which their owners chose, are @someone, @group, #channel."""

    """Ids of the users mentioned, in order, each once."""

    leading_mention: str | None
    """The user or user group whom the author's own words start with."""

    html: str = ""
    """The whole message with its formatting, safe to show; "" where it has none, or not all of it is known."""


def read_message(event: Mapping[str, Any], names: Mapping[str, str]) -> MessageText:
    """The text of a message; of `message_changed`, pass the inner `message`. Never raises.

    `names` maps ids of users (and, where known, user groups and channels) to display names.
    """
    runs, from_blocks = _runs(event, names)
    return MessageText(
        plain=plain_text(runs),
        typed=typed_text(runs),
        leading_mention=leading_mention(runs),
        html=formatted.html_of(event.get("blocks"), Naming(names)) if from_blocks else "",
    )


def mentioned_users(event: Mapping[str, Any]) -> tuple[str, ...]:
    """The user ids whose names `read_message` will want."""
    return users(_runs(event, {})[0])


def _runs(event: Mapping[str, Any], names: Mapping[str, str]) -> tuple[list[Run], bool]:
    """What the message reads as, and whether its blocks said all of it."""
    text = event.get("text")
    text = clean(text) if isinstance(text, str) else ""
    naming = Naming(names, mrkdwn.labels(text))
    from_blocks, complete = rich.parse(event.get("blocks"), naming)
    if complete and has_words(from_blocks):
        return from_blocks, True
    from_text = mrkdwn.parse(text, naming)
    if has_words(from_text):
        return from_text, False
    return (from_blocks if has_words(from_blocks) else []), False
