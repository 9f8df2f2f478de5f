"""The inbox keeps each item once, in the lane of whom it concerns, and hands lanes out fairly."""

import asyncio
import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from storage import alerts, cases, inbox, outbox
from storage.engine import Database, open_database
from storage.inbox import About, Done
from storage.outbox import NewRow
from tests.storage.kit import NOON, a_case, after, closed, item, keep, run, scalars


async def put(database: Database, *items: inbox.NewItem, now: datetime = NOON) -> list[bool]:
    return await database.write(lambda c: [inbox.put(c, one, now) for one in items])


async def lanes(database: Database) -> list[str]:
    return await scalars(database, "SELECT lane FROM inbox ORDER BY id")


def finish(connection: Connection, now: datetime = NOON, *ids: int) -> None:
    inbox.mark(connection, [Done(one) for one in ids], now)


class TestPut:
    async def test_the_same_key_is_kept_once(self, database: Database) -> None:
        assert await put(database, item("a"), item("a", "U2"), item("b")) == [True, False, True]
        assert await lanes(database) == ["customer:U1", "customer:U1"]

    async def test_one_gesture_that_arrives_as_two_is_kept_once(self, database: Database) -> None:
        twins = [item("a", twin_key="twin"), item("b", twin_key="twin"), item("c"), item("d")]
        assert await put(database, *twins) == [True, False, True, True]

    async def test_sixteen_that_bring_the_same_item_keep_one(self, database: Database) -> None:
        brought = await asyncio.gather(*(put(database, item("a", twin_key=f"t{n}")) for n in range(16)))
        assert sum(stored for (stored,) in brought) == 1
        assert await scalars(database, "SELECT count(*) FROM inbox") == [1]

    async def test_a_duplicate_wakes_nobody(self, database: Database) -> None:
        await put(database, item("a"))
        await database.write(lambda c: finish(c, NOON, 1))
        await database.write(lambda c: inbox.rest_lanes(c, ["customer:U1"], NOON, {}))
        await put(database, item("a"))
        assert await database.read(inbox.next_wake) is None

    @pytest.mark.parametrize("raw", [b"", b"\x00\xff\xfe", "\U0001f469".encode() * 10_000])
    async def test_the_raw_form_comes_back_byte_for_byte(self, database: Database, raw: bytes) -> None:
        await put(database, item("a", raw=raw))
        (head,) = await database.read(lambda c: inbox.heads(c, ["customer:U1"], 1))
        assert (head.raw, head.at, head.received_at, head.attempts) == (raw, NOON, NOON, 0)


class TestLane:
    @pytest.fixture
    async def desk(self, database: Database) -> Database:
        def work(connection: Connection) -> None:
            keep(connection, a_case(1, "U1"), closed(2, "U2"))
            cases.set_thread(connection, "CASE_001", "CSUP", "10.0001")
            row = {
                "alert_key": "CASE_002/1",
                "case_id": "CASE_002",
                "post_key": "p",
                "raised_at": NOON,
                "data": {},
            }
            alerts.add_alerts(connection, [row])

        await database.write(work)
        return database

    @pytest.mark.parametrize(
        ("about", "lane"),
        [
            (About(customer="U9"), "customer:U9"),
            (About(thread=("CSUP", "10.0001")), "customer:U1"),
            (About(case_id="CASE_002", person="UADA"), "customer:U2"),
            (About(alert_key="CASE_002/1", person="UADA"), "customer:U2"),
            (About(case_id="CASE_999", person="UADA"), "person:UADA"),
            (About(alert_key="none", person="UADA"), "person:UADA"),
            (About(person="UADA"), "person:UADA"),
        ],
    )
    async def test_is_that_of_the_customer_wherever_there_is_one(
        self, desk: Database, about: About, lane: str
    ) -> None:
        assert await put(desk, item("a", about=about)) == [True]
        assert await lanes(desk) == [lane]

    async def test_chatter_in_some_other_thread_is_not_kept(self, desk: Database) -> None:
        assert await put(desk, item("a", about=About(thread=("CSUP", "11.0001")))) == [False]
        assert await lanes(desk) == []

    async def test_a_reply_to_a_card_not_known_yet_is_kept_for_later(self, desk: Database) -> None:
        card = NewRow("card:3", "thread:CASE_003", "CSUP", "card", "CASE_003")
        await desk.write(lambda c: outbox.enqueue(c, [card], NOON))
        assert await put(desk, item("a", about=About(thread=("CSUP", "11.0001")))) == [True]
        assert await put(desk, item("b", about=About(thread=("COTHER", "11.0001")))) == [False]
        assert await lanes(desk) == ["thread:CSUP:11.0001"]
        await desk.write(lambda c: outbox.finish(c, 1, "sent", NOON, "12.0001"))
        assert await put(desk, item("c", about=About(thread=("CSUP", "11.0001")))) == [False]


