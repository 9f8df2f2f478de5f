"""What the courier reports of its troubles: to the inbox (an answer failed), or to the alerting channel."""

from __future__ import annotations

import hashlib
from datetime import datetime

from bot.desk.model import FileTrouble
from storage.deliveries import DeliveryReport, delivery_item
from storage.inbox import NewItem
from storage.outbox import URGENT, NewRow, OutboxRow

OPERATIONS_LANE = "operations"


def failed_answer(row: OutboxRow, reason: str, now: datetime) -> NewItem:
    """A failed answer is an event like any other: the desk decides what follows."""
    report = DeliveryReport(row.case_id or "", row.message_id or 0, reason)
    return delivery_item(report, row.id, now)


def failed_file(row: OutboxRow, trouble: FileTrouble, reason: str, now: datetime) -> NewItem:
    attachment_id = int(row.payload["attachment_id"])
    report = DeliveryReport(row.case_id or "", row.message_id or 0, reason, attachment_id, trouble.value)
    return delivery_item(report, row.id, now)


def parked_row(row: OutboxRow, reason: str, alerting_channel: str) -> NewRow:
    payload = {"what": row.kind.replace("_", " "), "reason": reason, "destination": row.channel}
    return NewRow(
        f"parked:{row.id}", OPERATIONS_LANE, alerting_channel, "parked", row.case_id, None, payload, URGENT
    )


def new_card(case_id: str, channel: str, old_ts: str) -> list[NewRow]:
    """A card, and the thread under it, in place of those deleted. Not in the thread's lane, which waits for it."""
    return [
        NewRow(f"{kind}:{case_id}:after:{old_ts}", f"card:{case_id}", channel, kind, case_id)
        for kind in ("card", "thread_intro")
    ]


def channel_trouble_row(channel: str, error: str, alerting_channel: str, now: datetime) -> NewRow:
    """Told once an hour while it lasts."""
    payload = {"channel": channel, "error": error}
    key = f"channel_trouble:{channel}:{error}:{now:%Y-%m-%dT%H}"
    return NewRow(key, OPERATIONS_LANE, alerting_channel, "channel_trouble", None, None, payload, URGENT)


def start_warning_row(text: str, alerting_channel: str, now: datetime) -> NewRow:
    """Told once a day, however often the bot starts."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    key = f"start_warning:{now:%Y-%m-%d}:{digest}"
    return NewRow(key, OPERATIONS_LANE, alerting_channel, "start_warning", None, None, {"text": text}, URGENT)
