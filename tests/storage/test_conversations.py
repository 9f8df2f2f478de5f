"""Whose conversations are compared with Slack's history, in pages, and what we hold of each."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from bot.desk.model import ReplyTo
from storage import cases, conversations, inbox, messages, tables
from storage.conversations import Page, Place
from storage.engine import Database
from storage.inbox import Done
from tests.storage.kit import NOON, a_case, after, closed, item, keep, message_row

WEEK_AGO = NOON - timedelta(days=7)


async def pages(database: Database, read: Callable[[Connection, Place | None, int], Page]) -> list[list[str]]:
    """All pages of two."""
    found: list[list[str]] = []
    place: Place | None = None
    while True:
        page = await database.read(partial(read, after=place, limit=2))
        found.append(list(page.customers))
        if page.is_last:
            return found
        place = page.places[-1]


class TestPages:
    async def test_of_open_cases_begin_with_the_newest(self, database: Database) -> None:
        await database.write(lambda c: keep(c, *(a_case(n, f"U{n}") for n in range(1, 6)), closed(6, "U6")))
        assert await pages(database, conversations.open_page) == [["U5", "U4"], ["U3", "U2"], ["U1"]]

    async def test_of_waiting_customers_begin_with_who_wrote_last(self, database: Database) -> None:
        waiting = {1: 30.0, 2: 10.0, 3: 30.0, 4: 20.0}
        await database.write(
            lambda c: keep(
                c, *(a_case(n, f"U{n}", waiting_since=after(at)) for n, at in waiting.items()), a_case(5, "U5")
            )
        )
        assert await pages(database, conversations.waiting_page) == [["U3", "U1"], ["U4", "U2"], []]

    async def test_of_cases_closed_lately_begin_with_the_last_closed(self, database: Database) -> None:
        ago = {1: 1, 2: 9, 3: 3, 4: 1}
        await database.write(
            lambda c: keep(
                c,
                *(replace(closed(n, f"U{n}"), closed_at=NOON - timedelta(days=days)) for n, days in ago.items()),
                a_case(5, "U5"),
            )
        )
        assert await pages(database, partial(conversations.closed_page, since=WEEK_AGO)) == [["U4", "U1"], ["U3"]]


class TestUnits:
    async def test_name_the_conversations_of_open_and_lately_closed_cases(self, database: Database) -> None:
        def work(connection: Connection) -> None:
            keep(
                connection,
                replace(closed(1, "U1"), closed_at=NOON - timedelta(days=9)),
                replace(closed(2, "U1"), closed_at=NOON - timedelta(days=1)),
                a_case(3, "U1", reply_to=ReplyTo("D1", "1.5")),
                replace(closed(4, "U2"), closed_at=NOON),
                a_case(5, "ada@example.com", reply_to=None),
            )
            for number in (1, 2, 3, 5):
                cases.set_thread(connection, f"CASE_00{number}", "CSUP", f"{number}.1")

        await database.write(work)
        asked = ["U2", "U1", "ada@example.com", "U9"]
        found = await database.read(lambda c: conversations.units_of(c, asked, WEEK_AGO))
        assert [(unit.customer, unit.dm, unit.threads) for unit in found] == [
            ("U2", "D1", []),
            ("U1", "D1", [("D1", "1.5"), ("CSUP", "3.1"), ("CSUP", "2.1")]),
            ("ada@example.com", None, [("CSUP", "5.1")]),
            ("U9", None, []),
        ]
        assert [unit.is_open for unit in found] == [False, True, True, False]
        assert [unit.has_case for unit in found] == [True, True, True, False]
        assert [unit.is_whole for unit in found] == [True, True, True, False]


class TestPosts:
    async def test_held_are_those_of_the_place_and_time_that_stand(self, database: Database) -> None:
        def work(connection: Connection) -> None:
            keep(connection, a_case())
            ids = messages.insert_messages(
                connection,
                [
                    message_row(ts="0.1", timestamp=NOON),
                    message_row(ts="1.1", timestamp=after(1)),
                    message_row(ts="2.1", timestamp=after(2), thread_ts="1.1"),
                    message_row(ts="3.1", timestamp=after(3)),
                    message_row(ts="4.1", timestamp=after(4), channel="D2"),
                ],
            )
            messages.delete_message(connection, ids[3], after(5))

        await database.write(work)
        assert await database.read(lambda c: conversations.posts_held(c, "D1", None, NOON)) == {"1.1": "U1"}
        assert await database.read(lambda c: conversations.posts_held(c, "D1", "1.1", NOON)) == {"2.1": "U1"}

    async def test_waiting_are_those_of_the_lane_that_are_not_decided(self, database: Database) -> None:
        def work(connection: Connection) -> None:
            items = [
                item("a", seconds=1, raw=b"a"),
                item("b", seconds=2, raw=b"b"),
                item("c", seconds=3, raw=b"c", kind="edit"),
                item("d", "U2", seconds=3, raw=b"d"),
                item("e", seconds=4, raw=b"e"),
            ]
            assert all(inbox.put_all(connection, items, NOON))
            first = connection.execute(sa.select(tables.inbox.c.id).where(tables.inbox.c.key == "b")).scalar_one()
            inbox.mark(connection, [Done(first)], NOON)

        await database.write(work)
        read = partial(conversations.posts_waiting, customer="U1")
        assert await database.read(partial(read, since=NOON)) == [b"a", b"e"]
        assert await database.read(partial(read, since=after(1))) == [b"e"]
        assert await database.read(partial(read, since=NOON, limit=1)) == [b"a"]


@pytest.mark.parametrize(("limit", "expected"), [(5, ["U2", "U1"]), (1, ["U2"])])
async def test_who_waits_is_known_by_the_lanes(database: Database, limit: int, expected: list[str]) -> None:
    def put(connection: Connection, key: str, customer: str, at: datetime) -> None:
        inbox.put(connection, item(key, customer), at)

    await database.write(lambda c: (put(c, "a", "U1", after(2)), put(c, "b", "U2", after(1))))
    assert await database.read(lambda c: conversations.waiting_customers(c, limit)) == expected
