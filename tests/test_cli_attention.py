"""What is quarantined or parked can be seen, tried again and dropped from the command line."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import Connection
from typer.testing import CliRunner, Result

from bot.cli import cli
from storage import inbox, messages, outbox
from storage.engine import open_database
from storage.inbox import Done
from storage.lock import sole_use
from storage.outbox import NewRow
from tests.storage.kit import NOON, a_case, item, keep, message_row

Work = Callable[[Connection], object]


@pytest.fixture
def url(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DATABASE_URL", database_url)
    return database_url


def in_database(url: str, work: Work) -> object:
    async def done() -> object:
        database = open_database(url)
        try:
            return await database.write(work)
        finally:
            await database.close()

    return asyncio.run(done())


def rows(url: str, statement: str) -> list[tuple]:
    return in_database(url, lambda c: [tuple(row) for row in c.exec_driver_sql(statement)])  # type: ignore[return-value]


def casewire(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def quarantine(connection: Connection) -> None:
    inbox.put(connection, item("post:D1:1.1", raw=b'{"event": {"text": "h\xc3\xa9llo"}}'), NOON)
    inbox.mark(connection, [Done(1, "quarantined", error="ValueError: no")], NOON)
    inbox.rest_lanes(connection, ["customer:U1"], NOON, {})


def park(connection: Connection) -> None:
    keep(connection, a_case())
    messages.insert_messages(connection, [message_row(is_admin=True, channel="CSUP", delivery="failed")])
    row = NewRow("answer:1:1", "to:U1", "D1", "answer", "CASE_001", 1, {"part": 1})
    outbox.enqueue(connection, [row], NOON)
    outbox.finish(connection, 1, "parked", NOON, error="is_archived")
    outbox.rest_lane(connection, "to:U1", NOON)


class TestInbox:
    def test_lists_and_shows_what_came_and_why_it_failed(self, url: str) -> None:
        assert casewire("inbox", "list").output == "Nothing is quarantined.\n"
        in_database(url, quarantine)
        listed = casewire("inbox", "list").output
        assert listed.startswith("post:D1:1.1  message, received 2026-01-31 12:00:00 UTC, tried 0 times\n")
        assert "ValueError: no" in listed
        assert listed.endswith("1 quarantined.\n")
        assert '"text": "héllo"' in casewire("inbox", "show", "post:D1:1.1").output

    def test_retries(self, url: str) -> None:
        in_database(url, quarantine)
        assert casewire("inbox", "retry", "post:D1:1.1").exit_code == 0
        assert rows(url, "SELECT state, attempts, error FROM inbox") == [("waiting", 0, None)]
        assert rows(url, "SELECT lane FROM inbox_lanes WHERE next_at IS NOT NULL") == [("customer:U1",)]

    def test_drops(self, url: str) -> None:
        in_database(url, quarantine)
        assert casewire("inbox", "drop", "post:D1:1.1").exit_code == 0
        assert rows(url, "SELECT state FROM inbox") == [("ignored",)]

    @pytest.mark.parametrize("verb", ["show", "retry", "drop"])
    def test_what_is_not_there_is_said_to_be_so(self, url: str, verb: str) -> None:
        said = casewire("inbox", verb, "post:D9:9.9")
        assert said.exit_code == 1
        assert "no quarantined item has the key post:D9:9.9: `casewire inbox list`" in said.output


class TestOutbox:
    def test_lists_what_could_not_be_delivered_and_why(self, url: str) -> None:
        in_database(url, park)
        listed = casewire("outbox", "list").output
        assert listed.startswith("1  answer, CASE_001, to D1, since 2026-01-31 12:00:00 UTC\n    is_archived\n")

    def test_retries_an_answer_so_that_its_author_sees_it(self, url: str) -> None:
        in_database(url, park)
        assert casewire("outbox", "retry", "1").exit_code == 0
        assert rows(url, "SELECT state FROM outbox") == [("pending",)]
        assert rows(url, "SELECT lane FROM outbox_lanes WHERE next_at IS NOT NULL") == [("to:U1",)]
        assert rows(url, "SELECT delivery FROM messages") == [("queued",)]
        assert rows(url, "SELECT target FROM desired") == [("mark:CSUP:1.000100",)]

    def test_drops(self, url: str) -> None:
        in_database(url, park)
        assert casewire("outbox", "drop", "1").exit_code == 0
        assert rows(url, "SELECT state FROM outbox") == [("dropped",)]
        assert casewire("outbox", "drop", "1").exit_code == 1


class TestTrouble:
    @pytest.mark.parametrize("database_kind", ["sqlite"])
    def test_a_file_on_which_the_bot_runs_is_only_read(self, url: str) -> None:
        in_database(url, quarantine)
        with sole_use(url):
            assert "post:D1:1.1" in casewire("inbox", "list").output
            refused = casewire("inbox", "drop", "post:D1:1.1")
        assert refused.exit_code == 2
        assert "stop it first" in refused.output

    def test_a_database_without_a_desk_is_said_to_be_one(
        self, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", empty_database_url)
        refused = casewire("outbox", "list")
        assert refused.exit_code == 2
        assert "casewire migrate" in refused.output
