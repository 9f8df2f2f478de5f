"""A desk that is paused: nothing is read, decided or sent, and whoever looks is told so, until it is resumed."""

from __future__ import annotations

import asyncio

import structlog

from bot.blocks.operations import desk_paused
from bot.courier.slack import SlackGateway, Undelivered
from storage import pauses
from storage.engine import Database
from storage.errors import DatabaseUnavailable
from storage.pauses import Pause

log = structlog.get_logger(__name__)

POLL = 1.0
AGAIN = 30.0
NO_ROW = 0  # the post follows from no row of the outbox, which is paused too


class Gate:
    """Passed at once by a desk that is not paused."""

    def __init__(self, database: Database, slack: SlackGateway, alerting: str) -> None:
        self._database = database
        self._slack = slack
        self._alerting = alerting
        self.pause: Pause | None = None

    async def passed(self) -> None:
        """Wait until the desk is not paused. A database that is away is waited for."""
        told = False
        seconds = POLL
        while True:
            try:
                self.pause = await self._database.read(pauses.paused)
            except DatabaseUnavailable as error:
                log.warning("the database is away", action="waiting", error=str(error))
            else:
                if self.pause is None:
                    return
                if not told:
                    told = await self._tell(self.pause)
                    seconds = POLL if told else AGAIN
            await asyncio.sleep(seconds)

    async def _tell(self, pause: Pause) -> bool:
        """In the alerting channel, once in the life of a process."""
        log.warning("the desk is paused", action="desk_paused", why=pause.why)
        try:
            await self._slack.post(self._alerting, desk_paused(pause.why), NO_ROW)
        except Undelivered as error:
            log.warning("that the desk is paused cannot be told", action="waiting", error=str(error))
            return False
        return True
