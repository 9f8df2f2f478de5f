"""Slack posts as rows of plain text, as a person would read them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum, auto

from bot.sandbox.composer import decode
from bot.sandbox.model import Json
from bot.sandbox.workspace import Workspace

ROW_SIZE = 240
BETWEEN = " · "

_REFERENCE = re.compile(r"<(?P<sign>[@#!]?)(?P<target>[^<>|]+)(?:\|(?P<label>[^<>]*))?>")


class RowKind(Enum):
    TITLE = auto()
    PLAIN = auto()
    QUOTE = auto()
    BUTTONS = auto()
    MARK = auto()
    ASIDE = auto()


@dataclass(frozen=True, slots=True)
class Row:
    kind: RowKind
    text: str


class Reader:
    """Reads posts, with people and channels by their names."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def post(self, post: Json) -> list[Row]:
        """The rows of a post: its blocks, or its text where it has none. Small print is left out."""
        given = post.get("blocks")
        blocks = json.loads(given) if isinstance(given, str) else given
        if not blocks:
            return [Row(RowKind.PLAIN, self.text(str(post.get("text", ""))))]
        titled = any(block.get("type") == "header" for block in blocks)
        return [row for block in blocks for row in self._rows(block, BETWEEN if titled else " ") if row.text]

    def text(self, encoded: str) -> str:
        """Slack's encoded text."""

        def named(found: re.Match[str]) -> str:
            target = found["target"]
            match found["sign"]:
                case "@":
                    return f"@{self.name(target)}"
                case "#":
                    return self.channel(target)
                case "!":
                    return f"@{target}"
                case _:
                    label = found["label"]
                    return f"{label} ({target})" if label and label not in target else target

        return shown(decode(_REFERENCE.sub(named, encoded)))

    def name(self, user: str) -> str:
        """Somebody's name in full."""
        known = self._workspace.users.get(user)
        return known.real_name if known else user

    def channel(self, channel_id: str) -> str:
        """A channel as people write it."""
        known = self._workspace.channels.get(channel_id)
        return f"#{known.name}" if known and known.name else channel_id

    def _rows(self, block: Json, between: str) -> list[Row]:
        match block.get("type"):
            case "header":
                return [Row(RowKind.TITLE, shown(block["text"]["text"]))]
            case "section":
                return [Row(RowKind.PLAIN, self.text(block.get("text", {}).get("text", "")))]
            case "rich_text":
                return [self._rich(element, between) for element in block["elements"]]
            case "actions":
                captions = [element.get("text", {}).get("text", "") for element in block["elements"]]
                return [Row(RowKind.BUTTONS, shown(" ".join(f"[{caption}]" for caption in captions)))]
            case _:
                return []

    def _rich(self, element: Json, between: str) -> Row:
        match element.get("type"):
            case "rich_text_quote":
                return Row(RowKind.QUOTE, shown(self._said(element)))
            case "rich_text_list":
                first, *others = (self._said(item) for item in element["elements"])
                return Row(RowKind.PLAIN, shown(f"- {first}") + (f" (and {len(others)} more)" if others else ""))
            case _:
                return Row(RowKind.PLAIN, shown(between.join(self._said(element).split("\n"))))

    def _said(self, element: Json) -> str:
        match element.get("type"):
            case "text":
                return str(element["text"])
            case "user":
                return f"@{self.name(element['user_id'])}"
            case "channel":
                return self.channel(element["channel_id"])
            case "link":
                return str(element.get("text") or element["url"])
            case "emoji":
                return f":{element['name']}:"
            case "broadcast":
                return f"@{element['range']}"
            case _:
                return "".join(self._said(part) for part in element.get("elements", ()))


def shown(text: str) -> str:
    """Anybody's words for a terminal: one line, not too long, without control characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= ROW_SIZE else f"{line[:ROW_SIZE].rstrip()}… ({len(line):,} characters)"


def facts(rows: list[Row]) -> list[str]:
    """What a post says, piece by piece, to tell what an update has changed."""
    return [fact for row in rows if row.kind is not RowKind.BUTTONS for fact in row.text.split(BETWEEN)]
