"""The clock of escalation: when it looks for due cases, and when it does not trust the time."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot.escalation import EscalationClock
from storage.errors import DatabaseUnavailable

START = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Hands:
    """A wall clock and a monotonic one that the test moves apart."""

    def __init__(self) -> None:
        self.wall, self.passed = START, 0.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.passed

    def tick(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.passed += seconds


class Cases:
    """Casework as the clock sees it. Every check moves the test's script on by one step."""

    def __init__(self) -> None:
        self.checks: list[datetime] = []
        self.caught = True
        self.asked: list[datetime] = []
        self.errors: list[Exception] = []
        self.hands = Hands()

    async def check_due(self) -> int:
        self.checks.append(self.hands.now())
        if self.errors:
            raise self.errors.pop(0)
        return 0

    async def caught_up(self, before: datetime) -> bool:
        self.asked.append(before)
        return self.caught


class Waits:
    """Stands in for the waiting between ticks: what happens in each, and then the end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, clock: EscalationClock, *steps: object) -> None:
        self._clock, self._steps = clock, list(steps)
        monkeypatch.setattr(clock, "_wait", self._wait)

    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(0)
        if not self._steps:
            self._clock.stop()
            return
        self._steps.pop(0)(seconds)  # type: ignore[operator]


@pytest.fixture
def cases() -> Cases:
    return Cases()


def a_clock(cases: Cases, *, connected: object = lambda: True, catch_up: float = 0.0) -> EscalationClock:
    return EscalationClock(  # type: ignore[arg-type]
        cases, cases.hands, 300, connected=connected, catch_up=catch_up, replayed=lambda: True
    )


class TestTicks:
    async def test_it_checks_at_every_tick(self, cases: Cases, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = a_clock(cases)
        tick = cases.hands.tick
        Waits(monkeypatch, clock, tick, tick, tick, tick)
        await clock.run()
        assert len(cases.checks) >= 3

    async def test_the_tick_in_which_the_wall_clock_jumped_is_skipped_and_the_next_one_checks(
        self, cases: Cases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = a_clock(cases)

        def jump(seconds: float) -> None:
            cases.hands.tick(seconds)
            cases.hands.wall += timedelta(hours=48)

        tick = cases.hands.tick
        Waits(monkeypatch, clock, tick, tick, tick, jump, tick)
        await clock.run()
        jumped = START + timedelta(hours=48)
        assert [moment > jumped for moment in cases.checks].count(True) == 1
        first = next(moment for moment in cases.checks if moment > jumped)
        ticks_before = [moment for moment in cases.checks if moment < jumped]
        assert (first - jumped) - (ticks_before[-1] - START) == timedelta(seconds=600)  # not at +300

    async def test_a_clock_set_back_stops_nothing(self, cases: Cases, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = a_clock(cases)

        def back(seconds: float) -> None:
            cases.hands.tick(seconds)
            cases.hands.wall -= timedelta(hours=1)

        tick = cases.hands.tick
        Waits(monkeypatch, clock, tick, tick, back, tick)
        await clock.run()
        assert len(cases.checks) >= 3

    @pytest.mark.parametrize("error", [DatabaseUnavailable("away"), RuntimeError("a bug")])
    async def test_a_check_that_fails_is_repeated(
        self, cases: Cases, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        cases.errors.append(error)
        clock = a_clock(cases)
        tick = cases.hands.tick
        Waits(monkeypatch, clock, tick, tick, tick, tick)
        await clock.run()
        assert len(cases.checks) >= 2


class TestAfterAStart:
    async def test_nothing_is_checked_before_slack_is_connected_and_had_its_time(
        self, cases: Cases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connected = False

        def connect(seconds: float) -> None:
            nonlocal connected
            cases.hands.tick(seconds)
            connected = True

        clock = a_clock(cases, connected=lambda: connected, catch_up=5.0)
        tick = cases.hands.tick
        Waits(monkeypatch, clock, tick, tick, connect, *[tick] * 14)
        await clock.run()
        assert cases.checks
        assert cases.checks[0] - START >= timedelta(seconds=5 + 3 * 0.5)
        assert cases.asked[0] - START >= timedelta(seconds=5)

    async def test_nothing_is_checked_while_what_came_in_is_undecided(
        self, cases: Cases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cases.caught = False
        clock = a_clock(cases, catch_up=0.5)

        def decide(seconds: float) -> None:
            cases.hands.tick(seconds)
            assert cases.checks == []
            cases.caught = True

        tick = cases.hands.tick
        Waits(monkeypatch, clock, *[tick] * 6, decide, tick, tick)
        await clock.run()
        assert cases.checks

    async def test_after_five_minutes_it_checks_all_the_same(
        self, cases: Cases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = a_clock(cases, connected=lambda: False)

        def long(_seconds: float) -> None:
            cases.hands.tick(100)

        Waits(monkeypatch, clock, long, long, long, long)
        await clock.run()
        assert cases.checks
        assert cases.checks[0] - START == timedelta(seconds=300)
