"""A lease has one holder, whose token rises with each change of hands."""

import asyncio
from datetime import timedelta

from storage import leases
from storage.engine import Database

LONG = timedelta(minutes=1)
OVER = timedelta(seconds=-1)


async def hold(database: Database, owner: str, lasting: timedelta = LONG) -> int | None:
    return await database.write(lambda c: leases.hold(c, "clock", owner, lasting))


async def test_it_passes_on_when_it_expires_or_is_given_up(database: Database) -> None:
    assert await hold(database, "a") == 1
    assert await hold(database, "b") is None
    assert await hold(database, "a", OVER) == 1  # prolonged, and over at once
    assert await hold(database, "b") == 2
    assert await hold(database, "a") is None
    await database.write(lambda c: leases.give_up(c, "clock", "a"))  # not its own
    assert await hold(database, "a") is None
    await database.write(lambda c: leases.give_up(c, "clock", "b"))
    assert await hold(database, "a") == 3


async def test_of_many_at_once_one_gets_it(database: Database) -> None:
    won = await asyncio.gather(*(hold(database, f"process {number}") for number in range(20)))
    assert [token for token in won if token is not None] == [1]
