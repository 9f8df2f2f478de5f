"""Migrations bring any database to the schema that the tables declare, and refuse what they do not know."""

import asyncio
import contextlib
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import Connection

from bot.desk.model import File
from storage import attachments, messages
from storage.engine import engine_for
from storage.errors import UnknownSchema
from storage.migrate import alembic_config, serves, upgrade, upgrade_async
from storage.tables import metadata

HEAD = "0024"

POSTGRES_SCHEMA = """
SELECT 'column ' || c.relname || '.' || a.attname,
       format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
       || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'index ' || c.relname, pg_get_indexdef(i.indexrelid)
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
 WHERE c.relnamespace = 'public'::regnamespace
UNION ALL
SELECT 'constraint ' || conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'sequence ' || c.relname, s.seqtypid::regtype::text
  FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
"""

UPGRADE = "import sys; from storage.migrate import upgrade; upgrade(sys.argv[1])"


async def inside(url: str, work) -> object:
    engine = engine_for(url)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def schema(connection: Connection) -> dict[str, str]:
    """Everything the database itself says of its schema, by name: indexes with their predicates too."""
    if connection.dialect.name == "postgresql":
        rows = connection.execute(sa.text(POSTGRES_SCHEMA))
        return {name: text for name, text in rows if "alembic" not in name}
    rows = connection.execute(sa.text("SELECT type || ' ' || name, sql FROM sqlite_master"))
    return {name: _words(text) for name, text in rows if text is not None and "alembic" not in name}


def _words(sql: str) -> str:
    """SQL without what its writer was free in: white space, quotes, and the order within a table."""
    sql = re.sub(r"\s+", " ", sql).replace('"', "").strip()
    if not sql.startswith("CREATE TABLE"):
        return sql
    head, _, inside_ = sql.partition("(")
    parts = re.split(r",(?![^()]*\))", inside_.strip().removesuffix(")"))
    return f"{head.strip()} ({', '.join(sorted(part.strip() for part in parts))})"


def newer(connection: Connection, min_compatible: str) -> None:
    """As if a later version had migrated the database."""
    connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    info = sa.text("UPDATE schema_info SET schema_version = '9999', min_compatible = :oldest")
    connection.execute(info, {"oldest": min_compatible})


class TestUpgrade:
    async def test_from_nothing_to_the_newest(self, empty_database_url: str) -> None:
        assert await upgrade_async(empty_database_url) == HEAD
        made = await inside(empty_database_url, lambda c: set(sa.inspect(c).get_table_names()))
        assert made == metadata.tables.keys() | {"alembic_version"}

    async def test_a_second_time_changes_nothing(self, database_url: str) -> None:
        before = await inside(database_url, schema)
        assert await upgrade_async(database_url) == HEAD
        assert await inside(database_url, schema) == before

    def test_two_processes_at_once_both_succeed(self, empty_database_url: str) -> None:
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", UPGRADE, empty_database_url], stderr=subprocess.PIPE, text=True
            )
            for _ in range(2)
        ]
        told = [process.communicate(timeout=60)[1] for process in processes]
        assert [process.returncode for process in processes] == [0, 0], told

    async def test_a_schema_of_a_newer_casewire_is_refused_with_a_way_out(self, database_url: str) -> None:
        await inside(database_url, lambda c: newer(c, min_compatible="9998"))
        with pytest.raises(UnknownSchema, match=r"9999.*newer Casewire.*knows 9998.*Install that version"):
            await upgrade_async(database_url)

    async def test_a_schema_of_a_newer_casewire_that_this_one_can_work_with_is_served_as_it_is(
        self, database_url: str
    ) -> None:
        await inside(database_url, lambda c: newer(c, min_compatible=HEAD))
        before = await inside(database_url, schema)
        assert await upgrade_async(database_url) == "9999"
        assert await inside(database_url, schema) == before
        assert await inside(database_url, serves)
        await inside(database_url, lambda c: newer(c, min_compatible="9999"))
        assert not await inside(database_url, serves)

    async def test_somebody_elses_tables_are_refused_and_left_alone(self, empty_database_url: str) -> None:
        await inside(empty_database_url, lambda c: c.execute(sa.text("CREATE TABLE messages (theirs TEXT)")))
        with pytest.raises(UnknownSchema, match=r"messages.*database of its own"):
            await upgrade_async(empty_database_url)
        assert await inside(empty_database_url, lambda c: sa.inspect(c).get_table_names()) == ["messages"]

    @pytest.mark.parametrize("database_kind", ["sqlite"])
    async def test_another_programs_file_is_refused_and_left_alone(self, empty_database_url: str) -> None:
        for statement in ("CREATE TABLE bookmarks (url TEXT)", "CREATE TABLE alembic_version (version_num TEXT)"):
            await inside(empty_database_url, lambda c, statement=statement: c.execute(sa.text(statement)))
        await inside(
            empty_database_url, lambda c: c.execute(sa.text("INSERT INTO alembic_version VALUES ('ae10')"))
        )
        with pytest.raises(UnknownSchema, match=r"bookmarks.*database of its own"):
            await upgrade_async(empty_database_url)
        names = await inside(empty_database_url, lambda c: sa.inspect(c).get_table_names())
        assert names == ["alembic_version", "bookmarks"]

    def test_not_a_byte_of_another_programs_file_is_changed(self, tmp_path: Path) -> None:
        file = tmp_path / "books.db"
        with contextlib.closing(sqlite3.connect(file)) as theirs:
            theirs.execute("CREATE TABLE books (title TEXT)")
        before = file.read_bytes()
        with pytest.raises(UnknownSchema, match=r"books.*database of its own"):
            upgrade(f"sqlite:///{file}")
        assert file.read_bytes() == before
        assert list(tmp_path.iterdir()) == [file]

    async def test_an_upgrade_that_fails_leaves_nothing(self, empty_database_url: str, monkeypatch) -> None:
        def fails(config: object, revision: str) -> None:
            config.attributes["connection"].execute(sa.text("CREATE TABLE half (done TEXT)"))
            raise RuntimeError("half way")

        monkeypatch.setattr(command, "upgrade", fails)
        with pytest.raises(RuntimeError):
            await upgrade_async(empty_database_url)
        assert await inside(empty_database_url, lambda c: sa.inspect(c).get_table_names()) == []

    def test_it_runs_where_no_loop_runs(self, empty_database_url: str) -> None:
        upgrade(empty_database_url)
        assert asyncio.run(inside(empty_database_url, lambda c: sa.inspect(c).has_table("cases")))


