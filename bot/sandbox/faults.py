"""What can go wrong on purpose: single faults, an outage, rate limits."""

from __future__ import annotations

import time
from dataclasses import dataclass

KINDS = ("429", "500", "502", "503", "lost_answer", "drop", "half", "login_page")
PREFIXES = ("error:", "slow:", "redirect:")
DOWNLOADS_ONLY = ("half", "login_page", "redirect:")

POST_RATE = 1.0
"""Posts per second and channel that Slack allows (https://docs.slack.dev/apis/web-api/rate-limits)."""
POST_BURST = 4
"""How many posts at once are let through: Slack says that short bursts are, not how many."""

TIERS = {
    "apps.connections.open": 50,
    "chat.delete": 50,
    "chat.postEphemeral": 100,
    "chat.update": 50,
    "conversations.history": 50,
    "conversations.info": 50,
    "conversations.list": 20,
    "conversations.members": 100,
    "conversations.open": 50,
    "conversations.replies": 50,
    "files.completeUploadExternal": 100,
    "files.delete": 50,
    "files.getUploadURLExternal": 100,
    "files.info": 100,
    "reactions.add": 50,
    "reactions.remove": 20,
    "usergroups.list": 20,
    "usergroups.users.list": 20,
    "users.conversations": 50,
    "users.info": 100,
    "users.list": 20,
    "users.lookupByEmail": 50,
    "views.open": 100,
    "views.publish": 100,
    "views.update": 100,
}
"""Calls per minute by Slack's tiers."""


@dataclass
class Fault:
    """A failure that waits for a matching call; `times` None means until it is cleared."""

    method: str
    kind: str
    times: int | None = 1
    channel: str | None = None
    retry_after: int = 1

    def matches(self, method: str, channel: str | None) -> bool:
        """Whether this fault is meant for such a call."""
        return self.method in ("*", method) and self.channel in (None, channel)


class Faults:
    """The faults still to come, in the order they were added."""

    def __init__(self) -> None:
        self.pending: list[Fault] = []

    def add(
        self,
        method: str = "*",
        kind: str = "500",
        times: int | None = 1,
        channel: str | None = None,
        retry_after: int = 1,
    ) -> Fault:
        """Make the next matching calls fail.

        Kinds: `429`, `500`, `502` (a line of plain text), `503` (a page), `error:<slack error>`, `lost_answer`
        (the call takes effect, the answer never arrives), `drop` (cut before the effect), `slow:<seconds>`; and
        for `download` alone `half` (cut in the middle of the file), `login_page` (as for who may not read it),
        `redirect:<url>`.
        """
        if kind not in KINDS and not kind.startswith(PREFIXES):
            raise ValueError(f"unknown fault kind {kind!r}: use one of {KINDS} or {PREFIXES}")
        if kind.startswith(DOWNLOADS_ONLY) and method != "download":
            raise ValueError(f"the fault {kind!r} can only befall a download")
        if kind.startswith("slow:"):
            float(kind.removeprefix("slow:"))
        fault = Fault(method, kind, times, channel, retry_after)
        self.pending.append(fault)
        return fault

    def clear(self) -> None:
        """Nothing fails any more."""
        self.pending.clear()

    def take(self, method: str, channel: str | None) -> Fault | None:
        """The fault that hits this call, if any; it is used up by one."""
        for fault in self.pending:
            if fault.matches(method, channel):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.pending.remove(fault)
                return fault
        return None


class RateLimits:
    """Token buckets per posting channel and, if switched on, per method."""

    def __init__(self) -> None:
        self.posts = False
        self.tiers = False
        self._buckets: dict[str, tuple[float, float]] = {}

    def delay(self, method: str, channel: str | None) -> int | None:
        """Seconds to tell the caller to wait, or None if the call may pass."""
        if self.posts and method == "chat.postMessage" and channel:
            return self._take(f"post:{channel}", POST_RATE, POST_BURST)
        if self.tiers and method in TIERS:
            per_minute = TIERS[method]
            return self._take(method, per_minute / 60, max(per_minute // 10, 3))
        return None

    def _take(self, key: str, rate: float, burst: float) -> int | None:
        now = time.monotonic()
        tokens, seen = self._buckets.get(key, (burst, now))
        tokens = min(burst, tokens + (now - seen) * rate)
        if tokens < 1:
            self._buckets[key] = (tokens, now)
            return max(1, round((1 - tokens) / rate))
        self._buckets[key] = (tokens - 1, now)
        return None