class TestLanes:
    async def test_a_lane_sleeps_when_nothing_waits_and_wakes_with_the_next_item(self, database: Database) -> None:
        await put(database, item("a"))
        assert await database.read(lambda c: inbox.ready_lanes(c, NOON, 10)) == ["customer:U1"]

        def decide(connection: Connection) -> None:
            finish(connection, NOON, 1)
            inbox.rest_lanes(connection, ["customer:U1"], NOON, {})

        await database.write(decide)
        assert await database.read(lambda c: inbox.ready_lanes(c, after(99), 10)) == []
        await put(database, item("b"), now=after(5))
        assert await database.read(inbox.next_wake) == after(5)

    async def test_a_lane_with_more_is_looked_at_again_at_once_but_after_the_others(
        self, database: Database
    ) -> None:
        await put(database, item("a", "U1"), item("b", "U1"))
        await put(database, item("c", "U2"), now=after(1))

        def decide(connection: Connection) -> None:
            finish(connection, NOON, 1)
            inbox.rest_lanes(connection, ["customer:U1"], after(2), {})

        await database.write(decide)
        ready = await database.read(lambda c: inbox.ready_lanes(c, after(3), 10))
        assert ready == ["customer:U2", "customer:U1"]

    async def test_a_delayed_lane_waits_its_time_and_an_empty_one_is_not_woken_by_it(
        self, database: Database
    ) -> None:
        await put(database, item("a", "U1"), item("b", "U2"))

        def decide(connection: Connection) -> None:
            finish(connection, NOON, 2)
            later = {"customer:U1": after(30), "customer:U2": after(30)}
            inbox.rest_lanes(connection, ["customer:U1", "customer:U2"], NOON, later)

        await database.write(decide)
        assert await database.read(lambda c: inbox.ready_lanes(c, after(29), 10)) == []
        assert await database.read(lambda c: inbox.ready_lanes(c, after(30), 10)) == ["customer:U1"]

    async def test_a_new_item_brings_a_delayed_lane_forward(self, database: Database) -> None:
        await put(database, item("a"))
        await database.write(lambda c: inbox.rest_lanes(c, ["customer:U1"], NOON, {"customer:U1": after(30)}))
        await put(database, item("b"), now=after(1))
        assert await database.read(inbox.next_wake) == after(1)

    async def test_heads_are_the_first_written_of_each_lane_however_long_one_is(self, database: Database) -> None:
        flood = [item(f"flood{n}", "U1", seconds=n) for n in range(50)]
        await put(database, *reversed(flood), item("x", "U2", 100), item("y", "U3", -5))
        found = await database.read(lambda c: inbox.heads(c, [f"customer:U{n}" for n in (1, 2, 3)], 4))
        by_lane: dict[str, list[str]] = {}
        for one in found:
            by_lane.setdefault(one.lane, []).append(one.key)
        assert by_lane == {
            "customer:U1": ["flood0", "flood1", "flood2", "flood3"],
            "customer:U2": ["x"],
            "customer:U3": ["y"],
        }

    async def test_what_was_written_at_the_same_moment_keeps_the_order_of_arrival(
        self, database: Database
    ) -> None:
        await put(database, *(item(f"{n}") for n in range(9)))
        found = await database.read(lambda c: inbox.heads(c, ["customer:U1"], 9))
        assert [one.key for one in found] == [f"{n}" for n in range(9)]

    async def test_no_lanes_no_heads(self, database: Database) -> None:
        assert await database.read(lambda c: inbox.heads(c, [], 5)) == []

    @pytest.mark.parametrize("database_kind", [pytest.param("postgresql", marks=pytest.mark.postgresql)])
    async def test_a_lane_another_process_works_on_is_left_to_it(
        self, database: Database, database_url: str
    ) -> None:
        await put(database, item("a", "U1"), item("b", "U2"))
        locked, go = threading.Event(), threading.Event()

        def holds(connection: Connection) -> list[str]:
            mine = inbox.lock_lanes(connection, ["customer:U1"])
            locked.set()
            connection.connection.dbapi_connection.run_async(lambda _: asyncio.to_thread(go.wait))
            return mine

        other = open_database(database_url)
        holding = asyncio.create_task(other.write(holds))
        await asyncio.to_thread(locked.wait)
        both = ["customer:U1", "customer:U2"]
        assert await database.write(lambda c: inbox.lock_lanes(c, both)) == ["customer:U2"]
        go.set()
        assert await holding == ["customer:U1"]
        assert await database.write(lambda c: inbox.lock_lanes(c, both)) == both
        await other.close()


