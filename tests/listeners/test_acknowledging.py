"""An envelope is acknowledged only once what it brought is on disk; what nobody wants is acknowledged too."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from bot.casework.filing_rows import Channels
from bot.clock import Clock
from bot.connection import SlackConnection
from bot.listeners import register_listeners
from bot.listeners.deps import Deps
from bot.people import AdminLists, People
from bot.sandbox.people import ADA, BOT_ID, BOT_USER, DANA, SUPPORT, TEAM_ID
from bot.sandbox.server import LocalSlack
from bot.slack_clients import bolt_app, web_clients
from bot.startup import Workspace
from storage.errors import DatabaseUnavailable
from storage.inbox import NewItem
from tests.support.desk import settings_for
from tests.support.running import until


class Inbox:
    """In place of casework: keeps what comes, or does with it what a test says."""

    def __init__(self) -> None:
        self.kept: list[NewItem] = []
        self.keep: Callable[[], Awaitable[None]] = self._at_once

    async def _at_once(self) -> None:
        """No delay, no failure."""

    async def put(self, item: NewItem) -> None:
        await self.keep()
        self.kept.append(item)

    async def outcome(self, key: str, patience: float) -> None:
        await asyncio.sleep(max(0.0, patience))


class Fails:
    """Fails so many times, then keeps."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.left = error, times

    async def __call__(self) -> None:
        if self.left:
            self.left -= 1
            raise self.error


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack() as slack:
        slack.retry_schedule = (0.05, 0.1, 0.2)
        slack.ack_deadline = 0.5
        yield slack


@pytest.fixture
async def inbox(slack: LocalSlack) -> AsyncIterator[Inbox]:
    """The real app, listeners and connection, in front of an inbox of the test's."""
    inbox = Inbox()
    settings = settings_for(slack, "sqlite:///unused.db")
    async with aiohttp.ClientSession() as session:
        client, _ = web_clients(settings, session)
        workspace = Workspace(TEAM_ID, "", BOT_USER, BOT_ID, Channels(SUPPORT, SUPPORT, SUPPORT), {}, ())
        app, clock = bolt_app(workspace, client), Clock()
        people = People(client, AdminLists(frozenset({ADA})), TEAM_ID, clock.monotonic)
        nothing: Any = None
        phrase = "I'm closing this case."
        deps = Deps(inbox, nothing, people, clock, phrase, nothing, BOT_USER, "/case", nothing, nothing)  # type: ignore[arg-type]
        register_listeners(app, deps)
        connection = SlackConnection(app, slack.app_token, client, clock, local=True)
        running = asyncio.create_task(connection.run())
        await until(lambda: connection.connected)
        yield inbox
        connection.stop()
        await running


class TestMessages:
    async def test_one_that_is_kept_is_acknowledged(self, slack: LocalSlack, inbox: Inbox) -> None:
        await slack.dm(DANA, "Hello")
        await until(slack.acks)
        assert len(inbox.kept) == 1
        assert not slack.traffic.of("event_unacked")

    async def test_the_acknowledgement_waits_for_the_disk(self, slack: LocalSlack, inbox: Inbox) -> None:
        disk = asyncio.Event()
        inbox.keep = disk.wait  # type: ignore[assignment]
        slack.ack_deadline = 3.0
        await slack.dm(DANA, "Hello")
        await asyncio.sleep(0.3)
        assert slack.acks() == []
        disk.set()
        await until(slack.acks)
        assert len(inbox.kept) == 1

    @pytest.mark.parametrize("error", [DatabaseUnavailable("away"), RuntimeError("a bug"), TimeoutError()])
    async def test_one_that_is_not_kept_comes_again(
        self, slack: LocalSlack, inbox: Inbox, error: Exception
    ) -> None:
        inbox.keep = Fails(error, times=2)
        await slack.dm(DANA, "Hello")
        await until(slack.acks)
        assert len(inbox.kept) == 1
        assert len(slack.traffic.of("event_unacked")) == 2
        assert slack.sockets.lost == []

    async def test_one_that_takes_too_long_comes_again_too(self, slack: LocalSlack, inbox: Inbox) -> None:
        disk = asyncio.Event()
        inbox.keep = disk.wait  # type: ignore[assignment]
        await slack.dm(DANA, "Hello")
        await until(lambda: slack.traffic.of("event_unacked"))
        disk.set()
        await until(lambda: len(inbox.kept) > 1)
        assert len({item.key for item in inbox.kept}) == 1, "under the same key, so that one is dropped"

    async def test_events_nobody_handles_are_acknowledged(self, slack: LocalSlack, inbox: Inbox) -> None:
        await slack.react(ADA, SUPPORT, await slack.post(ADA, SUPPORT, "Lunch?"), "tada")
        await until(lambda: len(slack.acks()) >= 2)
        assert not slack.traffic.of("event_unacked")


class TestCommands:
    async def test_one_whose_outcome_is_not_known_in_time_is_said_to_be_accepted(
        self, slack: LocalSlack, inbox: Inbox
    ) -> None:
        slack.ack_deadline = 3.0
        reply = await slack.command(ADA, SUPPORT, "/case", "close CASE_001")
        assert reply.ok
        assert "accepted" in str(reply.ack).lower()
        assert len(inbox.kept) == 1

    async def test_one_that_cannot_be_kept_is_not_said_to_be(self, slack: LocalSlack, inbox: Inbox) -> None:
        slack.ack_deadline = 3.0
        inbox.keep = Fails(DatabaseUnavailable("away"), times=1)
        reply = await slack.command(ADA, SUPPORT, "/case", "close CASE_001")
        assert reply.ok
        assert "accepted" not in str(reply.ack).lower()
        assert "again" in str(reply.ack)

    async def test_nobody_who_cannot_be_looked_up_is_taken_for_anything(
        self, slack: LocalSlack, inbox: Inbox
    ) -> None:
        slack.ack_deadline = 3.0
        slack.faults.add("users.info", "500", times=None)
        reply = await slack.command(ADA, SUPPORT, "/case", "close CASE_001")
        assert reply.ok
        assert "again" in str(reply.ack)
        assert inbox.kept == []
