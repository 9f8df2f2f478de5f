"""A file that is looked at stays as it is, and is seen in one state."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from storage.looking import look


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE words (word TEXT)")
    connection.close()
    return path


def everything_beside(file: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in file.parent.iterdir()}


def count(connection: Connection) -> int:
    return connection.execute(sa.text("SELECT count(*) FROM words")).scalar_one()


async def test_nothing_is_changed_and_nothing_made_beside_it(file: Path) -> None:
    before = everything_beside(file)
    assert await look(f"sqlite:///{file}", count) == 0
    assert everything_beside(file) == before


@pytest.mark.parametrize("stays", [True, False], ids=["who writes stays", "who writes goes again"])
async def test_somebody_who_writes_meanwhile_is_not_seen_by_half(file: Path, stays: bool) -> None:
    writers: list[sqlite3.Connection] = []

    def work(connection: Connection) -> tuple[int, int]:
        first = count(connection)
        if not writers:
            writers.append(writer := sqlite3.connect(file))
            writer.execute("INSERT INTO words VALUES ('one')")
            writer.commit()
            if not stays:
                writer.close()
        return first, count(connection)

    assert await look(f"sqlite:///{file}", work) == (1, 1)
    writers[0].close()


async def test_who_is_at_work_before_is_seen_up_to_the_last_commit(file: Path) -> None:
    writer = sqlite3.connect(file)
    writer.execute("INSERT INTO words VALUES ('one')")
    writer.commit()
    assert await look(f"sqlite:///{file}", count) == 1
    writer.close()
