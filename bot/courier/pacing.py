"""Pacing to Slack's limits: token buckets, and the pauses that Slack itself asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

CHANNELS = 500  # whose buckets are kept, and more only while they are in use
_WHOLE = 1 - 1e-9  # a token, but for what adding up fractions has lost


class Bucket:
    """`rate` tokens a second, at most `burst` saved up. `take` waits for one."""

    def __init__(self, rate: float, burst: float, monotonic: Callable[[], float]) -> None:
        self._rate = rate
        self._burst = burst
        self._monotonic = monotonic
        self._tokens = burst
        self._seen = monotonic()
        self._closed_until = 0.0

    def pause(self, seconds: float) -> None:
        """Give nothing for that long (`Retry-After`)."""
        self._closed_until = max(self._closed_until, self._monotonic() + seconds)
        self._tokens = 0.0

    def empty(self) -> None:
        """Somebody else may just have used up what was saved."""
        self._tokens, self._seen = 0.0, self._monotonic()

    def set_rate(self, rate: float) -> None:
        self._rate = rate

    async def take(self) -> bool:
        """Whether it had to be waited for."""
        wait = first = self.reserve()
        while wait > 0:
            await asyncio.sleep(wait)
            wait = self.reserve()
        return first > 0

    @property
    def is_rested(self) -> bool:
        """As full as a new one, and not paused: nobody would notice if it were a new one."""
        return self._fill() >= self._closed_until and self._tokens >= self._burst

    def _fill(self) -> float:
        now = self._monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._seen) * self._rate)
        self._seen = now
        return now

    def reserve(self) -> float:
        """Take a token if there is one; else how many seconds there is none."""
        now = self._fill()
        if now < self._closed_until:
            return self._closed_until - now
        if self._tokens < _WHOLE:
            return (1 - self._tokens) / self._rate
        self._tokens -= 1
        return 0.0


class Pacing:
    """Slack's limits on posting: about one a second per channel, and some hundred a minute per workspace.

    https://docs.slack.dev/apis/web-api/rate-limits; `per_second` is the rate per channel.
    """

    WORKSPACE_CHANNELS = 4
    CHANNEL_BURST = 3
    # chat.update, reactions.add: Tier 3, 50 a minute and occasional bursts.
    TIER_3_PER_CHANNEL_RATE = 50 / 60
    TIER_3_BURST = 30

    def __init__(self, per_second: float, monotonic: Callable[[], float]) -> None:
        self._per_second = per_second
        self._monotonic = monotonic
        self._channels: dict[str, Bucket] = {}
        self._most_channels = CHANNELS
        self._workspace_rate = per_second * self.WORKSPACE_CHANNELS
        self._workspace = Bucket(self._workspace_rate, self._workspace_rate * 5, monotonic)
        self._methods: dict[str, Bucket] = {}

    async def post(self, channel: str) -> bool:
        """Wait for the turn to post in a channel; whether there was a wait: then it is behind."""
        behind = await self.channel(channel).take()
        return await self._workspace.take() or behind

    async def call(self, method: str) -> None:
        """Wait for the turn to call a Tier 3 method."""
        await self.method(method).take()

    def shared_by(self, processes: int) -> None:
        """So many processes post into the workspace: to each its part."""
        self._workspace.set_rate(self._workspace_rate / max(1, processes))

    def channel(self, channel: str) -> Bucket:
        if channel not in self._channels:
            if len(self._channels) >= self._most_channels:
                self._channels = {name: one for name, one in self._channels.items() if not one.is_rested}
                self._most_channels = max(CHANNELS, 2 * len(self._channels))
            burst = max(1.0, self._per_second * self.CHANNEL_BURST)
            self._channels[channel] = Bucket(self._per_second, burst, self._monotonic)
        return self._channels[channel]

    def method(self, method: str) -> Bucket:
        if method not in self._methods:
            rate = self._per_second * self.TIER_3_PER_CHANNEL_RATE
            self._methods[method] = Bucket(rate, rate * self.TIER_3_BURST, self._monotonic)
        return self._methods[method]
