"""Slack's `rich_text` blocks: the faithful form of what a person typed. Their text is not entity-encoded.

https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

from collections.abc import Mapping
from typing import Any

from bot.text.runs import Naming, Run, Voice, broadcast, cut, has_words, indented, link, on_own_lines
from bot.text.safe import clean

_MAX_INDENT = 8  # Slack's own limit of list levels
_MAX_NUMBER = 1_000_000
_FENCE = "```"


def parse(blocks: object, naming: Naming) -> tuple[list[Run], bool]:
    """The runs of a message's blocks, and whether every part of them could be read."""
    reader = _Reader(naming)
    read = [runs for block in _items(blocks) for runs in reader.block(block)]
    return on_own_lines(read), reader.complete


def word(element: object, naming: Naming) -> Run | None:
    """What one element of a section reads as; None where it says nothing."""
    reader = _Reader(naming)
    run = reader._known(element) or reader._unknown(element)
    return run if run is not None and run.text else None


class _Reader:
    """Walks blocks of whatever shape; what it cannot read makes the reading incomplete, never fail."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self.complete = True

    def block(self, block: object) -> list[list[Run]]:
        if _kind(block) != "rich_text":
            self.complete = False
            return []
        return [self._part(part, _MAX_INDENT) for part in _elements(block)]

    def _part(self, part: object, depth: int) -> list[Run]:
        """A section, list, quote or preformatted text; a list may hold further parts."""
        kind = _kind(part)
        if kind == "rich_text_section":
            return self._inline(part)
        if kind == "rich_text_list" and depth:
            return self._list(part, depth)
        if kind == "rich_text_quote":
            return _quote(self._inline(part))
        if kind == "rich_text_preformatted":
            body = self._inline(part, code=True)
            return cut([Run(f"{_FENCE}\n"), *body, Run(f"\n{_FENCE}")]) if has_words(body) else []
        return self._word(part)

    def _list(self, part: object, depth: int) -> list[Run]:
        ordered = _field(part, "style") == "ordered"
        pad = "  " * _number(part, "indent", _MAX_INDENT)
        first = 1 + _number(part, "offset", _MAX_NUMBER)
        lines: list[list[Run]] = []
        for number, item in enumerate(_elements(part), first):
            marker = f"{pad}{number}. " if ordered else f"{pad}• "
            runs = self._part(item, depth - 1)
            lines.append(indented(runs, Run(marker, Voice.FRAME), " " * len(marker)))
        runs = on_own_lines(lines)
        # A border is how a list inside a quote arrives.
        return _quote(runs) if _number(part, "border", 1) else runs

    def _inline(self, part: object, *, code: bool = False) -> list[Run]:
        runs: list[Run] = []
        for element in _elements(part):
            words = self._word(element)
            if not code and _field(_field(element, "style"), "code") is True:
                ticked = [Run("`"), *words, Run("`")] if _kind(element) == "text" else words
                words = cut(ticked) if words else []
            runs += words
        return runs

    def _word(self, element: object) -> list[Run]:
        run = self._known(element) or self._unknown(element)
        if run is None:
            self.complete = False
            return []
        return [run] if run.text else []

    def _known(self, element: object) -> Run | None:
        kind = _kind(element)
        if kind == "user" and (user := _text(element, "user_id")):
            return self._naming.user(user)
        if kind == "usergroup" and (group := _text(element, "usergroup_id")):
            return self._naming.group(group)
        if kind == "channel" and (channel := _text(element, "channel_id")):
            return self._naming.channel(channel)
        if kind == "broadcast" and (word := _text(element, "range")):
            return broadcast(word)
        if kind == "link" and (url := _text(element, "url")):
            return link(url, _text(element, "text") or "")
        if kind == "emoji" and (name := _text(element, "name")):
            tone = _number(element, "skin_tone", 6)
            return Run(f":{name}:" + (f":skin-tone-{tone}:" if tone else ""))
        if kind == "color" and (value := _text(element, "value")):
            return Run(value)
        return None

    def _unknown(self, element: object) -> Run | None:
        """The text an element carries, whatever its type: `text` itself, a date and newer kinds."""
        for key in ("text", "fallback", "label", "title", "name"):
            text = _text(element, key)
            if text is None:
                text = _text(_field(element, key), "text")
            if text is not None:
                return Run(text)
        return None


def _quote(runs: list[Run]) -> list[Run]:
    return cut(indented(runs, Run("> "), "> ")) if has_words(runs) else []


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _elements(part: object) -> list[object]:
    return _items(_field(part, "elements"))


def _field(part: object, key: str) -> Any:
    return part.get(key) if isinstance(part, Mapping) else None


def _kind(part: object) -> str:
    return _text(part, "type") or ""


def _text(part: object, key: str) -> str | None:
    value = _field(part, key)
    return clean(value) if isinstance(value, str) else None


def _number(part: object, key: str, most: int) -> int:
    value = _field(part, key)
    return min(max(int(value), 0), most) if isinstance(value, int) else 0
