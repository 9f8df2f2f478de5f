"""Logs can be read and counted, and hold no token and nothing that anybody wrote."""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from bot.ops.logging import configure_logging
from bot.sandbox.people import ADA, BOT_USER, DANA, SUPPORT
from bot.sandbox.server import LocalSlack
from storage.engine import open_database
from tests.support.running import Command, environment, until

TOKENS = ("xoxb-1234-secret", "xapp-1-A1-secret")


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("style", ["json", "text"])
class TestRedaction:
    def test_no_token_is_shown_wherever_it_stands(self, style: str, capsys: pytest.CaptureFixture[str]) -> None:
        configure_logging("DEBUG", style)
        log = structlog.get_logger("test")
        bot_token, app_token = TOKENS
        log.info(
            f"in words {bot_token}", value=app_token, nested={"token": bot_token}, error=ValueError(app_token)
        )
        logging.getLogger("slack_sdk.test").error(
            "from a library: %s wss://h/link/?ticket=abc123&app_id=A1", bot_token
        )
        try:
            raise RuntimeError(f"raised with {bot_token}")
        except RuntimeError:
            log.exception("failed")
        log.info("an event", body='{"token": "verify-abc123","token":"abc123-too"}', other={"token": "abc123"})
        log.info("answered", url="https://hooks.slack.com/commands/T1/abc123")
        said = capsys.readouterr().out
        assert said.count("(token)") == 11
        assert not [word for word in ("secret", "abc123") if word in said]

    def test_a_traceback_shows_no_variables(self, style: str, capsys: pytest.CaptureFixture[str]) -> None:
        configure_logging("INFO", style)
        body = "-".join(("dear", "desk"))
        try:
            raise RuntimeError("it failed")
        except RuntimeError:
            structlog.get_logger("test").exception("failed")
        said = capsys.readouterr().out
        assert "RuntimeError: it failed" in said
        assert body not in said

    async def test_an_error_of_the_database_shows_no_row(
        self, style: str, capsys: pytest.CaptureFixture[str], database_url: str
    ) -> None:
        configure_logging("INFO", style)
        database = open_database(database_url)
        insert = sa.text("INSERT INTO counters (name, value) VALUES (:name, :value)")
        written = "-".join(("what", "a", "customer", "wrote"))  # not as a traceback would quote the source

        def work(connection: sa.Connection) -> None:
            for _ in range(2):
                connection.execute(insert, {"name": written, "value": 1})

        try:
            with pytest.raises(sa.exc.IntegrityError) as raised:
                await database.write(work)
            structlog.get_logger("test").error("an item failed", exc_info=raised.value)
        finally:
            await database.close()
        said = capsys.readouterr().out
        assert "IntegrityError" in said
        assert written not in said


def test_json_lines_can_be_read_by_machines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "json")
    structlog.get_logger("bot.test").info("said", action="tested", case_id="CASE_001")
    line = json.loads(capsys.readouterr().out)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "said",
        "action": "tested",
        "case_id": "CASE_001",
        "level": "info",
        "logger": "bot.test",
    }


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack() as slack:
        slack.retry_schedule = (0.1, 0.5, 1.0)
        yield slack


@pytest.mark.slow  # tests/security/test_secrets.py looks through the log by default
@pytest.mark.parametrize("style", ["json", "text"])
async def test_a_whole_run_tells_no_token_and_nothing_written(
    slack: LocalSlack, tmp_path: Path, style: str
) -> None:
    slack.add_channel("C0OPENED01", "open-desk", private=False, members=[ADA, BOT_USER])
    written = [
        "wombatquestion",
        "urgent platypusmatter",
        "echidnaanswer",
        "// quokkanote",
        "numbatedit",
        "wallabycommand",
    ]
    settings = environment(slack, "sqlite:///desk.db", LOG_FORMAT=style, ALERTING_SLACK_CHANNEL="C0OPENED01")
    async with Command(tmp_path, settings) as bot:
        await until(lambda: slack.connected)
        await bot.said(
            "start_warning"
        )  # a fault may be meant for what it looks up, and that is tried again much later
        for kind in ("500", "lost_answer", "drop", "429"):
            slack.faults.add("chat.postMessage", kind)
        slack.faults.add("users.info", "500", times=3)
        await slack.dm(DANA, written[0])
        await slack.dm(DANA, written[1])
        card = await until(lambda: next(iter(slack.messages(SUPPORT)), None), patience=30)
        await until(
            lambda: any("platypus" in post["text"] for post in slack.messages(SUPPORT, card["ts"])), patience=30
        )
        ts = await slack.post(ADA, SUPPORT, written[2], thread_ts=card["ts"])
        await until(lambda: "white_check_mark" in slack.reactions(SUPPORT, ts))
        note = await slack.post(ADA, SUPPORT, written[3], thread_ts=card["ts"])
        await until(lambda: slack.reactions(SUPPORT, note))
        await slack.edit(ADA, SUPPORT, ts, written[4])
        await slack.command(ADA, SUPPORT, "/case", f"escalate CASE_001 {written[5]}")
        await slack.drop_sockets()
        status, _ = await bot.stop()
        assert status == 0
    said = bot.output.read_text()
    for secret in (slack.bot_token, slack.app_token, "ticket=", *(text.split()[-1] for text in written)):
        assert secret not in said
    if style == "json":
        lines = [json.loads(line) for line in said.splitlines()]
        assert_the_way_can_be_followed(lines, f"post:{slack.dm_channel(DANA)}:", "CASE_001")


def assert_the_way_can_be_followed(lines: list[dict[str, Any]], key: str, case_id: str) -> None:
    """From the first message's key to each of its posts, the tries that failed included."""
    item = next(line["item"] for line in lines if line.get("action") == "received" and key in line["item"])
    (decided,) = (line for line in lines if line.get("action") == "decided" and line["item"] == item)
    assert decided["case_id"] == case_id
    on_the_way_out = [line for line in lines if line.get("row") in decided["rows"]]
    assert {line["row"] for line in on_the_way_out if line.get("action") == "sent"} == set(decided["rows"])
    assert {"rate_limited", "uncertain"} & {line.get("action") for line in on_the_way_out}
    assert {(line["item"], line["case_id"]) for line in on_the_way_out} == {(item, case_id)}
    lookups = [line for line in lines if line["event"] == "a lookup failed; its lane waits"]
    assert all(line["item"] for line in lookups)


async def test_a_start_does_not_say_that_the_token_is_ignored(slack: LocalSlack, tmp_path: Path) -> None:
    async with Command(tmp_path, environment(slack, "sqlite:///desk.db")) as bot:
        await until(lambda: slack.connected)
        await bot.stop()
    said = bot.output.read_text()
    assert "Casewire runs" in said
    assert "ignored" not in said
    assert "unused" not in said
