"""Requests for a change: kept in the inbox first, then waited for a little."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

import structlog

from bot.blocks.help import accepted, reply_text, try_again
from bot.blocks.post import Post
from bot.casework.intake import Request, request_item
from bot.desk.effects import Reply
from bot.desk.model import Person
from bot.people import LookupUnavailable, UnknownUser
from storage.errors import DatabaseUnavailable

from .deps import Deps

log = structlog.get_logger(__name__)

# Slack gives 3 s until the acknowledgement; it is sent when the listener ends.
PATIENCE = 2.0
LOOKUP_PATIENCE = 2.0

# Why somebody who asks may not be known just now.
NOT_KNOWN = (LookupUnavailable, UnknownUser, TimeoutError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What to tell who asked. `reply` is None when it was not known in time; `kept`: it is or will be decided."""

    post: Post
    reply: Reply | None = None
    kept: bool = True


async def ask(deps: Deps, request: Request, gesture: str, began: float | None = None) -> Answer:
    """Have a request decided. `began` is the monotonic moment since which somebody waits, if that is not now."""
    try:
        began = deps.clock.monotonic() if began is None else began
        item = request_item(request, gesture, deps.clock.now())
        await deps.casework.put(item)
        reply = await deps.casework.outcome(item.key, PATIENCE - (deps.clock.monotonic() - began))
    except (DatabaseUnavailable, TimeoutError) as error:
        log.error("a request could not be kept", verb=request.verb, error=str(error))
        return Answer(try_again(), kept=False)
    if reply is None:
        return Answer(accepted())
    return Answer(await said(deps, reply), reply)


async def said(deps: Deps, reply: Reply) -> Post:
    """A reply in words, with the way to the cases it names."""
    links: dict[str, str] = {}
    with contextlib.suppress(DatabaseUnavailable):
        links = await deps.enquiries.links(reply)
    return reply_text(reply, links, deps.command)


async def asker(deps: Deps, user: str) -> Person:
    """Who is asking. Raises LookupUnavailable, UnknownUser or TimeoutError."""
    async with asyncio.timeout(LOOKUP_PATIENCE):
        return await deps.people.person(user)
