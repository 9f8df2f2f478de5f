"""The outbox sends each effect once, in the order of its lane."""

from sqlalchemy import Connection

from storage import outbox
from storage.engine import Database
from storage.outbox import URGENT, USUAL, Fate, NewRow
from tests.storage.kit import NOON, after, scalars


def row(key: str, lane: str = "thread:1", destination: str = "C1", **changed: object) -> NewRow:
    return NewRow(key, lane, destination, **({"kind": "mirror"} | changed))


async def enqueue(database: Database, *rows: NewRow, now=NOON) -> dict[str, int]:
    return await database.write(lambda c: outbox.enqueue(c, rows, now))


async def turn(database: Database, destination: str = "C1", now=NOON) -> str | None:
    """The key of the row whose turn it is."""
    found = await database.read(lambda c: outbox.next_turn(c, destination, now))
    return found.row.dedupe_key if found is not None and found.row is not None else None


async def send(database: Database, destination: str = "C1", now=NOON) -> str | None:
    """Send the row whose turn it is, as the courier would."""

    def work(connection: Connection) -> str | None:
        found = outbox.next_turn(connection, destination, now)
        if found is None:
            return None
        if found.row is not None:
            outbox.finish(connection, found.row.id, "sent", now, "1.0001")
        outbox.rest_lane(connection, found.lane, now)
        return found.row.dedupe_key if found.row else f"nothing in {found.lane}"

    return await database.write(work)


class TestEnqueue:
    async def test_a_row_with_a_known_key_is_dropped(self, database: Database) -> None:
        await enqueue(database, row("a"), row("b"), row("a", lane="thread:2"))
        added = await enqueue(database, row("b"), row("c"))
        assert await scalars(database, "SELECT dedupe_key FROM outbox ORDER BY id") == ["a", "b", "c"]
        assert added == {"c": (await scalars(database, "SELECT id FROM outbox WHERE dedupe_key = 'c'"))[0]}

    async def test_a_dropped_row_stops_nobody(self, database: Database) -> None:
        await enqueue(database, row("a"))
        assert await send(database) == "a"
        await enqueue(database, row("a"))
        await enqueue(database, row("b", lane="thread:2"), now=after(1))
        assert {await send(database, now=after(1)), await send(database, now=after(1))} == {
            "b",
            "nothing in thread:1",
        }
        assert await database.read(outbox.next_due) is None

    async def test_thousands_at_once_keep_their_order(self, database: Database) -> None:
        rows = [row(f"{n:05}", lane=f"thread:{n % 7}", payload={"n": n}) for n in range(1_500)]
        await enqueue(database, *rows)
        assert await scalars(database, "SELECT dedupe_key FROM outbox ORDER BY id") == [
            f"{n:05}" for n in range(1_500)
        ]

    async def test_a_lane_that_backs_off_is_not_hurried_by_a_newer_row(self, database: Database) -> None:
        await enqueue(database, row("a"))
        await database.write(lambda c: outbox.delay_lane(c, "thread:1", after(60)))
        await enqueue(database, row("b"), now=after(1))
        assert await turn(database, now=after(59)) is None
        assert await turn(database, now=after(60)) == "a"


class TestTurns:
    async def test_rows_of_a_lane_go_in_order_and_lanes_in_turn(self, database: Database) -> None:
        await enqueue(database, *(row(f"a{n}", "thread:a") for n in range(3)))
        await enqueue(database, *(row(f"b{n}", "thread:b") for n in range(3)), now=after(1))
        sent = [await send(database, now=after(2 + n)) for n in range(7)]
        assert sent == ["a0", "b0", "a1", "b1", "a2", "b2", None]

    async def test_urgent_lanes_come_first(self, database: Database) -> None:
        await enqueue(database, row("usual", "thread:a", priority=USUAL))
        await enqueue(database, row("urgent", "alert:b", priority=URGENT), now=after(1))
        assert [await send(database, now=after(2)) for _ in range(2)] == ["urgent", "usual"]

    async def test_a_lane_that_waits_holds_up_no_other(self, database: Database) -> None:
        await enqueue(database, row("a", "thread:a"), row("b", "thread:b"))
        await database.write(lambda c: outbox.delay_lane(c, "thread:a", after(60)))
        assert await send(database) == "b"
        assert await send(database) is None
        assert await database.read(outbox.next_due) == after(60)

    async def test_back_off_counts_failures_until_the_lane_gets_on(self, database: Database) -> None:
        await enqueue(database, row("a"))

        def fails(connection: Connection) -> None:
            outbox.delay_lane(connection, "thread:1", NOON)
            outbox.delay_lane(connection, "thread:1", NOON)
            outbox.delay_lane(connection, "thread:1", NOON, failed=False)

        await database.write(fails)
        found = await database.read(lambda c: outbox.next_turn(c, "C1", NOON))
        assert found.row.failures == 2
        await database.write(lambda c: outbox.rest_lane(c, "thread:1", NOON))
        assert (await database.read(lambda c: outbox.next_turn(c, "C1", NOON))).row.failures == 0

    async def test_destinations_with_something_due(self, database: Database) -> None:
        await enqueue(database, row("a", "thread:a", "C1"), row("b", "thread:b", "C2"), row("c", "thread:c", "C1"))
        await database.write(lambda c: outbox.delay_lane(c, "thread:b", after(5)))
        assert await database.read(lambda c: outbox.ready_destinations(c, NOON)) == ["C1"]
        assert sorted(await database.read(lambda c: outbox.ready_destinations(c, after(5)))) == ["C1", "C2"]

    async def test_a_row_found_sending_is_not_pending(self, database: Database) -> None:
        await enqueue(database, row("a"), row("b"))
        await database.write(lambda c: outbox.start_attempt(c, 1, after(1)))
        await database.write(lambda c: outbox.start_attempt(c, 1, after(9)))
        found = (await database.read(lambda c: outbox.next_turn(c, "C1", NOON))).row
        assert (found.dedupe_key, found.state, found.attempts) == ("a", "sending", 2)
        assert found.first_attempt_at == after(1)

    async def test_a_parked_row_lets_the_next_one_pass(self, database: Database) -> None:
        await enqueue(database, row("a"), row("b"))
        await database.write(lambda c: outbox.finish(c, 1, "parked", NOON, error="channel_not_found"))
        assert await turn(database) == "b"

    async def test_how_the_words_and_the_files_of_a_message_fared(self, database: Database) -> None:
        await enqueue(database, *(row(f"answer:7:{n}", message_id=7, kind="answer") for n in (1, 2)))
        await enqueue(database, *(row(f"file:{n}", message_id=7, kind="file") for n in (1, 2)))
        fate = lambda: database.read(lambda c: outbox.fate_of(c, 7))  # noqa: E731
        assert await fate() == Fate(2, 0, 0, 2, 0)
        await send(database)
        await database.write(lambda c: outbox.finish(c, 2, "parked", NOON))
        assert await fate() == Fate(0, 1, 1, 2, 0)
        await send(database)
        await database.write(lambda c: outbox.finish(c, 4, "dropped", NOON))
        assert await fate() == Fate(0, 1, 1, 0, 1)
        assert await database.read(lambda c: outbox.fate_of(c, 8)) == Fate(0, 0, 0, 0, 0)
