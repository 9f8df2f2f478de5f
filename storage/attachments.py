"""Files that came with messages: what is known of each, its bytes in chunks, and the copies made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from bot.desk.model import File, FileTrouble

from .messages import CHUNK_BYTES
from .sql import insert_for, insert_in_order
from .tables import attachment_chunks, attachments, file_copies, messages

FILE = "file"
MAIL_SOURCE = "mail:"  # how the source of a file begins that came with a mail


@dataclass(frozen=True, slots=True)
class Attachment:
    """`source_id` and `url` are where it is to be had; `kept_at` is when all its bytes were here.

    `tries` counts how often something else than the file was given for it. `deleted_at`: it alone was deleted.
    """

    id: int
    message_id: int
    name: str
    mime_type: str
    size: int
    source_id: str | None
    url: str | None
    tries: int
    kept_at: datetime | None
    trouble: FileTrouble | None
    deleted_at: datetime | None = None

    @property
    def mail_source(self) -> str | None:
        """What finds its bytes in the mail it came with; None for a file of Slack's."""
        source = self.source_id or ""
        return source if source.startswith(MAIL_SOURCE) and source == self.url else None


@dataclass(frozen=True, slots=True)
class FileCopy:
    """A copy of an attachment in Slack: a file of our own, and the post that shows it where that is known."""

    file_id: str
    channel: str
    ts: str | None


def add_files(connection: Connection, files: Mapping[int, Sequence[File]]) -> dict[int, list[int]]:
    """Note the files of messages, by message id; their ids in the same order."""
    rows = [
        {
            "message_id": message_id,
            "kind": FILE,
            "name": file.name,
            "mime_type": file.mime_type,
            "size": file.size,
            "source_id": file.id,
            "url": file.url,
            "trouble": file.trouble,
        }
        for message_id, given in files.items()
        for file in given
    ]
    ids = iter(insert_in_order(connection, attachments, rows) if rows else ())
    return {message_id: [next(ids) for _ in given] for message_id, given in files.items()}


def files_of(connection: Connection, message_id: int) -> list[Attachment]:
    """The files that came with a message, in their order."""
    return _load(connection, attachments.c.message_id == message_id)


def load_file(connection: Connection, attachment_id: int) -> Attachment | None:
    found = _load(connection, attachments.c.id == attachment_id)
    return found[0] if found else None


def _load(connection: Connection, condition: sa.ColumnElement[bool]) -> list[Attachment]:
    columns = [attachments.c[name] for name in Attachment.__dataclass_fields__]
    rows = connection.execute(
        sa.select(*columns).where(condition, attachments.c.kind == FILE).order_by(attachments.c.id)
    )
    return [
        Attachment(**(dict(row._mapping) | {"trouble": FileTrouble(row.trouble) if row.trouble else None}))
        for row in rows
    ]


def learn(connection: Connection, attachment_id: int, file: File) -> None:
    """Take in what its source tells of it now."""
    connection.execute(
        sa.update(attachments)
        .where(attachments.c.id == attachment_id)
        .values(name=file.name, mime_type=file.mime_type, size=file.size, url=file.url)
    )


def count_try(connection: Connection, attachment_id: int) -> int:
    """Something else than the file was given for it; how often by now."""
    return int(
        connection.execute(
            sa.update(attachments)
            .where(attachments.c.id == attachment_id)
            .values(tries=attachments.c.tries + 1)
            .returning(attachments.c.tries)
        ).scalar_one()
    )


def lose(connection: Connection, attachment_id: int, trouble: FileTrouble, detail: str) -> None:
    """The file will not reach the other side; what was kept of its bytes is let go unless it is all of them."""
    connection.execute(
        sa.update(attachments)
        .where(attachments.c.id == attachment_id)
        .values(trouble=trouble.value, trouble_detail=detail)
    )
    whole = sa.select(attachments.c.id).where(
        attachments.c.id == attachment_id, attachments.c.kept_at.is_not(None)
    )
    connection.execute(
        sa.delete(attachment_chunks).where(attachment_chunks.c.attachment_id == attachment_id, ~sa.exists(whole))
    )


