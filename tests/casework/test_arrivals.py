"""What arrives together is committed together, and one that cannot be kept takes none along."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from bot.casework.arrivals import Arrivals
from bot.clock import Clock
from storage import inbox
from storage.engine import Database, open_database
from storage.errors import DatabaseUnavailable
from storage.inbox import About, NewItem
from storage.tables import inbox as inbox_table
from tests.storage.kit import NOON

BAD = "bad"


def item(number: int, key: str | None = None, twin: str | None = None, kind: str = "message") -> NewItem:
    at = NOON + timedelta(seconds=number)
    return NewItem(key or f"post:{number}", kind, About(customer=f"U{number % 3}"), at, b"{}", twin)


async def keys(database: Database) -> list[str]:
    statement = sa.select(inbox_table.c.key).order_by(inbox_table.c.id)
    return await database.read(lambda connection: list(connection.execute(statement).scalars()))


class Counting:
    """A database that counts its commits, and may be away or refuse an item."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.commits: list[int] = []
        self.away = False

    async def write(self, work):
        def watched(connection: Connection):
            items = work.keywords["items"]
            if any(one.kind == BAD for one in items):
                raise ValueError("this one cannot be kept")
            self.commits.append(len(items))
            return work(connection)

        if self.away:
            raise DatabaseUnavailable("away")
        return await self._database.write(watched)


@pytest.fixture
async def counting(database_url: str):
    database = open_database(database_url)
    yield Counting(database), database
    await database.close()


class TestArrivals:
    async def test_share_a_commit_and_keep_their_order(self, counting) -> None:
        watched, database = counting
        arrivals = Arrivals(watched, Clock(), patience=10)
        assert await asyncio.gather(*(arrivals.put(item(number)) for number in range(50))) == [True] * 50
        assert watched.commits == [50]
        assert await keys(database) == [f"post:{number}" for number in range(50)]
        lanes = await database.read(lambda connection: inbox.ready_lanes(connection, Clock().now(), 10))
        assert sorted(lanes) == ["customer:U0", "customer:U1", "customer:U2"]

    async def test_what_comes_twice_is_kept_once(self, counting) -> None:
        watched, database = counting
        arrivals = Arrivals(watched, Clock(), patience=10)
        given = [item(1, "a"), item(1, "a"), item(2, "b", "twin"), item(2, "c", "twin"), item(3, "d")]
        assert await asyncio.gather(*map(arrivals.put, given)) == [True, False, True, False, True]
        assert await arrivals.put(item(1, "a")) is False
        assert await keys(database) == ["a", "b", "d"]

    async def test_one_that_cannot_be_kept_takes_none_along(self, counting) -> None:
        watched, database = counting
        arrivals = Arrivals(watched, Clock(), patience=10)
        given = [item(1), item(2, kind=BAD), item(3)]
        first, bad, last = await asyncio.gather(*map(arrivals.put, given), return_exceptions=True)
        assert (first, last) == (True, True)
        assert isinstance(bad, ValueError)
        assert await keys(database) == ["post:1", "post:3"]

    async def test_a_database_that_is_away_is_told_to_each_and_the_next_is_tried_anew(self, counting) -> None:
        watched, database = counting
        arrivals = Arrivals(watched, Clock(), patience=10)
        watched.away = True
        told = await asyncio.gather(*(arrivals.put(item(number)) for number in range(3)), return_exceptions=True)
        assert [type(one) for one in told] == [DatabaseUnavailable] * 3
        watched.away = False
        assert await arrivals.put(item(0)) is True
        assert await keys(database) == ["post:0"]

    async def test_who_has_given_up_is_not_kept_behind_their_back(self, counting) -> None:
        """Slack sends again what was not acknowledged, and nobody else waits for it."""
        watched, database = counting
        arrivals = Arrivals(watched, Clock(), patience=10)
        waiting = asyncio.create_task(arrivals.put(item(1)))
        await asyncio.sleep(0)
        waiting.cancel()
        assert await arrivals.put(item(2)) is True
        assert await keys(database) == ["post:2"]
