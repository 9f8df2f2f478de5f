"""Events that only say sooner what is asked anew anyway: one that cannot be read is acknowledged, and no loss."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import structlog

log = structlog.get_logger(__name__)

Listener = Callable[..., Awaitable[None]]


def best_effort(listener: Listener) -> Listener:
    """Bolt reads the names of the arguments through the wrapping."""

    @wraps(listener)
    async def listen(**given: Any) -> None:
        try:
            await listener(**given)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            log.warning("an event cannot be read", action="unreadable", error=f"{type(error).__name__}: {error}")

    return listen
