"""Gap replay as it goes through Slack's conversations: bounded, in turn, and on from where it stopped."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Self

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from bot import replay as replay_module
from bot.casework.intake import message_item
from bot.clock import Clock
from bot.courier.slack import NotSent, RateLimited
from bot.desk.model import ReplyTo
from bot.leases import REPLAY, Leases
from bot.replay import Replay
from bot.slack_time import ts_of
from storage import inbox, messages, replays, tables
from storage.engine import Database, open_database
from storage.inbox import NewItem
from tests.storage.kit import a_case, closed, keep, message_row

only_postgres = pytest.mark.parametrize(
    "database_kind", [pytest.param("postgresql", id="postgresql", marks=pytest.mark.postgresql)]
)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = open_database(database_url)
    yield database
    await database.close()


class Workspace:
    """A Slack with DMs; `pages` holds what a conversation shows, newest page first.

    `before` is called first, and `on_its_way` is awaited while the answer is.
    """

    def __init__(self, *customers: str) -> None:
        self.customers = customers
        self.pages: dict[str, list[list[dict[str, Any]]]] = defaultdict(lambda: [[]])
        self.asked: list[str] = []
        self.before: Callable[[str], None] = lambda _channel: None
        self.on_its_way: Callable[[str], Awaitable[None]] = nothing_happens

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        if method == "users_conversations":
            return {"channels": [{"id": dm_of(one), "user": one} for one in self.customers]}
        channel = arguments["channel"]
        self.before(channel)
        self.asked.append(channel)
        if "ts" in arguments:
            return {"messages": []}
        pages = self.pages[channel]
        number = int(arguments.get("cursor") or 0)
        more = {"response_metadata": {"next_cursor": str(number + 1)}} if number + 1 < len(pages) else {}
        answer = {"messages": list(pages[number]), **more}
        await self.on_its_way(channel)
        return answer

    def write(self, customer: str, text: str) -> None:
        row = {"type": "message", "user": customer, "text": text, "ts": ts_of(Clock().now())}
        self.pages[dm_of(customer)][0].append(row)


async def nothing_happens(_channel: str) -> None:
    """While an answer is on its way."""


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


async def keys(database: Database) -> list[str]:
    """What is in the inbox, in the order in which it got there."""
    statement = sa.select(tables.inbox.c.key).order_by(tables.inbox.c.id)
    return list(await database.read(lambda c: c.execute(statement).scalars().all()))


def a_post(customer: str, **more: Any) -> NewItem:
    """As its event brings it."""
    place = {"channel": dm_of(customer), "channel_type": "im"}
    event = {"type": "message", "user": customer, "text": "taken in", "ts": ts_of(Clock().now()), **place, **more}
    item = message_item({"event": event})
    assert item is not None
    return item


async def take_in(database: Database, item: NewItem) -> None:
    await database.write(partial(inbox.put, item=item, now=Clock().now()))


async def has_gap(database: Database) -> bool:
    return (await database.read(replays.read_state)).gap_at is not None


def with_open_cases(*numbers: int) -> Callable[[Connection], None]:
    return lambda connection: keep(
        connection, *(a_case(n, f"U{n}", reply_to=ReplyTo(dm_of(f"U{n}"))) for n in numbers)
    )


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

    @only_postgres
    async def test_is_over_for_all_processes_once_one_has_made_it_good(
        self, database: Database, replay: Replay
    ) -> None:
        another = Leases(database, "another", Clock.monotonic)
        assert await another.take([REPLAY])
        await replay._tick()
        assert not replay.caught_up
        now = Clock().now()
        known = await database.read(replays.read_state)
        await database.write(lambda c: replays.close_gap(c, now, now, known))
        await replay._tick()  # its own period is over, too, and the next comparison is another's to do
        assert replay.caught_up


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
        replay.comparison.on_trouble = told.append
        for _ in range(20):
            slack.write("U1", "lost")
        rows = slack.pages[dm_of("U1")][0]
        slack.pages[dm_of("U1")] = [rows[5:], rows[:5]]
        await replay._tick()
        assert await held(database) == ["U1"] * 20
        assert len(told) == 1
        assert "fifteen rows" in told[0]


class TestADeletion:
    async def test_of_a_post_that_waits_for_its_decision_is_found(
        self, database: Database, replay: Replay, slack: Workspace
    ) -> None:
        """It was taken in, the process ended, and it was deleted before the next one began."""
        post = a_post("U1")
        await take_in(database, post)
        await replay._tick()
        assert await keys(database) == [post.key, post.key.replace("post:", "delete:")]

    async def test_of_a_reply_that_waits_for_its_decision_is_found_in_its_thread(
        self, database: Database, replay: Replay, slack: Workspace
    ) -> None:
        root = {"type": "message", "user": "U1", "text": "root", "ts": ts_of(Clock().now())}
        slack.pages[dm_of("U1")] = [[root | {"latest_reply": ts_of(Clock().now())}]]
        reply = a_post("U1", thread_ts=root["ts"])
        await take_in(database, reply)
        await replay._tick()
        assert reply.key.replace("post:", "delete:") in await keys(database)

    async def test_is_none_where_the_post_came_after_slack_was_asked(
        self, database: Database, replay: Replay, slack: Workspace
    ) -> None:
        """However far ahead of Slack's our clock is."""
        replay._clock.offset = timedelta(minutes=1)
        post = a_post("U1")

        async def arrives(channel: str) -> None:
            if channel == dm_of("U1"):
                await take_in(database, post)

        slack.on_its_way = arrives
        await replay._tick()
        assert await keys(database) == [post.key]

    async def test_of_what_is_on_a_closed_case_is_found_and_nothing_old_is_taken(
        self, database: Database, replay: Replay, slack: Workspace
    ) -> None:
        now = Clock().now()
        yesterday = now - timedelta(days=1)
        deleted, unknown = ts_of(yesterday), ts_of(yesterday + timedelta(seconds=1))

        def work(connection: Connection) -> None:
            case = replace(closed(1, "U1", reply_to=ReplyTo(dm_of("U1"))), closed_at=now)
            keep(connection, case)
            row = message_row(ts=deleted, timestamp=yesterday, channel=dm_of("U1"))
            messages.insert_messages(connection, [row])

        await database.write(work)
        slack.pages[dm_of("U1")] = [[{"type": "message", "user": "U1", "text": "of before", "ts": unknown}]]
        await replay._tick()
        assert await keys(database) == [f"delete:{dm_of('U1')}:{deleted}"]


