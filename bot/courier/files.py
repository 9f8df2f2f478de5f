"""What becomes of a file's row: fetched into the database, uploaded from there, and posted exactly once."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from bot.clock import Clock
from bot.desk.model import FileTrouble
from bot.slack_files import read_file
from storage import attachments, messages, outbox, wishes
from storage.attachments import Attachment
from storage.engine import Database
from storage.messages import CHUNK_BYTES
from storage.outbox import OutboxRow

from .answers import settle_answer
from .pacing import Pacing
from .render import FilePost, NotYet, Words, file_post
from .slack import FileLost, NotSent, RateLimited, Refused, Share, SlackGateway, Uncertain, Undelivered
from .transfer import FileTransfer, NotTheFile, pieces_of

log = structlog.get_logger(__name__)

AT_ONCE = 4
FETCH_TRIES = 5
# Files are waited for as long as Slack keeps events, then somebody must hear of it.
PATIENCE = timedelta(hours=24)
# A bot that itself was away for a day has not tried yet.
LEAST_TRIES = 5
# Slack shares a file some moments after it has said yes: a miss says less than with posts.
LOOKS = 5
_NOT_THERE = {"file_not_found", "file_deleted", "files_not_found"}


@dataclass(frozen=True, slots=True)
class _Plan:
    attachment: Attachment
    post: FilePost


class FileRows:
    """Fetching and uploading may be repeated at will; only completing an upload has an effect.

    So the file's id in Slack is on disk before it is completed, and an answer that got lost is settled by
    asking what became of that id.
    """

    def __init__(
        self,
        database: Database,
        gateway: SlackGateway,
        transfer: FileTransfer,
        pacing: Pacing,
        words: Words,
        clock: Clock,
        max_bytes: int,
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._transfer = transfer
        self._pacing = pacing
        self._words = words
        self._clock = clock
        self._max_bytes = max_bytes
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._failed: Counter[int] = Counter()
        # The courier sees to it that a row's commits and calls are made by its destination's one server.
        self.write: Callable[[OutboxRow, Callable[[Connection], None]], Awaitable[None]] = self._write
        self.require: Callable[[OutboxRow], None] = _allowed

    async def send(self, row: OutboxRow, channel: str) -> None:
        """Raises an Undelivered, FileLost among them, or NotYet."""
        try:
            await self._send(row, channel)
        except RateLimited:
            raise
        except NotSent as error:
            self._failed[row.id] += 1
            if self._clock.now() - row.created_at > PATIENCE and self._failed[row.id] >= LEAST_TRIES:
                del self._failed[row.id]
                raise FileLost(FileTrouble.UNREADABLE, str(error)) from error
            raise
        else:
            self._failed.pop(row.id, None)

    async def _send(self, row: OutboxRow, channel: str) -> None:
        plan = await self._database.read(partial(self._plan, row=row))
        if plan is None:
            await self._drop(row)
            return
        file_id = row.payload.get("file_id")
        if file_id is None:
            async with self._slots:
                attachment = plan.attachment
                if attachment.kept_at is None:
                    attachment = await self._fetch(attachment)
                file_id = await self._upload(attachment)
            plan = replace(plan, attachment=attachment)
        await self._pacing.post(channel)
        start = partial(outbox.start_completing, row=row, file_id=file_id, now=self._clock.now())
        self.require(row)
        await self.write(row, start)
        self.require(row)
        name, post = plan.attachment.name, plan.post
        try:
            await self._gateway.complete_upload(file_id, name, channel, post.thread_ts, post.comment)
        except Refused as error:
            if str(error) not in _NOT_THERE:
                raise
            await self.write(row, partial(outbox.forget_upload, row=row))
            raise NotSent(f"Slack no longer has the upload ({error})") from error
        await self._done(row, file_id, channel, await self._where(file_id, channel))

    async def bring(self, attachment: Attachment, since: datetime) -> Attachment:
        """Have all bytes of a file here, for whoever carries them on. Raises NotSent, or FileLost."""
        if attachment.kept_at is not None:
            return attachment
        try:
            async with self._slots:
                return await self._fetch(attachment)
        except NotSent as error:
            if self._clock.now() - since > PATIENCE:
                raise FileLost(FileTrouble.UNREADABLE, str(error)) from error
            raise

    async def read(self, attachment: Attachment) -> bytes:
        """All bytes of a file that is here."""
        return b"".join([chunk async for chunk in self._chunks(attachment)])

    async def settle(self, row: OutboxRow, channel: str) -> bool:
        """Whether the file stands in Slack after all; the row is done then."""
        file_id = row.payload.get("file_id")
        share: Share | None = None
        if file_id is not None:
            with _harmless():
                share = await self._gateway.shared(file_id, channel)
        if file_id is None or share is None:
            return False
        log.info("a lost answer was settled", action="settled", row=row.id, kind=row.kind)
        await self._done(row, file_id, channel, share)
        return True

    def _plan(self, connection: Connection, row: OutboxRow) -> _Plan | None:
        """None: it or its message was deleted meanwhile, and nothing more of it is passed on."""
        attachment = attachments.load_file(connection, row.payload["attachment_id"])
        message = messages.load_message(connection, row.message_id or 0)
        if attachment is None or message is None:
            raise ValueError(f"a file's row without its file or message: {row.message_id}")
        if message.deleted_at is not None or attachment.deleted_at is not None:
            return None
        if outbox.fate_of(connection, message.id).words_waiting:
            raise NotYet("the words it came with have not gone yet")
        return _Plan(attachment, file_post(connection, row, message, self._words))

    async def _fetch(self, attachment: Attachment) -> Attachment:
        if not attachment.url:
            attachment = await self._ask(attachment)
        if attachment.size > self._max_bytes:
            raise FileLost(FileTrouble.TOO_LARGE)
        if attachment.mail_source is None and not self._transfer.trusts(attachment.url or ""):
            raise FileLost(FileTrouble.FOREIGN)
        try:
            size = await self._take_in(attachment)
        except NotTheFile as error:
            tries = await self._database.write(partial(attachments.count_try, attachment_id=attachment.id))
            log.warning(
                "not the file", action="not_the_file", attachment=attachment.id, why=str(error), tries=tries
            )
            if attachment.mail_source is not None:
                raise FileLost(FileTrouble.UNREADABLE, str(error)) from error
            await self._ask(attachment)  # it may be gone, or stand somewhere else by now
            if tries >= FETCH_TRIES:
                raise FileLost(FileTrouble.UNREADABLE, str(error)) from error
            raise NotSent(str(error)) from error
        log.info("fetched", action="fetched", attachment=attachment.id, bytes=size)
        return replace(attachment, size=size, kept_at=self._clock.now())

    async def _take_in(self, attachment: Attachment) -> int:
        """The file, chunk by chunk in transactions of their own; its size."""
        await self._database.write(partial(attachments.clear_chunks, attachment_id=attachment.id))
        size = number = 0
        async with aclosing(self._measured(attachment)) as chunks:
            async for data in chunks:
                add = partial(attachments.add_chunk, attachment_id=attachment.id, number=number, data=data)
                await self._database.write(add)
                size, number = size + len(data), number + 1
        if attachment.size and size != attachment.size:
            raise NotTheFile(f"{size} bytes came instead of {attachment.size}")
        if size == 0:
            raise FileLost(FileTrouble.EMPTY)
        keep = partial(attachments.keep, attachment_id=attachment.id, size=size, at=self._clock.now())
        if not await self._database.write(keep):
            raise NotSent("the file was fetched by another process at the same time")
        return size

    async def _measured(self, attachment: Attachment) -> AsyncGenerator[bytes, None]:
        """The chunks of a download; whatever Slack said of its size, never more than may be."""
        url, mime_type, name = attachment.url or "", attachment.mime_type, attachment.name
        most, size = attachment.size or self._max_bytes, 0
        source = attachment.mail_source
        given = self._transfer.take_out(source) if source else self._transfer.download(url, mime_type, name)
        async with (
            aclosing(given) as pieces,
            aclosing(pieces_of(pieces, CHUNK_BYTES)) as chunks,
        ):
            async for data in chunks:
                size += len(data)
                if size > most:
                    if not attachment.size:
                        raise FileLost(FileTrouble.TOO_LARGE)
                    raise NotTheFile(f"more than {attachment.size} bytes came")
                yield data

    async def _ask(self, attachment: Attachment) -> Attachment:
        """What Slack says of the file now. Raises FileLost where it says that there is none for us."""
        try:
            with _harmless():
                told = await self._gateway.file_info(attachment.source_id or "")
        except Refused as error:
            trouble = FileTrouble.DELETED if str(error) in _NOT_THERE else FileTrouble.REFUSED
            raise FileLost(trouble, str(error)) from error
        file = read_file(told)
        if file.trouble is not None:
            raise FileLost(file.trouble)

        def work(connection: Connection) -> None:
            attachments.learn(connection, attachment.id, file)
            message = messages.load_message(connection, attachment.message_id)
            if message is not None and (file.name, file.size) != (attachment.name, attachment.size):
                # Its name and size stand beside the words.
                wish = wishes.copies_wish(message.id, message.case_id, self._clock.now())
                wishes.want(connection, [wish])

        await self._database.write(work)
        return replace(attachment, name=file.name, mime_type=file.mime_type, size=file.size, url=file.url)

    async def _upload(self, attachment: Attachment) -> str:
        with _harmless():
            upload = await self._gateway.begin_upload(attachment.name, attachment.size)
        await self._transfer.upload(upload.url, self._chunks(attachment), attachment.size)
        return upload.file_id

    async def _chunks(self, attachment: Attachment) -> AsyncGenerator[bytes, None]:
        for number in range(-(-attachment.size // CHUNK_BYTES)):
            read = partial(attachments.read_chunk, attachment_id=attachment.id, number=number)
            data = await self._database.read(read)
            if data is None:
                raise ValueError(f"chunk {number} of attachment {attachment.id} is missing")
            yield data

    async def _where(self, file_id: str, channel: str) -> Share:
        """Which post shows it, if Slack can say so already."""
        with contextlib.suppress(Undelivered):
            return await self._gateway.shared(file_id, channel) or Share(None)
        return Share(None)

    async def _done(self, row: OutboxRow, file_id: str, channel: str, share: Share) -> None:
        now = self._clock.now()
        message_id = row.message_id or 0

        def work(connection: Connection) -> None:
            outbox.finish(connection, row.id, "sent", now, share.ts)
            attachments.add_copy(connection, row.payload["attachment_id"], file_id, channel, share.ts)
            settle_answer(connection, message_id, now)
            message = messages.load_message(connection, message_id)
            if message is not None and attachments.copies_to_delete(connection, message_id):
                wishes.want(connection, [wishes.copies_wish(message.id, message.case_id, now)])
            outbox.rest_lane(connection, row.lane, now)

        await self.write(row, work)
        log.info(
            "delivered", action="sent", row=row.id, kind=row.kind, case_id=row.case_id, message=row.message_id
        )

    async def _write(self, _row: OutboxRow, work: Callable[[Connection], None]) -> None:
        await self._database.write(work)

    async def _drop(self, row: OutboxRow) -> None:
        now = self._clock.now()

        def work(connection: Connection) -> None:
            outbox.finish(connection, row.id, "dropped", now, error="it or its message was deleted")
            settle_answer(connection, row.message_id or 0, now)
            outbox.rest_lane(connection, row.lane, now)

        await self.write(row, work)


def _allowed(_row: OutboxRow) -> None:
    """Until somebody forbids it."""


@contextlib.contextmanager
def _harmless() -> Iterator[None]:
    """A call without an effect: that its answer was lost, or that it must wait, says no more than "not yet"."""
    try:
        yield
    except (Uncertain, RateLimited) as error:
        again = NotSent(str(error))
        again.seconds = error.seconds if isinstance(error, RateLimited) else 0.0
        raise again from error
