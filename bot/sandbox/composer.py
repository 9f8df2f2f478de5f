"""What Slack's client makes of typed text: the encoded `text` and the `rich_text` block.

https://docs.slack.dev/messaging/formatting-message-text (escaping) and
https://docs.slack.dev/reference/block-kit/blocks/rich-text-block.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

Json = dict[str, Any]

TOKEN = re.compile(
    r"<(?:@[UW][A-Z0-9]+(?:\|[^<>]*)?|#[CG][A-Z0-9]+(?:\|[^<>]*)?|!(?:here|channel|everyone)(?:\|[^<>]*)?"
    r"|!subteam\^S[A-Z0-9]+(?:\|[^<>]*)?|!date\^[^<>]+|(?:https?://|mailto:)[^<>|\s]+(?:\|[^<>]*)?)>"
)
URL = re.compile(r"https?://[^\s<>|`\"]*[^\s<>|`\".,;:!?'()\[\]{}]")
MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
EMOJI = re.compile(r":([a-z0-9_+'-]*[a-z_+][a-z0-9_+'-]*):")
CODE = re.compile(r"`([^`\n]+)`")
STYLED = re.compile(r"(?<![\w*_~])([*_~])(\S(?:[^\n]{0,500}?\S)?)\1(?![\w*_~])")
FENCE = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)

STYLES = {"*": "bold", "_": "italic", "~": "strike"}


def encode(text: str) -> str:
    """Entity-encode the three characters that Slack reserves."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def decode(text: str) -> str:
    """Undo `encode`."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def typed_text(typed: str) -> str:
    """`text` as Slack sends it on: reserved characters encoded, tokens kept, addresses linked."""
    parts = []
    position = 0
    for code in re.finditer(r"```.*?```|`[^`\n]+`", typed, re.DOTALL):
        parts.append(_linked(typed[position : code.start()]))
        parts.append(encode(code.group()))
        position = code.end()
    parts.append(_linked(typed[position:]))
    return "".join(parts)


def posted_text(text: str, *, names: bool = False) -> str:
    """`text` as Slack stores what an app posted: stray reserved characters encoded, addresses linked.

    With `names` (parse=full or link_names) @here, @channel and @everyone become real mentions.
    """
    out = []
    position = 0
    for token in TOKEN.finditer(text):
        out.append(_linked_encoded(_encode_stray(text[position : token.start()]), names))
        out.append(token.group())
        position = token.end()
    out.append(_linked_encoded(_encode_stray(text[position:]), names))
    return "".join(out)


def rich_text(text: str) -> Json:
    """The rich_text block that belongs to an encoded `text`."""
    elements: list[Json] = []
    position = 0
    for fence in FENCE.finditer(text):
        elements += _paragraphs(text[position : fence.start()].removesuffix("\n"))
        code = [{"type": "text", "text": decode(fence.group(1))}]
        elements.append({"type": "rich_text_preformatted", "elements": code, "border": 0})
        position = fence.end()
    rest = text[position:]
    elements += _paragraphs(rest.removeprefix("\n") if position else rest)
    return {"type": "rich_text", "block_id": block_id(), "elements": elements}


def block_id() -> str:
    """A block id such as Slack invents for blocks that have none."""
    return secrets.token_urlsafe(4)[:5]


def _paragraphs(text: str) -> list[Json]:
    """Sections and quotes: neighbouring lines that start with `>` are one quote."""
    groups: list[tuple[bool, list[str]]] = []
    for line in text.split("\n") if text else []:
        quoted = line.startswith("&gt;")
        shown = line.removeprefix("&gt;").removeprefix(" ")
        if groups and groups[-1][0] == quoted:
            groups[-1][1].append(shown)
        else:
            groups.append((quoted, [shown]))
    return [
        {
            "type": "rich_text_quote" if quoted else "rich_text_section",
            "elements": _inline("\n".join(lines)),
        }
        for quoted, lines in groups
    ]


def _inline(text: str, style: Json | None = None) -> list[Json]:
    """The elements of a stretch of text, split wherever there is more than text."""
    elements: list[Json] = []
    while text:
        found = [
            (match.start(), order, match)
            for order, pattern in enumerate((CODE, TOKEN, EMOJI, STYLED))
            if (match := pattern.search(text))
        ]
        if not found:
            elements.append(_element("text", style, text=decode(text)))
            break
        start, order, match = min(found, key=lambda item: item[:2])
        if start:
            elements.append(_element("text", style, text=decode(text[:start])))
        if order == 0:
            elements.append(_element("text", {**(style or {}), "code": True}, text=decode(match.group(1))))
        elif order == 1:
            elements.append(_reference(match.group(), style))
        elif order == 2:
            elements.append({"type": "emoji", "name": match.group(1)})
        else:
            elements += _inline(match.group(2), {**(style or {}), STYLES[match.group(1)]: True})
        text = text[match.end() :]
    return elements


def _reference(token: str, style: Json | None) -> Json:
    """The element of a `<...>` token."""
    target, _, label = token[1:-1].partition("|")
    if target.startswith("@"):
        return _element("user", style, user_id=target[1:])
    if target.startswith("#"):
        return _element("channel", style, channel_id=target[1:])
    if target.startswith("!subteam^"):
        return _element("usergroup", style, usergroup_id=target.removeprefix("!subteam^"))
    if target.startswith("!date^"):
        return _element("text", style, text=decode(label or token))
    if target.startswith("!"):
        return _element("broadcast", style, range=target[1:])
    return _element("link", style, url=decode(target), **({"text": decode(label)} if label else {}))


def _element(kind: str, style: Json | None, **fields: Any) -> Json:
    return {"type": kind, **fields, **({"style": style} if style else {})}


def _linked(typed: str) -> str:
    out = []
    position = 0
    for match in re.finditer(f"{TOKEN.pattern}|(?P<url>{URL.pattern})|(?P<mail>{MAIL.pattern})", typed):
        out.append(encode(typed[position : match.start()]))
        if match["url"]:
            out.append(f"<{encode(match['url'])}>")
        elif match["mail"]:
            out.append(f"<mailto:{match['mail']}|{match['mail']}>")
        else:
            out.append(match.group())
        position = match.end()
    out.append(encode(typed[position:]))
    return "".join(out)


def _encode_stray(text: str) -> str:
    return re.sub(r"&(?!amp;|lt;|gt;)", "&amp;", text).replace("<", "&lt;").replace(">", "&gt;")


def _linked_encoded(text: str, names: bool) -> str:
    linked = re.sub(r"https?://[^\s|`\"]*[^\s|`\".,;:!?'()\[\]{}]", lambda m: f"<{m.group()}>", text)
    if names:
        linked = re.sub(r"(?<!\w)@(here|channel|everyone)\b", r"<!\1>", linked)
    return linked
