"""What listeners work with, handed to each when it is registered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.casework.enquiries import Enquiries
from bot.casework.worker import Casework
from bot.channels import DeskChannels
from bot.clock import Clock
from bot.courier.slack import SlackGateway
from bot.home import Homes
from bot.people import People


async def _unheard(_event: Mapping[str, Any]) -> None:
    """No canary is sent from here."""


@dataclass(frozen=True, slots=True)
class Deps:
    casework: Casework
    enquiries: Enquiries
    people: People
    clock: Clock
    closure_phrase: str
    channels: DeskChannels
    bot_user_id: str
    command: str
    slack: SlackGateway
    homes: Homes
    on_canary: Callable[[Mapping[str, Any]], Awaitable[None]] = _unheard
