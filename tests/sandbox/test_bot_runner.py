"""A bot kept by the sandbox: the real process, started, killed, started again, and what is said when it fails."""

import asyncio
import os
import re
import tempfile
from pathlib import Path

import aiohttp
import pytest

from bot.sandbox.bot_control import read_log_line, readable
from bot.sandbox.people import DANA
from bot.sandbox.run import BotFailed, bot_on, run_sandbox
from bot.sandbox.server import LocalSlack


def told(slack: LocalSlack, user: str) -> list[str]:
    return [post["text"] for post in slack.messages(slack.dm_channel(user)) if post.get("bot_id")]


async def test_a_bot_is_killed_and_started_again_on_the_same_database_and_port(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with bot_on(slack, tmp_path) as runner:
        health = await runner.healthy()
        await slack.dm(DANA, "Hello")
        await slack.wait_for(lambda: told(slack, DANA))
        assert runner.status() == "running"
        assert any("Casewire runs" in line for line in runner.log_tail())

        await runner.kill()
        assert runner.status() == "killed"
        await runner.restart()
        assert await runner.healthy() == health
        async with aiohttp.ClientSession() as session, session.get(f"{health}/cases") as answer:
            assert [case["case_id"] for case in await answer.json()] == ["CASE_001"]
    assert runner.status() == "ended by itself, with status 0"
    assert [record.detail["status"] for record in slack.traffic.of("bot")] == [
        "running",
        "killed",
        "running",
        "ended by itself, with status 0",
    ]


async def test_what_is_asked_for_is_no_end_by_itself(slack: LocalSlack, tmp_path: Path) -> None:
    async with bot_on(slack, tmp_path) as runner:
        ending = asyncio.create_task(runner.ended_by_itself())
        await runner.kill()
        await runner.restart()
        await runner.healthy()
        assert not ending.done()
    ending.cancel()


async def test_a_bot_that_cannot_start_says_why(slack: LocalSlack, tmp_path: Path) -> None:
    async with bot_on(slack, tmp_path, {"DATABASE_URL": "mysql://desk"}) as runner:
        async with asyncio.timeout(20):
            assert await runner.ended_by_itself() == 2
        assert runner.status() == "ended by itself, with status 2"
        assert "DATABASE_URL" in "\n".join(runner.log_tail())
    assert slack.traffic.of("bot")[-1].detail == {"status": "ended by itself, with status 2"}


class TestRunSandbox:
    @pytest.fixture(autouse=True)
    def _folder(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    async def test_with_a_bot_says_so_once_it_is_healthy_and_leaves_nothing_behind(self, tmp_path: Path) -> None:
        lines: asyncio.Queue[str] = asyncio.Queue()
        running = asyncio.create_task(run_sandbox(with_bot=True, announce=lines.put_nowait))
        said = ""
        async with asyncio.timeout(30):
            while "/sandbox/state" not in said:
                said += await lines.get() + "\n"
        assert "Open this address in a browser" in said
        assert re.search(r"IMAP on port \d+, SMTP on port \d+ of 127\.0\.0\.1", said)
        health = said.split("Its health: ")[1].split()[0]
        async with aiohttp.ClientSession() as session, session.get(health) as answer:
            assert answer.status == 200
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert os.listdir(tmp_path) == []

    async def test_with_a_bot_that_does_not_start_fails_with_its_log(self, tmp_path: Path) -> None:
        said: list[str] = []
        with pytest.raises(BotFailed, match="it ended with status 2") as failed:
            await run_sandbox(with_bot=True, changed={"DATABASE_URL": "mysql://desk"}, announce=said.append)
        assert any("DATABASE_URL" in line for line in failed.value.log)
        assert os.listdir(tmp_path) == []


def test_lines_of_a_log_are_read_whatever_their_form() -> None:
    line = (
        '{"event": "Casewire runs", "action": "started", "level": "info", "timestamp": "2026-01-31T12:00:00Z"}\n'
    )
    assert read_log_line(line)["action"] == "started"
    assert readable(line) == "2026-01-31T12:00:00Z info Casewire runs action=started"
    text = "\x1b[2m2026-01-31 12:00\x1b[0m [info] health is served   action=listening port=8000 rows='[1, 2]'\n"
    assert read_log_line(text) | {"event": ""} == {
        "event": "",
        "action": "listening",
        "port": "8000",
        "rows": "[1, 2]",
    }
    assert readable("Casewire cannot start.") == "Casewire cannot start."
    assert read_log_line("[1, 2]") == {"event": "[1, 2]"}
