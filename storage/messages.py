"""Messages of cases, their whole texts, and the posts that show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from bot.desk.model import PostRef

from .sql import Row, insert_for, insert_in_order
from .tables import attachment_chunks, attachments, copies, messages, outbox

CHUNK_BYTES = 256 * 1024
WHOLE_TEXT = "whole_text"
WHOLE_TEXT_NAME = "message.txt"


@dataclass(frozen=True, slots=True)
class Message:
    id: int
    case_id: str
    sender: str
    sender_name: str
    is_admin: bool
    body: str
    timestamp: datetime
    source: str
    channel: str | None
    ts: str | None
    thread_ts: str | None
    files: tuple[str, ...]
    delivery: str | None
    delivery_error: str | None
    edited_at: datetime | None
    deleted_at: datetime | None
    html: str | None = None
    """An answer's formatted twin, where its author formatted it and it goes by mail."""

    @property
    def ref(self) -> PostRef | None:
        """Where it was written; None while what an admin gave in a form is not posted yet."""
        if self.channel is None or self.ts is None:
            return None
        return PostRef(self.channel, self.ts, self.thread_ts)


@dataclass(frozen=True, slots=True)
class Copy:
    channel: str
    ts: str
    part: int


def insert_messages(connection: Connection, rows: Sequence[Row]) -> list[int]:
    """Store messages and return their ids in the same order."""
    return insert_in_order(connection, messages, rows) if rows else []


def attach_whole_texts(connection: Connection, texts: Mapping[int, str]) -> None:
    """Keep, beside bodies that had to be cut, the whole of what was written, by message id."""
    if not texts:
        return
    encoded = {message_id: text.encode() for message_id, text in texts.items()}
    rows = [
        {
            "message_id": message_id,
            "name": WHOLE_TEXT_NAME,
            "kind": WHOLE_TEXT,
            "mime_type": "text/plain; charset=utf-8",
            "size": len(data),
        }
        for message_id, data in encoded.items()
    ]
    ids = insert_in_order(connection, attachments, rows)
    chunks = [
        {"attachment_id": attachment_id, "number": number, "data": data[start : start + CHUNK_BYTES]}
        for attachment_id, data in zip(ids, encoded.values(), strict=True)
        for number, start in enumerate(range(0, len(data), CHUNK_BYTES))
    ]
    connection.execute(sa.insert(attachment_chunks), chunks)


def drop_whole_text(connection: Connection, message_id: int) -> None:
    kept = sa.select(attachments.c.id).where(
        attachments.c.message_id == message_id, attachments.c.kind == WHOLE_TEXT
    )
    connection.execute(sa.delete(attachment_chunks).where(attachment_chunks.c.attachment_id.in_(kept)))
    connection.execute(
        sa.delete(attachments).where(attachments.c.message_id == message_id, attachments.c.kind == WHOLE_TEXT)
    )


def whole_text(connection: Connection, message: Message) -> str:
    rows = connection.execute(
        sa.select(attachment_chunks.c.data)
        .join(attachments, attachments.c.id == attachment_chunks.c.attachment_id)
        .where(attachments.c.message_id == message.id, attachments.c.kind == WHOLE_TEXT)
        .order_by(attachment_chunks.c.number)
    )
    data = b"".join(rows.scalars())
    return data.decode() if data else message.body


def load_message(connection: Connection, message_id: int) -> Message | None:
    return _one(connection, messages.c.id == message_id)


def lock_message(connection: Connection, message_id: int) -> Message | None:
    """The message as it stands, and stays until the transaction ends."""
    connection.execute(sa.select(messages.c.id).where(messages.c.id == message_id).with_for_update())
    return load_message(connection, message_id)


def find_message(connection: Connection, channel: str, ts: str) -> Message | None:
    """The message that was written as this post."""
    return _one(connection, sa.and_(messages.c.channel == channel, messages.c.ts == ts))


