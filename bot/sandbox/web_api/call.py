"""What every method works with: its arguments, and the parts of the sandbox it may touch."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from bot.sandbox.clock import SandboxClock
from bot.sandbox.errors import SlackError
from bot.sandbox.interactions import Interactions
from bot.sandbox.model import Channel, Json
from bot.sandbox.people import BOT_USER
from bot.sandbox.socket_mode import SocketHub
from bot.sandbox.workspace import Workspace

T = TypeVar("T")


class Args:
    """A call's arguments, which may be JSON values or the strings of a form."""

    def __init__(self, values: Json) -> None:
        self.values = {key: value for key, value in values.items() if value is not None}

    def text(self, name: str) -> str | None:
        """A string argument, or None."""
        value = self.values.get(name)
        return None if value is None else str(value)

    def required(self, name: str) -> str:
        """A string argument that must be there."""
        value = self.text(name)
        if not value:
            raise invalid_arguments(f"missing required field: {name}")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean: JSON true, or 1/true in a form."""
        value = self.values.get(name, default)
        return value if isinstance(value, bool) else str(value).lower() in ("1", "true")

    def number(self, name: str, default: int) -> int:
        """An integer argument."""
        try:
            return int(self.values.get(name, default))
        except (TypeError, ValueError):
            raise invalid_arguments(f"must be an integer: {name}") from None

    def structure(self, name: str, error: str = "invalid_arguments") -> Any:
        """A JSON structure, or its JSON text as forms carry it."""
        value = self.values.get(name)
        if isinstance(value, str):
            if not value.strip():
                return None
            try:
                return json.loads(value)
            except ValueError:
                raise SlackError(error) from None
        return value

    def names(self, name: str) -> list[str]:
        """A comma-separated list, or a JSON list."""
        value = self.values.get(name)
        if isinstance(value, list):
            return [str(item) for item in value]
        return [part.strip() for part in str(value or "").split(",") if part.strip()]


@dataclass
class Api:
    """The sandbox as a method sees it."""

    workspace: Workspace
    clock: SandboxClock
    sockets: SocketHub
    interactions: Interactions
    base_url: str = ""
    scopes: set[str] = field(default_factory=set)
    history_cap: int | None = None
    late_shares: int = 0
    """How often files.info does not yet know where a file stands: Slack shares it some moments later."""

    def need(self, scope: str) -> None:
        """Refuse the call unless the bot token holds this scope."""
        if scope not in self.scopes:
            raise SlackError("missing_scope", needed=scope, provided=",".join(sorted(self.scopes)))

    def visible(self, channel_id: str) -> Channel:
        """A conversation the bot may know of: private ones only as a member."""
        channel = self.workspace.channel(channel_id)
        if channel.kind != "public" and BOT_USER not in channel.members:
            raise SlackError("channel_not_found")
        return channel

    def joined(self, channel_id: str) -> Channel:
        """A conversation the bot is a member of."""
        channel = self.visible(channel_id)
        if BOT_USER not in channel.members:
            raise SlackError("not_in_channel")
        return channel


@dataclass(frozen=True)
class Method:
    """A Web API method: what it does, and what a caller must hold."""

    run: Callable[[Api, Args], Json]
    scopes: tuple[str, ...] = ()
    caller: Literal["bot", "app", "any", "none"] = "bot"


def invalid_arguments(message: str) -> SlackError:
    """The error for an argument that is missing or malformed, with Slack's wording of the reason."""
    return SlackError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {message}"]})


def page(items: list[T], args: Args, *, default: int, cap: int | None = None) -> tuple[list[T], str]:
    """One page of a list and the cursor of the next; "" on the last."""
    limit = args.number("limit", default) or default
    if limit < 1:
        raise SlackError("invalid_limit")
    limit = min(limit, cap or 1000)
    start = _read_cursor(args.text("cursor"))
    rest = start + limit < len(items)
    return items[start : start + limit], _cursor(start + limit) if rest else ""


def _cursor(position: int) -> str:
    return b64encode(f"next:{position}".encode()).decode()


def _read_cursor(cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        word, _, position = b64decode(cursor).decode().partition(":")
        if word != "next":
            raise ValueError(word)
        return int(position)
    except ValueError:
        raise SlackError("invalid_cursor") from None
