"""Slack's `rich_text` as HTML for a mail: its formatting is kept, and nothing in it becomes markup of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.text import rich
from bot.text.runs import Naming
from bot.text.safe import is_blank, show
from bot.text.twin import escape_html, linked

SIZE = 200_000  # characters; a longer text goes without its formatting
_MAX_INDENT = 8
_MAX_NUMBER = 1_000_000
_STYLES = (("bold", "b"), ("italic", "i"), ("strike", "s"), ("underline", "u"), ("code", "code"))


def html_of(blocks: object, naming: Naming) -> str:
    """The blocks' HTML; "" where there is nothing to read, or too much."""
    parts = [
        _part(part, naming, _MAX_INDENT)
        for block in _items(blocks)
        if _field(block, "type") == "rich_text"
        for part in _items(_field(block, "elements"))
    ]
    html = "\n".join(part for part in parts if part)
    return html if len(html) <= SIZE else ""


def _part(part: object, naming: Naming, depth: int) -> str:
    kind = _field(part, "type")
    if kind == "rich_text_list" and depth:
        return _list(part, naming, depth)
    if kind == "rich_text_preformatted":
        return _around("pre", _inline(part, naming, breaks="\n"))
    if kind == "rich_text_quote":
        return _around("blockquote", _inline(part, naming))
    if kind == "rich_text_section":
        return _around("p", _inline(part, naming))
    return _around("p", _word(part, naming))


def _list(part: object, naming: Naming, depth: int) -> str:
    items = "".join(f"<li>{_item(item, naming, depth)}</li>" for item in _items(_field(part, "elements")))
    if not items:
        return ""
    indent = _number(part, "indent", _MAX_INDENT)
    style = f' style="margin-left: {2 * indent}em"' if indent else ""
    if _field(part, "style") != "ordered":
        return f"<ul{style}>{items}</ul>"
    first = 1 + _number(part, "offset", _MAX_NUMBER)
    start = f' start="{first}"' if first > 1 else ""
    return f"<ol{start}{style}>{items}</ol>"


def _item(item: object, naming: Naming, depth: int) -> str:
    if _field(item, "type") == "rich_text_section":
        return _inline(item, naming)
    return _part(item, naming, depth - 1)


def _inline(part: object, naming: Naming, breaks: str = "<br>\n") -> str:
    return "".join(_word(element, naming, breaks) for element in _items(_field(part, "elements")))


def _word(element: object, naming: Naming, breaks: str = "<br>\n") -> str:
    run = rich.word(element, naming)
    if run is None:
        return ""
    text = show(run.text) if not is_blank(run.text) else run.text
    style = _field(element, "style")
    is_code = _field(style, "code") is True
    html = escape_html(text) if is_code else linked(text)
    html = html.replace("\n", breaks)
    for name, tag in _STYLES:
        if _field(style, name) is True and not is_blank(text):
            html = f"<{tag}>{html}</{tag}>"
    return html


def _around(tag: str, html: str) -> str:
    return f"<{tag}>{html}</{tag}>" if html.strip() else ""


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _field(part: object, key: str) -> Any:
    return part.get(key) if isinstance(part, Mapping) else None


def _number(part: object, key: str, most: int) -> int:
    value = _field(part, key)
    return min(max(int(value), 0), most) if isinstance(value, int) else 0
