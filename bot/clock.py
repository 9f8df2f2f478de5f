"""The clock everything reads, so that a sandbox can move it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class Clock:
    """Wall time in UTC, moved by `offset` (only ever set from a local sandbox)."""

    def __init__(self) -> None:
        self.offset = timedelta(0)
        self.on_moved: Callable[[], None] = _nothing

    def move(self, offset: timedelta) -> None:
        """Let it be so much later than it is: what waits for a time to come is to look again."""
        self.offset = offset
        self.on_moved()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    @staticmethod
    def monotonic() -> float:
        """Seconds that never jump, for measuring durations."""
        return time.monotonic()


def _nothing() -> None:
    """Until somebody listens."""