class TestOutcome:
    async def test_what_became_of_an_item_can_be_asked_for(self, database: Database) -> None:
        await put(database, item("a"))
        assert await database.read(lambda c: inbox.outcome(c, "nothing")) is None
        assert (await database.read(lambda c: inbox.outcome(c, "a")))[0] == "waiting"
        await database.write(lambda c: inbox.mark(c, [Done(1, outcome={"kind": "closed"})], NOON))
        assert await database.read(lambda c: inbox.outcome(c, "a")) == ("done", {"kind": "closed"})

    async def test_who_asks_in_time_is_told_later_and_who_asks_too_late_is_not(self, database: Database) -> None:
        await put(database, item("a"))
        assert await database.write(lambda c: inbox.ask_to_be_told(c, "a")) is True
        assert await database.write(lambda c: inbox.still_waiting(c, [1])) == {1: True}
        await database.write(lambda c: finish(c, NOON, 1))
        assert await database.write(lambda c: inbox.ask_to_be_told(c, "a")) is False
        assert await database.write(lambda c: inbox.still_waiting(c, [1])) == {}

    async def test_nobody_is_promised_an_outcome_that_is_being_decided_without_him(
        self, database: Database, database_url: str
    ) -> None:
        """The decision has looked who wants to be told; whoever asks from then on must get the outcome himself."""
        await put(database, item("a"))
        other = open_database(database_url)
        looked = asyncio.Event()
        loop = asyncio.get_running_loop()

        def decides(connection: Connection) -> None:
            assert inbox.still_waiting(connection, [1]) == {1: False}
            loop.call_soon_threadsafe(looked.set)
            run_async = getattr(connection.connection.dbapi_connection, "run_async", None)
            if run_async is not None:
                run_async(lambda _: asyncio.sleep(0.2))
            finish(connection, NOON, 1)

        deciding = asyncio.create_task(other.write(decides))
        await looked.wait()
        assert await database.write(lambda c: inbox.ask_to_be_told(c, "a")) is False
        await deciding
        await other.close()

    async def test_failures_are_counted_while_an_item_waits(self, database: Database) -> None:
        await put(database, item("a"))
        counts = [await database.write(lambda c: inbox.count_attempt(c, 1, "why", "me")) for _ in range(3)]
        assert counts == [1, 2, 3]
        await database.write(lambda c: finish(c, NOON, 1))
        assert await database.write(lambda c: inbox.count_attempt(c, 1, "late", "me")) == 0
        assert await scalars(database, "SELECT state FROM inbox") == ["done"]

    async def test_a_try_of_a_process_counts_once_and_is_taken_back_by_it_alone(self, database: Database) -> None:
        async def tries() -> list[int]:
            return await scalars(database, "SELECT attempts FROM inbox ORDER BY id")

        await put(database, item("a"), item("b", customer="U2"))
        for owner, counted in (("one", 1), ("one", 1), ("two", 2), ("two", 2), ("one", 2)):
            assert await database.write(lambda c, owner=owner: inbox.begin_attempt(c, 1, owner)) == counted
        await database.write(lambda c: inbox.suspect(c, {"customer:U1": "three", "customer:U2": "one"}, 20))
        assert await tries() == [2, 1]  # what was tried before is not blamed again
        await database.write(lambda c: inbox.take_back_attempts(c, "one", [1]))
        assert await tries() == [1, 1]
        for _ in range(2):
            await database.write(lambda c: inbox.take_back_attempts(c, "one"))
            assert await tries() == [1, 0]
        assert await database.write(lambda c: inbox.count_attempt(c, 1, "why", "two")) == 1
        await database.write(lambda c: inbox.take_back_attempts(c, "two"))
        assert await tries() == [1, 0]  # a verdict stands

    async def test_the_backlog_is_what_came_before_and_waits(self, database: Database) -> None:
        await put(database, item("a"))
        assert await database.read(lambda c: inbox.backlog(c, NOON + timedelta(seconds=1))) is True
        assert await database.read(lambda c: inbox.backlog(c, NOON)) is False
        await run(database, "UPDATE inbox SET state = 'quarantined'")
        assert await database.read(lambda c: inbox.backlog(c, NOON + timedelta(seconds=1))) is False
