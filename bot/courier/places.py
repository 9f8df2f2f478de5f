"""Where a post came to stand in Slack, noted by what needs it later."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from bot.desk.effects import MarkState
from storage import alerts, cases, held_mails, messages, wishes
from storage.outbox import OutboxRow

from .render import Outgoing, digest

_MARKS = {"sent": MarkState.SENT, "failed": MarkState.FAILED, "unknown": MarkState.UNKNOWN}


def note_place(
    connection: Connection, row: OutboxRow, channel: str, ts: str, outgoing: Outgoing, now: datetime
) -> None:
    """Note it in the transaction that says that the row was sent."""
    if row.kind == "card" and row.case_id is not None:
        cases.set_thread(connection, row.case_id, channel, ts)
        wishes.shown(connection, f"card:{row.case_id}", digest(outgoing.post))
        # Alerts do not wait for the card: those posted before it get their way to the thread now.
        shown_in = alerts.posts_of(connection, row.case_id)
        wishes.want(connection, [wishes.alert_wish(post_key, now) for post_key in shown_in])
    elif row.kind in {"mirror", "answer"} and row.message_id is not None:
        messages.add_copy(connection, row.message_id, channel, ts, row.payload["part"])
        message = messages.load_message(connection, row.message_id)
        if message is not None and (message.edited_at or message.deleted_at):
            # It may have been edited while the post was under way, rendered with the words of before.
            wishes.want(connection, [wishes.copies_wish(message.id, message.case_id, now)])
    elif row.kind == "form_post" and row.message_id is not None and row.payload["part"] == 1:
        messages.set_place(connection, row.message_id, channel, ts, outgoing.thread_ts)
        message = messages.load_message(connection, row.message_id)
        state = _MARKS.get(message.delivery or "", MarkState.WAITING) if message else MarkState.WAITING
        wishes.want_mark(connection, channel, ts, state.value, now)
    elif row.kind == "mail_post":
        post_key = row.payload["post_key"]
        held_mails.set_post(connection, post_key, channel, ts)
        wishes.shown(connection, f"mail_post:{post_key}", digest(outgoing.post))
    elif row.kind == "alert":
        alerts.set_post(connection, row.payload["post_key"], channel, ts)
