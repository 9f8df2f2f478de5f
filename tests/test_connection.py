"""The Socket Mode connection: what breaks it is noticed, shown in the health, and mended by itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler

from bot.app import Bot
from bot.sandbox.people import ALERTS, DANA, SUPPORT
from bot.sandbox.server import LocalSlack
from bot.timing import Timing
from tests.support.running import health, starting, until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.sockets.PING_INTERVAL", 0.5)
    monkeypatch.setattr("bot.sockets.WATCH_INTERVAL", 0.02)


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack() as slack:
        slack.retry_schedule = (0.1, 0.5, 1.0, 1.0, 1.0)
        slack.ack_deadline = 1.0
        yield slack


@pytest.fixture
async def bot(slack: LocalSlack, tmp_path: Path) -> AsyncIterator[Bot]:
    async with starting(slack, f"sqlite:///{tmp_path}/desk.db") as bot:
        await until(lambda: bot.services.words()["slack"] == "connected")
        yield bot


async def lost_and_found(slack: LocalSlack, bot: Bot) -> None:
    """Health says that the connection is gone, then that it is back; and messages come through again."""
    await until(lambda: bot.services.words()["slack"] == "connected")
    await slack.dm(DANA, "Are you back?")
    await until(lambda: any("Are you back?" in post["text"] for post in slack.messages(SUPPORT)))


async def test_a_socket_that_is_cut(slack: LocalSlack, bot: Bot) -> None:
    await slack.drop_sockets()
    await until(lambda: bot.services.words()["slack"] == "disconnected")
    assert (await health(bot))[0] == 503
    await lost_and_found(slack, bot)


async def test_an_outage(slack: LocalSlack, bot: Bot) -> None:
    slack.outage()
    await until(lambda: bot.services.words()["slack"] == "disconnected")
    await slack.dm(DANA, "Anybody there?")
    slack.outage(False)
    await lost_and_found(slack, bot)
    await until(lambda: any("Anybody there?" in post["text"] for post in slack.messages(SUPPORT)))


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_slack_asking_to_connect_anew(slack: LocalSlack, bot: Bot, reason: str) -> None:
    await slack.disconnect(reason, grace=0.2)
    await lost_and_found(slack, bot)


async def test_socket_mode_switched_off_and_on_again(
    slack: LocalSlack, bot: Bot, capsys: pytest.CaptureFixture[str]
) -> None:
    await slack.disconnect("link_disabled", grace=0.2)
    await until(lambda: bot.services.words()["slack"] == "disconnected")
    assert "Socket Mode was switched off" in capsys.readouterr().out
    await until(lambda: told(slack, "Socket Mode was switched off"))
    slack.socket_mode = True
    await lost_and_found(slack, bot)


async def test_an_address_whose_ticket_has_expired(
    slack: LocalSlack, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client keeps to an address once issued: without our help it would try the dead one for ever."""
    monkeypatch.setattr("bot.sockets.FRESH_ADDRESS_AFTER", 0.5)
    slack.sockets.ticket_lifetime = 0.2
    slack.sockets.refusing = True  # the Web API answers all the while
    await slack.drop_sockets()
    await until(lambda: bot.services.words()["slack"] == "disconnected")
    await asyncio.sleep(1.5)
    slack.sockets.refusing = False
    await lost_and_found(slack, bot)


