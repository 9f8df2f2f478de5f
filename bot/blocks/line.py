"""A line of our own words with other people's words in it, which stay words and nothing more."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, assert_never

from bot.text.graphemes import boundary
from bot.text.safe import escape, is_blank, show

from . import words

VALUE_SIZE = 800  # characters of a reason, an error or another value in a line
NAME_SIZE = 60
LISTED = 10
LINK_SIZE = 3000  # Slack's limit for a URL

_MARKS = re.compile(r"\*|`|\{(\w+)\}")
_USER_ID = re.compile(r"[UW][A-Z0-9]{1,30}")
_CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{1,30}")
_LINK = re.compile(r"https?://[^\s<>|\"]+")
_SIGNS = re.compile(r"[<>@#!|*_~`:]")

Element = dict[str, Any]


@dataclass(frozen=True, slots=True)
class User:
    """A person of the team, really mentioned; what is no Slack user id is shown as words."""

    id: str


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel, linked by its id; what is no Slack channel id is shown as words."""

    id: str


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead somewhere; just words where there is no usable address."""

    words: str
    url: str | None = None


Value = str | int | datetime | User | Channel | Link


@dataclass(frozen=True, slots=True)
class Line:
    """One line twice: as rich_text elements, and as escaped words for the top-level text."""

    elements: tuple[Element, ...]
    text: str


def line(template: str, /, **values: Value) -> Line:
    """A template from `words` with its values; *bold* and `code` are marks in it, but never in a value."""
    elements: list[Element] = []
    texts: list[str] = []
    style: dict[str, bool] = {}
    end = 0
    for mark in _MARKS.finditer(template):
        _add(elements, texts, template[end : mark.start()], style)
        end = mark.end()
        if mark[1] is not None:
            value = values[mark[1]]
            _add(elements, texts, one_line(value) if isinstance(value, str) else value, style)
        else:
            sign = "bold" if mark[0] == "*" else "code"
            style = {key: True for key in ("bold", "code") if (key in style) != (key == sign)}
    _add(elements, texts, template[end:], style)
    return Line(tuple(elements), "".join(texts))


def said(text: str) -> Line:
    """A sentence of ours that is put together already, as a line."""
    return line("{text}", text=text)


def plain(template: str, /, **values: Value) -> str:
    """The same words unescaped and without form, for plain_text objects, in which Slack parses nothing."""
    return "".join(element.get("text", "") for element in line(template, **values).elements)


def one_line(text: str, size: int = VALUE_SIZE) -> str:
    """Somebody's words as part of a line of ours: no line break, at most `size` characters, or ''."""
    start = text.strip()[: size * 20]
    return "" if is_blank(start) else cut(" ".join(show(start).split()), size)


def cut(text: str, size: int) -> str:
    """The text in at most `size` characters, with "…" where something is missing."""
    return text if len(text) <= size else text[: boundary(text, size - 1)].rstrip() + "…"


def name(text: str, size: int = NAME_SIZE) -> str:
    """A person's name in a line, never empty."""
    return one_line(text, size) or words.NAMELESS


def shown_author(text: str) -> str:
    """An admin's name as a post's author: no sign that Slack gives a meaning, and never empty."""
    return one_line(_SIGNS.sub(" ", text), NAME_SIZE) or words.SUPPORT


def listed(things: Iterable[str]) -> str:
    """The first ones, and how many more there are."""
    given = list(things)
    shown = ", ".join(given[:LISTED])
    more = len(given) - LISTED
    return shown + words.MORE.format(count=more) if more > 0 else shown


def utc(moment: datetime) -> str:
    """2026-01-31 12:34 UTC"""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def usable_link(url: str | None) -> str | None:
    """The address if Slack will take it."""
    return url if url and len(url) <= LINK_SIZE and _LINK.fullmatch(url) else None


def _add(elements: list[Element], texts: list[str], value: Value, style: dict[str, bool]) -> None:
    element, text = _in_both_forms(value)
    if not text:
        return
    texts.append(text)
    if style:
        element["style"] = dict(style)
    before = elements[-1] if elements else {}
    if element["type"] == before.get("type") == "text" and element.get("style") == before.get("style"):
        before["text"] += element["text"]
    else:
        elements.append(element)


def _in_both_forms(value: Value) -> tuple[Element, str]:
    match value:
        case User(id) if _USER_ID.fullmatch(id):
            return {"type": "user", "user_id": id}, f"<@{id}>"
        case Channel(id) if _CHANNEL_ID.fullmatch(id):
            return {"type": "channel", "channel_id": id}, f"<#{id}>"
        case Link(label, url) if usable := usable_link(url):
            label = one_line(label) or usable
            return {"type": "link", "url": usable, "text": label}, escape(label)
        case User(id) | Channel(id):
            return _words(name(id))
        case Link(label, _):
            return _words(one_line(label))
        case datetime():
            return _words(utc(value))
        case int():
            return _words(str(value))
        case str():
            return _words(value)
        case _:
            assert_never(value)


def _words(text: str) -> tuple[Element, str]:
    return {"type": "text", "text": text}, escape(text)
