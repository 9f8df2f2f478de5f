"""Customers and cases: one open case each, numbers without gaps, counters that agree with the cases."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from bot.desk.model import ReplyTo, Source
from storage import cases, reports
from storage.cases import CaseThread, Customer
from storage.engine import Database, open_database
from tests.storage.kit import NOON, a_case, after, closed, keep, run, scalars


def find_or_create(connection: Connection, customer: str) -> str:
    """A customer's open case, as a batch finds or makes it."""
    cases.add_customers(connection, [Customer(customer, "Dana")], NOON)
    known = cases.lock_customers(connection, [customer])[customer]
    found = cases.load_cases(connection, [known.current_case_id] if known.current_case_id else [])
    current = found.get(known.current_case_id or "")
    if current is not None and current.is_open:
        cases.update_cases(connection, [replace(current, message_count=current.message_count + 1)])
        return current.case_id
    (number,) = cases.draw_numbers(connection, 1)
    cases.insert_cases(connection, [(number, a_case(number, customer, message_count=1))])
    cases.set_current_cases(connection, {customer: cases.case_id_of(number)})
    return cases.case_id_of(number)


class TestNumbers:
    @pytest.mark.parametrize(("number", "case_id"), [(1, "CASE_001"), (42, "CASE_042"), (1234, "CASE_1234")])
    def test_are_written_with_three_digits_at_least(self, number: int, case_id: str) -> None:
        assert cases.case_id_of(number) == case_id

    async def test_sixteen_writers_draw_without_gap_or_repeat(self, database: Database) -> None:
        async def draw(n: int) -> list[int]:
            return list(await database.write(lambda c: cases.draw_numbers(c, 1 + n % 3)))

        drawn = [number for part in await asyncio.gather(*(draw(n) for n in range(48))) for number in part]
        assert sorted(drawn) == list(range(1, len(drawn) + 1))

    async def test_a_number_drawn_in_vain_is_drawn_again(self, database: Database) -> None:
        def fails(connection: Connection) -> None:
            cases.draw_numbers(connection, 5)
            raise RuntimeError

        with pytest.raises(RuntimeError):
            await database.write(fails)
        assert list(await database.write(lambda c: cases.draw_numbers(c, 2))) == [1, 2]


class TestOneOpenCase:
    async def test_the_database_refuses_a_second_one(self, database: Database) -> None:
        await database.write(lambda c: keep(c, a_case(1), closed(2)))
        with pytest.raises(IntegrityError):
            await database.write(lambda c: keep(c, a_case(3)))
        with pytest.raises(IntegrityError):
            await run(database, "UPDATE cases SET status = 'open' WHERE case_id = 'CASE_002'")

    async def test_writers_and_closers_at_once_leave_one_and_miscount_nothing(
        self, database: Database, database_url: str
    ) -> None:
        """Eight write and one closes, to two customers, from two processes' worth of connections."""
        other = open_database(database_url) if database.dialect == "postgresql" else database

        def close(connection: Connection) -> None:
            cases.lock_customers(connection, ["U1", "U2"])
            open_ids = (
                connection.execute(sa.text("SELECT case_id FROM cases WHERE status = 'open'")).scalars().all()
            )
            loaded = cases.load_cases(connection, open_ids)
            done = [replace(case, status=closed().status, closed_at=NOON) for case in loaded.values()]
            cases.update_cases(connection, done)

        async def writer(n: int) -> list[str]:
            where = (database, other)[n % 2]
            return [await where.write(lambda c: find_or_create(c, f"U{1 + n % 2}")) for _ in range(10)]

        async def closer() -> None:
            for _ in range(8):
                await database.write(close)
                await asyncio.sleep(0.005)

        *written, _ = await asyncio.gather(*(writer(n) for n in range(8)), closer())
        if other is not database:
            await other.close()
        open_per_customer = "SELECT count(*) FROM cases WHERE status = 'open' GROUP BY customer_identifier"
        assert set(await scalars(database, open_per_customer)) <= {1}
        stored = dict(await run(database, "SELECT case_id, message_count FROM cases ORDER BY number"))
        assert stored == Counter(case_id for part in written for case_id in part)
        numbers = await scalars(database, "SELECT number FROM cases ORDER BY number")
        assert numbers == list(range(1, len(numbers) + 1))


