"""Messages as posts: one part of one, or several short ones in a single post where the thread is behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from bot.blocks.customer import AnswerView, answer
from bot.blocks.post import Post
from bot.blocks.thread import MirrorView, mirror, mirrors
from bot.desk.effects import ThreadNotice
from bot.desk.model import File
from bot.text.safe import escape, is_blank, show, split_parts
from storage import attachments, messages, outbox
from storage.messages import Message
from storage.outbox import OutboxRow

MERGED_MOST = 15  # messages of three blocks each; Slack takes 50 blocks
MERGED_ROOM = 3500  # characters, escaped: https://docs.slack.dev/reference/methods/chat.update takes 4000
_AROUND_EACH = 120


def message_post(
    connection: Connection,
    message: Message,
    part: int,
    reserved: tuple[str, ...],
    payload: Mapping[str, Any],
) -> Post:
    """One part of a message: as shown in the thread if a customer wrote it, in the DM if an admin did.

    `payload` is that of its row; `reserved` are names no customer may carry.
    """
    if not message.is_admin:
        return mirror(_view(connection, message, part, reserved, payload))
    text, total = text_of_part(connection, message, part)
    return answer(
        AnswerView(
            message.case_id,
            message.sender_name,
            text,
            part,
            total,
            closing=bool(payload.get("closing")),
            opening=bool(payload.get("opening")),
            edited=message.edited_at is not None,
            deleted=message.deleted_at is not None,
            files=_files(connection, message) if part == total else (),
        )
    )


def copy_post(connection: Connection, message: Message, copy: messages.Copy, reserved: tuple[str, ...]) -> Post:
    """What stands at a copy of a message, as things are now: the other messages of that post included."""
    shared = messages.shown_at(connection, copy.channel, copy.ts)
    if len(shared) > 1:
        return merged_post(connection, shared, reserved)
    sent_with = outbox.payloads_of(connection, message.id)
    return message_post(connection, message, copy.part, reserved, sent_with.get(copy.part, {}))


def merged_post(connection: Connection, shown: Sequence[Message], reserved: tuple[str, ...]) -> Post:
    """Several messages of one thread, each with its author and time."""
    return mirrors([_view(connection, message, 1, reserved, {}) for message in shown])


def mirrors_to_merge(connection: Connection, row: OutboxRow) -> list[OutboxRow]:
    """The mirrors that wait right behind this one in its lane and fit into one post with it."""
    if not _may_merge(row):
        return []
    found: list[OutboxRow] = []
    behind = outbox.behind(connection, row, MERGED_MOST - 1)
    if not behind:
        return []
    shown = messages.of_rows(connection, [one.id for one in (row, *behind)])
    sizes = {message.id: _size(message) for message in shown}
    room = MERGED_ROOM - sizes.get(row.message_id or 0, 0)
    for follower in behind:
        if _may_follow(follower):
            continue
        if follower.destination != row.destination or follower.state != "pending" or not _may_merge(follower):
            break
        room -= sizes.get(follower.message_id or 0, 0)
        if room < 0:
            break
        found.append(follower)
    return found


def text_of_part(connection: Connection, message: Message, part: int) -> tuple[str, int]:
    """One part of what was written, and how many there are."""
    whole = messages.whole_text(connection, message)
    # No words beside files are said to be none by the mirror; a message of nothing at all shows as empty.
    parts = [""] if message.files and is_blank(whole) else split_parts(show(whole))
    return parts[part - 1] if part <= len(parts) else "…", max(len(parts), part)


def _view(
    connection: Connection, message: Message, part: int, reserved: tuple[str, ...], payload: Mapping[str, Any]
) -> MirrorView:
    text, total = text_of_part(connection, message, part)
    return MirrorView(
        message.case_id,
        message.sender_name,
        text,
        part,
        total,
        late_at=message.timestamp if payload.get("late") else None,
        files=_files(connection, message) if part == total else (),
        edited_at=message.edited_at,
        deleted=message.deleted_at is not None,
        reserved=reserved,
        written_at=message.timestamp,
        subject=payload.get("subject", ""),
        cc=tuple(payload.get("cc", ())),
        notes=tuple(payload.get("notes", ())),
    )


def _may_merge(row: OutboxRow) -> bool:
    payload = row.payload
    return row.kind == "mirror" and payload["parts"] == 1 and not (payload.get("late") or payload.get("alone"))


def _may_follow(row: OutboxRow) -> bool:
    """That a case was escalated may as well be said after what was written until then, and since."""
    return row.kind == "thread_notice" and row.payload["notice"] == ThreadNotice.ESCALATED


def _size(message: Message) -> int:
    return len(escape(show(message.body))) + _AROUND_EACH + sum(len(name) for name in message.files)


def _files(connection: Connection, message: Message) -> tuple[File, ...]:
    """What is known of a message's files; only their names, of messages from before files travelled."""
    known = attachments.files_of(connection, message.id)
    if not known:
        return tuple(File("", name) for name in message.files)
    return tuple(File(one.source_id or "", one.name, one.mime_type, one.size) for one in known)