class TestANewGap:
    async def test_while_many_are_compared_makes_the_first_ones_the_most_urgent_again(
        self, database: Database, replay: Replay, slack: Workspace, line: Line
    ) -> None:
        await database.write(with_open_cases(3))

        def lose_the_line(channel: str) -> None:
            if channel == dm_of("U1"):
                line.connected = False
                replay.changed()
                line.connected = True

        slack.before = lose_the_line
        await replay._tick()
        assert slack.asked == [dm_of("U3"), dm_of("U1")]
        slack.before = lambda _channel: None
        slack.asked.clear()
        await replay._tick()
        assert slack.asked == [dm_of("U3"), dm_of("U1"), dm_of("U2")]
        assert not await has_gap(database)

    async def test_makes_nothing_wait_longer_the_longer_the_line_is_away(
        self, database: Database, replay: Replay, line: Line
    ) -> None:
        """Mails arrive meanwhile."""
        await replay._tick()
        line.connected = False
        replay.changed()
        holds = []
        for minute in (0, 1, 2):
            replay._clock.offset = timedelta(minutes=minute)
            await replay._tick()
            holds.append((await database.read(replays.read_state)).hold_until)
        assert holds == [holds[0]] * 3
        line.connected = True
        await replay._note_loss()
        hold_until = (await database.read(replays.read_state)).hold_until
        assert hold_until is not None
        assert holds[0] is not None
        assert hold_until - holds[0] >= timedelta(minutes=2)


async def test_what_was_recovered_before_an_interruption_is_told_of_too(
    database: Database, replay: Replay, slack: Workspace
) -> None:
    def fail(channel: str) -> None:
        if channel == dm_of("U3"):
            raise NotSent("Slack is away")

    slack.before = fail
    slack.write("U1", "lost")
    slack.write("U3", "lost too")
    with pytest.raises(NotSent):
        await replay._tick()
    slack.before = lambda _channel: None
    await replay._tick()
    (told,) = await database.read(lambda c: c.execute(sa.select(tables.outbox.c.payload)).scalars().all())
    assert told["messages"] == 2


@pytest.mark.slow
@pytest.mark.timeout(300)
class TestAHundredThousandCases:
    """`longest` is what the event loop did at a stretch, in seconds of its own time."""

    CASES = 100_000

    @pytest.fixture
    async def cases(self, database: Database) -> None:
        series = (
            "SELECT generate_series(1, :many) AS n"
            if database.dialect == "postgresql"
            else "WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < :many) SELECT n FROM up"
        )

        def work(connection: Connection) -> None:
            for statement in (
                "INSERT INTO customers (customer_identifier, display_name, created_at)"
                f" SELECT 'U' || n, 'Name', :now FROM ({series}) AS numbers",
                "INSERT INTO cases (case_id, number, customer_identifier, source, status, created_at,"
                " last_message_at, reply_channel, thread_channel, thread_ts)"
                f" SELECT 'CASE_' || n, n, 'U' || n, 'slack', 'open', :now, :now, 'DU' || n, 'CSUP', n || '.0001'"
                f" FROM ({series}) AS numbers",
            ):
                connection.execute(
                    sa.text(statement).bindparams(sa.bindparam("now", Clock().now(), tables.UtcDateTime)),
                    {"many": self.CASES},
                )
            connection.exec_driver_sql("ANALYZE")

        await database.write(work)

    async def test_are_compared_from_the_newest_on_without_holding_anything_up(
        self, cases: None, replay: Replay, slack: Workspace
    ) -> None:
        def stop_after(_channel: str) -> None:
            if len(slack.asked) == 400:
                raise NotSent("Slack is away")

        slack.before = stop_after
        async with LongestStretch() as longest:
            with pytest.raises(NotSent):
                await replay._tick()
        newest = range(self.CASES, self.CASES - 200, -1)
        assert slack.asked == [channel for n in newest for channel in (f"DU{n}", "CSUP")]
        assert longest.seconds < 0.2

    async def test_that_were_compared_before_an_interruption_are_passed_over_at_once(
        self, cases: None, database: Database, replay: Replay, slack: Workspace
    ) -> None:
        def work(connection: Connection) -> None:
            connection.execute(
                sa.text(
                    "INSERT INTO replayed_lanes (lane, checked_until)"
                    " SELECT 'customer:U' || number, :now FROM cases WHERE number > 5"
                ).bindparams(sa.bindparam("now", Clock().now(), tables.UtcDateTime))
            )

        await database.write(work)
        async with LongestStretch() as longest:
            await replay._tick()
        assert [channel for channel in slack.asked if channel != "CSUP"] == [f"DU{n}" for n in (5, 4, 3, 2, 1)]
        assert not await has_gap(database)
        assert longest.seconds < 0.2


class LongestStretch:
    """For how long at most the event loop let nobody else have a turn, in processor time: a busy machine is none of it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            self.seconds = max(self.seconds, time.thread_time() - before)
