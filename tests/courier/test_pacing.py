"""Pacing: how long one waits for a turn, on a clock that the test moves."""

import pytest

from bot.courier import pacing
from bot.courier.pacing import Bucket, Pacing


class Time:
    """A monotonic clock that passes only while somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(pacing.asyncio, "sleep", self.sleep)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


class TestBucket:
    async def test_a_burst_is_let_through_at_once_and_what_follows_is_spread(self, time: Time) -> None:
        bucket = Bucket(rate=2, burst=3, monotonic=time)
        turns = []
        for _ in range(6):
            await bucket.take()
            turns.append(time.now)
        assert turns == pytest.approx([0, 0, 0, 0.5, 1.0, 1.5])

    async def test_what_was_not_used_is_saved_up_to_the_burst_and_no_further(self, time: Time) -> None:
        bucket = Bucket(rate=1, burst=2, monotonic=time)
        time.now = 100.0
        turns = []
        for _ in range(4):
            await bucket.take()
            turns.append(time.now)
        assert turns == pytest.approx([100, 100, 101, 102])

    async def test_a_pause_is_waited_out_and_leaves_nothing_saved(self, time: Time) -> None:
        bucket = Bucket(rate=1, burst=3, monotonic=time)
        bucket.pause(10)
        await bucket.take()
        assert time.now >= 10

    async def test_a_shorter_pause_does_not_end_a_longer_one(self, time: Time) -> None:
        bucket = Bucket(rate=1, burst=3, monotonic=time)
        bucket.pause(10)
        bucket.pause(1)
        await bucket.take()
        assert time.now >= 10


class TestPacing:
    async def test_one_channel_does_not_slow_another(self, time: Time) -> None:
        paces = Pacing(1, time)
        for _ in range(5):
            await paces.post("C1")
        spent = time.now
        await paces.post("C2")
        assert time.now == spent > 1

    async def test_all_channels_together_keep_to_the_limit_of_the_workspace(self, time: Time) -> None:
        paces = Pacing(1, time)
        for number in range(260):
            await paces.post(f"C{number}")
        assert 260 / max(time.now, 1) <= 260 / 60 + 1  # "several hundred a minute", burst included

    async def test_a_channel_gets_one_post_a_second_in_the_long_run(self, time: Time) -> None:
        paces = Pacing(1, time)
        for _ in range(63):
            await paces.post("C1")
        assert time.now == pytest.approx(60)

    async def test_updates_keep_to_tier_3(self, time: Time) -> None:
        paces = Pacing(1, time)
        for _ in range(125):
            await paces.call("chat.update")
        assert time.now == pytest.approx(120, abs=2)

    async def test_of_many_channels_only_those_in_use_are_kept_and_their_pace_with_them(
        self, time: Time, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pacing, "CHANNELS", 10)
        paces = Pacing(1, time)
        for number in range(100):
            paces.channel("busy").pause(5)
            await paces.post(f"C{number}")
            time.now += 1
        assert len(paces._channels) <= 20
        before = time.now
        await paces.post("busy")
        assert time.now - before == pytest.approx(4, abs=0.1)
