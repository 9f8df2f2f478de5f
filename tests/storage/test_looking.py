"""A SQLite file that is only looked at is seen as it is, also where somebody begins to write to it meanwhile."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from storage.looking import look


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "desk.db"
    run(file, "CREATE TABLE first (id INTEGER)")
    return file


def run(file: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute(statement)
        connection.commit()


async def test_what_is_made_while_one_looks_is_seen(file: Path) -> None:
    looks = []

    def tables(connection: Connection) -> list[str]:
        looks.append(sa.inspect(connection).get_table_names())
        if len(looks) == 1:
            run(file, "CREATE TABLE second (id INTEGER)")
        return looks[-1]

    assert await look(f"sqlite:///{file}", tables) == ["first", "second"]
    assert looks[0] == ["first"]


async def test_an_error_counts_only_where_nothing_has_changed(file: Path) -> None:
    looks = []

    def rows(connection: Connection) -> int:
        looks.append(True)
        try:
            return len(connection.execute(sa.text("SELECT * FROM second")).all())
        finally:
            if len(looks) == 1:
                run(file, "CREATE TABLE second (id INTEGER)")

    assert await look(f"sqlite:///{file}", rows) == 0
    with pytest.raises(OperationalError, match="no such table"):
        await look(f"sqlite:///{file}", lambda c: c.execute(sa.text("SELECT * FROM third")))


async def test_what_a_log_holds_is_seen(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("CREATE TABLE in_the_log (id INTEGER)")
        writer.commit()
        found = await look(f"sqlite:///{file}", lambda c: sa.inspect(c).get_table_names())
    assert found == ["first", "in_the_log"]
