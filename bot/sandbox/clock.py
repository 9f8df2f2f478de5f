"""The time in the sandbox: the wall clock plus an offset that tests and demos move."""

from __future__ import annotations

import time
from collections.abc import Callable


class SandboxClock:
    """Tells the sandbox's time and mints message timestamps from it.

    Only message times, event times and expiries that a workspace shows follow this clock. Network
    timing (ack deadlines, redeliveries, Retry-After) runs in real time.
    """

    def __init__(self) -> None:
        self.offset = 0.0
        self.watchers: list[Callable[[], None]] = []
        self._last_micros = 0

    def now(self) -> float:
        """Seconds since the epoch, in the sandbox."""
        return time.time() + self.offset

    def advance(self, seconds: float) -> None:
        """Move the sandbox's time; every open connection is told the new offset."""
        self.set_offset(self.offset + seconds)

    def set_offset(self, offset: float) -> None:
        """Set how far the sandbox is ahead of the wall clock, in seconds."""
        self.offset = offset
        for watcher in self.watchers:
            watcher()

    def mint_ts(self) -> str:
        """The next message timestamp: strictly increasing, unique to the microsecond."""
        micros = max(int(self.now() * 1_000_000), self._last_micros + 1)
        self._last_micros = micros
        return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"
