"""The clock everything reads, so that a sandbox can move it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Wall time in UTC, moved by `offset` (only ever set from a local sandbox)."""

    def __init__(self) -> None:
        self.offset = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    @staticmethod
    def monotonic() -> float:
        """Seconds that never jump, for measuring durations."""
        return time.monotonic()