def any_lost(connection: Connection, message_id: int) -> bool:
    lost = sa.exists().where(attachments.c.message_id == message_id, attachments.c.trouble.is_not(None))
    return bool(connection.execute(sa.select(lost)).scalar_one())


def clear_chunks(connection: Connection, attachment_id: int) -> None:
    """What an earlier, broken fetch left behind."""
    connection.execute(sa.delete(attachment_chunks).where(attachment_chunks.c.attachment_id == attachment_id))


def add_chunk(connection: Connection, attachment_id: int, number: int, data: bytes) -> None:
    connection.execute(
        insert_for(connection, attachment_chunks)
        .values(attachment_id=attachment_id, number=number, data=data)
        .on_conflict_do_nothing()
    )


def keep(connection: Connection, attachment_id: int, size: int, at: datetime) -> bool:
    """All its bytes are here. False when they are not: another process began to fetch it anew meanwhile."""
    count, kept = connection.execute(
        sa.select(
            sa.func.count(), sa.func.coalesce(sa.func.sum(sa.func.length(attachment_chunks.c.data)), 0)
        ).where(attachment_chunks.c.attachment_id == attachment_id)
    ).one()
    if int(kept) != size or int(count) != -(-size // CHUNK_BYTES):
        return False
    connection.execute(
        sa.update(attachments).where(attachments.c.id == attachment_id).values(kept_at=at, size=size)
    )
    return True


def read_chunk(connection: Connection, attachment_id: int, number: int) -> bytes | None:
    """One chunk at a time: a file is never whole in memory."""
    return connection.execute(
        sa.select(attachment_chunks.c.data).where(
            attachment_chunks.c.attachment_id == attachment_id, attachment_chunks.c.number == number
        )
    ).scalar_one_or_none()


def add_copy(connection: Connection, attachment_id: int, file_id: str, channel: str, ts: str | None) -> None:
    connection.execute(
        insert_for(connection, file_copies)
        .values(file_id=file_id, attachment_id=attachment_id, channel=channel, ts=ts)
        .on_conflict_do_nothing()
    )


def copies_to_delete(connection: Connection, message_id: int) -> list[FileCopy]:
    """The copies that stand still of a message's files that were deleted, by themselves or with the message."""
    rows = connection.execute(
        sa.select(file_copies.c.file_id, file_copies.c.channel, file_copies.c.ts)
        .join(attachments, attachments.c.id == file_copies.c.attachment_id)
        .join(messages, messages.c.id == attachments.c.message_id)
        .where(
            attachments.c.message_id == message_id,
            file_copies.c.deleted_at.is_(None),
            sa.or_(attachments.c.deleted_at.is_not(None), messages.c.deleted_at.is_not(None)),
        )
        .order_by(attachments.c.id)
    )
    return [FileCopy(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class DeletedFile:
    """A file that was deleted where it came from, and the message it came with."""

    attachment_id: int
    message_id: int
    case_id: str


def delete_at_source(connection: Connection, source_id: str, at: datetime) -> list[DeletedFile]:
    """Note that the file was deleted; the messages it came with, each told of once."""
    gone = (
        sa.update(attachments)
        .where(attachments.c.source_id == source_id, attachments.c.deleted_at.is_(None))
        .values(deleted_at=at)
        .returning(attachments.c.id)
    )
    ids = sorted(connection.execute(gone).scalars())
    if not ids:
        return []
    found = (
        sa.select(attachments.c.id, messages.c.id, messages.c.case_id)
        .join(messages, messages.c.id == attachments.c.message_id)
        .where(attachments.c.id.in_(ids))
        .order_by(attachments.c.id)
    )
    return [DeletedFile(*row) for row in connection.execute(found)]


def copy_deleted(connection: Connection, file_id: str, at: datetime) -> None:
    connection.execute(sa.update(file_copies).where(file_copies.c.file_id == file_id).values(deleted_at=at))
