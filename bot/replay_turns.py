"""Whose conversations are compared with Slack's history: the most urgent first, a page at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from sqlalchemy import Connection

from bot.history import Slack, dm_among
from storage import conversations, replays
from storage.conversations import Page, Place, Unit
from storage.engine import Database

PAGE = 100
WAITING_FIRST = 500
IMS_PER_PAGE = 999
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class _ReadPage(Protocol):
    def __call__(self, connection: Connection, after: Place | None, limit: int) -> Page: ...


@dataclass(frozen=True, slots=True)
class Turn:
    """A customer whose turn it is, and until when the conversations were compared already."""

    unit: Unit
    checked: datetime | None
    place: Place | None = None


class Turns:
    """Nothing of it is longer than a page, however many customers there are."""

    def __init__(self, database: Database, slack: Slack, closed_since: datetime) -> None:
        self._database = database
        self._slack = slack
        self._closed_since = closed_since

    async def of_all(self, *, waiting_first: bool) -> AsyncGenerator[Turn, None]:
        """Everybody, some more than once. `waiting_first`: those of whom something is undecided come first."""
        if waiting_first:
            waiting = await self._database.read(partial(conversations.waiting_customers, limit=WAITING_FIRST))
            for some in _in_pages(waiting):
                for turn in await self._turns(some):
                    yield turn
        closed_page = partial(conversations.closed_page, since=self._closed_since)
        for read in (conversations.waiting_page, conversations.open_page, closed_page):
            async for page in self._pages(read):
                for turn in await self._turns(page.customers):
                    yield turn
        async for dms in self._dms():
            for some in _in_pages(list(dms)):
                for turn in await self._turns(some, dms):
                    yield turn

    async def in_rotation(self, after: Place | None, calls: int) -> list[Turn]:
        """Customers with open cases, as many as so many calls allow, going on after whose turn was last."""
        found: dict[str, Turn] = {}
        spent = 0
        begins_anew = after is None
        while True:
            page = await self._database.read(partial(conversations.open_page, after=after, limit=PAGE))
            for turn, place in zip(await self._turns(page.customers), page.places, strict=True):
                spent += _calls_for(turn.unit)
                if turn.unit.customer in found or (found and spent > calls):
                    return list(found.values())
                found[turn.unit.customer] = Turn(turn.unit, turn.checked, place)
                after = place
            if page.is_last:
                if begins_anew:
                    return list(found.values())
                after, begins_anew = None, True

    async def are_few(self, calls: int) -> bool:
        """Whether so many calls are enough to compare everybody."""
        dms, more = await self._dm_page("")
        if more or len(dms) > calls:
            return False

        def look(connection: Connection) -> int:
            open_ones = conversations.open_page(connection, None, calls).customers
            lately = conversations.closed_page(connection, None, calls, self._closed_since).customers
            if max(len(open_ones), len(lately)) == calls:
                return calls + 1  # there may be more of them
            some = list(dict.fromkeys([*open_ones, *lately]))
            return sum(len(unit.threads) for unit in conversations.units_of(connection, some, self._closed_since))

        return len(dms) + await self._database.read(look) <= calls

    async def _pages(self, read: _ReadPage) -> AsyncIterator[Page]:
        after: Place | None = None
        while True:
            page = await self._database.read(partial(read, after=after, limit=PAGE))
            yield page
            if page.is_last:
                return
            after = page.places[-1]

    async def _turns(self, customers: Sequence[str], dms: dict[str, str] | None = None) -> list[Turn]:
        def look(connection: Connection) -> list[Turn]:
            units = conversations.units_of(connection, customers, self._closed_since)
            for unit in units:
                unit.dm = (dms or {}).get(unit.customer, unit.dm)
                if not unit.is_whole:  # never heard of before, perhaps
                    posts = conversations.posts_waiting(connection, unit.customer, _LONG_AGO, limit=1)
                    unit.dm = dm_among(posts)
            checked = replays.checked_untils(connection, customers)
            return [Turn(unit, checked.get(unit.customer)) for unit in units]

        return await self._database.read(look)

    async def _dms(self) -> AsyncIterator[dict[str, str]]:
        """Everybody's DM with the app, by user."""
        cursor = ""
        while True:
            page, cursor = await self._dm_page(cursor)
            yield page
            if not cursor:
                return

    async def _dm_page(self, cursor: str) -> tuple[dict[str, str], str]:
        more = {"cursor": cursor} if cursor else {}
        answer = await self._slack.call("users_conversations", types="im", limit=IMS_PER_PAGE, **more)
        found = {str(im["user"]): str(im["id"]) for im in answer["channels"] if im.get("user")}
        return found, (answer.get("response_metadata") or {}).get("next_cursor") or ""


def _in_pages(customers: Sequence[str]) -> list[Sequence[str]]:
    return [customers[first : first + PAGE] for first in range(0, len(customers), PAGE)]


def _calls_for(unit: Unit) -> int:
    return 1 + len(unit.threads)
