"""How far Slack's history was compared, and what waits for it."""

from storage import replays
from storage.engine import Database
from storage.replays import ReplayState
from tests.storage.kit import NOON, after


async def begun(database: Database) -> None:
    await database.write(lambda c: replays.begin(c, NOON))


async def state(database: Database) -> ReplayState:
    return await database.read(replays.read_state)


async def held(database: Database, now: float, *lanes: str) -> set[str]:
    return (await database.read(lambda c: replays.held_lanes(c, lanes, after(now))))[1]


class TestGap:
    async def test_it_begins_once_and_ends_when_all_was_compared(self, database: Database) -> None:
        await begun(database)
        await database.write(lambda c: replays.open_gap(c, after(10), after(70)))
        await database.write(lambda c: replays.open_gap(c, after(20), after(80)))
        known = await state(database)
        assert known == ReplayState(NOON, NOON, after(10), after(80))
        await database.write(lambda c: replays.close_gap(c, after(20), after(30), known))
        assert await state(database) == ReplayState(after(20), after(30))

    async def test_one_that_another_noticed_while_the_first_was_made_good_stays_open(
        self, database: Database
    ) -> None:
        await begun(database)
        await database.write(lambda c: replays.open_gap(c, after(10), after(70)))
        known = await state(database)
        await database.write(lambda c: replays.checked(c, "U1", after(20)))
        await database.write(lambda c: replays.open_gap(c, after(30), after(90)))
        await database.write(lambda c: replays.checked(c, "U2", after(40)))
        await database.write(lambda c: replays.close_gap(c, after(20), after(50), known))
        assert await state(database) == ReplayState(after(20), after(50), after(10), after(90))
        assert await held(database, 55, "customer:U1", "customer:U2") == {"customer:U1"}
        known = await state(database)
        await database.write(lambda c: replays.close_gap(c, after(50), after(60), known))
        assert await state(database) == ReplayState(after(50), after(60))

    async def test_a_second_start_forgets_nothing(self, database: Database) -> None:
        await begun(database)
        known = await state(database)
        await database.write(lambda c: replays.close_gap(c, after(20), after(30), known))
        assert (await database.write(lambda c: replays.begin(c, after(99)))).complete_until == after(20)

    async def test_customers_wait_for_their_comparison_and_not_too_long(self, database: Database) -> None:
        await begun(database)
        assert await held(database, 5, "customer:U1") == set()
        await database.write(lambda c: replays.open_gap(c, after(10), after(70)))
        await database.write(lambda c: replays.checked(c, "U1", after(20)))
        await database.write(lambda c: replays.checked(c, "U3", after(5)))  # before the gap
        lanes = ("customer:U1", "customer:U2", "customer:U3", "person:UADA")
        assert await held(database, 30, *lanes) == {"customer:U2", "customer:U3"}
        assert await held(database, 70, *lanes) == set()

    async def test_whoever_was_compared_before_another_gap_began_waits_again(self, database: Database) -> None:
        await begun(database)
        await database.write(lambda c: replays.open_gap(c, after(10), after(70)))
        await database.write(lambda c: replays.checked(c, "U1", after(20)))
        await database.write(lambda c: replays.checked(c, "U2", after(40)))
        await database.write(lambda c: replays.open_gap(c, after(30), after(90)))
        assert (await state(database)).gap_at == after(10)
        assert await held(database, 50, "customer:U1", "customer:U2") == {"customer:U1"}
        assert await database.read(lambda c: replays.checked_untils(c, ["U1", "U2"])) == {"U2": after(40)}

    async def test_before_the_first_start_nobody_waits(self, database: Database) -> None:
        assert await held(database, 0, "customer:U1") == set()
