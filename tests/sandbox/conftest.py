from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.server import LocalSlack


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack() as slack:
        yield slack


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def web(slack: LocalSlack, http: aiohttp.ClientSession) -> AsyncWebClient:
    """Slack's own Web API client, with the bot's token and without retries."""
    return AsyncWebClient(slack.bot_token, slack.api_url, session=http, retry_handlers=[])
