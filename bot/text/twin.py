"""Plain text as HTML: the twin of a mail's words, in which nothing that was written becomes markup."""

from __future__ import annotations

import html
import re
from itertools import groupby

from bot.text.safe import show

# What a reader of mail may click; anything else stays text.
_LINK = re.compile(r"https?://[^\s<>\"'`]{1,2000}")
_TRAILING = ".,;:!?)]}…’”"
_BULLET = "• "
_FENCE = "```"
_TICKED = re.compile(r"`([^`\n]+)`")


def escape_html(text: str) -> str:
    """The text where HTML is read: no tag, entity or end of an attribute in it works."""
    return html.escape(text, quote=True)


def html_of(text: str) -> str:
    """Paragraphs, quotes, bullets and code, as they look in plain text."""
    parts: list[str] = []
    for number, part in enumerate(show(text).split(_FENCE)):
        if number % 2:
            parts.append(f"<pre>{escape_html(part.strip(chr(10)))}</pre>")
        else:
            parts += _blocks(part)
    return "\n".join(parts)


def quoted_html(text: str) -> str:
    """What somebody else wrote."""
    return f'<blockquote type="cite">{_lines(show(text).split(chr(10)))}</blockquote>'


def _blocks(text: str) -> list[str]:
    blocks: list[str] = []
    for kind, group in groupby(text.split("\n"), _kind):
        lines = list(group)
        if kind == "quote":
            blocks.append(quoted_html("\n".join(line[1:].removeprefix(" ") for line in lines)))
        elif kind == "bullet":
            items = "".join(f"<li>{_inline(line.lstrip().removeprefix(_BULLET))}</li>" for line in lines)
            blocks.append(f"<ul>{items}</ul>")
        elif kind == "words":
            blocks.append(f"<p>{_lines(lines)}</p>")
    return blocks


def _kind(line: str) -> str:
    if not line.strip():
        return "blank"
    if line.startswith(">"):
        return "quote"
    return "bullet" if line.lstrip().startswith(_BULLET) else "words"


def _lines(lines: list[str]) -> str:
    return "<br>\n".join(_inline(line) for line in lines)


def _inline(line: str) -> str:
    shown: list[str] = []
    end = 0
    for code in _TICKED.finditer(line):
        shown += [linked(line[end : code.start()]), f"<code>{escape_html(code[1])}</code>"]
        end = code.end()
    return "".join(shown) + linked(line[end:])


def linked(text: str) -> str:
    """Escaped, its web addresses clickable and shown as they are."""
    shown: list[str] = []
    end = 0
    for found in _LINK.finditer(text):
        url = found[0].rstrip(_TRAILING)
        shown.append(escape_html(text[end : found.start()]))
        shown.append(f'<a href="{escape_html(url)}">{escape_html(url)}</a>')
        end = found.start() + len(url)
    return "".join(shown) + escape_html(text[end:])
