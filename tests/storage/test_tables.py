"""The types of the tables."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import StatementError

from storage.engine import Database
from storage.tables import UtcDateTime, counters, inbox_lanes
from tests.storage.kit import run


class TestUtcDateTime:
    async def test_a_naive_moment_is_refused(self, database: Database) -> None:
        naive = datetime(2026, 1, 31, 12)  # noqa: DTZ001 (that is the point)
        with pytest.raises(StatementError, match="naive"):
            await database.write(lambda c: c.execute(sa.insert(inbox_lanes).values(lane="a", next_at=naive)))

    async def test_an_offset_is_kept_as_the_same_moment_in_utc(self, database: Database) -> None:
        moment = datetime(2026, 1, 31, 12, 30, 0, 123456, timezone(timedelta(hours=5, minutes=45)))
        await database.write(lambda c: c.execute(sa.insert(inbox_lanes).values(lane="a", next_at=moment)))
        kept = await database.read(lambda c: c.execute(sa.select(inbox_lanes.c.next_at)).scalar_one())
        assert kept == moment
        assert kept.tzinfo is UTC

    async def test_moments_compare_in_order_whatever_their_offset_and_fraction(self, database: Database) -> None:
        noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
        moments = [
            (noon + timedelta(microseconds=micros)).astimezone(timezone(timedelta(hours=hours)))
            for micros, hours in ((0, -8), (1, 9), (500_000, 0), (999_999, 3), (1_000_000, -3))
        ]
        rows = [{"lane": str(number), "next_at": moment} for number, moment in enumerate(moments)]
        await database.write(lambda c: c.execute(sa.insert(inbox_lanes), rows))
        ordered = sa.select(inbox_lanes.c.lane).where(inbox_lanes.c.next_at > noon).order_by(inbox_lanes.c.next_at)
        assert list(await database.read(lambda c: c.execute(ordered).scalars().all())) == ["1", "2", "3", "4"]

    @given(st.datetimes(min_value=datetime(1970, 1, 2), timezones=st.timezones()))  # noqa: DTZ001
    def test_binding_and_reading_give_the_moment_back(self, moment: datetime) -> None:
        dialect = sa.create_engine("sqlite://").dialect
        bound = UtcDateTime().process_bind_param(moment, dialect)
        assert UtcDateTime().process_result_value(bound, dialect) == moment.astimezone(UTC)

    async def test_nothing_stays_nothing(self, database: Database) -> None:
        await database.write(lambda c: c.execute(sa.insert(inbox_lanes).values(lane="a", next_at=None)))
        assert await database.read(lambda c: c.execute(sa.select(inbox_lanes.c.next_at)).scalar_one()) is None


class TestConstraints:
    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO inbox (key, kind, lane, at, received_at, raw, state)"
            " VALUES ('k', 'm', 'l', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '', 'lost')",
            "INSERT INTO outbox (dedupe_key, lane, destination, kind, payload, created_at, state)"
            " VALUES ('k', 'l', 'C', 'card', '{}', '2026-01-01 00:00:00', 'flying')",
            "INSERT INTO cases (case_id, number, customer_identifier, source, status, created_at, last_message_at)"
            " VALUES ('CASE_001', 1, 'nobody', 'slack', 'open', '2026-01-01 00:00:00', '2026-01-01 00:00:00')",
        ],
        ids=["a state that does not exist", "another one", "a customer that does not exist"],
    )
    async def test_the_database_refuses(self, database: Database, statement: str) -> None:
        with pytest.raises(sa.exc.IntegrityError):
            await run(database, statement)

    async def test_a_refusal_is_not_taken_for_an_absence(self, database: Database) -> None:
        with pytest.raises(sa.exc.IntegrityError):
            await database.write(
                lambda c: c.execute(sa.insert(counters), [{"name": "a", "value": 1}, {"name": "a", "value": 2}])
            )
        assert database.available
