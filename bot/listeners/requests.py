"""Requests for a change: kept in the inbox first, then waited for a little."""

from __future__ import annotations

import structlog

from bot.blocks.help import accepted, reply_text, try_again
from bot.blocks.post import Post
from bot.casework.intake import Request, request_item
from bot.desk.effects import Reply
from storage.errors import DatabaseUnavailable

from .deps import Deps

log = structlog.get_logger(__name__)

# Slack gives 3 s until the acknowledgement; it is sent when the listener ends.
PATIENCE = 2.0


async def ask(deps: Deps, request: Request, gesture: str, began: float | None = None) -> tuple[Reply | None, Post]:
    """Have a request decided. The reply is None when it was not known in time, or could not be kept.

    `began` is the monotonic moment since which somebody has been waiting, if that is not now.
    """
    try:
        began = deps.clock.monotonic() if began is None else began
        item = request_item(request, gesture, deps.clock.now())
        await deps.casework.put(item)
        reply = await deps.casework.outcome(item.key, PATIENCE - (deps.clock.monotonic() - began))
    except (DatabaseUnavailable, TimeoutError) as error:
        log.error("a request could not be kept", verb=request.verb, error=str(error))
        return None, try_again()
    if reply is None:
        return None, accepted()
    return reply, reply_text(reply, await deps.enquiries.links(reply))
