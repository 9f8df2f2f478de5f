"""What became of a delivery, as an inbox item: a failed answer is an event like any other."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from .inbox import About, NewItem

KIND = "delivery"


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """An answer that could not be brought to its customer, or with an `attachment_id` a file of a message.

    `outcome`: nobody knows whether an `unknown` one arrived; one that was `recalled` never went.
    """

    case_id: str
    message_id: int
    reason: str
    attachment_id: int | None = None
    trouble: str = ""
    outcome: Literal["failed", "unknown", "recalled"] = "failed"


def delivery_item(report: DeliveryReport, row_id: int, at: datetime, part: str = "") -> NewItem:
    """One report per outbox row, and part of it where it has several, however often it is made."""
    about = About(case_id=report.case_id, person="courier")
    return NewItem(f"delivery:{row_id}{part}", KIND, about, at, json.dumps(asdict(report)).encode())


def read_delivery(raw: bytes) -> DeliveryReport:
    return DeliveryReport(**json.loads(raw))