class TestCases:
    async def test_every_field_comes_back_as_it_was_stored(self, database: Database) -> None:
        whole = a_case(
            source=Source.EMAIL,
            last_message_at=after(0.123456),
            reply_to=ReplyTo("D1", "1.0002"),
            previous_case_id="CASE_000",
            message_count=3,
            unanswered=2,
            waiting_since=after(1),
            last_customer_at=after(2),
            last_answer_at=after(3),
            last_answer_by="Ada «A» O'Admin",
            escalated=True,
            escalated_at=after(4),
            alert_no=2,
            alerted_at=after(5),
            alert_rearmed=True,
            alert_additions=4,
            acknowledged_at=after(6),
            acknowledged_by="Grace",
            silence_due_at=after(7),
            remind_due_at=after(8),
            closings=1,
        )
        await database.write(lambda c: keep(c, whole))
        assert await database.write(lambda c: cases.load_cases(c, ["CASE_001"])) == {"CASE_001": whole}
        other = replace(closed(customer="U1"), silence_due_at=None, reply_to=None)
        await database.write(lambda c: cases.update_cases(c, [other]))
        assert await database.write(lambda c: cases.load_cases(c, ["CASE_001"])) == {"CASE_001": other}
        assert await scalars(database, "SELECT due_at FROM cases") == [None]

    async def test_update_touches_the_cases_given_and_no_other(self, database: Database) -> None:
        kept = [a_case(n, f"U{n}") for n in range(1, 6)]
        await database.write(lambda c: keep(c, *kept))
        changed = [replace(case, unanswered=9) for case in kept[1:3]]
        await database.write(lambda c: cases.update_cases(c, changed))
        loaded = await database.write(lambda c: cases.load_cases(c, [case.case_id for case in kept]))
        assert [case.unanswered for case in loaded.values()] == [0, 9, 9, 0, 0]

    async def test_due_cases_come_the_longest_due_first_and_closed_ones_never(self, database: Database) -> None:
        kept = [a_case(n, f"U{n}", silence_due_at=after(100 - n)) for n in range(1, 5)]
        kept.append(a_case(5, "U5", remind_due_at=after(1), silence_due_at=after(500)))
        kept.append(closed(6, "U6", silence_due_at=NOON))
        await database.write(lambda c: keep(c, *kept))
        due = lambda seconds, limit: database.read(lambda c: cases.due_cases(c, after(seconds), limit))  # noqa: E731
        assert await due(97, 10) == ["CASE_005", "CASE_004"]
        assert await due(200, 3) == ["CASE_005", "CASE_004", "CASE_003"]
        assert await due(1, 10) == []

    async def test_earlier_threads_of_a_case_stay_known(self, database: Database) -> None:
        await database.write(lambda c: keep(c, a_case(1), a_case(2, "U2")))
        for ts in ("10.1", "20.1", "20.1"):
            await database.write(lambda c, ts=ts: cases.set_thread(c, "CASE_001", "CSUP", ts))
        where = [("CSUP", "10.1"), ("CSUP", "20.1"), ("COTHER", "10.1")]
        found = await database.read(lambda c: cases.cases_of_threads(c, where))
        assert found == {("CSUP", "10.1"): "CASE_001", ("CSUP", "20.1"): "CASE_001"}
        stands = await database.read(lambda c: cases.threads_of(c, ["CASE_001", "CASE_002"]))
        assert stands == {"CASE_001": CaseThread("CSUP", "20.1")}

    async def test_the_last_of_several_events_on_a_post_is_found(self, database: Database) -> None:
        await database.write(lambda c: keep(c, a_case()))
        rows = [
            {
                "case_id": "CASE_001",
                "kind": kind,
                "at": NOON,
                "actor": "U",
                "channel": "C",
                "ts": "1.1",
                "data": {"n": n},
            }
            for n, kind in enumerate(("AdminAnswered", "AdminAnswered", "Closed"))
        ]
        await database.write(lambda c: cases.record_events(c, rows))
        found = await database.read(lambda c: cases.find_event(c, "CASE_001", "AdminAnswered", "C", "1.1"))
        assert found["data"] == {"n": 1}
        assert await database.read(lambda c: cases.find_event(c, "CASE_001", "Closed", "C", "2.2")) is None


