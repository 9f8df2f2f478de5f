"""The bench's table and file say what was measured; nothing is timed here."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.desk.model import Case
from storage import cases
from storage.cases import case_from_row
from storage.engine import open_database
from storage.tables import cases as cases_table
from storage.tables import messages
from tests.bench.figures import HEADINGS, Figure, bounded, compared, percentile, table, write
from tests.bench.filling import fill

FAST = compared("fast", [80, 100, 90], [100, 100, 120], "events/s", at_least=0.7)
SLOW = compared("slow", [30, 20], [10, 10], "ms", at_most=2)
HEAVY = bounded("heavy", [200.0], "MiB", 160, [40.0])
TOLD = bounded("told", [3.0], "s")


class TestAFigure:
    def test_is_compared_within_each_round_and_not_across_them(self) -> None:
        assert Figure("fast", 90, "events/s", 100, 0.8, ">= 0.7 x", True) == FAST
        assert Figure("slow", 25, "ms", 10, 2.5, "<= 2 x", False) == SLOW

    def test_may_have_a_bound_of_its_own_or_none(self) -> None:
        assert Figure("heavy", 200, "MiB", 40, 5, "<= 160 MiB", False) == HEAVY
        assert Figure("told", 3, "s") == TOLD

    @pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 51), (0.99, 100), (1.0, 100)])
    def test_percentiles(self, share: float, value: int) -> None:
        assert percentile(list(range(100, 0, -1)), share) == value


def test_the_table_lines_its_columns_up() -> None:
    lines = table([FAST, HEAVY, TOLD]).splitlines()
    assert [cell.strip() for cell in lines[0].split("|")[1:-1]] == list(HEADINGS)
    assert set(lines[1]) == {"|", "-"}
    heavy = [cell.strip() for cell in lines[3].split("|")[1:-1]]
    assert heavy == ["heavy", "200", "MiB", "40", "5.00", "<= 160 MiB", "NO"]
    assert {len(line) for line in lines} == {len(lines[0])}


def test_the_file_holds_every_field_of_every_figure(tmp_path: Path) -> None:
    write([FAST, TOLD], tmp_path / "bench.json")
    assert json.loads((tmp_path / "bench.json").read_text()) == [
        {
            "name": "fast",
            "value": 90,
            "unit": "events/s",
            "floor": 100,
            "ratio": 0.8,
            "aim": ">= 0.7 x",
            "met": True,
        },
        {"name": "told", "value": 3.0, "unit": "s", "floor": None, "ratio": None, "aim": None, "met": None},
    ]


@pytest.mark.parametrize("each", [1, 5])
async def test_a_filled_database_is_as_the_code_would_have_left_it(database_url: str, each: int) -> None:
    """Else the bench would measure what there never is."""
    await fill(database_url, 1_200, open_every=3, each=each)
    database = open_database(database_url)

    def work(connection: sa.Connection) -> tuple[list[Case], dict[str, int], int, int]:
        rows = connection.execute(sa.select(cases_table)).all()
        written = sa.select(sa.func.count()).select_from(messages)
        newest = sa.select(sa.func.count()).select_from(
            sa.select(messages.c.case_id)
            .join(cases_table, cases_table.c.case_id == messages.c.case_id)
            .where(messages.c.timestamp == cases_table.c.last_message_at)
            .subquery()
        )
        counted = cases.read_counters(connection)
        return (
            [case_from_row(row) for row in rows],
            counted,
            connection.execute(written).scalar_one(),
            connection.execute(newest).scalar_one(),
        )

    found, counters, written, newest = await database.read(work)
    await database.close()
    assert written == 1_200 * each == sum(case.message_count for case in found)
    assert newest == 1_200
    tallies = sum((cases.tally(case) for case in found), start=cases.tally(None))
    assert counters == {"case_number": 1_200, **tallies}
    assert {case.case_id for case in found} == {cases.case_id_of(number) for number in range(1, 1_201)}
