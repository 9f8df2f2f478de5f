"""Tests of the page ask for a browser, a sandbox, and people in front of it. One loop serves them all."""

import os
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
import structlog
from playwright.async_api import async_playwright
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.server import LocalSlack
from tests.page.apps import App
from tests.page.browser import FLAGS, Office, Profiles, logs_to, system_browser
from tests.sandbox.sockets import connected
from tests.support.desk import Desk, running_desk
from tests.support.posts import live_markup, refused_calls

NO_BROWSER = "NO BROWSER: the sandbox page is not tested. Install Chromium (Debian: apt install chromium)."


@pytest.fixture(scope="session")
def browser_path() -> str:
    """With FULL=1 a missing browser is a failure."""
    path = system_browser()
    if path is None and os.environ.get("FULL") == "1":
        pytest.fail(NO_BROWSER, pytrace=False)
    if path is None:
        pytest.skip(NO_BROWSER)
    return path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def profiles(browser_path: str) -> AsyncIterator[Profiles]:
    async with async_playwright() as playwright, LocalSlack() as slack:
        browser = await playwright.chromium.launch(executable_path=browser_path, args=list(FLAGS))
        yield Profiles(browser, f"{slack.url}/page/icon.svg")
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def office(profiles: Profiles) -> AsyncIterator[Office]:
    """Nobody's console may complain."""
    office = Office(profiles)
    yield office
    assert await office.close() == []


@pytest_asyncio.fixture(loop_scope="session")
async def slack() -> AsyncIterator[LocalSlack]:
    """A local Slack without a bot."""
    async with LocalSlack() as slack:
        yield slack


@pytest_asyncio.fixture(loop_scope="session")
async def app(slack: LocalSlack) -> AsyncIterator[App]:
    """An app in a test's hands, in the bot's place."""
    async with aiohttp.ClientSession() as http, connected(slack, http) as socket:
        yield App(AsyncWebClient(slack.bot_token, slack.api_url, session=http, retry_handlers=[]), socket)


@pytest.fixture
def database_kind() -> str:
    """What the page shows does not depend on the database."""
    return "sqlite"


@pytest_asyncio.fixture(loop_scope="session")
async def desk(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """The bot as it is on a local Slack, its log handed to the page. What it posted must have been sound."""
    configured = structlog.get_config()
    try:
        monkeypatch.setattr("bot.sockets.PING_INTERVAL", 0.5)  # as soon it tries to connect again
        async with running_desk(database_url) as desk:
            structlog.configure(processors=[logs_to(desk.slack)])
            yield desk
            assert not refused_calls(desk.slack)
            assert not live_markup(desk.slack)
    finally:
        structlog.configure(**configured)
