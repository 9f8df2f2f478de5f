"""Rows of the outbox whose way is Slack: posted, settled where the answer was lost, or parked and told of."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection

from bot.clock import Clock
from bot.desk.model import FileTrouble
from bot.ops.logging import redacted
from bot.ops.metrics import Metrics, Result, Step, Way
from bot.timing import Timing
from storage import attachments, cases, inbox, outbox
from storage.engine import Database
from storage.errors import DatabaseUnavailable, LeaseLost
from storage.outbox import OutboxRow, way_of

from . import reports
from .answers import settle_answer
from .files import LOOKS as FILE_LOOKS
from .files import FileRows
from .message_posts import mirrors_to_merge
from .origins import Origins, origins_of, write_anew
from .pacing import Pacing
from .places import note_place
from .render import NotYet, Outgoing, Words, render
from .slack import (
    ChannelTrouble,
    FileLost,
    LoginTrouble,
    NotSent,
    RateLimited,
    Refused,
    SlackGateway,
    StillUncertain,
    Uncertain,
)

log = structlog.get_logger(__name__)

BACKOFF_MOST = 60.0
LOOKED_BACK = timedelta(seconds=60)
LOOKS = 2
_IN_THREAD = {"thread_intro", "mirror", "form_post", "thread_notice", "held_post"}
_WORDS = {"mirror", "answer"}


class DeskChannels(Protocol):
    """The desk's own channels: what is for them is waited for, however long they cannot be used."""

    @property
    def alerting(self) -> str: ...

    def __contains__(self, channel: str) -> bool: ...

    async def lost(self, channel: str, why: str) -> None: ...

    def worked(self, channel: str) -> None: ...


