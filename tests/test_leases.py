"""Leases of a process: kept while they are used, good only while time is left, and given up at the end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from bot.leases import Leases
from storage.engine import Database, open_database
from storage.errors import LeaseLost

only_postgres = pytest.mark.parametrize(
    "database_kind", [pytest.param("postgresql", id="postgresql", marks=pytest.mark.postgresql)]
)


class Hands:
    """A clock for durations, moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = open_database(database_url)
    yield database
    await database.close()


@only_postgres
class TestLeases:
    async def test_one_process_has_it_and_the_other_gets_it_once_it_is_given_up(self, database: Database) -> None:
        first, second = (Leases(database, name, Hands()) for name in ("first", "second"))
        taken = await first.take(["a", "b"])
        assert set(taken) == {"a", "b"}
        assert await second.take(["a", "b", "c"]) == {name: second.current("c") for name in ("c",)}
        await first.release("b")
        assert set(await second.take(["a", "b"])) == {"b"}
        await first.release_all()
        (lease,) = (await second.take(["a"])).values()
        assert lease.token == taken["a"].token + 1
        assert await first.take(["a"]) == {}

    async def test_nothing_is_begun_when_too_little_of_its_time_is_left(self, database: Database) -> None:
        hands = Hands()
        leases = Leases(database, "first", hands, 20.0)
        lease = (await leases.take(["a"]))["a"]
        hands.now = 7.9
        leases.require(lease)
        hands.now = 8.1
        with pytest.raises(LeaseLost):
            leases.require(lease)
        await leases.take(["a"])  # asks anew
        leases.require(lease)

    async def test_what_another_has_had_meanwhile_is_another_lease(self, database: Database) -> None:
        hands = Hands()
        first, second = Leases(database, "first", hands, 0.01), Leases(database, "second", Hands(), 0.01)
        before = (await first.take(["a"]))["a"]
        await asyncio.sleep(0.02)
        await second.take(["a"])
        with pytest.raises(LeaseLost):
            await database.write(lambda c: first.fence(c, before))
        await asyncio.sleep(0.02)
        hands.now = 1.0
        await first.take(["a"])
        with pytest.raises(LeaseLost):
            first.require(before)

    async def test_it_is_renewed_while_it_is_used_and_given_up_when_it_is_not(self, database: Database) -> None:
        hands = Hands()
        first, second = Leases(database, "first", hands), Leases(database, "second", Hands())
        first.want("wanted")
        taken = await first.take(["busy", "idle"])
        with first.using(taken["busy"]):
            for hands.now in (7.0, 14.0, 21.0):
                await first._renew()
        assert set(await second.take(["wanted", "busy", "idle"])) == {"idle"}

    async def test_the_wanted_are_tried_for_until_they_are_free(self, database: Database) -> None:
        first, second = (Leases(database, name, lambda: 0.0, 0.5) for name in ("first", "second"))
        gained = asyncio.Event()
        second.on_gain = gained.set
        await first.take(["a"])
        second.want("a")
        running = asyncio.create_task(second.run())
        try:
            async with asyncio.timeout(10):
                await gained.wait()
            assert second.current("a") is not None
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_on_sqlite_everything_is_ours_until_we_end(database: Database) -> None:
    leases = Leases(database, "only", Hands())
    (lease,) = (await leases.take(["a"])).values()
    leases.require(lease)
    await database.write(lambda c: leases.fence(c, lease))
    await leases.run()
    await leases.release_all()
    assert leases.current("a") is None
