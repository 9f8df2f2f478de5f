"""Who has the Home tab open, what of it they look at, and when it is to be looked at again.

A row is looked at by whichever process takes it first; what stands in the Home tab is asked of the cases then,
so that cases change without a thought for who looks on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from .queues import Cursor, Queue
from .sql import insert_for
from .tables import home_views

PAGES_BACK = 50


@dataclass(frozen=True, slots=True)
class Place:
    """What an admin looks at: a queue, or one customer's cases, and the cursors of the pages before this one."""

    queue: Queue = Queue.WAITING
    customer: str | None = None
    page: int = 1
    behind: tuple[Cursor, ...] = ()

    @property
    def shown(self) -> Queue:
        return Queue.CUSTOMER if self.customer is not None else self.queue

    @property
    def after(self) -> Cursor | None:
        return self.behind[-1] if self.behind and self.page > 1 else None

    def at_queue(self, queue: Queue) -> Place:
        return Place(queue)

    def at_customer(self, customer: str | None) -> Place:
        return Place(self.queue, customer)

    def at_first(self) -> Place:
        return Place(self.queue, self.customer)

    def at_next(self, after: Cursor) -> Place:
        """The page behind that cursor; a second click on the same button changes nothing."""
        if after == self.after:
            return self
        return replace(self, page=self.page + 1, behind=(*self.behind, after)[-PAGES_BACK:])

    def at_back(self, page: int) -> Place:
        """The page before that one, as long as its cursor is known: fifty pages back, else the first."""
        if page != self.page:
            return self
        behind = self.behind[:-1]
        return replace(self, page=page - 1, behind=behind) if behind and page > 2 else self.at_first()


@dataclass(frozen=True, slots=True)
class HomeView:
    person: str
    opened_at: datetime
    place: Place
    shown: str | None
    revision: int
    failures: int


def opened(connection: Connection, person: str, now: datetime) -> None:
    """Somebody opened the Home tab: it is shown anew, where they left it."""
    _show(connection, person, place_of(connection, person), now)


def moved(connection: Connection, person: str, change: Callable[[Place], Place], now: datetime) -> None:
    """Somebody chose something in the Home tab."""
    _show(connection, person, change(place_of(connection, person)), now)


def place_of(connection: Connection, person: str) -> Place:
    statement = sa.select(home_views.c.place).where(home_views.c.person == person).with_for_update()
    stored = connection.execute(statement).scalar_one_or_none()
    return read_place(stored) if stored is not None else Place()


def _show(connection: Connection, person: str, place: Place, now: datetime) -> None:
    insert = insert_for(connection, home_views).values(
        person=person, opened_at=now, place=place_values(place), next_at=now
    )
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["person"],
            set_={
                "opened_at": now,
                "place": insert.excluded.place,
                "shown": None,
                "revision": home_views.c.revision + 1,
                "next_at": now,
                "failures": 0,
            },
        )
    )


def next_due(connection: Connection) -> datetime | None:
    due: datetime | None = connection.execute(
        sa.select(sa.func.min(home_views.c.next_at)).where(sa.text("home_views.next_at IS NOT NULL"))
    ).scalar_one()
    return due


def take_due(connection: Connection, now: datetime, limit: int, lease: timedelta) -> list[HomeView]:
    """Take what is due; for the time of the lease no other process does."""
    columns = [home_views.c[name] for name in HomeView.__dataclass_fields__]
    rows = connection.execute(
        sa.select(*columns)
        .where(sa.text("home_views.next_at IS NOT NULL"), home_views.c.next_at <= now)
        .order_by(home_views.c.next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    taken = [HomeView(**(dict(row._mapping) | {"place": read_place(row.place)})) for row in rows]
    if taken:
        connection.execute(
            sa.update(home_views)
            .where(home_views.c.person.in_([home.person for home in taken]))
            .values(next_at=now + lease)
        )
    return taken


def looked_at(connection: Connection, home: HomeView, shown: str | None, again: datetime | None) -> None:
    """It shows `shown` now. What was opened or chosen meanwhile is looked at again at once."""
    _update(connection, home, shown=shown, next_at=again, failures=0)


def delay(connection: Connection, home: HomeView, until: datetime | None) -> None:
    """It could not be shown: another time, or (with None) not until it is opened anew."""
    _update(connection, home, next_at=until, failures=home_views.c.failures + 1)


def _update(connection: Connection, home: HomeView, **values: Any) -> None:
    connection.execute(
        sa.update(home_views)
        .where(home_views.c.person == home.person, home_views.c.revision == home.revision)
        .values(values)
    )


def place_values(place: Place) -> dict[str, Any]:
    behind = [cursor_value(cursor) for cursor in place.behind]
    return {"queue": place.queue.value, "customer": place.customer, "page": place.page, "behind": behind}


def read_place(values: dict[str, Any]) -> Place:
    behind = tuple(read_cursor(value) for value in values["behind"])
    return Place(Queue(values["queue"]), values["customer"], values["page"], behind)


def cursor_value(cursor: Cursor) -> str:
    return json.dumps([cursor.at.isoformat() if cursor.at is not None else None, cursor.number])


def read_cursor(value: str) -> Cursor:
    """Raises ValueError for what is no cursor."""
    at, number = json.loads(value)
    return Cursor(datetime.fromisoformat(at) if at is not None else None, int(number))
