"""What the sandbox can do to the bot that runs on it, where whoever started it lets it."""

from __future__ import annotations

import json
import re
from typing import Any, Protocol


class BotControl(Protocol):
    """The bot's process in the hands of the sandbox's page."""

    async def kill(self) -> None:
        """End it at once, as a power cut would; nothing when it does not run."""

    async def restart(self) -> None:
        """Start it; kill it before if it runs."""

    def status(self) -> str:
        """In a few words for people, for example `running`."""


_PAIR = re.compile(r"\b(\w+)=('[^']*'|\"[^\"]*\"|\S+)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def readable(line: str) -> str:
    """A line of the bot's log for people: JSON as its pairs, anything else as it is."""
    fields = read_log_line(line)
    if fields.get("event") == line.strip() or "event" not in fields:
        return line
    first = " ".join(str(fields.pop(name)) for name in ("timestamp", "level", "event") if name in fields)
    return " ".join((first, *(f"{name}={value}" for name, value in fields.items())))


def read_log_line(line: str) -> dict[str, Any]:
    """A line of the bot's log, JSON or readable, as its fields; a line of anything else as `event`."""
    line = _COLOUR.sub("", line).strip()
    try:
        fields = json.loads(line)
    except ValueError:
        pairs = {name: value.strip("'\"") for name, value in _PAIR.findall(line)}
        return {"event": line, **pairs}
    return fields if isinstance(fields, dict) else {"event": line}
