"""Queues page by page, and who looks at them in the Home tab."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from storage import cases, home_views, queues
from storage.cases import Customer
from storage.engine import Database
from storage.home_views import HomeView, Place
from storage.queues import Cursor, Queue
from tests.storage.kit import NOON, a_case, after, closed, keep, run

LEASE = timedelta(seconds=45)


async def walk(database: Database, queue: Queue, limit: int, customer: str = "") -> list[list[str]]:
    """All pages, from the first to the last."""
    pages, cursor = [], None
    while True:
        page = await database.read(lambda c, at=cursor: queues.page(c, queue, at, limit, customer))
        pages.append([file.case.case_id for file in page.files])
        cursor = page.next
        if cursor is None:
            return pages


class TestQueues:
    @pytest.fixture(autouse=True)
    async def filled(self, database: Database) -> None:
        kept = [
            a_case(1, "U1", waiting_since=after(5), escalated=True, escalated_at=after(9)),
            a_case(2, "U2", waiting_since=after(5)),
            a_case(3, "U3", waiting_since=after(1)),
            closed(4, "U4"),
            a_case(5, "U5"),
            a_case(6, "U6", waiting_since=after(5), escalated=True, escalated_at=after(9)),
            a_case(7, "U7", escalated=True, escalated_at=after(2)),
            closed(8, "U1", waiting_since=NOON, escalated_at=NOON),
        ]
        await database.write(lambda c: keep(c, *kept))

    @pytest.mark.parametrize("limit", [1, 2, 3, 100])
    @pytest.mark.parametrize(
        ("queue", "customer", "numbers"),
        [
            (Queue.ESCALATED, "", [7, 1, 6]),
            (Queue.WAITING, "", [3, 1, 2, 6]),
            (Queue.OPEN, "", [1, 2, 3, 5, 6, 7]),
            (Queue.CUSTOMER, "U1", [8, 1]),
            (Queue.CUSTOMER, "U9", []),
        ],
    )
    async def test_each_case_stands_on_one_page_in_its_order(
        self, database: Database, queue: Queue, customer: str, numbers: list[int], limit: int
    ) -> None:
        pages = await walk(database, queue, limit, customer)
        assert [case_id for page in pages for case_id in page] == [f"CASE_00{number}" for number in numbers]
        assert all(len(page) == limit for page in pages[:-1])

    async def test_a_case_that_leaves_the_queue_makes_no_other_stand_twice(self, database: Database) -> None:
        first = await database.read(lambda c: queues.page(c, Queue.WAITING, None, 2))
        await run(database, "UPDATE cases SET waiting_since = NULL WHERE case_id = 'CASE_003'")
        second = await database.read(lambda c: queues.page(c, Queue.WAITING, first.next, 2))
        assert [file.case.case_id for file in second.files] == ["CASE_002", "CASE_006"]


CURSORS = [Cursor(after(number), number) for number in range(1, 100)]


class TestPlace:
    def test_pages_forth_and_back(self) -> None:
        place = Place()
        for cursor in CURSORS[:3]:
            place = place.at_next(cursor)
        assert (place.page, place.after) == (4, CURSORS[2])
        place = place.at_back(4)
        assert (place.page, place.after) == (3, CURSORS[1])
        assert place.at_back(3).at_back(2) == Place()

    def test_a_click_on_what_is_not_shown_any_more_changes_nothing(self) -> None:
        place = Place().at_next(CURSORS[0])
        assert place.at_next(CURSORS[0]) == place
        assert place.at_back(7) == place

    def test_far_back_is_the_first_page(self) -> None:
        place = Place()
        for cursor in CURSORS:
            place = place.at_next(cursor)
        assert place.page == 100
        for _ in range(60):
            place = place.at_back(place.page)
        assert place == Place()

    def test_choosing_begins_at_the_first_page(self) -> None:
        place = Place().at_next(CURSORS[0])
        assert place.at_queue(Queue.OPEN) == Place(Queue.OPEN)
        assert place.at_customer("U1") == Place(Queue.WAITING, "U1")
        assert place.at_customer("U1").shown is Queue.CUSTOMER
        assert place.at_customer("U1").at_customer(None) == Place()

    @pytest.mark.parametrize(
        "place", [Place(), Place(Queue.OPEN, "U1"), Place().at_next(CURSORS[0]).at_next(Cursor(None, 3))]
    )
    def test_it_is_kept_as_it_is(self, place: Place) -> None:
        assert home_views.read_place(home_views.place_values(place)) == place

    @pytest.mark.parametrize("value", ["", "{}", "[1]", '["x", 1]', "[null, null]"])
    def test_what_is_no_cursor_is_refused(self, value: str) -> None:
        with pytest.raises((ValueError, TypeError)):
            home_views.read_cursor(value)


async def take(database: Database, seconds: float) -> list[HomeView]:
    return await database.write(lambda c: home_views.take_due(c, after(seconds), 10, LEASE))


class TestHomeViews:
    async def test_what_is_opened_is_due_at_once_and_taken_once(self, database: Database) -> None:
        await database.write(lambda c: home_views.opened(c, "U1", NOON))
        (home,) = await take(database, 0)
        assert (home.person, home.place, home.shown) == ("U1", Place(), None)
        assert await take(database, 1) == []
        assert [one.person for one in await take(database, 46)] == ["U1"]  # whoever took it has died

    async def test_what_was_looked_at_is_looked_at_again_in_time(self, database: Database) -> None:
        await database.write(lambda c: home_views.opened(c, "U1", NOON))
        (home,) = await take(database, 0)
        await database.write(lambda c: home_views.looked_at(c, home, "digest", after(10)))
        assert await database.read(home_views.next_due) == after(10)
        (again,) = await take(database, 10)
        assert again == replace(home, shown="digest")
        await database.write(lambda c: home_views.looked_at(c, again, "digest", None))
        assert await database.read(home_views.next_due) is None

    async def test_what_is_chosen_meanwhile_is_shown_at_once(self, database: Database) -> None:
        await database.write(lambda c: home_views.opened(c, "U1", NOON))
        (home,) = await take(database, 0)
        await database.write(
            lambda c: home_views.moved(c, "U1", lambda place: place.at_queue(Queue.OPEN), after(1))
        )
        await database.write(lambda c: home_views.looked_at(c, home, "digest", after(10)))
        await database.write(lambda c: home_views.delay(c, home, None))
        (again,) = await take(database, 1)
        assert (again.place, again.shown) == (Place(Queue.OPEN), None)

    async def test_opened_again_it_stands_where_it_was_left(self, database: Database) -> None:
        await database.write(lambda c: home_views.moved(c, "U1", lambda place: place.at_queue(Queue.OPEN), NOON))
        await database.write(lambda c: home_views.opened(c, "U1", after(99)))
        (home,) = await take(database, 99)
        assert (home.place, home.opened_at) == (Place(Queue.OPEN), after(99))

    async def test_failures_are_counted_until_it_is_shown(self, database: Database) -> None:
        await database.write(lambda c: home_views.opened(c, "U1", NOON))
        for failures in range(3):
            (home,) = await take(database, failures)
            assert home.failures == failures
            await database.write(lambda c, home=home, at=failures: home_views.delay(c, home, after(at + 1)))
        (home,) = await take(database, 3)
        await database.write(lambda c: home_views.looked_at(c, home, "digest", after(4)))
        assert (await take(database, 4))[0].failures == 0


class TestRenaming:
    async def test_a_new_name_is_taken_over_and_the_card_named(self, database: Database) -> None:
        await database.write(lambda c: keep(c, a_case(1, "U1")))
        await database.write(lambda c: cases.set_current_cases(c, {"U1": "CASE_001"}))

        def rename(name: str) -> object:
            return lambda c: cases.rename_customer(c, Customer("U1", name, "handle"))

        assert await database.write(rename("Dana")) == "CASE_001"
        assert await database.write(rename("Dana")) is None
        assert (await database.read(_name_of_u1)) == "Dana"

    async def test_of_who_is_no_customer_none_is_made(self, database: Database) -> None:
        assert await database.write(lambda c: cases.rename_customer(c, Customer("U9", "Nobody"))) is None
        assert await database.read(lambda c: cases.find_customer(c, "U9")) is None


def _name_of_u1(connection: Connection) -> str:
    known = cases.find_customer(connection, "U1")
    assert known is not None
    return known.display_name