async def test_a_client_that_does_not_heal_is_made_anew(
    slack: LocalSlack, bot: Bot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bot.sockets.REBUILD_AFTER", 0.5)
    slack.outage()
    await until(lambda: "made anew" in capsys.readouterr().out)
    slack.outage(False)
    await lost_and_found(slack, bot)


async def test_a_client_whose_closing_hangs_is_let_go_and_connects_no_more(
    slack: LocalSlack, bot: Bot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bot that the fixture stops must end in time, too."""

    async def hang(_handler: AsyncSocketModeHandler) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("bot.sockets.REBUILD_AFTER", 0.5)
    monkeypatch.setattr("bot.sockets.CLOSE_TIMEOUT", 0.2)
    monkeypatch.setattr(AsyncSocketModeHandler, "close_async", hang)
    slack.outage()
    await until(lambda: "it is let go" in capsys.readouterr().out)
    slack.outage(False)
    await lost_and_found(slack, bot)
    assert len(slack.sockets.connections) == 1


class Swallower:
    """A way to Slack that can go silent: connections stay open, and nothing comes through any more."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._open: list[asyncio.StreamWriter] = []
        self.silent = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._open += [writer, back]
        silent = self.silent
        await asyncio.gather(self._copy(reader, back, silent), self._copy(there, writer, silent))

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, silent: asyncio.Event
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if not silent.is_set():
                    writer.write(data)
            writer.close()

    def swallow(self) -> None:
        """From now on, for the connections that are open; new ones work."""
        self.silent.set()
        self.silent = asyncio.Event()


async def test_a_connection_that_is_open_and_dead(slack: LocalSlack, tmp_path: Path) -> None:
    async with Swallower(slack.port) as way:
        slack.api.base_url = f"http://127.0.0.1:{way.port}"  # where sockets are to connect to
        async with starting(slack, f"sqlite:///{tmp_path}/desk.db") as bot:
            await until(lambda: bot.services.words()["slack"] == "connected")
            way.swallow()
            await slack.dm(DANA, "Swallowed")
            await until(lambda: bot.services.words()["slack"] == "disconnected")
            await lost_and_found(slack, bot)
            await until(lambda: any("Swallowed" in post["text"] for post in slack.messages(SUPPORT)))


class TestSeveralSockets:
    @pytest.fixture
    async def bot(self, slack: LocalSlack, tmp_path: Path) -> AsyncIterator[Bot]:
        timing = Timing(catch_up=0.1, stagger=0.2)
        async with starting(slack, f"sqlite:///{tmp_path}/desk.db", timing) as bot:
            await until(lambda: len(slack.sockets.connections) == 2)
            yield bot

    async def test_while_one_is_renewed_the_other_takes_what_comes(self, slack: LocalSlack, bot: Bot) -> None:
        slack.sockets.connections[0].cut()
        await until(lambda: len(slack.sockets.connections) == 1)
        assert bot.services.words()["slack"] == "connected"
        await slack.dm(DANA, "In the gap")
        await until(lambda: any("In the gap" in post["text"] for post in slack.messages(SUPPORT)))
        assert not slack.traffic.of("event_unacked")
        await until(lambda: len(slack.sockets.connections) == 2)

    async def test_connections_that_are_not_ours_are_told_of(self, slack: LocalSlack, bot: Bot) -> None:
        async with aiohttp.ClientSession() as session:
            ticket = slack.sockets.mint_ticket()
            async with session.ws_connect(f"{slack.url}/link/?ticket={ticket}"):
                slack.sockets.connections[0].cut()
                await until(lambda: told(slack, "3 connections of this app, and only 2"))

    async def test_its_own_are_not(self, slack: LocalSlack, bot: Bot) -> None:
        for _ in range(3):
            slack.sockets.connections[0].cut()
            await until(lambda: len(slack.sockets.connections) == 1)
            await until(lambda: len(slack.sockets.connections) == 2)
        assert not told(slack, "connections of this app")


def told(slack: LocalSlack, words: str) -> list[str]:
    """What the alerting channel was told of that."""
    return [post["text"] for post in slack.messages(ALERTS) if words in post["text"]]


async def test_a_refused_app_token_is_told_of_while_the_web_api_answers(slack: LocalSlack, bot: Bot) -> None:
    slack.faults.add("apps.connections.open", "error:token_revoked", times=None)
    await slack.drop_sockets()
    await until(lambda: told(slack, "Slack refuses SLACK_APP_TOKEN (token_revoked)"))
    assert bot.services.words()["slack"] == "disconnected"
    slack.faults.pending.clear()
    await lost_and_found(slack, bot)
    assert len(told(slack, "SLACK_APP_TOKEN")) == 1


async def test_too_many_connections_are_told_of(slack: LocalSlack, bot: Bot) -> None:
    async with aiohttp.ClientSession() as session:
        others = []
        for _ in range(9):
            ticket = slack.sockets.mint_ticket()
            others.append(await session.ws_connect(f"{slack.url}/link/?ticket={ticket}"))
        slack.sockets.connections[0].cut()
        ticket = slack.sockets.mint_ticket()
        others.append(await session.ws_connect(f"{slack.url}/link/?ticket={ticket}"))
        await until(lambda: told(slack, "Slack allows ten connections"))
        for other in others:
            await other.close()
    await lost_and_found(slack, bot)


async def test_a_process_without_sockets_is_well_without_them(slack: LocalSlack, tmp_path: Path) -> None:
    async with starting(slack, f"sqlite:///{tmp_path}/desk.db", Timing(catch_up=0.1), slack_sockets=0) as bot:
        await until(lambda: bot.services.words()["scheduler"] == "running")
        assert bot.services.words()["slack"] == "standby"
        assert slack.sockets.connections == []
