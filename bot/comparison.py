"""One customer's conversations, compared with what we hold: what is missing goes through the inbox, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection

from bot.clock import Clock
from bot.courier.pacing import Pacing
from bot.courier.slack import ChannelTrouble, RateLimited, Refused, SlackGateway
from bot.history import Listing, Slack, deletions_of, items_of, posts_among, read_history, threads_changed
from storage import conversations, inbox, replays
from storage.conversations import Unit
from storage.engine import Database
from storage.inbox import NewItem

log = structlog.get_logger(__name__)

OVERLAP = timedelta(minutes=2)
LOOKED_BACK = timedelta(hours=48)  # for edits and deletions of what was written before

_CUT = (
    "Slack gives this app its history fifteen rows at a time, so that a gap takes very long to make good: the app "
    "must be one made for your own workspace, not a distributed one"
)


class PacedSlack:
    """Slack, asked for a page when it is its turn, and for the same page again after "not now"."""

    def __init__(self, slack: SlackGateway, pacing: Pacing) -> None:
        self._slack = slack
        self._pacing = pacing

    async def call(self, method: str, **arguments: Any) -> Any:
        while True:
            await self._pacing.call(method.replace("_", ".", 1))
            try:
                return await self._slack.call(method, **arguments)
            except RateLimited as limited:
                await asyncio.sleep(limited.seconds)


@dataclass(frozen=True, slots=True)
class _Compared:
    """A conversation: what stands there, and which posts we held before Slack was asked."""

    channel: str
    root: str | None
    listing: Listing
    held: dict[str, str]


class Comparison:
    """`us` is the bot's user id, by which its own signs are known."""

    def __init__(self, database: Database, slack: Slack, clock: Clock, us: str) -> None:
        self._database = database
        self._slack = slack
        self._clock = clock
        self._us = us
        self.on_trouble: Callable[[str], None] = _nobody

    async def compare(
        self, unit: Unit, since: datetime, began: datetime, checked: datetime | None
    ) -> list[NewItem]:
        """What was missing: kept, and noted how far was compared, in one commit.

        `since`: what was written before was compared; `checked` is the same of this customer alone.
        """
        since = max(since, checked - OVERLAP) if checked is not None else since
        from_ = since - LOOKED_BACK if unit.has_case else since
        # Of an open case, what is found of the time looked back to is taken, too: it opens no closed one.
        written_since = None if unit.is_open else since
        compared: list[_Compared] = []
        threads = list(unit.threads)
        if unit.dm is not None:
            top = await self._compared(unit, unit.dm, None, from_)
            compared.append(top)
            threads += [(unit.dm, root) for root in threads_changed(top.listing, since)]
        for channel, root in dict.fromkeys(threads):
            compared.append(await self._compared(unit, channel, root, from_))
        now = self._clock.now()

        def work(connection: Connection) -> list[NewItem]:
            stored = []
            for one in compared:
                written = items_of(one.channel, one.listing, self._us, written_since)
                deleted = deletions_of(one.channel, one.root, one.listing, one.held, now)
                items = [*written, *deleted]
                new = inbox.put_all(connection, items, now)
                stored += [item for item, is_new in zip(items, new, strict=True) if is_new]
            if unit.is_whole:
                replays.checked(connection, unit.customer, began)
            return stored

        return await self._database.write(work)

    async def _compared(self, unit: Unit, channel: str, root: str | None, since: datetime) -> _Compared:
        """What we hold is read first: of that, what Slack does not show was deleted, whatever our clock says."""
        held = await self._database.read(
            partial(_held, customer=unit.customer, channel=channel, root=root, since=since)
        )
        return _Compared(channel, root, await self._listed(channel, root, since), held)

    async def _listed(self, channel: str, root: str | None, since: datetime) -> Listing:
        """What stands there; nothing where the conversation is gone."""
        try:
            listing = await read_history(self._slack, channel, since, root)
        except (ChannelTrouble, Refused) as error:
            log.info("a conversation cannot be compared", channel=channel, root=root, error=str(error))
            return Listing((), whole=False)
        if listing.cut:
            self.on_trouble(_CUT)
        return listing


def _held(
    connection: Connection, customer: str, channel: str, root: str | None, since: datetime
) -> dict[str, str]:
    """Decided or not: a post that waits while it is deleted in Slack would stand here for ever."""
    waiting = conversations.posts_waiting(connection, customer, since)
    return posts_among(waiting, channel, root) | conversations.posts_held(connection, channel, root, since)


def _nobody(_words: str) -> None:
    """Until somebody listens."""
