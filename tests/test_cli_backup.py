"""A desk goes into a file and comes out of it the same, on either database, and then holds still until it is told."""

import asyncio
import contextlib
import gzip
import hashlib
import json
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import Connection

from storage import backup, inbox, outbox, secrets
from storage.backup_file import Header, Writer, created, read_header
from storage.migrate import alembic_config, revisions, upgrade
from storage.outbox import NewRow
from storage.tables import attachment_chunks, attachments, messages, metadata
from tests.storage.kit import NOON, a_case, item, keep, message_row
from tests.storage.test_migrations import HEAD
from tests.support.keeping import casewire
from tests.test_cli_attention import in_database

CHANGING = ("block remove a@b.example", "erase U1 --yes", "resume", "backup b")
NOT_COMPARED = {"leases", "processes", "schema_info", "pauses"}
NEW_ROWS = [
    NewRow("card:CASE_001", "thread:CASE_001", "CSUP", "card", "CASE_001"),
    NewRow("answer:1:1", "mail:CASE_001", outbox.MAIL, "answer", "CASE_001", 1, {"part": 1}),
]


def fill(connection: Connection) -> None:
    keep(connection, a_case(1, "U1"), a_case(2, "U2"))
    bodies = [message_row("CASE_001", body=f"body {n} ü\u2028\t", ts=f"1.{n}", files=["a.txt"]) for n in range(7)]
    connection.execute(sa.insert(messages), bodies)
    connection.execute(
        sa.insert(attachments), [{"message_id": 1, "name": "a.txt", "mime_type": "text/plain", "size": 4}]
    )
    chunks = [{"attachment_id": 1, "number": n, "data": bytes([n, 0, 255])} for n in range(3)]
    connection.execute(sa.insert(attachment_chunks), chunks)
    inbox.put(connection, item("post:D1:1.1", raw=b'{"event": "\xff"}'), NOON)
    outbox.enqueue(connection, NEW_ROWS, NOON)
    secrets.secret(connection, "mail")


def holds(connection: Connection) -> dict[str, list[tuple]]:
    """All rows of all tables, but for what a restored desk has of its own."""
    return {
        table.name: [
            tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key.columns))
        ]
        for table in metadata.sorted_tables
        if table.name not in NOT_COMPARED
    }


def at_rest(url: str) -> dict[str, list[tuple]]:
    return in_database(url, holds)  # type: ignore[return-value]