class TestSchema:
    async def test_migrated_and_declared_are_the_same_to_the_last_predicate(self, empty_database_url: str) -> None:
        await inside(empty_database_url, metadata.create_all)
        declared = await inside(empty_database_url, schema)
        await inside(empty_database_url, metadata.drop_all)
        await upgrade_async(empty_database_url)
        migrated = await inside(empty_database_url, schema)
        assert migrated == declared
        assert "status = 'open'" in migrated["index uq_cases_open_customer"]

    async def test_alembic_finds_nothing_to_do(self, database_url: str) -> None:
        await inside(database_url, lambda c: command.check(alembic_config(c)))

    async def test_down_leaves_nothing_and_up_again_gives_the_same(self, database_url: str) -> None:
        before = await inside(database_url, schema)
        await inside(database_url, lambda c: command.downgrade(alembic_config(c), "base"))
        assert await inside(database_url, schema) == {}
        await upgrade_async(database_url)
        assert await inside(database_url, schema) == before


class TestFiles:
    async def test_what_was_kept_before_them_is_the_whole_text_of_a_message_still(
        self, empty_database_url: str
    ) -> None:
        await inside(empty_database_url, lambda c: command.upgrade(alembic_config(c), "0001"))

        def keep_a_text(connection: Connection) -> None:
            for statement in (
                "INSERT INTO customers (customer_identifier, display_name, created_at) VALUES ('U1', 'D', '2026-01-31')",
                "INSERT INTO cases (case_id, number, customer_identifier, source, status, created_at, last_message_at)"
                " VALUES ('CASE_001', 1, 'U1', 'slack', 'open', '2026-01-31', '2026-01-31')",
                "INSERT INTO messages (id, case_id, sender, is_admin, body, timestamp, source)"
                " VALUES (1, 'CASE_001', 'U1', false, 'cut', '2026-01-31', 'slack')",
                "INSERT INTO attachments (message_id, name, mime_type, size) VALUES (1, 'message.txt', '', 5)",
            ):
                connection.execute(sa.text(statement))
            chunk = "INSERT INTO attachment_chunks (attachment_id, number, data) VALUES (1, 0, :data)"
            connection.execute(sa.text(chunk), {"data": b"whole"})

        def whole(connection: Connection) -> str:
            message = messages.load_message(connection, 1)
            assert message is not None
            return messages.whole_text(connection, message)

        await inside(empty_database_url, keep_a_text)
        assert await upgrade_async(empty_database_url) == HEAD
        assert await inside(empty_database_url, whole) == "whole"

        def add_a_file(connection: Connection) -> None:
            (file,) = attachments.add_files(connection, {1: [File("F1", "a.txt")]})[1]
            attachments.add_chunk(connection, file, 0, b"file")
            attachments.add_copy(connection, file, "F2", "C1", None)

        await inside(empty_database_url, add_a_file)
        await inside(empty_database_url, lambda c: command.downgrade(alembic_config(c), "0001"))
        left = await inside(empty_database_url, lambda c: c.execute(sa.text("SELECT name FROM attachments")).all())
        assert left == [("message.txt",)]
        assert await upgrade_async(empty_database_url) == HEAD
        assert await inside(empty_database_url, whole) == "whole"