class SlackRows:
    """What it cannot deliver is retried, settled, or parked and told; never forgotten.

    `login_trouble` is why Slack refuses everything until an operator acts; None while all is well.
    """

    def __init__(
        self,
        database: Database,
        gateway: SlackGateway,
        pacing: Pacing,
        words: Words,
        channels: DeskChannels,
        clock: Clock,
        files: FileRows,
        timing: Timing,
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._files = files
        self.origins = Origins(database, gateway)
        self._pacing = pacing
        self._words = words
        self._channels = channels
        self._alerting = channels.alerting
        self._clock = clock
        self._timing = timing
        self.login_trouble: str | None = None
        # The courier sees to it that a row's commits and calls are made by its destination's one server.
        self.write: Callable[[OutboxRow, Callable[[Connection], Any]], Awaitable[Any]] = self._write
        self.require: Callable[[OutboxRow], None] = _allowed
        self.on_rows: Callable[[], None] = _nothing
        self.on_report: Callable[[], None] = _nothing
        self.on_delivered: Callable[[], None] = _nothing
        self.why_gone: Callable[[str], Awaitable[str | None]] = _nobody_is
        self.metrics = Metrics()

    async def deliver(self, row: OutboxRow) -> None:
        """Bring one row as far as it gets. Raises DatabaseUnavailable, or LeaseLost."""
        try:
            if row.state == "pending":
                await self._send(row)
            else:
                await self._settle(row)
        except RateLimited as limited:
            self._pacing.channel(row.channel).pause(limited.seconds)
            log.warning("Slack asks to wait", action="rate_limited", row=row.id, seconds=limited.seconds)
            await self._again(row, row.state, str(limited), limited.seconds)
        except NotSent as error:
            await self._again(row, row.state, str(error), max(error.seconds, self._backoff(row)))
        except Uncertain as error:
            log.warning("an answer was lost", action="uncertain", row=row.id, kind=row.kind, error=str(error))
            self.metrics.delivery(Way.SLACK, Result.UNCERTAIN)
            await self._again(row, "uncertain", str(error), self._timing.settle_after)
        except LoginTrouble as error:
            if self.login_trouble is None:
                log.error("Slack refuses our token or right", action="paused", error=str(error), row=row.id)
            self.login_trouble = str(error)
            await self._again(row, row.state, str(error), self._timing.login_pause)
        except ChannelTrouble as error:
            self.login_trouble = None
            await self._channel_trouble(row, str(error))
        except Refused as error:
            self.login_trouble = None
            if str(error) == "thread_not_found" and _stands_in_thread(row):
                await self._thread_gone(row, str(error))
            elif not await self._unmerge(row):
                trouble = error.trouble if isinstance(error, FileLost) else FileTrouble.REFUSED
                await self._park(row, str(error), trouble)
        except NotYet as error:
            log.info("a row waits for what it hangs on", row=row.id, kind=row.kind, why=str(error))
            await self._again(row, row.state, str(error), self._backoff(row))
            if _stands_in_thread(row) and row.case_id is not None:
                await self._card_refused(row)
        except (DatabaseUnavailable, LeaseLost, asyncio.CancelledError):
            raise
        except Exception as error:
            # A row that cannot be rendered can never be sent: a person must know, and the lane goes on.
            log.error("a row cannot be rendered", row=row.id, kind=row.kind, exc_info=error)
            await self._park(row, redacted(f"{type(error).__name__}: {error}"))

    async def _send(self, row: OutboxRow) -> None:
        if row.kind == "answer" or (row.kind == "file" and not _stands_in_thread(row)):
            await self._refuse_if_gone(row)
        if row.kind == "file":
            await self._files.send(row, await self._channel(row))
            self._file_delivered(row, Result.SENT)
            return
        written = await self.origins.written(row)
        if written is not None:
            if await self._shown_before(row, written):
                return
            await self._pacing.post(row.channel)
        elif row.kind == "mirror":
            row = await self._merge(row, behind=await self._pacing.post(row.channel))
        else:
            await self._pacing.post(row.channel)
        channel = await self._channel(row)
        self.require(row)

        def begin(connection: Connection) -> Outgoing:
            outgoing = render(connection, row, self._words)
            outbox.start_attempt(connection, row.id, self._clock.now())
            return outgoing

        outgoing = await self.write(row, begin)
        self.require(row)
        if outgoing.only_to is not None:
            with contextlib.suppress(Refused, Uncertain):
                await self._gateway.whisper(channel, outgoing.only_to, outgoing.post, outgoing.thread_ts)
            ts = None
        else:
            ts = await self._post(row, channel, outgoing)
        await self._done(row, channel, ts, outgoing)

    async def _shown_before(self, row: OutboxRow, written: datetime) -> bool:
        """Whether the desk had posted it already before it was restored from a backup."""
        outgoing = await self._database.read(partial(render, row=row, words=self._words))
        channel = await self._channel(row)
        ts = await self.origins.found(row, channel, outgoing, written)
        if ts is None:
            return False
        log.info("it was posted before the restore", action="settled", row=row.id, kind=row.kind)
        await self._done(row, channel, ts, outgoing, Result.SETTLED, write_anew)
        return True

    async def _merge(self, row: OutboxRow, *, behind: bool) -> OutboxRow:
        """Where the channel is behind, the mirrors that wait after this one are shown in one post with it.

        Which they are is on disk before the post goes out; they themselves wait until it stands.
        """
        if not behind and "merged" not in row.payload:
            return row

        def work(connection: Connection) -> OutboxRow:
            others = mirrors_to_merge(connection, row) if behind else []
            merged = {"merged": [other.id for other in others]} if others else {}
            payload = {name: value for name, value in row.payload.items() if name != "merged"} | merged
            payload["broadcast"] = payload["broadcast"] or any(other.payload["broadcast"] for other in others)
            if payload != row.payload:
                outbox.set_payload(connection, row.id, payload)
            return replace(row, payload=payload)

        merged: OutboxRow = await self.write(row, work)
        return merged

    async def _unmerge(self, row: OutboxRow) -> bool:
        """Slack refused several messages in one post: posted alone, only the one at fault is parked."""

        def work(connection: Connection) -> bool:
            payload = outbox.payload_of(connection, row.id)
            if "merged" not in payload:
                return False
            del payload["merged"]
            outbox.set_payload(connection, row.id, payload | {"alone": True})
            outbox.set_state(connection, row.id, "pending")
            return True

        return row.kind == "mirror" and await self.write(row, work)

    async def _refuse_if_gone(self, row: OutboxRow) -> None:
        """Slack takes posts to a deactivated account, which nobody reads (slackapi/python-slack-sdk#1156)."""
        case_id = row.case_id or ""
        customers = await self._database.read(partial(cases.customers_of_cases, case_ids=[case_id]))
        why = await self.why_gone(customers[case_id]) if case_id in customers else None
        if why is not None:
            raise FileLost(FileTrouble.UNREACHABLE, why) if row.kind == "file" else Refused(why)

    async def _post(self, row: OutboxRow, channel: str, outgoing: Outgoing) -> str:
        merged = row.payload.get("merged", ())
        shown = [row, *(await self._database.read(partial(outbox.rows_of, row_ids=merged)) if merged else ())]
        return await self._gateway.post(
            channel,
            outgoing.post,
            row.id,
            outgoing.thread_ts,
            broadcast=outgoing.broadcast,
            origins=origins_of(shown),
        )

    async def _settle(self, row: OutboxRow) -> None:
        """Look whether a post whose answer was lost stands in Slack; after some misses it is sent again."""
        if row.kind == "file":
            if await self._files.settle(row, await self._channel(row)):
                self._file_delivered(row, Result.SETTLED)
            else:
                await self._look_again(row, FILE_LOOKS)
            return
        outgoing = await self._database.read(partial(render, row=row, words=self._words))
        channel = await self._channel(row)
        since = (row.first_attempt_at or row.created_at) - LOOKED_BACK
        ts = await self._find(row, channel, outgoing, since)
        if ts is not None or outgoing.only_to is not None:
            log.info("a lost answer was settled", action="settled", row=row.id, kind=row.kind)
            await self._done(row, channel, ts, outgoing, Result.SETTLED)
            return
        await self._look_again(row, LOOKS)

    async def _look_again(self, row: OutboxRow, looks: int) -> None:
        state = "pending" if row.looks + 1 >= looks else "uncertain"
        pause = 0.0 if state == "pending" else self._timing.settle_after

        def work(connection: Connection) -> None:
            outbox.set_state(connection, row.id, state, "not found yet", looked=True)
            again = self._clock.now() + timedelta(seconds=pause)
            outbox.delay_lane(connection, row.lane, again, failed=False)

        await self.write(row, work)

    async def _find(self, row: OutboxRow, channel: str, outgoing: Outgoing, since: Any) -> str | None:
        if outgoing.only_to is not None:
            return None
        try:
            return await self._gateway.find(channel, outgoing.thread_ts, row.id, since)
        except Uncertain as error:
            raise StillUncertain(str(error)) from error

    async def _channel(self, row: OutboxRow) -> str:
        if row.channel.startswith(("U", "W")):
            return await self._gateway.direct_channel(row.channel)
        return row.channel

    async def _done(
        self,
        row: OutboxRow,
        channel: str,
        ts: str | None,
        outgoing: Outgoing,
        result: Result = Result.SENT,
        also: Callable[[Connection, OutboxRow, datetime], None] | None = None,
    ) -> None:
        """The result in one commit with what follows from it."""
        self.login_trouble = None
        now = self._clock.now()

        def work(connection: Connection) -> list[OutboxRow]:
            posted = [row, *outbox.rows_of(connection, row.payload.get("merged", ()))]
            for done in posted:
                outbox.finish(connection, done.id, "sent", now, ts)
                if ts is not None:
                    note_place(connection, done, channel, ts, outgoing, now)
                if done.kind in _WORDS and done.message_id is not None:
                    if done.kind == "answer":
                        settle_answer(connection, done.message_id, now)
                    outbox.hurry_files(connection, done.message_id, now)
            outbox.rest_lane(connection, row.lane, now)
            if also is not None:
                also(connection, row, now)
            return posted

        for done in await self.write(row, work):
            log.info("delivered", action="sent", **way_of(done), kind=done.kind)
            self.metrics.delivery(Way.SLACK, result)
            self.metrics.took(Step.OUTBOX, (now - done.created_at).total_seconds())
        self._channels.worked(row.channel)
        self._delivered()
        if row.kind == "card":
            self.on_report()  # replies to a new card may wait for it to be known

    def _file_delivered(self, row: OutboxRow, result: Result) -> None:
        self.metrics.delivery(Way.SLACK, result)
        self.metrics.took(Step.OUTBOX, (self._clock.now() - row.created_at).total_seconds())
        self._delivered()

    def _delivered(self) -> None:
        self.login_trouble = None
        self.on_delivered()

    async def _again(self, row: OutboxRow, state: str, error: str, seconds: float) -> None:
        until = self._clock.now() + timedelta(seconds=seconds)
        if state != "uncertain":
            self.metrics.delivery(Way.SLACK, Result.DELAYED)

        def work(connection: Connection) -> None:
            outbox.set_state(connection, row.id, state, error)
            outbox.delay_lane(connection, row.lane, until)

        await self.write(row, work)

    async def _channel_trouble(self, row: OutboxRow, error: str) -> None:
        """A customer's channel that is gone fails for good; one of the desk's is waited for, and told of."""
        if row.channel not in self._channels:
            await self._park(row, error, FileTrouble.UNREACHABLE)
            return
        await self._again(row, row.state, error, self._backoff(row))
        await self._channels.lost(row.channel, error)

    async def _thread_gone(self, row: OutboxRow, error: str) -> None:
        """The whole thread was deleted (retention, say): a new card is posted, and the row waits for it."""
        now = self._clock.now()

        def work(connection: Connection) -> None:
            thread = cases.threads_of(connection, [row.case_id or ""]).get(row.case_id or "")
            if thread is not None:
                again = (row.case_id or "", thread.channel, thread.thread_ts)
                outbox.enqueue(connection, [outbox.new_card(*again), outbox.new_intro(*again)], now)

        await self.write(row, work)
        await self._again(row, row.state, error, self._backoff(row))
        self.on_rows()

    async def _card_refused(self, row: OutboxRow) -> None:
        """Without its card a case has no place: one that Slack refused is tried again, once an hour."""
        now = self._clock.now()
        case_id, channel = row.case_id or "", row.channel

        def work(connection: Connection) -> bool:
            if outbox.card_is_on_its_way(connection, case_id, channel):
                return False
            if cases.threads_of(connection, [case_id]):
                return False
            outbox.enqueue(connection, [outbox.new_card(case_id, channel, f"{now:%Y-%m-%dT%H}")], now)
            return True

        if await self.write(row, work):
            self.on_rows()

    async def _park(self, row: OutboxRow, reason: str, trouble: FileTrouble = FileTrouble.REFUSED) -> None:
        """Set aside for good, and tell: the desk of answers and files, the alerting channel of all else."""
        now = self._clock.now()
        log.error("a row was parked", action="parked", row=row.id, kind=row.kind, error=reason)
        self.metrics.delivery(Way.SLACK, Result.PARKED)

        def work(connection: Connection) -> None:
            outbox.finish(connection, row.id, "parked", now, error=reason)
            outbox.rest_lane(connection, row.lane, now)
            if row.kind in _WORDS and row.message_id is not None:
                outbox.hurry_files(connection, row.message_id, now)
            if row.kind == "answer":
                inbox.put(connection, reports.failed_answer(row, reason, now), now)
            elif row.kind == "file":
                attachments.lose(connection, row.payload["attachment_id"], trouble, reason)
                settle_answer(connection, row.message_id or 0, now)
                inbox.put(connection, reports.failed_file(row, trouble, reason, now), now)
            elif not row.lane.startswith(reports.OPERATIONS_LANE):
                outbox.enqueue(connection, [reports.parked_row(row, reason, self._alerting)], now)

        await self.write(row, work)
        self.on_delivered()
        self.on_report()

    def _backoff(self, row: OutboxRow) -> float:
        return float(min(BACKOFF_MOST, self._timing.retry_after * 2 ** min(row.failures, 10)))

    async def _write(self, _row: OutboxRow, work: Callable[[Connection], Any]) -> Any:
        return await self._database.write(work)


def _allowed(_row: OutboxRow) -> None:
    """Where there is one process, everything is its own."""


def _nothing() -> None:
    """Until somebody listens."""


async def _nobody_is(_customer: str) -> str | None:
    """Until somebody knows better."""
    return None


def _stands_in_thread(row: OutboxRow) -> bool:
    """Whether it is posted under a card; a file is, unless it goes to a customer."""
    return row.kind in _IN_THREAD or (row.kind == "file" and "thread_ts" not in row.payload)
