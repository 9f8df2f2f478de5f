"""Gap replay as it goes through Slack's conversations: bounded, in turn, and on from where it stopped."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from bot import replay as replay_module
from bot.clock import Clock
from bot.courier.slack import NotSent, RateLimited
from bot.leases import Leases
from bot.replay import Replay
from bot.slack_time import ts_of
from storage import replays, tables
from storage.engine import Database, open_database
from tests.storage.kit import a_case, keep


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = open_database(database_url)
    yield database
    await database.close()


class Workspace:
    """A Slack with DMs; `pages` holds what a conversation shows, newest page first; `before` is called first."""

    def __init__(self, *customers: str) -> None:
        self.customers = customers
        self.pages: dict[str, list[list[dict[str, Any]]]] = defaultdict(lambda: [[]])
        self.asked: list[str] = []
        self.before: Callable[[str], None] = lambda _channel: None

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        if method == "users_conversations":
            return {"channels": [{"id": dm_of(one), "user": one} for one in self.customers]}
        channel = arguments["channel"]
        self.before(channel)
        self.asked.append(channel)
        pages = self.pages[channel]
        number = int(arguments.get("cursor") or 0)
        more = {"response_metadata": {"next_cursor": str(number + 1)}} if number + 1 < len(pages) else {}
        return {"messages": pages[number], **more}

    def write(self, customer: str, text: str) -> None:
        row = {"type": "message", "user": customer, "text": text, "ts": ts_of(Clock().now())}
        self.pages[dm_of(customer)][0].append(row)


class Turns:
    """Stands in for the pacing: each call that waits its turn is counted."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def call(self, method: str) -> None:
        self.taken.append(method)


class Line:
    connected = True


def dm_of(customer: str) -> str:
    return f"D{customer}"


@pytest.fixture
def slack() -> Workspace:
    return Workspace("U1", "U2", "U3")


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def turns() -> Turns:
    return Turns()


@pytest.fixture
async def replay(database: Database, slack: Workspace, line: Line, turns: Turns) -> Replay:
    clock = Clock()
    found = Replay(
        database,
        slack,  # type: ignore[arg-type]
        turns,  # type: ignore[arg-type]
        clock,
        leases=Leases(database, "we", clock.monotonic),
        logging_channel="CLOG",
        interval=0.0,
        connected=lambda: line.connected,
    )
    await found.begin()
    return found


async def held(database: Database) -> list[str]:
    """The customers whose words are in the inbox, in the order in which they got there."""
    return [
        lane.removeprefix("customer:")
        for lane in await database.read(
            lambda c: c.execute(sa.select(tables.inbox.c.lane).order_by(tables.inbox.c.id)).scalars().all()
        )
    ]


async def has_gap(database: Database) -> bool:
    return (await database.read(replays.read_state)).gap_at is not None


def with_open_cases(*numbers: int) -> Callable[[Connection], None]:
    return lambda connection: keep(connection, *(a_case(n, f"U{n}", reply_to=None) for n in numbers))


class TestTheFirst:
    async def test_finds_what_was_written_and_closes_the_gap(
        self, database: Database, replay: Replay, slack: Workspace
    ) -> None:
        slack.write("U2", "lost")
        assert await has_gap(database)
        await replay._tick()
        assert await held(database) == ["U2"]
        assert not await has_gap(database)
        assert replay.caught_up

    async def test_compares_those_with_open_cases_first(
        self, database: Database, replay: Replay, slack: Workspace
    ) -> None:
        await database.write(with_open_cases(3))
        await replay._tick()
        assert slack.asked[0] == dm_of("U3")
        assert sorted(slack.asked) == [dm_of(one) for one in slack.customers]

    async def test_goes_on_where_it_was_interrupted(
        self, database: Database, replay: Replay, slack: Workspace
    ) -> None:
        def fail(channel: str) -> None:
            if channel == dm_of("U3"):
                raise NotSent("Slack is away")

        slack.before = fail
        with pytest.raises(NotSent):
            await replay._tick()
        assert await has_gap(database)
        assert slack.asked == [dm_of("U1"), dm_of("U2")]
        slack.before = lambda _channel: None
        slack.write("U3", "lost")
        await replay._tick()
        assert slack.asked == [dm_of("U1"), dm_of("U2"), dm_of("U3")]
        assert await held(database) == ["U3"]
        assert not await has_gap(database)


class TestASecondGap:
    async def test_that_began_before_the_first_was_made_good_is_made_good_too(
        self, database: Database, replay: Replay, slack: Workspace, line: Line
    ) -> None:
        def lose_the_line(channel: str) -> None:
            """When U1 was compared already."""
            if channel == dm_of("U3"):
                line.connected = False
                replay.changed()
                slack.write("U1", "lost in the second")
                line.connected = True

        slack.before = lose_the_line
        await replay._tick()
        assert await held(database) == []
        slack.before = lambda _channel: None
        await replay._tick()
        assert await held(database) == ["U1"]
        assert not await has_gap(database)

    async def test_that_another_process_noticed_meanwhile_is_made_good_too(
        self, database: Database, replay: Replay, slack: Workspace
    ) -> None:
        first = Clock().now()
        await replay._tick()

        async def noticed() -> None:
            now = Clock().now()
            await database.write(lambda c: replays.open_gap(c, now, now + replay_module.HOLD))

        await noticed()
        known = await database.read(replays.read_state)
        await noticed()
        await database.write(lambda c: replays.close_gap(c, first, first, known))
        assert await has_gap(database)
        slack.write("U1", "lost in the second")
        await replay._tick()
        assert await held(database) == ["U1"]
        assert not await has_gap(database)


class TestCalls:
    async def test_each_page_waits_for_its_turn_and_one_refused_for_now_is_asked_for_alone(
        self, replay: Replay, slack: Workspace, turns: Turns
    ) -> None:
        slack.pages[dm_of("U1")] = [[], [], []]
        refused: list[str] = []

        def refuse(channel: str) -> None:
            if channel == dm_of("U1") and slack.asked.count(channel) == 2 and not refused:
                refused.append(channel)
                raise RateLimited(0.0)

        slack.before = refuse
        await replay._tick()
        assert slack.asked.count(dm_of("U1")) == 3
        assert turns.taken.count("conversations.history") == len(slack.asked) + len(refused)
        assert turns.taken.count("users.conversations") == 1

    async def test_without_a_gap_as_many_as_a_period_allows_in_rotation(
        self, database: Database, replay: Replay, slack: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await replay._tick()
        monkeypatch.setattr(replay_module, "CALLS_PER_PERIOD", 2)
        await database.write(with_open_cases(1, 2, 3))
        rounds = []
        for _ in range(3):
            slack.asked.clear()
            await replay._tick()
            rounds.append(list(slack.asked))
        assert all(len(asked) == 2 for asked in rounds)
        assert {channel for asked in rounds[:2] for channel in asked} == {dm_of(one) for one in slack.customers}

    async def test_a_history_cut_to_fifteen_rows_is_told_of_and_read_to_its_end(
        self, database: Database, replay: Replay, slack: Workspace
    ) -> None:
        told: list[str] = []
        replay.on_trouble = told.append
        for _ in range(20):
            slack.write("U1", "lost")
        rows = slack.pages[dm_of("U1")][0]
        slack.pages[dm_of("U1")] = [rows[5:], rows[:5]]
        await replay._tick()
        assert await held(database) == ["U1"] * 20
        assert len(told) == 1
        assert "fifteen rows" in told[0]
