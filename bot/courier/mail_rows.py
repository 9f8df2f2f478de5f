"""What becomes of a mail's row: written as things stand, handed over once, and never silently not.

A mail cannot be looked for afterwards, as a post can. Its Message-ID is on disk before the first try; when the
server's last answer got lost it is handed over once more under the same one, and after that nobody knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection

from bot.blocks import words
from bot.clock import Clock
from bot.desk.effects import MarkState
from bot.desk.model import FileTrouble, LostFile
from bot.ops.logging import redacted
from bot.ops.metrics import Metrics, Result, Step, Way
from bot.text.safe import is_blank
from bot.timing import Timing
from storage import attachments, correspondence, inbox, messages, outbox, wishes
from storage.attachments import Attachment
from storage.correspondence import CaseMail
from storage.engine import Database
from storage.errors import DatabaseUnavailable, LeaseLost
from storage.outbox import MAIL, OutboxRow, way_of

from . import reports
from .files import FileRows
from .letter import BadAddress, LetterFile, written, written_size
from .letters import Draft, LetterWriter, as_lost, mail_secret
from .mail import Away, MailCarrier, Session
from .slack import FileLost, LoginTrouble, NotSent, Refused, Uncertain, Undelivered

log = structlog.get_logger(__name__)

MOST_LOST = 2
BACKOFF_MOST = 900.0  # servers that greylist, or count mails an hour, want to be left alone for a while
TELL_DOWN_AFTER = timedelta(minutes=5)
PATIENCE = timedelta(days=2)  # with a server that answers "not now": a person should hear of it by then
WORDS_ROOM = 4  # how much longer words may get on their way, in quoted-printable and with their twin


@dataclass(frozen=True, slots=True)
class _Lost:
    """A file of an answer that does not go with it."""

    attachment: Attachment
    trouble: FileTrouble
    detail: str = ""


class _Changed(NotSent):
    """What was written has changed while the mail was on its way to the server: it is written anew."""


class MailRows:
    """Without a carrier nothing can be sent, and answers say so."""

    def __init__(
        self,
        database: Database,
        writer: LetterWriter,
        carrier: MailCarrier | None,
        files: FileRows,
        clock: Clock,
        alerting: str,
        *,
        answer_delay: float,
        max_bytes: int,
        timing: Timing | None = None,
    ) -> None:
        self._database = database
        self._writer = writer
        self._carrier = carrier
        self._files = files
        self._clock = clock
        self._alerting = alerting
        self._delay = timedelta(seconds=answer_delay)
        self._max_bytes = max_bytes
        self._timing = timing or Timing()
        self._key: bytes | None = None
        self._down_since: datetime | None = None
        self._paused_until: datetime | None = None
        self.trouble: str | None = None
        """Why nothing can be sent until an operator acts; None while all is well."""
        # The courier sees to it that a row's commits are made by the one process that sends mail.
        self.write: Callable[[OutboxRow, Callable[[Connection], Any]], Awaitable[Any]] = self._write
        self.on_trouble: Callable[[str], None] = _nobody_hears
        self.on_report: Callable[[], None] = _nobody_listens
        self.metrics = Metrics()

    async def deliver(self, row: OutboxRow) -> None:
        """Bring one row as far as it gets. Raises DatabaseUnavailable."""
        lost = _lost_before(row)
        try:
            await self._deliver(row, lost)
        except _Changed:
            await self._again(row, lost, "it was changed meanwhile", 0.0, failed=False)
        except NotSent as error:
            await self._not_sent(row, lost, error)
        except Uncertain as error:
            await self._got_lost(row, lost + 1, str(error))
        except LoginTrouble as error:
            await self._pause(row, lost, str(error))
        except Refused as error:
            if lost:
                await self._unknown(row, str(error))
            else:
                await self._park(row, str(error))
        except (DatabaseUnavailable, LeaseLost, asyncio.CancelledError):
            raise
        except Exception as error:
            # A mail that cannot be written can never be sent: a person must know, and the next ones go on.
            log.error("a mail cannot be written", row=row.id, kind=row.kind, exc_info=error)
            await self._park(row, redacted(f"{type(error).__name__}: {error}"))

    async def _deliver(self, row: OutboxRow, lost: int) -> None:
        if lost >= MOST_LOST:
            await self._unknown(row, _how_lost(row))
            return
        if self._carrier is None:
            await self._cannot(row)
            return
        now = self._clock.now()
        if self._paused_until is not None and now < self._paused_until:
            await self.write(
                row, partial(outbox.delay_lane, lane=row.lane, until=self._paused_until, failed=False)
            )
            return
        draft = await self._draft(row)
        if draft.message is not None and draft.message.deleted_at is not None and not lost:
            await self._recall(row)
            return
        if draft.message is not None and not lost and now < (due := draft.message.timestamp + self._delay):
            await self.write(row, partial(outbox.delay_lane, lane=row.lane, until=due, failed=False))
            return
        brought, missing = await self._bring(draft)
        async with self._carrier.session() as session:
            await self._let_in()
            fitting, too_much = self._fitting(draft, brought, session)
            missing += too_much
            if draft.is_answer and not fitting and missing and is_blank(_body(draft)):
                await self._park(row, words.MAIL_ONLY_LOST_FILES, missing)
                return
            told = tuple(as_lost(one.attachment, one.trouble, one.detail) for one in missing) + _lost_already(
                draft
            )
            letter = self._writer.letter(draft, told, now)
            given = [LetterFile(one.name, one.mime_type, await self._files.read(one)) for one in fitting]
            try:
                data = await asyncio.to_thread(written, letter, tuple(given))
            except BadAddress as error:
                raise Refused(words.MAIL_NO_ADDRESS) from error
            await self._begin(draft, lost)
            await session.send(letter.to, data)
        await self._done(draft, missing)

    async def _write(self, _row: OutboxRow, work: Callable[[Connection], Any]) -> Any:
        return await self._database.write(work)

    async def _draft(self, row: OutboxRow) -> Draft:
        if self._key is None:
            self._key = await self._database.write(mail_secret)
        return await self._database.read(partial(self._writer.draft, row=row, key=self._key))

    async def _bring(self, draft: Draft) -> tuple[list[Attachment], list[_Lost]]:
        brought: list[Attachment] = []
        missing: list[_Lost] = []
        for attachment in draft.files:
            if attachment.trouble is not None:
                continue
            if attachment.deleted_at is not None:
                missing.append(_Lost(attachment, FileTrouble.DELETED))
                continue
            try:
                brought.append(await self._files.bring(attachment, draft.row.created_at))
            except FileLost as error:
                missing.append(_Lost(attachment, error.trouble, str(error)))
            except NotSent:
                raise
            except Undelivered as error:  # Slack's trouble, not the mail server's: it is waited for
                raise NotSent(str(error)) from error
        return brought, missing

    def _fitting(
        self, draft: Draft, files: list[Attachment], session: Session
    ) -> tuple[list[Attachment], list[_Lost]]:
        """The files that one mail holds, in their order, and the others."""
        limit = min(self._max_bytes, session.max_size or self._max_bytes)
        used = (len(draft.text.encode()) + len(draft.html.encode()) + len(draft.quoted.encode())) * WORDS_ROOM
        fitting: list[Attachment] = []
        too_much: list[_Lost] = []
        for file in files:
            size = written_size(file.size)
            if used + size > limit:
                too_much.append(_Lost(file, FileTrouble.NO_ROOM))
            else:
                used += size
                fitting.append(file)
        return fitting, too_much

    async def _begin(self, draft: Draft, lost: int) -> None:
        """From here on the mail may have gone: its Message-ID is on disk, and no edit changes it any more."""
        row, now = draft.row, self._clock.now()
        mail = CaseMail(
            draft.message_id,
            draft.case_id,
            "answer" if draft.is_answer else "notice",
            draft.customer.identifier,
            self._writer.subject(draft),
            now,
            draft.message.id if draft.message else None,
            references=_newest_first(draft),
        )

        def work(connection: Connection) -> bool:
            if draft.message is not None and not lost:
                message = messages.lock_message(connection, draft.message.id)
                if message is None or replace(draft, message=message).version != draft.version:
                    return False
            outbox.start_mail(connection, row, lost, now)
            correspondence.add_mail(connection, mail)
            return True

        if not await self.write(row, work):
            raise _Changed

    async def _done(self, draft: Draft, missing: list[_Lost]) -> None:
        row, now = draft.row, self._clock.now()

        def work(connection: Connection) -> None:
            outbox.finish(connection, row.id, "sent", now, draft.message_id)
            self._lose(connection, row, missing, now)
            if row.message_id is not None:
                lost = attachments.any_lost(connection, row.message_id)
                _settle(
                    connection, row.message_id, "sent", "some of its files were not sent" if lost else None, now
                )
            outbox.rest_lane(connection, row.lane, now)

        await self.write(row, work)
        log.info("delivered", action="sent", **way_of(row), kind=row.kind)
        self.metrics.delivery(Way.EMAIL, Result.SENT)
        self.metrics.took(Step.OUTBOX, (now - row.created_at).total_seconds())
        if missing:
            self.on_report()

    def _lose(self, connection: Connection, row: OutboxRow, missing: list[_Lost], now: datetime) -> None:
        for one in missing:
            attachments.lose(connection, one.attachment.id, one.trouble, one.detail)
            report = reports.file_failed_in_mail(row, one.attachment.id, one.trouble, one.detail, now)
            inbox.put(connection, report, now)

    async def _again(self, row: OutboxRow, lost: int, error: str, seconds: float, *, failed: bool = True) -> None:
        until = self._clock.now() + timedelta(seconds=seconds)
        log.warning("a mail waits", action="delayed", row=row.id, kind=row.kind, error=error, seconds=seconds)
        self.metrics.delivery(Way.EMAIL, Result.UNCERTAIN if lost else Result.DELAYED)

        def work(connection: Connection) -> None:
            if lost:
                outbox.count_lost(connection, row, lost)
            outbox.set_state(connection, row.id, "uncertain" if lost else "pending", error)
            outbox.delay_lane(connection, row.lane, until, failed=failed)

        await self.write(row, work)

    async def _got_lost(self, row: OutboxRow, lost: int, error: str) -> None:
        log.warning("an answer was lost", action="uncertain", row=row.id, kind=row.kind, error=error, lost=lost)
        if lost >= MOST_LOST:
            await self._unknown(row, error)
        else:
            await self._again(row, lost, error, self._timing.settle_after, failed=False)

    async def _pause(self, row: OutboxRow, lost: int, error: str) -> None:
        """Nothing goes until somebody acts; one mail is tried now and then."""
        if self.trouble is None:
            log.error("mail cannot be sent", action="paused", error=error, row=row.id)
        self.trouble = error
        self.metrics.delivery(Way.EMAIL, Result.UNCERTAIN if lost else Result.DELAYED)
        until = self._paused_until = self._clock.now() + timedelta(seconds=self._timing.mail_login_pause)

        def work(connection: Connection) -> None:
            if lost:
                outbox.count_lost(connection, row, lost)
            outbox.set_state(connection, row.id, "uncertain" if lost else "pending", error)
            outbox.delay_destination(connection, MAIL, until)

        await self.write(row, work)
        self.on_trouble(error)

    async def _not_sent(self, row: OutboxRow, lost: int, error: NotSent) -> None:
        now = self._clock.now()
        if isinstance(error, Away):
            self._down_since = self._down_since or now
            if now - self._down_since > TELL_DOWN_AFTER:
                self.on_trouble(words.MAIL_DOWN.format(since=f"{self._down_since:%Y-%m-%d %H:%M} UTC"))
        elif now - row.created_at > PATIENCE:
            await self._set_aside(
                row, "unknown" if lost else "failed", words.MAIL_GIVEN_UP.format(said=str(error))
            )
            return
        await self._again(row, lost, str(error), max(error.seconds, self._backoff(row)))

    async def _let_in(self) -> None:
        """The server is there and took our login: what waited for that need not wait longer."""
        if self.trouble is not None:
            await self._database.write(partial(outbox.hurry, destination=MAIL, now=self._clock.now()))
        self.trouble = self._paused_until = self._down_since = None

    async def _recall(self, row: OutboxRow) -> None:
        now = self._clock.now()
        reason = "its author took it back in time"

        def work(connection: Connection) -> None:
            outbox.finish(connection, row.id, "dropped", now, error=reason)
            messages.set_delivery(connection, row.message_id or 0, "failed", reason)
            inbox.put(connection, reports.mail_report(row, "recalled", reason, now), now)
            outbox.rest_lane(connection, row.lane, now)

        await self.write(row, work)
        self.metrics.delivery(Way.EMAIL, Result.DROPPED)
        self.on_report()

    async def _cannot(self, row: OutboxRow) -> None:
        """An answer fails visibly; a notice that nobody wrote is not worth an alert for each case."""
        if row.kind == "answer":
            await self._park(row, words.MAIL_NO_SERVER)
            return
        now = self._clock.now()

        def work(connection: Connection) -> None:
            outbox.finish(connection, row.id, "dropped", now, error=words.MAIL_NO_SERVER)
            outbox.rest_lane(connection, row.lane, now)

        await self.write(row, work)
        self.metrics.delivery(Way.EMAIL, Result.DROPPED)

    async def _unknown(self, row: OutboxRow, why: str) -> None:
        """Set aside for good; whether it arrived is for a person to find out."""
        await self._set_aside(row, "unknown", words.MAIL_UNKNOWN.format(why=why))

    async def _park(self, row: OutboxRow, reason: str, missing: list[_Lost] | None = None) -> None:
        await self._set_aside(row, "failed", reason, missing)

    async def _set_aside(
        self, row: OutboxRow, outcome: reports.Outcome, reason: str, missing: list[_Lost] | None = None
    ) -> None:
        now = self._clock.now()
        log.error("a mail was parked", action="parked", row=row.id, kind=row.kind, outcome=outcome, error=reason)
        self.metrics.delivery(Way.EMAIL, Result.PARKED)

        def work(connection: Connection) -> None:
            outbox.finish(connection, row.id, "parked", now, error=reason)
            outbox.rest_lane(connection, row.lane, now)
            if row.kind != "answer":
                outbox.enqueue(connection, [reports.parked_row(row, reason, self._alerting)], now)
            elif missing:
                self._lose(connection, row, missing, now)
            else:
                if outcome == "unknown":
                    _settle(connection, row.message_id or 0, "unknown", reason, now)
                inbox.put(connection, reports.mail_report(row, outcome, reason, now), now)

        await self.write(row, work)
        self.on_report()

    def _backoff(self, row: OutboxRow) -> float:
        return float(min(BACKOFF_MOST, self._timing.retry_after * 2 ** min(row.failures, 12)))


def _settle(connection: Connection, message_id: int, delivery: str, error: str | None, now: datetime) -> None:
    """What an admin is shown of an answer that went by mail."""
    # First changed, then read: what was given in a form may be posted in the thread just now.
    messages.set_delivery(connection, message_id, delivery, error)
    message = messages.load_message(connection, message_id)
    if message is not None and message.channel is not None and message.ts is not None:
        wishes.want_mark(connection, message.channel, message.ts, _mark(delivery, error).value, now)


def _mark(delivery: str, error: str | None) -> MarkState:
    if delivery == "unknown":
        return MarkState.UNKNOWN
    return MarkState.FAILED if error else MarkState.SENT


def _lost_before(row: OutboxRow) -> int:
    """How often the outcome of handing it over got lost; a process that ended meanwhile lost it too."""
    return int(row.payload.get("lost", 0)) + (1 if row.state == "sending" else 0)


def _how_lost(row: OutboxRow) -> str:
    return "this program ended meanwhile" if row.state == "sending" else "the answer was lost"


def _lost_already(draft: Draft) -> tuple[LostFile, ...]:
    return tuple(as_lost(one, one.trouble) for one in draft.files if one.trouble is not None)


def _newest_first(draft: Draft) -> tuple[str, ...]:
    return (draft.answered.message_id, *draft.answered.references) if draft.answered else ()


def _body(draft: Draft) -> str:
    return draft.message.body if draft.message is not None else ""


def _nobody_hears(_words: str) -> None:
    """Until somebody listens."""


def _nobody_listens() -> None:
    """Until somebody listens."""
