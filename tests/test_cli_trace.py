"""`casewire trace` prints the way of a case from the database."""

import asyncio

import pytest
from sqlalchemy import Connection
from typer.testing import CliRunner

from bot.cli import cli
from storage import inbox, messages, outbox, tables
from storage.engine import open_database
from storage.outbox import NewRow
from tests.storage.kit import NOON, a_case, item, keep, message_row


def fill(connection: Connection) -> None:
    keep(connection, a_case())
    inbox.put(connection, item("post:D1:1.1"), NOON)
    connection.execute(tables.inbox.update().values(case_id="CASE_001", state="done", done_at=NOON))
    inbox.put(connection, item("post:D2:2.2"), NOON)
    messages.insert_messages(connection, [message_row(is_admin=True, channel="CSUP", delivery="queued")])
    outbox.enqueue(connection, [NewRow("answer:1:1", "to:U1", "D1", "answer", "CASE_001", 1, {"part": 1})], NOON)
    outbox.finish(connection, 1, "parked", NOON, error="is_archived")
    connection.execute(tables.copies.insert().values(message_id=1, channel="CLOG", ts="1769860801.000100"))


@pytest.fixture(autouse=True)
def filled(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)

    async def done() -> None:
        database = open_database(database_url)
        try:
            await database.write(fill)
        finally:
            await database.close()

    asyncio.run(done())


@pytest.mark.parametrize("name", ["CASE_001", "case_001", "post:D1:1.1"])
def test_a_case_is_found_by_its_number_and_by_an_item(name: str) -> None:
    said = CliRunner().invoke(cli, ["trace", name]).output
    assert "2026-01-31 12:00:00.000 UTC  item post:D1:1.1: stored\n" in said
    assert "item post:D1:1.1: done\n" in said
    assert "message 1: answer by slack" in said
    assert "outbox 1 (answer answer:1:1): queued to D1\n" in said
    assert "outbox 1 (answer answer:1:1): parked (is_archived)\n" in said
    assert "2026-01-31 12:00:01.000 UTC  copy of message 1: CLOG 1769860801.000100\n" in said
    assert "post:D2:2.2" not in said
    times = [line[:27] for line in said.splitlines()]
    assert times == sorted(times)


def test_an_item_without_a_case_is_shown_alone() -> None:
    said = CliRunner().invoke(cli, ["trace", "post:D2:2.2"]).output
    assert "item post:D2:2.2: waiting\n" in said
    assert "post:D1:1.1" not in said


@pytest.mark.parametrize("name", ["CASE_999", "post:D9:9.9"])
def test_what_is_not_there_is_said_to_be_so(name: str) -> None:
    said = CliRunner().invoke(cli, ["trace", name])
    assert said.exit_code == 1
    assert f"no case and no item is named {name}" in said.output
