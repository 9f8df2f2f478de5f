"""`/health` in its words, and `/cases` for this machine alone."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from bot import __version__
from bot.ops.access import from_this_machine
from bot.ops.health import HealthServer
from bot.sandbox.people import DANA
from bot.sandbox.server import LocalSlack
from tests.support.desk import running_desk
from tests.support.running import get, health, starting, until

WELL = {"database": "connected", "email_listener": "disabled", "scheduler": "running", "slack": "connected"}


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack() as slack:
        slack.retry_schedule = (0.05, 0.2, 0.5)
        yield slack


class TestHealth:
    async def test_a_bot_that_runs_is_healthy(self, database_url: str) -> None:
        async with running_desk(database_url) as desk:
            await until(lambda: desk.bot.services.words() == WELL)
            status, body = await health(desk.bot)
            (process,) = body.pop("processes")
            assert (status, body) == (200, {"status": "healthy", "services": WELL})
            assert (process["version"], process["sockets"], process["connected"]) == (__version__, 2, True)

    @pytest.mark.parametrize("word", ["disconnected", "stopped"])
    @pytest.mark.parametrize("service", sorted(WELL))
    async def test_one_that_should_run_and_does_not_makes_it_503(self, service: str, word: str) -> None:
        assert await answer(WELL | {service: word}) == 503

    @pytest.mark.parametrize("word", ["connected", "running", "standby", "disabled"])
    async def test_one_that_stands_by_or_is_off_does_not(self, word: str) -> None:
        assert await answer(WELL | {"email_listener": word}) == 200

    async def test_a_token_that_is_revoked_shows(self, slack: LocalSlack, tmp_path: Any) -> None:
        async with starting(slack, f"sqlite:///{tmp_path}/desk.db") as bot:
            await until(lambda: bot.services.words() == WELL)
            slack.faults.add("chat.postMessage", "error:token_revoked", times=None)
            await slack.dm(DANA, "Hello?")
            await until(lambda: bot.services.words()["slack"] == "disconnected")
            assert (await health(bot))[0] == 503

    async def test_a_token_that_is_revoked_shows_though_nothing_is_to_be_sent(
        self, slack: LocalSlack, tmp_path: Any
    ) -> None:
        async with starting(slack, f"sqlite:///{tmp_path}/desk.db") as bot:
            await until(lambda: bot.services.words() == WELL)
            slack.faults.add("users.info", "error:token_revoked", times=None)
            await slack.dm(DANA, "Hello?")
            await until(lambda: bot.services.words()["slack"] == "disconnected")
            slack.faults.clear()
            await until(lambda: bot.services.words() == WELL)


async def answer(services: dict[str, str]) -> int:
    server = HealthServer("127.0.0.1", 0, lambda: services)
    port = await server.start()
    try:
        status, body = await get(f"http://127.0.0.1:{port}/health")
    finally:
        await server.stop()
    assert body["services"] == services
    assert (body["status"] == "healthy") is (status == 200)
    return status


class TestCases:
    async def test_are_shown_with_debug(self, database_url: str) -> None:
        async with running_desk(database_url, debug=True) as desk:
            await desk.opened(DANA, "This is urgent")
            await desk.until(desk.alerts)
            status, cases = await get(f"http://127.0.0.1:{desk.bot.port}/cases")
        assert (status, cases) == (
            200,
            [
                {
                    "case_id": "CASE_001",
                    "customer_identifier": DANA,
                    "status": "open",
                    "message_count": 1,
                    "escalated": True,
                }
            ],
        )

    async def test_are_not_there_without_it(self, slack: LocalSlack, tmp_path: Any) -> None:
        async with starting(slack, f"sqlite:///{tmp_path}/desk.db") as bot:
            await until(lambda: bot.services.words() == WELL)
            assert (await get(f"http://127.0.0.1:{bot.port}/cases"))[0] == 404

    @pytest.mark.parametrize(
        "headers",
        [
            {"Host": "desk.example.com"},
            {"X-Forwarded-For": "203.0.113.9"},
            {"Forwarded": "for=203.0.113.9"},
            {"Origin": "https://evil.example"},
        ],
    )
    async def test_are_not_shown_through_a_proxy_or_to_a_web_page(
        self, slack: LocalSlack, tmp_path: Any, headers: dict[str, str]
    ) -> None:
        async with starting(slack, f"sqlite:///{tmp_path}/desk.db", debug=True) as bot:
            await until(lambda: bot.services.words() == WELL)
            assert (await get(f"http://127.0.0.1:{bot.port}/cases"))[0] == 200
            assert (await get(f"http://127.0.0.1:{bot.port}/cases", **headers))[0] == 404

    @pytest.mark.parametrize(
        ("peer", "allowed"),
        [
            ("127.0.0.1", True),
            ("::1", True),
            ("::ffff:127.0.0.1", True),
            ("192.168.1.7", False),
            ("::ffff:10.0.0.1", False),
        ],
    )
    async def test_are_shown_to_this_machine_alone(self, peer: str, allowed: bool) -> None:
        transport = asyncio.Transport(extra={"peername": (peer, 1234)})
        request = make_mocked_request("GET", "/cases", {"Host": "localhost:8000"}, transport=transport)
        assert from_this_machine(request) is allowed
