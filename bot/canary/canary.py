"""Every `interval` seconds a mail to our own mailbox and a post in the logging channel: do they come back to us?

What is seen is noted in the database, for with several processes one sends and another may see it. A leg that
does not come back in time is told of once, by its name; and once more when it is well again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from bot.blocks import words
from bot.clock import Clock
from bot.courier.letter import Letter, ascii_address, written
from bot.courier.mail import MailCarrier
from bot.courier.pacing import Pacing
from bot.courier.slack import SlackGateway, Uncertain, Undelivered
from bot.leases import CLOCK, Leases
from bot.ops.metrics import Metrics
from bot.text.twin import html_of
from storage import canaries
from storage.canaries import Flight
from storage.engine import Database
from storage.errors import DatabaseUnavailable
from storage.secrets import secret

from .token import KEY_NAME, Leg, is_signed, new_token, token_in

log = structlog.get_logger(__name__)

POLL = 1.0


@dataclass(frozen=True, slots=True)
class MailLeg:
    """By what the mail goes out, whom it is from, and the mailbox that is read."""

    carrier: MailCarrier
    sender: str
    mailbox: str
    loop_token: str


def is_canary(event: Mapping[str, Any], bot_user_id: str) -> bool:
    """Whether an event tells of a canary's post: that it was written, or taken away again."""
    message = event.get("previous_message") or event
    by_us = message.get("user") == bot_user_id and bool(message.get("bot_id"))
    return by_us and token_in(str(message.get("text", ""))) is not None


