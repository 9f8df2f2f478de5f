"""What the courier reports of its troubles: to the inbox (an answer failed), or to the alerting channel."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

from bot.desk.model import FileTrouble
from storage.deliveries import DeliveryReport, delivery_item
from storage.inbox import NewItem
from storage.outbox import URGENT, NewRow, OutboxRow

Outcome = Literal["failed", "unknown", "recalled"]

OPERATIONS_LANE = "operations"


def failed_answer(row: OutboxRow, reason: str, now: datetime) -> NewItem:
    """A failed answer is an event like any other: the desk decides what follows."""
    report = DeliveryReport(row.case_id or "", row.message_id or 0, reason)
    return delivery_item(report, row.id, now)


def failed_file(row: OutboxRow, trouble: FileTrouble, reason: str, now: datetime) -> NewItem:
    attachment_id = int(row.payload["attachment_id"])
    report = DeliveryReport(row.case_id or "", row.message_id or 0, reason, attachment_id, trouble.value)
    return delivery_item(report, row.id, now)


def mail_report(row: OutboxRow, outcome: Outcome, reason: str, now: datetime) -> NewItem:
    """What became of an answer that should go by mail, where it did not simply go."""
    report = DeliveryReport(row.case_id or "", row.message_id or 0, reason, outcome=outcome)
    return delivery_item(report, row.id, now)


def file_failed_in_mail(
    row: OutboxRow, attachment_id: int, trouble: FileTrouble, reason: str, now: datetime
) -> NewItem:
    """One of the files of a mail did not go with it."""
    report = DeliveryReport(row.case_id or "", row.message_id or 0, reason, attachment_id, trouble.value)
    return delivery_item(report, row.id, now, f":{attachment_id}")


def parked_row(row: OutboxRow, reason: str, alerting_channel: str) -> NewRow:
    payload = {"what": row.kind.replace("_", " "), "reason": reason, "destination": row.channel}
    return NewRow(
        f"parked:{row.id}",
        OPERATIONS_LANE,
        alerting_channel,
        "parked",
        row.case_id,
        None,
        payload,
        URGENT,
        item_key=row.item_key,
    )


def channel_trouble_row(channel: str, error: str, told_in: str, now: datetime) -> NewRow:
    """Told once an hour while it lasts, however many words Slack has for it."""
    payload = {"channel": channel, "error": error}
    key = f"channel_trouble:{channel}:{now:%Y-%m-%dT%H}"
    return NewRow(key, f"{OPERATIONS_LANE}:{told_in}", told_in, "channel_trouble", None, None, payload, URGENT)


def channel_back_row(channel: str, told_in: str, now: datetime) -> NewRow:
    key = f"channel_back:{channel}:{now.isoformat()}"
    lane = f"{OPERATIONS_LANE}:{told_in}"
    return NewRow(key, lane, told_in, "channel_back", None, None, {"channel": channel}, URGENT)


def recovered_row(messages: int, edits: int, since: datetime, until: datetime, logging_channel: str) -> NewRow:
    payload = {"messages": messages, "edits": edits, "since": since.isoformat(), "until": until.isoformat()}
    return NewRow(f"recovered:{until.isoformat()}", "log", logging_channel, "recovered", payload=payload)


def trouble_row(text: str, alerting_channel: str, now: datetime) -> NewRow:
    """Told once an hour while it lasts."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    key = f"trouble:{digest}:{now:%Y-%m-%dT%H}"
    return NewRow(key, OPERATIONS_LANE, alerting_channel, "trouble", None, None, {"text": text}, URGENT)


def recovery_row(text: str, alerting_channel: str, now: datetime) -> NewRow:
    """Told each time."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    key = f"recovery:{digest}:{now.isoformat()}"
    return NewRow(key, OPERATIONS_LANE, alerting_channel, "recovery", None, None, {"text": text}, URGENT)


def start_warning_row(text: str, alerting_channel: str, now: datetime) -> NewRow:
    """Told once a day, however often the bot starts."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    key = f"start_warning:{now:%Y-%m-%d}:{digest}"
    return NewRow(key, OPERATIONS_LANE, alerting_channel, "start_warning", None, None, {"text": text}, URGENT)
