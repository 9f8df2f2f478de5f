"""SIGTERM and Ctrl-C stop the real process within ten seconds, whatever it is doing, and nothing is lost."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bot import app as bot_app
from bot.sandbox.people import DANA, SUPPORT
from bot.sandbox.server import LocalSlack
from tests.faults.harness.proxy import Proxy
from tests.support.hanging import way_to
from tests.support.running import Command, environment, until

PROMISED = 10.0


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack() as slack:
        slack.retry_schedule = (0.1, 0.5, 1.0)
        yield slack


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'desk.db'}"


def posts(slack: LocalSlack, text: str) -> list[str]:
    """The replies in case threads that show this."""
    return [
        reply["ts"]
        for card in slack.messages(SUPPORT)
        for reply in slack.messages(SUPPORT, card["ts"])[1:]
        if text in reply["text"]
    ]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_an_idle_bot(slack: LocalSlack, database: str, tmp_path: Path, how: signal.Signals) -> None:
    async with Command(tmp_path, environment(slack, database)) as bot:
        await until(lambda: slack.connected)
        status, seconds = await bot.stop(how)
    assert (status, seconds < 5) == (0, True)
    assert "Traceback" not in bot.output.read_text()


async def test_during_an_outage_of_slack(slack: LocalSlack, database: str, tmp_path: Path) -> None:
    async with Command(tmp_path, environment(slack, database)) as bot:
        await bot.said('"action": "connected"')
        slack.outage()
        await slack.dm(DANA, "Is anybody there?")
        await bot.said('"action": "disconnected"')
        status, seconds = await bot.stop()
        assert (status, seconds < PROMISED) == (0, True)
        slack.outage(False)
    async with Command(tmp_path, environment(slack, database)) as bot:
        await until(lambda: posts(slack, "Is anybody there?"))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_while_the_start_is_tried_again(
    slack: LocalSlack, database: str, tmp_path: Path, how: signal.Signals
) -> None:
    slack.outage()
    async with Command(tmp_path, environment(slack, database)) as bot:
        await bot.said("Slack is out of reach")
        status, seconds = await bot.stop(how)
    assert (status, seconds < 5) == (0, True)


async def test_while_slack_does_not_answer_the_first_question(
    slack: LocalSlack, database: str, tmp_path: Path
) -> None:
    slack.faults.add("auth.test", "slow:30")
    async with Command(tmp_path, environment(slack, database)) as bot:
        await bot.said("health is served")
        status, seconds = await bot.stop()
    assert (status, seconds < 5) == (0, True)


async def test_while_a_database_server_is_away(slack: LocalSlack, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection and never says a word
        url = f"postgresql://desk@127.0.0.1:{silent.getsockname()[1]}/desk"
        async with Command(tmp_path, environment(slack, url)) as bot:
            await bot.said("health is served")
            status, seconds = await bot.stop()
    assert (status, seconds < 5) == (0, True)


@pytest.mark.slow
@pytest.mark.postgresql
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_while_the_database_server_hangs(slack: LocalSlack, database_url: str, tmp_path: Path) -> None:
    port = urlsplit(database_url).port
    assert port is not None
    async with way_to(port) as way:
        url = database_url.replace(f":{port}/", f":{way.port}/")
        async with Command(tmp_path, environment(slack, url, ESCALATION_CHECK_INTERVAL="0.2")) as bot:
            await bot.said('"action": "connected"')
            way.hang()
            await until(lambda: way.held >= 4)  # casework, courier, states and escalation all wait for it
            status, seconds = await bot.stop()
    assert (status, seconds < PROMISED) == (0, True)


@pytest.mark.postgresql
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_after_the_database_server_went_away(slack: LocalSlack, database_url: str, tmp_path: Path) -> None:
    port = urlsplit(database_url).port
    assert port is not None
    async with Proxy(port) as way:
        url = database_url.replace(f":{port}/", f":{way.port}/")
        async with Command(tmp_path, environment(slack, url)) as bot:
            await bot.said('"action": "connected"')
            way.refusing = True
            way.cut()
            status, seconds = await bot.stop()
    assert (status, seconds < PROMISED) == (0, True)
    assert "Traceback" not in bot.output.read_text()


async def test_while_a_post_hangs(slack: LocalSlack, database_url: str, tmp_path: Path) -> None:
    async with Command(tmp_path, environment(slack, database_url)) as bot:
        await until(lambda: slack.connected)
        slack.faults.add("chat.postMessage", "slow:30", times=None)
        for number in range(3):
            await slack.dm(DANA, f"message {number}")
        await until(lambda: len(slack.acks()) >= 3)
        await until(lambda: len(slack.faults.pending) == 1)
        status, seconds = await bot.stop()
        assert (status, seconds < PROMISED) == (0, True)
    slack.faults.clear()
    async with Command(tmp_path, environment(slack, database_url)) as bot:
        await until(lambda: posts(slack, "message 2"), patience=30)
        assert [len(posts(slack, f"message {number}")) for number in range(3)] == [1, 1, 1]
        shown = [posts(slack, f"message {number}")[0] for number in range(3)]
        assert shown == sorted(shown)


async def test_a_second_signal_changes_nothing(slack: LocalSlack, database: str, tmp_path: Path) -> None:
    async with Command(tmp_path, environment(slack, database)) as bot:
        await until(lambda: slack.connected)
        bot._process.send_signal(signal.SIGINT)
        status, seconds = await bot.stop(signal.SIGTERM)
    assert (status, seconds < PROMISED) == (0, True)


async def test_a_part_that_loses_a_cancellation_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot_app, "CANCEL_AGAIN", 0.01)
    lost = []

    async def part() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if lost:
                    raise
                lost.append(True)

    task = asyncio.create_task(part())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await bot_app.cancelled([task])
    assert lost
    assert task.cancelled()