class Canary:
    """One per process; of several the one sends that has the clock's duty."""

    def __init__(
        self,
        database: Database,
        gateway: SlackGateway,
        pacing: Pacing,
        clock: Clock,
        leases: Leases,
        *,
        channel: str,
        interval: float,
        mail: MailLeg | None,
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._pacing = pacing
        self._clock = clock
        self._leases = leases
        self._channel = channel
        self._interval = interval
        self._mail = mail
        self._legs = (Leg.SOCKET, Leg.MAIL) if mail is not None else (Leg.SOCKET,)
        self._key: bytes | None = None
        self._missing: set[Leg] = set()
        self._heard = asyncio.Event()
        self.metrics = Metrics()
        self.on_trouble: Callable[[str], None] = _nobody
        self.on_well: Callable[[str], None] = _nobody

    async def heard(self, event: Mapping[str, Any]) -> None:
        """An event of a canary's post has come over the socket. One that cannot be noted is not sent again."""
        token = token_in(str(event.get("text", "")))
        if token is None or event.get("subtype") == "message_deleted":
            return
        try:
            if is_signed(await self._secret(), token):
                ts = str(event.get("ts") or "") or None
                await self._database.write(partial(canaries.seen, token=token, now=self._clock.now(), ts=ts))
                self._heard.set()
        except DatabaseUnavailable as error:
            log.warning("the database is away", action="waiting", error=str(error))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            began = self._clock.monotonic()
            if self._leases.current(CLOCK) is None:
                self._forget()
                await asyncio.sleep(min(POLL, self._interval))
                continue
            try:
                await self._round(began + self._interval)
            except DatabaseUnavailable as error:
                log.warning("the database is away", action="waiting", error=str(error))
            await asyncio.sleep(max(POLL / 10, began + self._interval - self._clock.monotonic()))

    def _forget(self) -> None:
        """Another process sends now: what it finds is for it to tell."""
        self._missing.clear()
        self.metrics.forget_canaries()

    async def _round(self, deadline: float) -> None:
        await self._take_away()  # what a process that has ended left
        waited_for: dict[Leg, str] = {}
        for leg in self._legs:
            token = new_token(await self._secret(), leg)
            await self._database.write(partial(canaries.begin, leg=leg.value, token=token, now=self._clock.now()))
            waited_for[leg] = token
            try:
                await self._send(leg, token)
            except Uncertain as error:
                log.warning("an answer was lost", action="canary", leg=leg.value, error=str(error))
            except Undelivered as error:
                self._tell_missing(leg, words.CANARY_NOT_SENT[leg.value].format(why=str(error)))
                del waited_for[leg]
        began = self._clock.now()
        await self._wait(waited_for, deadline)
        await self._take_away()
        for leg, token in waited_for.items():
            await self._database.write(partial(canaries.give_up, token=token))
            told = {"since": f"{began:%Y-%m-%d %H:%M} UTC", "minutes": self._interval / 60}
            self._tell_missing(leg, words.CANARY_MISSING[leg.value].format(**told))

    async def _wait(self, waited_for: dict[Leg, str], deadline: float) -> None:
        """Take those out that have come back, until all have, or the time is over."""
        while True:
            self._heard.clear()
            is_last_look = (left := deadline - self._clock.monotonic()) <= 0
            for leg, flight in (await self._flights()).items():
                if flight.seen_at is not None and waited_for.get(Leg(leg)) == flight.token:
                    del waited_for[Leg(leg)]
                    self._tell_well(Leg(leg), flight.sent_at, flight.seen_at)
                    await self._take_away()
            if not waited_for or is_last_look:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(POLL, left)):
                    await self._heard.wait()

    async def _send(self, leg: Leg, token: str) -> None:
        """Raises an Undelivered."""
        if leg is Leg.MAIL and self._mail is not None:
            async with self._mail.carrier.session() as session:
                await session.send(self._mail.mailbox, _letter(self._mail, token, self._clock.now()))
            return
        await self._pacing.post(self._channel)
        text = words.CANARY_POST.format(token=token)
        answer = await self._gateway.call("chat_postMessage", channel=self._channel, text=text, mrkdwn=False)
        await self._database.write(partial(canaries.set_post, token=token, ts=str(answer["ts"])))

    async def _take_away(self) -> None:
        """The post has done its work. Best effort: the next round tries again."""
        flight = (await self._flights()).get(Leg.SOCKET.value)
        if flight is None or flight.ts is None:
            return
        try:
            await self._gateway.call("chat_delete", allow="message_not_found", channel=self._channel, ts=flight.ts)
        except Undelivered as error:
            log.warning("a canary's post cannot be taken away", action="canary", error=str(error))
        else:
            await self._database.write(partial(canaries.set_post, token=flight.token, ts=None))

    async def _flights(self) -> dict[str, Flight]:
        return await self._database.read(canaries.flights)

    async def _secret(self) -> bytes:
        if self._key is None:
            self._key = await self._database.write(partial(secret, name=KEY_NAME))
        return self._key

    def _tell_missing(self, leg: Leg, what: str) -> None:
        log.error(what, action="canary_missing", leg=leg.value)
        self.metrics.canary(leg.value, None)
        if leg not in self._missing:
            self._missing.add(leg)
            self.on_trouble(f"{what}. {words.CANARY_LOOK[leg.value]}")

    def _tell_well(self, leg: Leg, sent_at: datetime, seen_at: datetime) -> None:
        seconds = max(0.0, (seen_at - sent_at).total_seconds())
        log.info("a canary came back", action="canary", leg=leg.value, seconds=round(seconds, 3))
        self.metrics.canary(leg.value, seconds)
        if leg in self._missing:
            self._missing.discard(leg)
            self.on_well(words.CANARY_BACK[leg.value])


def _letter(leg: MailLeg, token: str, now: datetime) -> bytes:
    text = words.CANARY_MAIL
    return written(
        Letter(
            sender=leg.sender,
            sender_name="",
            to=leg.mailbox,
            to_name="",
            subject=words.CANARY_SUBJECT.format(token=token),
            message_id=f"<canary-{token}@{ascii_address(leg.sender).rpartition('@')[2]}>",
            references=(),
            date=now,
            text=text,
            html=html_of(text),
            loop_token=leg.loop_token,
            automatic="auto-generated",
        )
    )


def _nobody(_words: str) -> None:
    """Until somebody listens."""
