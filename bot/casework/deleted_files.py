"""A file that was deleted in Slack by itself, without the message it came with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from storage import attachments, cases, wishes


def delete_file(connection: Connection, file_id: str, now: datetime) -> bool:
    """Note it in the audit log of its case, and wish that its copies go. False where no case has that file.

    The words it came with stay: whoever wrote them has not taken them back.
    """
    gone = attachments.delete_at_source(connection, file_id, now)
    events = [
        {
            "case_id": one.case_id,
            "kind": "FileDeleted",
            "at": now,
            "actor": "",
            "channel": None,
            "ts": None,
            "data": {"attachment_id": one.attachment_id, "message_id": one.message_id},
        }
        for one in gone
    ]
    cases.record_events(connection, events)
    wishes.want(connection, [wishes.copies_wish(one.message_id, one.case_id, now) for one in gone])
    return bool(gone)
