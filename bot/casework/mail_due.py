"""Held mails that have waited too long for an admin's decision."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from storage import held_mails, outbox
from storage.outbox import URGENT, NewRow

from .batch_state import Desk
from .mail_holding import ALERT

AT_ONCE = 50


def apply_held_due(connection: Connection, desk: Desk, now: datetime) -> int:
    """Tell of them, all in one alert; how many there were."""
    due = held_mails.overdue(connection, now, AT_ONCE)
    if not due:
        return 0
    numbers = [held.id for held in due]
    held_mails.alerted(connection, numbers)
    key = f"held_due:{numbers[0]}:{now.isoformat()}"
    payload = {"held": numbers, "urgent": False}
    row = NewRow(key, key, desk.channels.alerting, ALERT, payload=payload, priority=URGENT)
    outbox.enqueue(connection, [row], now)
    return len(due)
