"""What became of a delivery, as an inbox item: a failed answer is an event like any other."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from .inbox import About, NewItem

KIND = "delivery"


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """An answer that could not be brought to its customer, or with an `attachment_id` a file of a message."""

    case_id: str
    message_id: int
    reason: str
    attachment_id: int | None = None
    trouble: str = ""


def delivery_item(report: DeliveryReport, row_id: int, at: datetime) -> NewItem:
    """One report per outbox row, however often it is made."""
    about = About(case_id=report.case_id, person="courier")
    return NewItem(f"delivery:{row_id}", KIND, about, at, json.dumps(asdict(report)).encode())


def read_delivery(raw: bytes) -> DeliveryReport:
    return DeliveryReport(**json.loads(raw))
