"""Alerts that wait too long to be posted, and the alarm that stands for as long as some do."""

import pytest
from sqlalchemy import Connection

from storage import alarms, outbox
from storage.alarms import Alarm
from storage.engine import Database
from storage.outbox import URGENT, USUAL, NewRow
from tests.storage.kit import NOON, after

MINUTE = 60


def row(key: str, kind: str = "alert", lane: str = "", channel: str = "CALERTS", priority: int = URGENT) -> NewRow:
    return NewRow(key, lane or f"alert:{key}", channel, kind, "CASE_001", payload={}, priority=priority)


async def found(database: Database, minutes: int, limit: int = 50) -> list[str]:
    """The keys' rows that have waited for 15 minutes by then."""

    def work(connection: Connection) -> list[int]:
        before = after((minutes - 15) * MINUTE)
        return [one.row_id for one in alarms.undelivered(connection, "CALERTS", before, limit)]

    ids = await database.read(work)
    keys = {kept.id: kept.dedupe_key for kept in await database.read(lambda c: outbox.rows_of(c, ids))}
    return [keys[row_id] for row_id in ids]


class TestUndelivered:
    async def test_are_those_queued_a_quarter_of_an_hour_ago_the_oldest_first(self, database: Database) -> None:
        await database.write(lambda c: outbox.enqueue(c, [row("b", lane="z")], NOON))
        await database.write(lambda c: outbox.enqueue(c, [row("a", lane="a"), row("c", lane="a")], after(MINUTE)))
        assert await found(database, 14) == []
        assert await found(database, 15) == ["b"]
        assert await found(database, 16) == ["b", "a", "c"]
        assert await found(database, 16, limit=2) != []

    @pytest.mark.parametrize("state", ["sending", "uncertain"])
    async def test_are_those_too_of_which_nobody_knows_whether_they_arrived(
        self, database: Database, state: str
    ) -> None:
        ids = await database.write(lambda c: outbox.enqueue(c, [row("a")], NOON))
        await database.write(lambda c: outbox.set_state(c, ids["a"], state, "lost"))
        assert await found(database, 15) == ["a"]

    @pytest.mark.parametrize("state", ["sent", "parked", "dropped"])
    async def test_are_none_that_were_sent_or_are_told_of_otherwise(self, database: Database, state: str) -> None:
        ids = await database.write(lambda c: outbox.enqueue(c, [row("a")], NOON))
        await database.write(lambda c: outbox.finish(c, ids["a"], state, NOON))
        assert await found(database, 99) == []

    async def test_are_no_good_news_and_nothing_that_is_not_urgent_or_goes_elsewhere(
        self, database: Database
    ) -> None:
        others = [
            row("well", "recovery"),
            row("back", "channel_back"),
            row("mirror", "mirror", priority=USUAL),
            row("answer", "answer", channel="DDANA"),
        ]
        await database.write(lambda c: outbox.enqueue(c, others, NOON))
        assert await found(database, 99) == []


async def test_an_alarm_keeps_its_beginning_and_how_often_it_was_told_of(database: Database) -> None:
    assert await database.read(alarms.standing) is None
    await database.write(lambda c: alarms.begin(c, NOON))
    await database.write(lambda c: alarms.begin(c, after(5)))
    assert await database.read(alarms.standing) == Alarm(NOON, None, 0)
    await database.write(lambda c: alarms.told(c, after(6)))
    await database.write(lambda c: alarms.told(c, after(7)))
    assert await database.read(alarms.standing) == Alarm(NOON, after(7), 2)
    await database.write(alarms.over)
    assert await database.read(alarms.standing) is None
