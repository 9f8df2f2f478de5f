"""Of all that was wished for a target the newest is shown, and it is shown again only when something new is wished."""

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from storage import wishes
from storage.engine import Database
from storage.wishes import Desired, Wish
from tests.storage.kit import NOON, after, scalars


class TestWishes:
    async def states(self, database: Database, seconds: float = 0) -> list[Desired]:
        return await database.read(lambda c: wishes.ready_states(c, after(seconds), 10))

    async def wish(self, database: Database, *wished: Wish) -> None:
        await database.write(lambda c: wishes.want(c, wished))

    async def test_the_newest_wish_wins_and_the_earliest_time_stays(self, database: Database) -> None:
        await self.wish(database, Wish("card:1", "card", after(5), "CASE_001", {"n": 1}))
        await self.wish(database, Wish("card:1", "card", after(9), "CASE_001", {"n": 2}))
        assert await self.states(database, 4) == []
        (state,) = await self.states(database, 5)
        assert (state.payload, state.revision) == ({"n": 2}, 2)
        await self.wish(database, Wish("card:1", "card", after(1), "CASE_001", {"n": 3}))
        assert [state.payload for state in await self.states(database, 1)] == [{"n": 3}]

    async def test_wishes_taken_in_together_are_as_if_taken_one_by_one(self, database: Database) -> None:
        wished = [Wish(f"mark:{n % 3}", "mark", after(10 - n), payload={"n": n}) for n in range(9)]
        await self.wish(database, *wished)
        found = {state.target: state.payload["n"] for state in await self.states(database, 10)}
        assert found == {"mark:0": 6, "mark:1": 7, "mark:2": 8}
        assert sorted(state.target for state in await self.states(database, 3)) == ["mark:1", "mark:2"]

    async def test_a_shown_wish_rests_and_remembers_what_is_shown(self, database: Database) -> None:
        await self.wish(database, Wish("mark:1", "mark", NOON))
        (state,) = await self.states(database)
        assert state.applied is None
        await database.write(lambda c: wishes.applied(c, state, "x"))
        assert await self.states(database, 99) == []
        assert await database.read(wishes.next_state_due) is None
        await self.wish(database, Wish("mark:1", "mark", NOON))
        assert (await self.states(database))[0].applied == "x"

    async def test_a_wish_made_while_the_last_is_being_shown_is_not_lost(self, database: Database) -> None:
        await self.wish(database, Wish("card:1", "card", NOON, payload={"n": 1}))
        (showing,) = await self.states(database)
        await self.wish(database, Wish("card:1", "card", after(1), payload={"n": 2}))
        await database.write(lambda c: wishes.applied(c, showing, "one"))
        (left,) = await self.states(database, 1)
        assert (left.payload, left.applied) == ({"n": 2}, "one")

    async def test_nor_is_it_when_the_last_could_not_be_shown(self, database: Database) -> None:
        await self.wish(database, Wish("card:1", "card", NOON, payload={"n": 1}))
        (showing,) = await self.states(database)
        await self.wish(database, Wish("card:1", "card", after(1), payload={"n": 2}))
        await database.write(lambda c: wishes.delay_state(c, showing, None, "message_not_found"))
        assert [state.payload for state in await self.states(database, 1)] == [{"n": 2}]

    async def test_what_cannot_be_shown_rests_until_it_is_wished_for_anew(self, database: Database) -> None:
        await self.wish(database, Wish("card:1", "card", NOON))
        (state,) = await self.states(database)
        await database.write(lambda c: wishes.delay_state(c, state, after(30), "away"))
        assert await self.states(database, 29) == []
        (state,) = await self.states(database, 30)
        assert state.failures == 1
        await database.write(lambda c: wishes.delay_state(c, state, None, "gone"))
        assert await self.states(database, 9_999) == []
        await self.wish(database, Wish("card:1", "card", after(40)))
        (state,) = await self.states(database, 40)
        assert state.failures == 0

    async def test_a_thousand_wishes_are_a_handful_of_statements(self, database: Database) -> None:
        statements = 0

        def count(*_: object) -> None:
            nonlocal statements
            statements += 1

        def work(connection: Connection) -> None:
            sa.event.listen(connection, "before_cursor_execute", count)
            wishes.want(connection, [Wish(f"card:{n}", "card", NOON + timedelta(seconds=n)) for n in range(1_000)])

        await database.write(work)
        assert statements <= 2
        assert await scalars(database, "SELECT count(*) FROM desired") == [1_000]
