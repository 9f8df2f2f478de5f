"""What an admin is shown of an answer: sent when all of it has arrived, its files too."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from bot.desk.effects import MarkState
from storage import attachments, messages, outbox, wishes


def settle_answer(connection: Connection, message_id: int, now: datetime) -> None:
    """Called whenever a row of an answer has ended. One that failed as a whole is left to the desk."""
    message = messages.load_message(connection, message_id)
    if message is None or not message.is_admin:
        return
    fate = outbox.fate_of(connection, message_id)
    if fate.words_waiting or fate.words_parked or fate.files_waiting:
        return
    lost = attachments.any_lost(connection, message_id)
    if lost and not fate.files_sent and not message.body.strip():
        return
    # First changed, then read: what was given in a form may be posted in the thread just now.
    messages.set_delivery(connection, message_id, "sent", "some of its files were not sent" if lost else None)
    message = messages.load_message(connection, message_id)
    if message is not None and message.channel is not None and message.ts is not None:
        mark = MarkState.FAILED if lost else MarkState.SENT
        wishes.want_mark(connection, message.channel, message.ts, mark.value, now)