@pytest.fixture
def url(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setattr(backup, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(backup, "LARGE_ROWS_AT_ONCE", 2)
    in_database(database_url, fill)
    return database_url


@pytest.fixture
def file(url: str, tmp_path: Path) -> Path:
    path = tmp_path / "desk.backup"
    done = casewire("backup", str(path))
    assert done.exit_code == 0, done.output
    return path


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    monkeypatch.setenv("DATABASE_URL", url)
    return url


def test_a_desk_comes_back_as_it_was_and_holds_its_unsent_rows_back(url: str, file: Path, elsewhere: str) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    done = casewire("restore", str(file))
    assert done.exit_code == 0, done.output
    assert "2 cases" in done.output
    assert "casewire resume" in done.output
    before, after = at_rest(url), at_rest(elsewhere)
    assert {name: rows for name, rows in after.items() if not name.startswith("outbox")} == {
        name: rows for name, rows in before.items() if not name.startswith("outbox")
    }
    states = in_database(
        elsewhere, lambda c: c.exec_driver_sql("SELECT kind, state FROM outbox ORDER BY id").all()
    )
    assert [tuple(row) for row in states] == [("card", "uncertain"), ("answer", "parked")]
    assert "may have been sent" in casewire("outbox", "list").output
    assert casewire("resume").exit_code == 0
    assert casewire("resume").exit_code == 1


def test_it_goes_into_either_database_and_counts_on(
    url: str, file: Path, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    assert casewire("restore", str(file)).exit_code == 0
    added = in_database(empty_database_url, lambda c: messages_ids(c, [message_row("CASE_002", ts="9.9")]))
    assert added == [8]


EARLIER = "0021"  # the first revision that backups were made of


def test_one_of_an_earlier_revision_is_migrated(
    url: str, empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = at_rest(url)
    in_database(url, lambda c: command.downgrade(alembic_config(c), EARLIER))
    earlier = tmp_path / "earlier.backup"
    in_database(url, lambda c: write_as_it_is(c, earlier))
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    done = casewire("restore", str(earlier))
    assert done.exit_code == 0, done.output
    after = at_rest(empty_database_url)
    assert {name: len(rows) for name, rows in after.items()} == {name: len(rows) for name, rows in before.items()}
    assert after["messages"] == before["messages"]
    assert after["attachment_chunks"] == before["attachment_chunks"]
    assert in_database(empty_database_url, revisions) == (HEAD, HEAD)
    added = in_database(empty_database_url, lambda c: messages_ids(c, [message_row("CASE_002", ts="9.9")]))
    assert added == [8]


def write_as_it_is(connection: Connection, path: Path) -> None:
    """As the version of its revision writes it."""
    tables = backup._tables_of(connection, EARLIER)
    with created(path) as target:
        writer = Writer(target, Header(EARLIER, "0.0.9", NOON.isoformat(), connection.dialect.name))
        for table in tables:
            writer.table(table)
            for row in backup._rows(connection, table):
                writer.row(row)
        writer.finish()


def messages_ids(connection: Connection, rows: list[dict]) -> list[int]:
    return list(connection.execute(sa.insert(messages).returning(messages.c.id), rows).scalars())


def test_a_desk_is_never_restored_over_another(url: str, file: Path) -> None:
    before = at_rest(url)
    refused = casewire("restore", str(file))
    assert refused.exit_code == 2
    assert "there is a desk in it already" in refused.output
    assert at_rest(url) == before


@pytest.mark.parametrize("database_kind", ["sqlite"])
class TestTheFile:
    def test_what_is_damaged_is_refused_before_anything_is_restored(self, file: Path, elsewhere: str) -> None:
        whole = file.read_bytes()
        lines = gzip.decompress(whole)
        for damaged, said in [
            (whole[:-40], "cut short"),
            (gzip.compress(lines.replace(b"body 3", b"body 4")), "checksum"),
            (gzip.compress(b"".join(lines.splitlines(True)[:-1])), "cut short"),
            (b"no backup", "no backup of Casewire"),
            (gzip.compress(b'{"file": "other"}\n'), "no backup of Casewire"),
            (gzip.compress(lines.replace(b'"format":1', b'"format":9')), "format 9"),
        ]:
            file.write_bytes(damaged)
            refused = casewire("restore", str(file))
            assert refused.exit_code == 2
            assert said in refused.output
        assert not Path(elsewhere.removeprefix("sqlite:///")).exists()

    def test_one_of_a_newer_casewire_is_refused_with_the_mend(self, file: Path, elsewhere: str) -> None:
        lines = gzip.decompress(file.read_bytes()).splitlines(True)
        header = json.loads(lines[0]) | {"schema": "9999", "version": "9.9.9"}
        lines[0] = json.dumps(header).encode() + b"\n"
        end = json.loads(lines[-1])
        end["sha256"] = hashlib.sha256(b"".join(lines[:-1])).hexdigest()
        file.write_bytes(gzip.compress(b"".join([*lines[:-1], json.dumps(end).encode() + b"\n"])))
        refused = casewire("restore", str(file))
        assert refused.exit_code == 2
        assert "a newer Casewire (9.9.9, at revision 9999)" in refused.output

    def test_one_that_is_interrupted_leaves_the_earlier_one(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        earlier = file.read_bytes()
        pages = backup._rows

        def interrupted(connection, table):
            if table.name == "messages":
                raise KeyboardInterrupt
            return pages(connection, table)

        monkeypatch.setattr(backup, "_rows", interrupted)
        assert casewire("backup", str(file)).exit_code == 130
        assert file.read_bytes() == earlier
        assert not file.with_name(f"{file.name}.part").exists()

    def test_a_place_that_cannot_be_written_is_said(self, url: str, tmp_path: Path) -> None:
        refused = casewire("backup", str(tmp_path / "none" / "desk.backup"))
        assert refused.exit_code == 2
        assert "No such file" in refused.output

    def test_a_restore_that_is_cancelled_has_restored_nothing(self, file: Path, elsewhere: str) -> None:
        upgrade(elsewhere)
        before = at_rest(elsewhere)

        async def cancelled() -> None:
            began = asyncio.Event()
            loop = asyncio.get_running_loop()
            task = asyncio.ensure_future(
                backup.restore_backup(
                    elsewhere, file, read_header(file), NOON, lambda *_: loop.call_soon_threadsafe(began.set)
                )
            )
            await began.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(cancelled())
        assert at_rest(elsewhere) == before


class TestWithoutADesk:
    @pytest.mark.parametrize("words", [*CHANGING, "trace CASE_001", "export", "inbox list"])
    def test_another_programs_file_is_left_as_it_is(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
    ) -> None:
        file = tmp_path / "books.db"
        with contextlib.closing(sqlite3.connect(file)) as theirs:
            theirs.execute("CREATE TABLE books (title TEXT)")
        before = file.read_bytes()
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("DATABASE_URL", "sqlite:///books.db")
        refused = casewire(*words.split())
        assert (refused.exit_code, "give Casewire a database of its own" in refused.output) == (2, True)
        assert file.read_bytes() == before
        assert list(tmp_path.iterdir()) == [file]

    def test_a_file_that_is_not_there_is_said_and_not_made(
        self, elsewhere: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        for words in (*CHANGING, "trace CASE_001", "export", "outbox list", "outbox drop 1"):
            refused = casewire(*words.split())
            assert (refused.exit_code, "there is no file" in refused.output) == (2, True), words
        assert list(tmp_path.iterdir()) == []

    def test_a_database_without_a_desk_is_said_to_be_one(
        self, empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("DATABASE_URL", empty_database_url)
        if empty_database_url.startswith("sqlite"):
            Path(empty_database_url.removeprefix("sqlite:///")).touch()
        for words in CHANGING:
            refused = casewire(*words.split())
            assert (refused.exit_code, "casewire migrate" in refused.output) == (2, True), (words, refused.output)
