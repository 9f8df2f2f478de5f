"""Casework at work: in order, fairly, and past whatever fails; each failure costs its own lane only."""

import asyncio
import contextlib
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from bot.casework import batch, preparing, taking, worker
from bot.casework.intake import Verb
from bot.casework.worker import Casework
from bot.clock import Clock
from bot.desk.effects import ReplyKind
from storage import inbox, replays, tables
from storage.engine import Database, open_database
from storage.errors import DatabaseUnavailable
from storage.inbox import About, Item, NewItem
from tests.casework.kit import (
    ADA,
    DESK,
    KnownPeople,
    after,
    asks,
    column,
    dm,
    faults,
    message_item,
    opened,
    put_all,
    reply,
    rows,
    ts,
)

only_sqlite = pytest.mark.parametrize("database_kind", [pytest.param("sqlite", id="sqlite")])
only_postgres = pytest.mark.parametrize(
    "database_kind", [pytest.param("postgresql", id="postgresql", marks=pytest.mark.postgresql)]
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits in which a test can wait."""
    for name, seconds in {"BACKOFF_FIRST": 0.02, "BACKOFF_MOST": 0.1, "POLL": 0.05}.items():
        monkeypatch.setattr(worker, name, seconds)
    monkeypatch.setattr(preparing, "WAIT", 0.05)


@pytest.fixture
def people() -> KnownPeople:
    return KnownPeople()


@pytest.fixture
async def casework(database: Database, people: KnownPeople) -> AsyncIterator[Casework]:
    casework = Casework(database, people, DESK, Clock())
    async with running(casework):
        yield casework


@contextlib.asynccontextmanager
async def running(*workers: Casework) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(one.run()) for one in workers]
    try:
        yield
    finally:
        failed = [task.exception() for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert failed == []


async def until(check: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await check():
            await asyncio.sleep(0.02)


async def decided(database: Database) -> None:
    async def nothing_waits() -> bool:
        return await column(database, "SELECT count(*) FROM inbox WHERE state = 'waiting'") == [0]

    await until(nothing_waits)


async def bodies(database: Database, user: str = "U1") -> list[str]:
    return await column(database, "SELECT body FROM messages WHERE sender = :user ORDER BY id", user=user)


def fails_on(monkeypatch: pytest.MonkeyPatch, word: str, times: int = 1_000) -> list[str]:
    """Deciding a message with that word fails; every failure is noted."""
    judge, failed = batch._judge, []

    def judging(a_batch, item, what, aim, *, tell_late):
        if word in getattr(getattr(what, "written", None), "text", "") and len(failed) < times:
            failed.append(item.key)
            raise ZeroDivisionError("a bug in the desk \x00")
        return judge(a_batch, item, what, aim, tell_late=tell_late)

    monkeypatch.setattr(batch, "_judge", judging)
    return failed


def column_of(connection: Connection, ids: list[int]) -> list[int]:
    """How often each was tried, this time counted."""
    statement = sa.select(tables.inbox.c.attempts).where(tables.inbox.c.id.in_(ids))
    return list(connection.execute(statement).scalars())


async def put(casework: Casework, *events: dict) -> None:
    for event in events:
        await casework.put(message_item(event))


class TestWorking:
    async def test_what_comes_in_is_decided_and_the_outbox_is_told(
        self, database: Database, casework: Casework
    ) -> None:
        told = asyncio.Event()
        casework.on_outbox = told.set
        assert await casework.put(message_item(dm(1))) is True
        assert await casework.put(message_item(dm(1))) is False
        await asyncio.wait_for(told.wait(), 10)
        assert await bodies(database) == ["Hello"]

    async def test_what_waits_for_its_replay_goes_on_in_time_though_the_replay_never_comes(
        self, database: Database, casework: Casework
    ) -> None:
        now = Clock().now()
        hold_until = now + timedelta(seconds=2)

        def lose_the_line(connection: Connection) -> None:
            replays.begin(connection, now)
            replays.open_gap(connection, now, hold_until)
            replays.checked(connection, "U2", now)

        await database.write(lose_the_line)
        await put(casework, dm(1, "Held", user="U1"), dm(2, "Compared already", user="U2"))
        await decided(database)
        items = sa.select(tables.inbox.c.lane, tables.inbox.c.done_at)
        done_at = dict(await database.read(lambda c: c.execute(items).all()))
        assert done_at["customer:U2"] < done_at["customer:U1"]
        assert done_at["customer:U1"] >= hold_until
        assert await bodies(database) == ["Held"]

    async def test_a_flood_of_one_customer_keeps_its_order_and_delays_nobody(
        self, database: Database, people: KnownPeople
    ) -> None:
        flood = [dm(n, f"{n:03}", user="U1") for n in range(150)]
        await database.write(lambda c: put_all(c, [*flood, dm(500, "Me too", user="U2")]))
        async with running(Casework(database, people, DESK, Clock())):
            await decided(database)
        assert await bodies(database) == [f"{n:03}" for n in range(150)]
        (place,) = await column(
            database, "SELECT count(*) FROM messages WHERE id < (SELECT id FROM messages WHERE sender = 'U2')"
        )
        assert place <= taking.ITEMS_PER_LANE
        assert await database.read(faults) == []

    async def test_it_stops_between_rounds(self, database: Database, people: KnownPeople) -> None:
        casework = Casework(database, people, DESK, Clock())
        task = asyncio.create_task(casework.run())
        await put(casework, dm(1))
        await decided(database)
        casework.stop()
        await asyncio.wait_for(task, 5)

    async def test_the_backlog_before_a_moment(self, database: Database, casework: Casework) -> None:
        await put(casework, dm(1))
        await decided(database)
        assert await casework.caught_up(Clock().now())


class TestFailures:
    async def test_an_item_that_fails_by_itself_is_set_aside_after_three_times_and_told_once(
        self, database: Database, people: KnownPeople, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        failed = fails_on(monkeypatch, "poison")
        events = [dm(1, "before"), dm(2, "poison"), dm(3, "behind"), dm(1, "other", user="U2")]
        await database.write(lambda c: put_all(c, events))
        async with running(Casework(database, people, DESK, Clock())):
            await decided(database)
        assert await bodies(database) == ["before", "behind"]
        assert await bodies(database, "U2") == ["other"]
        kept = await rows(database, "SELECT key, attempts, error FROM inbox WHERE state = 'quarantined'")
        assert kept == [(message_item(events[1]).key, 3, "ZeroDivisionError: a bug in the desk ")]
        assert len(failed) <= 6  # each time once in its batch, and once by itself
        assert await column(database, "SELECT destination FROM outbox WHERE kind = 'quarantined'") == ["CALERT"]
        assert await database.read(faults) == []

    async def test_a_failure_that_passes_costs_nothing(
        self, database: Database, casework: Casework, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fails_on(monkeypatch, "flaky", times=3)
        await put(casework, dm(1, "flaky"), dm(2, "behind"))
        await decided(database)
        assert await bodies(database) == ["flaky", "behind"]
        assert await column(database, "SELECT count(*) FROM outbox WHERE kind = 'quarantined'") == [0]

    async def test_an_author_whom_slack_denies_is_set_aside(
        self, database: Database, casework: Casework, people: KnownPeople
    ) -> None:
        people.unknown.add("U1")
        await put(casework, dm(1), dm(1, user="U2"))
        await decided(database)
        assert await column(database, "SELECT state FROM inbox ORDER BY lane") == ["quarantined", "done"]

    async def test_what_cannot_be_read_is_set_aside(self, database: Database, casework: Casework) -> None:
        for kind, raw in (("message", b"{"), ("message", b"{}"), ("no such kind", b"{}"), ("request", b"[]")):
            about = About(person=f"{kind}{raw!r}")
            await casework.put(NewItem(f"{kind}{raw!r}", kind, about, after(1), raw))
        await decided(database)
        assert set(await column(database, "SELECT state FROM inbox")) == {"quarantined"}
        assert await column(database, "SELECT count(*) FROM outbox WHERE kind = 'quarantined'") == [4]

    async def test_what_ends_the_process_each_time_is_set_aside_and_its_lane_goes_on(
        self, database: Database, people: KnownPeople, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A life ends while it prepares the item; what was tried is on disk before it was tried."""
        dying: asyncio.Event = asyncio.Event()
        prepare = worker.prepare

        async def prepared(item: Item, *others: Any) -> Any:
            if item.key.endswith(ts(1)):
                dying.set()
                await asyncio.Event().wait()
            return await prepare(item, *others)

        monkeypatch.setattr(worker, "prepare", prepared)
        await database.write(lambda c: put_all(c, [dm(1, "killer"), dm(2, "after it"), dm(3, user="U2")]))
        for life in range(3):
            dying.clear()
            async with running(Casework(database, people, DESK, Clock(), f"life {life}", lasting=0.3)):
                await asyncio.wait_for(dying.wait(), 5)
        async with running(Casework(database, people, DESK, Clock(), "the last life", lasting=0.3)):
            await decided(database)
        assert await rows(database, "SELECT state, attempts FROM inbox ORDER BY id") == [
            ("quarantined", 4),
            ("done", 1),
            ("done", 1),
        ]
        assert await column(database, "SELECT count(*) FROM outbox WHERE kind = 'quarantined'") == [1]

    @only_postgres
    async def test_what_the_database_ended_each_time_is_nobodys_fault(
        self, database: Database, people: KnownPeople, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Three processes lost the database when they had noted their tries; a fourth finds these, and more to come."""
        prepare, take = worker.prepare, Casework._take
        owners = [f"process {number}" for number in range(4)]
        back, lost = set[str](), Counter[str]()

        async def taken(casework: Casework, now: datetime) -> Any:
            if casework._owner not in back:
                back.add(casework._owner)
                raise DatabaseUnavailable("connection was closed in the middle of operation")
            return await take(casework, now)

        async def prepared(item: Item, *others: Any) -> Any:
            lost[item.key] += 1
            if lost[item.key] < 8:
                raise DatabaseUnavailable("connection was closed in the middle of operation")
            return await prepare(item, *others)

        monkeypatch.setattr(worker, "prepare", prepared)
        monkeypatch.setattr(Casework, "_take", taken)
        await database.write(lambda c: put_all(c, [dm(1, "innocent")]))
        for owner in owners[:3]:
            await database.write(lambda c, owner=owner: inbox.begin_attempt(c, 1, owner))
        async with running(*(Casework(database, people, DESK, Clock(), one, lasting=0.3) for one in owners)):
            await decided(database)
        assert await rows(database, "SELECT state FROM inbox") == [("done",)]
        assert await bodies(database) == ["innocent"]
        assert await column(database, "SELECT count(*) FROM outbox WHERE kind = 'quarantined'") == [0]

    async def test_what_only_waits_for_a_lookup_is_not_blamed_however_often_the_process_is_stopped(
        self, database: Database, people: KnownPeople
    ) -> None:
        await database.write(lambda c: put_all(c, [dm(1, "innocent")]))
        people.away.add("U1")
        for life in range(1, 6):
            casework = Casework(database, people, DESK, Clock(), f"life {life}", lasting=0.1)
            running_ = asyncio.create_task(casework.run())

            async def tried(asked: int = people.asked.count("U1")) -> bool:
                return people.asked.count("U1") > asked

            await until(tried)
            casework.stop()
            await running_
        assert await rows(database, "SELECT state, attempts FROM inbox") == [("waiting", 0)]
        people.away.clear()
        async with running(Casework(database, people, DESK, Clock(), lasting=0.1)):
            await decided(database)
        assert await bodies(database) == ["innocent"]

    async def test_a_failure_of_what_another_process_has_decided_changes_nothing(
        self, database: Database, people: KnownPeople
    ) -> None:
        await database.write(lambda c: put_all(c, [dm(1)]))
        (item,) = await database.read(lambda c: inbox.heads(c, ["customer:U1"], 1))
        other = Casework(database, people, DESK, Clock())
        async with running(other):
            await decided(database)
        for _ in range(3):
            await Casework(database, people, DESK, Clock())._count_failure(item, ValueError("late"))
        assert await column(database, "SELECT state FROM inbox") == ["done"]
        assert await column(database, "SELECT count(*) FROM outbox WHERE kind = 'quarantined'") == [0]


class TestLookups:
    async def test_a_lookup_that_fails_delays_its_lane_only_and_keeps_the_order(
        self, database: Database, casework: Casework, people: KnownPeople
    ) -> None:
        people.away.add("U1")
        await put(casework, dm(1, "first"), dm(2, "second"), dm(1, "other", user="U2"))

        async def other_is_through() -> bool:
            return await bodies(database, "U2") == ["other"] and people.asked.count("U1") > 4

        await until(other_is_through)
        assert await bodies(database) == []
        assert set(await column(database, "SELECT attempts FROM inbox")) == {0}
        people.away.clear()
        await decided(database)
        assert await bodies(database) == ["first", "second"]

    async def test_nobody_is_taken_for_an_admin_or_a_customer_meanwhile(
        self, database: Database, people: KnownPeople
    ) -> None:
        root = await opened(database)
        people.away.add(ADA)
        casework = Casework(database, people, DESK, Clock())
        async with running(casework):
            await put(casework, reply(5, root, "An answer"))
            await asyncio.sleep(0.3)
            assert await column(database, "SELECT count(*) FROM messages") == [1]
            people.away.clear()
            await decided(database)
        assert await column(database, "SELECT is_admin FROM messages ORDER BY id") == [False, True]

    async def test_a_slow_lookup_holds_up_its_own_lane_only(
        self, database: Database, casework: Casework, people: KnownPeople, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answered, profile = asyncio.Event(), people.profile

        async def slowly(user_id: str):
            if user_id == "U1":
                await answered.wait()
            return await profile(user_id)

        monkeypatch.setattr(people, "profile", slowly)
        await put(casework, dm(1, "slow"), *(dm(n, f"{n}", user="U2") for n in range(3)))

        async def other_is_through() -> bool:
            return len(await bodies(database, "U2")) == 3

        await until(other_is_through)
        assert await bodies(database) == []
        answered.set()
        await decided(database)
        assert await bodies(database) == ["slow"]


class TestDatabaseAway:
    @only_sqlite
    async def test_it_is_waited_for_and_no_item_is_blamed(
        self, database: Database, casework: Casework, database_url: str
    ) -> None:
        await put(casework, dm(1, "before"))
        await decided(database)
        await database.write(lambda c: c.exec_driver_sql("PRAGMA busy_timeout = 30"))
        await database.write(lambda c: put_all(c, [dm(2, "meanwhile")], Clock().now()))
        with contextlib.closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as other:
            other.execute("BEGIN IMMEDIATE")
            casework.wake()
            with pytest.raises(DatabaseUnavailable):
                await casework.put(message_item(dm(3, "refused")))
            await asyncio.sleep(0.3)
            other.rollback()
        await decided(database)
        assert (await bodies(database))[0] == "before"
        assert set(await column(database, "SELECT attempts FROM inbox")) == {0}

    @only_sqlite
    async def test_one_that_takes_too_long_is_away_and_is_tried_again(
        self, database: Database, casework: Casework, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(worker, "INTAKE_TIMEOUT", 0.05)
        tried = asyncio.Event()
        keep = casework._keep

        async def trying(work: Callable[[Connection], Any]) -> Any:
            try:
                return await keep(work)
            except TimeoutError:
                tried.set()
                raise

        monkeypatch.setattr(casework, "_keep", trying)
        with contextlib.closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as other:
            other.execute("BEGIN IMMEDIATE")
            casework.keeping = False
            casework.wake()
            await asyncio.wait_for(tried.wait(), 10)
            other.rollback()
        monkeypatch.setattr(worker, "INTAKE_TIMEOUT", 10.0)
        await put(casework, dm(1, "afterwards"))
        await decided(database)
        assert await bodies(database) == ["afterwards"]

    @only_postgres
    async def test_connections_cut_at_any_moment_lose_nothing_and_repeat_nothing(
        self, database: Database, casework: Casework, database_url: str
    ) -> None:
        killer = open_database(database_url)
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"

        async def cuts() -> None:
            for _ in range(12):
                await asyncio.sleep(0.04)
                with contextlib.suppress(DatabaseUnavailable):
                    await killer.write(lambda c: c.exec_driver_sql(f"{cut} AND pid <> pg_backend_pid()"))

        async def insists(n: int) -> None:
            """As Slack does: again until it is acknowledged."""
            while True:
                try:
                    await casework.put(message_item(dm(n, f"{n}", user=f"U{n % 4}")))
                except (DatabaseUnavailable, TimeoutError):
                    await asyncio.sleep(0.02)
                else:
                    return

        await asyncio.gather(cuts(), *(insists(n) for n in range(60)))
        await killer.close()
        await decided(database)
        assert sorted(map(int, await column(database, "SELECT body FROM messages"))) == list(range(60))
        assert await column(database, "SELECT count(*) FROM outbox WHERE kind = 'quarantined'") == [0]
        assert await database.read(faults) == []


@only_postgres
class TestTwoProcesses:
    async def test_decide_each_item_once_and_each_lane_in_order(
        self, database: Database, database_url: str
    ) -> None:
        other = open_database(database_url)
        events = [dm(n, f"{n:03}", user=f"U{n % 7}") for n in range(210)]
        await database.write(lambda c: put_all(c, events[:140]))
        workers = [Casework(one, KnownPeople(), DESK, Clock()) for one in (database, other)]
        async with running(*workers):
            for n, event in enumerate(events[140:] + events[:20]):
                await workers[n % 2].put(message_item(event))
            await decided(database)
        await other.close()
        assert Counter(await column(database, "SELECT body FROM messages")) == Counter(
            f"{n:03}" for n in range(210)
        )
        for user in range(7):
            written = await bodies(database, f"U{user}")
            assert written == sorted(written)
        assert await column(database, "SELECT count(*) FROM inbox WHERE attempts > 1") == [0]
        assert await database.read(faults) == []

    async def test_a_survivor_tries_alone_what_another_may_have_died_of(
        self, database: Database, database_url: str, people: KnownPeople, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A process ends in the middle of a batch; the other lives already, and takes over its lanes."""
        survivor = Casework(database, people, DESK, Clock(), "survivor", lasting=0.5)
        events = [dm(1, "first"), dm(2, "second"), dm(1, "other", user="U2")]
        await database.write(lambda c: put_all(c, events, Clock().now()))
        await database.write(
            lambda c: inbox.take_lanes(
                c, Clock().now(), 50, Clock().now() + timedelta(seconds=0.3), "the dead one"
            )
        )
        batches: list[tuple[int, list[int]]] = []
        apply_items = worker.apply_items

        def noted(connection, pairs, **others):
            kept = column_of(connection, [item.id for item, _ in pairs])
            batches.append((len(pairs), kept))
            return apply_items(connection, pairs=pairs, **others)

        monkeypatch.setattr(worker, "apply_items", noted)
        survivor._careful_left = 0  # it has lived for long
        async with running(survivor):
            await put(survivor, dm(5, "new", user="U3"))  # not of the dead one: it need not stand alone
            await decided(database)
        tried = [kept for count, kept in batches if count]
        assert [2] in tried
        assert all(len(kept) == 1 for kept in tried if any(kept))
        assert await bodies(database) == ["first", "second"]
        counts = "SELECT attempts FROM inbox WHERE lane IN ('customer:U1', 'customer:U2')"
        assert set(await column(database, counts)) == {2}
        assert await column(database, "SELECT count(*) FROM inbox_lanes WHERE taken_by IS NOT NULL") == [0]

    async def test_a_lane_that_another_works_on_is_left_to_it_when_something_arrives(
        self, database: Database
    ) -> None:
        now = Clock().now()
        await database.write(lambda c: put_all(c, [dm(1)], now))
        until_ = now + timedelta(seconds=10)
        mine = await database.write(lambda c: inbox.take_lanes(c, now, 50, until_, "me"))
        assert mine == inbox.Taken(("customer:U1",))
        await database.write(lambda c: put_all(c, [dm(2)], now))
        assert await database.write(lambda c: inbox.take_lanes(c, now, 50, until_, "other")) == inbox.Taken(())
        assert await database.read(inbox.next_wake) == until_  # nobody turns in circles meanwhile
        await database.write(lambda c: inbox.rest_lanes(c, ["customer:U1"], now, {}))
        assert await database.write(lambda c: inbox.take_lanes(c, now, 50, until_, "other")) == mine
        later = until_ + timedelta(seconds=1)
        left = await database.write(lambda c: inbox.take_lanes(c, later, 50, later, "third"))
        assert left == inbox.Taken(("customer:U1",), {"customer:U1": "other"})

    async def test_escalate_each_case_once(self, database: Database, database_url: str) -> None:
        other = open_database(database_url)
        await database.write(lambda c: put_all(c, [dm(n, user=f"U{n}") for n in range(40)]))
        workers = [Casework(one, KnownPeople(), DESK, Clock()) for one in (database, other)]
        async with running(*workers):
            await decided(database)
            await asyncio.gather(*(one.check_due() for one in workers * 3))
        await other.close()
        assert await column(database, "SELECT count(*) FROM alerts") == [40]
        assert await column(database, "SELECT DISTINCT alert_no FROM cases") == [1]


class TestOutcome:
    async def test_who_waits_is_answered(self, database: Database, people: KnownPeople) -> None:
        await opened(database)
        casework = Casework(database, people, DESK, Clock())
        async with running(casework):
            item = asks(5, Verb.CLOSE, "CASE_001")
            await casework.put(item)
            told = await casework.outcome(item.key, 10)
        assert told is not None
        assert told.kind is ReplyKind.CLOSED
        assert await column(database, "SELECT count(*) FROM outbox WHERE kind = 'late_reply'") == [0]

    async def test_who_waited_in_vain_is_told_late_and_once(self, database: Database, people: KnownPeople) -> None:
        await opened(database)
        casework = Casework(database, people, DESK, Clock())
        item = asks(5, Verb.CLOSE, "CASE_001")
        await casework.put(item)
        assert await casework.outcome(item.key, 0.05) is None
        async with running(casework):
            await decided(database)
        assert await column(database, "SELECT destination FROM outbox WHERE kind = 'late_reply'") == [ADA]
        told = await casework.outcome(item.key, 0.05)
        assert told is not None
        assert told.kind is ReplyKind.CLOSED

    async def test_many_who_wait_at_once_are_each_answered(self, database: Database, people: KnownPeople) -> None:
        await opened(database)
        casework = Casework(database, people, DESK, Clock())
        items = [asks(5 + n, Verb.ESCALATE, "CASE_001", gesture=f"g{n}") for n in range(6)]
        async with running(casework):
            for item in items:
                await casework.put(item)
            told = await asyncio.gather(*(casework.outcome(item.key, 10) for item in items))
        kinds = Counter(one.kind for one in told if one is not None)
        assert kinds == {ReplyKind.ESCALATED: 1, ReplyKind.ADDED_UNDER_ALERT: 5}