class TestCustomers:
    async def test_names_follow_and_the_rest_stays(self, database: Database) -> None:
        await database.write(lambda c: keep(c, a_case()))
        await database.write(lambda c: cases.set_current_cases(c, {"U1": "CASE_001"}))
        await database.write(
            lambda c: cases.add_customers(c, [Customer("U1", "New", "n"), Customer("U2", "Two")], NOON)
        )
        locked = await database.write(lambda c: cases.lock_customers(c, ["U2", "U1", "U3"]))
        assert locked == {"U1": Customer("U1", "New", "n", "CASE_001"), "U2": Customer("U2", "Two", "", None)}
        assert await database.read(lambda c: cases.customers_among(c, ["U1", "U3"])) == ["New"]
        assert await database.read(lambda c: cases.find_customer(c, "U3")) is None

    async def test_nobody_and_nothing_are_no_statement(self, database: Database) -> None:
        def nothing(connection: Connection) -> None:
            cases.add_customers(connection, [], NOON)
            cases.set_current_cases(connection, {})
            cases.insert_cases(connection, [])
            cases.update_cases(connection, [])
            cases.record_events(connection, [])
            assert cases.lock_customers(connection, []) == cases.load_cases(connection, []) == {}
            assert cases.threads_of(connection, []) == cases.cases_of_threads(connection, []) == {}

        await database.write(nothing)


class TestCounters:
    async def test_changes_add_up_from_many_writers(self, database: Database) -> None:
        change = {"open": 2, "closed": -1, "waiting": 0}
        await asyncio.gather(*(database.write(lambda c: cases.change_counters(c, change)) for _ in range(12)))
        assert await database.read(cases.read_counters) == {"open": 24, "closed": -12}

    @given(st.booleans(), st.booleans(), st.booleans())
    def test_a_case_counts_as_open_or_closed_and_by_how_it_stands_if_open(
        self, is_open: bool, escalated: bool, waits: bool
    ) -> None:
        case = (a_case if is_open else closed)(escalated=escalated, waiting_since=NOON if waits else None)
        expected = {"open" if is_open else "closed": 1}
        expected |= {"escalated": 1} if is_open and escalated else {}
        expected |= {"waiting": 1} if is_open and waits else {}
        assert cases.tally(case) == Counter(expected)
        assert cases.tally(None) == Counter()


class TestReports:
    @pytest.fixture
    async def desk(self, database: Database) -> Database:
        def work(connection: Connection) -> None:
            waiting = [a_case(n, f"U{n}", waiting_since=NOON - timedelta(hours=n)) for n in (2, 1, 3)]
            keep(connection, *waiting, a_case(4, "U4"), closed(5, "U5", waiting_since=NOON))
            cases.set_thread(connection, "CASE_002", "CSUP", "2.1")

        await database.write(work)
        return database

    async def test_who_waits_longest_comes_first(self, desk: Database) -> None:
        files = await desk.read(lambda c: reports.longest_waiting(c, 2))
        assert [file.case.case_id for file in files] == ["CASE_003", "CASE_002"]
        assert files[1].thread == CaseThread("CSUP", "2.1")
        assert files[1].customer == Customer("U2", "Name of U2", "handle")

    async def test_lists_and_files(self, desk: Database) -> None:
        ids = lambda files: [file.case.case_id[-1] for file in files]  # noqa: E731
        assert ids(await desk.read(lambda c: reports.open_cases(c, 9))) == ["3", "2", "1", "4"]
        assert ids(await desk.read(lambda c: reports.open_cases(c, 2))) == ["3", "2"]
        assert ids(await desk.read(lambda c: reports.newest_cases(c, 2))) == ["5", "4"]
        assert (await desk.read(lambda c: reports.case_file(c, "CASE_004"))).thread is None
        assert await desk.read(lambda c: reports.case_file(c, "CASE_999")) is None

    async def test_troubles_are_what_waits_for_a_person(self, desk: Database) -> None:
        when = "'2026-01-01 00:00:00'"
        for n, state in enumerate(("waiting", "quarantined", "quarantined")):
            await run(
                desk,
                "INSERT INTO inbox (key, kind, lane, at, received_at, raw, state)"
                f" VALUES ('{n}', 'm', 'l', {when}, {when}, '', '{state}')",
            )
        for n, state in enumerate(("pending", "parked")):
            await run(
                desk,
                "INSERT INTO outbox (dedupe_key, lane, destination, kind, payload, created_at, state)"
                f" VALUES ('{n}', 'l', 'C', 'card', '{{}}', {when}, '{state}')",
            )
        assert await desk.read(reports.troubles) == reports.Troubles(quarantined=2, parked=1)
