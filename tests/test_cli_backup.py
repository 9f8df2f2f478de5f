"""A desk goes into a file and comes out of it the same, on either database, and then holds still until it is told."""

import asyncio
import gzip
import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from storage import backup, inbox, outbox, secrets
from storage.migrate import upgrade
from storage.outbox import NewRow
from storage.tables import attachment_chunks, attachments, messages, metadata
from tests.storage.kit import NOON, a_case, item, keep, message_row
from tests.support.keeping import casewire
from tests.test_cli_attention import in_database

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
    @pytest.mark.parametrize(
        ("damage", "said"),
        [
            (lambda data: data[:-40], "cut short"),
            (lambda data: gzip.compress(gzip.decompress(data).replace(b"body 3", b"body 4")), "checksum"),
            (lambda data: gzip.compress(b"".join(gzip.decompress(data).splitlines(True)[:-1])), "cut short"),
            (lambda data: b"no backup", "no backup of Casewire"),
            (lambda data: gzip.compress(b'{"file": "other"}\n'), "no backup of Casewire"),
            (lambda data: gzip.compress(gzip.decompress(data).replace(b'"format":1', b'"format":9')), "format 9"),
        ],
    )
    def test_what_is_damaged_is_refused_before_anything_is_restored(
        self, file: Path, elsewhere: str, damage, said: str
    ) -> None:
        file.write_bytes(damage(file.read_bytes()))
        refused = casewire("restore", str(file))
        assert refused.exit_code == 2
        assert said in refused.output
        assert not Path(elsewhere.removeprefix("sqlite:///")).exists()

    def test_one_of_another_revision_is_refused_with_the_mend(self, file: Path, elsewhere: str) -> None:
        lines = gzip.decompress(file.read_bytes()).splitlines(True)
        header = json.loads(lines[0]) | {"schema": "0001", "version": "0.0.1"}
        lines[0] = json.dumps(header).encode() + b"\n"
        end = json.loads(lines[-1])
        end["sha256"] = __import__("hashlib").sha256(b"".join(lines[:-1])).hexdigest()
        file.write_bytes(gzip.compress(b"".join([*lines[:-1], json.dumps(end).encode() + b"\n"])))
        refused = casewire("restore", str(file))
        assert refused.exit_code == 2
        assert "Casewire 0.0.1" in refused.output

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
        from storage.backup_file import read_header

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
    @pytest.mark.parametrize(
        "words",
        [
            ["block", "remove", "a@b.example"],
            ["trace", "CASE_001"],
            ["export"],
            ["outbox", "drop", "1"],
            ["erase", "U1", "--yes"],
            ["resume"],
            ["backup", "b"],
        ],
    )
    def test_a_file_that_is_not_there_is_said_and_not_made(
        self, words: list[str], elsewhere: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        refused = casewire(*words)
        assert refused.exit_code == 2
        assert "there is no file" in refused.output
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        "words", [["block", "remove", "a@b.example"], ["erase", "U1", "--yes"], ["resume"], ["backup", "b"]]
    )
    def test_a_database_without_a_desk_is_said_to_be_one(
        self, words: list[str], empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("DATABASE_URL", empty_database_url)
        if empty_database_url.startswith("sqlite"):
            Path(empty_database_url.removeprefix("sqlite:///")).touch()
        refused = casewire(*words)
        assert refused.exit_code == 2
        assert "casewire migrate" in refused.output