def cases_of_posts(connection: Connection, posts: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Which case each message belongs to, by the (channel, ts) it was written at."""
    wanted = sorted(set(posts))
    if not wanted:
        return {}
    rows = connection.execute(
        sa.select(messages.c.channel, messages.c.ts, messages.c.case_id).where(
            sa.tuple_(messages.c.channel, messages.c.ts).in_(wanted)
        )
    )
    return {(row.channel, row.ts): row.case_id for row in rows}


def bodies_of_posts(connection: Connection, posts: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """What the messages that were written as these posts say now."""
    wanted = sorted(set(posts))
    if not wanted:
        return {}
    rows = connection.execute(
        sa.select(messages.c.channel, messages.c.ts, messages.c.body).where(
            sa.tuple_(messages.c.channel, messages.c.ts).in_(wanted)
        )
    )
    return {(row.channel, row.ts): row.body for row in rows}


def first_message(connection: Connection, case_id: str) -> Message | None:
    """What a case began with: its customer's words, or those of an admin who wrote first."""
    statement = (
        sa.select(messages.c.id)
        .where(messages.c.case_id == case_id)
        .order_by(messages.c.timestamp, messages.c.id)
        .limit(1)
    )
    message_id = connection.execute(statement).scalar_one_or_none()
    return load_message(connection, message_id) if message_id is not None else None


def of_rows(connection: Connection, row_ids: Sequence[int]) -> list[Message]:
    """The messages of these outbox rows, in the order of the rows."""
    statement = (
        sa.select(messages)
        .join(outbox, outbox.c.message_id == messages.c.id)
        .where(outbox.c.id.in_(row_ids))
        .order_by(outbox.c.id)
    )
    return [_message(row) for row in connection.execute(statement)]


def shown_at(connection: Connection, channel: str, ts: str) -> list[Message]:
    """The messages that one post shows, in their order: several where the thread was behind."""
    statement = (
        sa.select(messages)
        .join(copies, copies.c.message_id == messages.c.id)
        .where(copies.c.channel == channel, copies.c.ts == ts)
        .order_by(messages.c.id)
    )
    return [_message(row) for row in connection.execute(statement)]


def _one(connection: Connection, condition: sa.ColumnElement[bool]) -> Message | None:
    row = connection.execute(sa.select(messages).where(condition)).first()
    return _message(row) if row is not None else None


def _message(row: sa.Row[Any]) -> Message:
    values = dict(row._mapping)
    return Message(**(values | {"files": tuple(values["files"] or ())}))


def customer_times_after(
    connection: Connection, case_id: str, after: datetime, limit: int = 100
) -> tuple[datetime, ...]:
    """When the customer wrote later than that moment."""
    statement = (
        sa.select(messages.c.timestamp)
        .where(messages.c.case_id == case_id, messages.c.timestamp > after, messages.c.is_admin.is_(False))
        .order_by(messages.c.timestamp)
        .limit(limit)
    )
    return tuple(connection.execute(statement).scalars())


def set_delivery(connection: Connection, message_id: int, state: str, error: str | None = None) -> None:
    connection.execute(
        sa.update(messages).where(messages.c.id == message_id).values(delivery=state, delivery_error=error)
    )


def set_place(connection: Connection, message_id: int, channel: str, ts: str, thread_ts: str | None) -> None:
    """Where the bot posted what an admin had given in a form: that post stands for the admin's own."""
    connection.execute(
        sa.update(messages).where(messages.c.id == message_id).values(channel=channel, ts=ts, thread_ts=thread_ts)
    )


def is_answered_otherwise(connection: Connection, case_id: str, after: datetime, but: int) -> bool:
    """Whether another answer than that one, written after that moment, reached the customer or may yet."""
    other = sa.exists().where(
        messages.c.case_id == case_id,
        messages.c.timestamp > after,
        messages.c.is_admin.is_(True),
        messages.c.id != but,
        messages.c.deleted_at.is_(None),
        messages.c.delivery.in_(("queued", "sent", "unknown")),
    )
    return bool(connection.execute(sa.select(other)).scalar_one())


def edit_message(
    connection: Connection, message_id: int, body: str, whole: str | None, at: datetime, html: str | None = None
) -> bool:
    """Give a message its new words. False when a newer edit, or a deletion, was there already."""
    changed = connection.execute(
        sa.update(messages)
        .where(
            messages.c.id == message_id,
            messages.c.deleted_at.is_(None),
            sa.or_(messages.c.edited_at.is_(None), messages.c.edited_at < at),
        )
        .values(body=body, edited_at=at, html=html)
        .returning(messages.c.id)
    ).first()
    if changed is None:
        return False
    drop_whole_text(connection, message_id)
    if whole is not None:
        attach_whole_texts(connection, {message_id: whole})
    return True


def delete_message(connection: Connection, message_id: int, at: datetime) -> None:
    """Mark as deleted by its author. The words stay in the database: what a case was decided on is kept."""
    connection.execute(sa.update(messages).where(messages.c.id == message_id).values(deleted_at=at))


def add_copy(connection: Connection, message_id: int, channel: str, ts: str, part: int) -> None:
    connection.execute(
        insert_for(connection, copies)
        .values(message_id=message_id, channel=channel, ts=ts, part=part)
        .on_conflict_do_nothing()
    )


def copies_of(connection: Connection, message_id: int) -> list[Copy]:
    rows = connection.execute(
        sa.select(copies.c.channel, copies.c.ts, copies.c.part)
        .where(copies.c.message_id == message_id)
        .order_by(copies.c.part)
    )
    return [Copy(*row) for row in rows]
