"""Into the inbox, whatever it is: what cannot be read is quarantined there, since sending it again is no help."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from bot.casework.intake import UnreadableEvent, unreadable_item
from bot.listeners.deps import Deps
from storage.inbox import NewItem

log = structlog.get_logger(__name__)


async def keep(deps: Deps, make: Callable[[Mapping[str, Any]], NewItem | None], body: Mapping[str, Any]) -> None:
    """Raises as `Casework.put` does."""
    try:
        item = make(body)
    except UnreadableEvent as error:
        log.error("an event cannot be read; it is kept for a person", action="unreadable", error=str(error))
        await keep_unreadable(deps, body)
        return
    if item is not None:
        await deps.casework.put(item)


async def keep_unreadable(deps: Deps, body: Mapping[str, Any]) -> None:
    """Raises as `Casework.put` does."""
    await deps.casework.put(unreadable_item(body, deps.clock.now()))
