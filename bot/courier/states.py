"""Desired states: cards, alerts, copies and reactions, brought to what they should show."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection
from structlog.contextvars import bound_contextvars

from bot.blocks.card import card
from bot.blocks.post import Post
from bot.clock import Clock
from bot.desk.effects import MarkState
from bot.leases import STATES, Duty, Leases
from storage import alerts, attachments, held_mails, messages, outbox, wishes
from storage import reports as case_reports
from storage.engine import Database
from storage.errors import DatabaseUnavailable, LeaseLost
from storage.messages import Copy
from storage.wishes import Desired

from .mail_posts import mail_post
from .message_posts import copy_post
from .pacing import Pacing
from .render import NotYet, Words, alert_post, digest
from .slack import ChannelTrouble, RateLimited, Refused, SlackGateway, Undelivered

log = structlog.get_logger(__name__)

# Whoever wishes for a state wakes us; this is for what another process left behind.
POLL = 5.0
AWAY_PAUSE = 1.0
AT_ONCE = 20
_METHODS = ("chat.update", "reactions.add", "files.delete", "chat.delete")
_GONE = {"gone": "chat.delete", "gone_file": "files.delete"}
BACKOFF_MOST = 60.0

EMOJI = {
    MarkState.WAITING: "hourglass_flowing_sand",
    MarkState.SENT: "white_check_mark",
    MarkState.FAILED: "x",
    MarkState.UNKNOWN: "grey_question",
    MarkState.NOT_SENT: "lock",
}


class States:
    """Brings each target to its wished state; each is idempotent, so a lost answer is simply tried again.

    One process at a time does it: of two, the slower one could show what is no longer so.
    """

    def __init__(
        self,
        database: Database,
        gateway: SlackGateway,
        pacing: Pacing,
        words: Words,
        clock: Clock,
        leases: Leases,
    ) -> None:
        self._duty = Duty(leases, STATES, self._begin_empty)
        self._database = database
        self._gateway = gateway
        self._pacing = pacing
        self._words = words
        self._clock = clock
        self._stopping = False
        self.wake = asyncio.Event()
        self.on_outbox: Callable[[], None] = _nothing

    async def run(self) -> None:
        while not self._stopping:
            self.wake.clear()
            try:
                pause = await self._round() if self._duty.is_ours() else POLL
            except LeaseLost:
                pause = AWAY_PAUSE
            except DatabaseUnavailable as error:
                log.warning("the database is away", action="waiting", error=str(error))
                pause = AWAY_PAUSE
            if pause:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self.wake.wait()

    def stop(self) -> None:
        self._stopping = True
        self.wake.set()

    def _begin_empty(self) -> None:
        """Whoever had it before may just have called as fast as may be."""
        for method in _METHODS:
            self._pacing.method(method).empty()

    async def _round(self) -> float:
        now = self._clock.now()
        due, next_at = await self._database.read(partial(_look, now=now))
        for state in due:
            if self._stopping:
                return 0.0
            with bound_contextvars(target=state.target, case_id=state.case_id):
                await self._bring(state)
        if due:
            return 0.0
        left = (next_at - self._clock.now()).total_seconds() if next_at is not None else POLL
        return min(POLL, max(0.02, left))

    async def _turn(self, method: str) -> None:
        """The next call of the method may be made. Raises LeaseLost when it is another process's turn."""
        await self._pacing.call(method)
        self._duty.require()

    async def _bring(self, state: Desired) -> None:
        try:
            shown = await self._show(state)
        except RateLimited as limited:
            self._pacing.method(_method(state)).pause(limited.seconds)
            await self._later(state, limited.seconds, str(limited))
        except (Refused, ChannelTrouble) as error:
            await self._cannot(state, error)
        except (Undelivered, NotYet) as error:
            await self._later(state, min(BACKOFF_MOST, 2.0 ** min(state.failures, 10)), str(error))
        except (DatabaseUnavailable, LeaseLost, asyncio.CancelledError):
            raise
        except Exception as error:
            log.error("a state cannot be shown", target=state.target, exc_info=error)
            await self._rest(state, f"{type(error).__name__}: {error}")
        else:
            done = wishes.forget if state.kind in _GONE else partial(wishes.applied, shown=shown)
            await self._duty.commit(partial(done, state=state))

    async def _show(self, state: Desired) -> str:
        match state.kind:
            case "mark":
                return await self._mark(state)
            case "card":
                return await self._card(state)
            case "alert":
                return await self._alert(state)
            case "copies":
                return await self._copies(state)
            case "mail_post":
                return await self._mail_post(state)
            case "gone" | "gone_file":
                return await self._delete(state)
            case _:
                raise ValueError(f"a desired state of a kind nobody shows: {state.kind}")

    async def _mark(self, state: Desired) -> str:
        channel, ts = state.payload["channel"], state.payload["ts"]
        wished = EMOJI[MarkState(state.payload["state"])]
        await self._turn("reactions.add")
        await self._gateway.react(channel, ts, wished)
        if state.applied is not None and state.applied != wished:
            await self._gateway.unreact(channel, ts, str(state.applied))
        return wished

    async def _delete(self, state: Desired) -> str:
        """Of what was erased, our own posts and files go too, where that was asked for."""
        await self._turn(_GONE[state.kind])
        if state.kind == "gone":
            await self._gateway.delete(state.payload["channel"], state.payload["ts"])
        else:
            await self._gateway.delete_file(state.payload["file_id"], allow="file_not_found")
        return "gone"

    async def _card(self, state: Desired) -> str:
        def work(connection: Connection) -> tuple[Post, str, str] | None:
            file = case_reports.case_file(connection, state.case_id or "")
            if file is None or file.thread is None:
                return None
            return card(self._words.views.card(connection, file)), file.thread.channel, file.thread.thread_ts

        found = await self._database.read(work)
        if found is None:
            raise NotYet("the card is not posted yet")
        post, channel, ts = found
        if state.applied == digest(post):
            return digest(post)
        await self._turn("chat.update")
        try:
            await self._gateway.update(channel, ts, post)
        except Refused as error:
            if str(error) != "message_not_found":
                raise
            await self._post_card_again(state, channel, ts)
        return digest(post)

    async def _post_card_again(self, state: Desired, channel: str, ts: str) -> None:
        """Somebody deleted the card: the case gets a new one, and a new thread under it."""
        again = (state.case_id or "", channel, ts)
        rows = [outbox.new_card(*again), outbox.new_intro(*again)]
        now = self._clock.now()
        await self._database.write(partial(outbox.enqueue, rows=rows, now=now))
        self.on_outbox()

    async def _alert(self, state: Desired) -> str:
        post_key = state.payload["post_key"]

        def work(connection: Connection) -> tuple[Post, str, str] | None:
            found = alerts.find_post(connection, post_key)
            if found is None or found.channel is None or found.ts is None:
                return None
            return alert_post(connection, post_key, self._words), found.channel, found.ts

        found = await self._database.read(work)
        if found is None:
            raise NotYet("the alert is not posted yet")
        post, channel, ts = found
        await self._turn("chat.update")
        await self._gateway.update(channel, ts, post)
        return "shown"

    async def _mail_post(self, state: Desired) -> str:
        post_key = str(state.payload["post_key"])

        def work(connection: Connection) -> tuple[Post, tuple[str, str] | None]:
            post = mail_post(connection, post_key, self._words.views)
            return post, held_mails.find_post(connection, post_key)

        post, place = await self._database.read(work)
        if place is None:
            raise NotYet("the mail is not posted yet")
        if state.applied != digest(post):
            await self._turn("chat.update")
            await self._gateway.update(*place, post)
        return digest(post)

    async def _copies(self, state: Desired) -> str:
        message_id = int(state.payload["message_id"])

        def work(connection: Connection) -> list[tuple[Copy, Post]]:
            message = messages.load_message(connection, message_id)
            if message is None:
                return []
            return [
                (copy, copy_post(connection, message, copy, self._words.reserved_names()))
                for copy in messages.copies_of(connection, message_id)
            ]

        await self._delete_files(message_id)
        for copy, post in await self._database.read(work):
            await self._turn("chat.update")
            try:
                await self._gateway.update(copy.channel, copy.ts, post)
            except Refused as error:  # somebody removed this one; the others follow all the same
                log.warning("a copy cannot be changed", target=state.target, copy=copy.ts, error=str(error))
        return "shown"

    async def _delete_files(self, message_id: int) -> None:
        """The copies of a file go when it goes, by itself or with its message; words are emptied by `_copies`."""
        for copy in await self._database.read(partial(attachments.copies_to_delete, message_id=message_id)):
            await self._turn("files.delete")
            try:
                await self._gateway.delete_file(copy.file_id)
            except Refused as error:  # somebody removed it before
                log.warning("a file cannot be deleted", file=copy.file_id, error=str(error))
            deleted = partial(attachments.copy_deleted, file_id=copy.file_id, at=self._clock.now())
            await self._database.write(deleted)

    async def _cannot(self, state: Desired, error: Undelivered) -> None:
        """The post is gone or may not be changed: there is nothing left to show there."""
        log.warning("a state cannot be shown", target=state.target, error=str(error))
        if isinstance(error, ChannelTrouble):
            await self._later(state, min(BACKOFF_MOST, 2.0 ** min(state.failures, 10)), str(error))
        else:
            await self._rest(state, str(error))

    async def _later(self, state: Desired, seconds: float, error: str) -> None:
        until = self._clock.now() + timedelta(seconds=seconds)
        await self._duty.commit(partial(wishes.delay_state, state=state, until=until, error=error))

    async def _rest(self, state: Desired, error: str) -> None:
        await self._duty.commit(partial(wishes.delay_state, state=state, until=None, error=error))


def _nothing() -> None:
    """Until somebody listens."""


def _look(connection: Connection, now: datetime) -> tuple[list[Desired], datetime | None]:
    """What is due, and when something is next."""
    next_at = wishes.next_state_due(connection)
    is_due = next_at is not None and next_at <= now
    return (wishes.ready_states(connection, now, AT_ONCE) if is_due else []), next_at


def _method(state: Desired) -> str:
    return _GONE.get(state.kind, "reactions.add" if state.kind == "mark" else "chat.update")
