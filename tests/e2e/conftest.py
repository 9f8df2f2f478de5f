"""End-to-end tests ask for a running desk, on both databases."""

from collections.abc import AsyncIterator

import pytest

from tests.support.desk import Desk, running_desk


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    """The bot with settings as they come, on a local Slack."""
    async with running_desk(database_url) as desk:
        yield desk
