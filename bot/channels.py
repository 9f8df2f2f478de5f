"""The desk's own channels while it runs: which of them cannot be used just now, and who is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import structlog
from sqlalchemy import Connection

from bot.clock import Clock
from bot.courier.reports import channel_back_row, channel_trouble_row, start_warning_row
from storage import outbox
from storage.engine import Database

log = structlog.get_logger(__name__)


class DeskChannels:
    """What is meant for one of them waits for as long as it cannot be used; nothing of it is ever parked.

    `named` is how the settings name each channel, by the setting: one named by its id survives a new name.
    """

    def __init__(
        self,
        support: str,
        alerting: str,
        logging: str,
        named: Mapping[str, str],
        names: Mapping[str, str],
        database: Database,
        clock: Clock,
    ) -> None:
        self.support = support
        self.alerting = alerting
        self.logging = logging
        self._named = named
        self._names = dict(names)
        self._database = database
        self._clock = clock
        self._ids = {support, alerting, logging}
        self.trouble: dict[str, str] = {}
        self.on_outbox: Callable[[], None] = _nothing
        self.on_joined: Callable[[], None] = _nothing

    def __contains__(self, channel: str) -> bool:
        return channel in self._ids

    async def lost(self, channel: str, why: str) -> None:
        """It cannot be used; `why` is Slack's word for it. Told in another channel, once an hour."""
        if channel not in self.trouble:
            log.error("a channel of the desk cannot be used", action="channel_lost", channel=channel, error=why)
        self.trouble[channel] = why
        if (elsewhere := self._elsewhere(channel)) is not None:
            now = self._clock.now()
            row = channel_trouble_row(channel, why, elsewhere, now)
            await self._database.write(partial(outbox.enqueue, rows=[row], now=now))
            self.on_outbox()

    def worked(self, channel: str) -> None:
        """Something was just posted there."""
        if self.trouble.pop(channel, None) is not None:
            log.info("a channel of the desk can be used again", action="channel_back", channel=channel)

    async def usable(self, channel: str) -> None:
        """We were invited (back), or it is no longer archived: what waits for it need wait no more."""
        was_in_trouble = channel in self.trouble
        self.worked(channel)
        elsewhere = self._elsewhere(channel)
        now = self._clock.now()

        def work(connection: Connection) -> None:
            outbox.hurry(connection, channel, now)
            if was_in_trouble and elsewhere is not None:
                outbox.enqueue(connection, [channel_back_row(channel, elsewhere, now)], now)

        await self._database.write(work)
        self.on_outbox()

    async def renamed(self, channel: str, name: str) -> None:
        """It works on under its id; but settings that name it would not find it at the next start."""
        before, self._names[channel] = self._names.get(channel, channel), f"#{name}"
        settings = [setting for setting, value in self._named.items() if f"#{value}" == before]
        log.info("a channel of the desk has a new name", action="channel_renamed", channel=channel, name=name)
        if settings:
            text = (
                f"channel {before} is called #{name} now: change {' and '.join(settings)} before the next start, "
                f"best to its id, {channel}, which stays"
            )
            now = self._clock.now()
            row = start_warning_row(text, self.alerting, now)
            await self._database.write(partial(outbox.enqueue, rows=[row], now=now))
            self.on_outbox()

    def _elsewhere(self, channel: str) -> str | None:
        """Another channel of the desk to tell of this one in; None where all are one."""
        return next((other for other in (self.alerting, self.support, self.logging) if other != channel), None)


def _nothing() -> None:
    """Until somebody listens."""
