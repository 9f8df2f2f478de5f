"""End-to-end tests ask for a running desk, on both databases."""

from collections.abc import AsyncIterator

import pytest

from tests.support.desk import Desk, running_desk
from tests.support.posts import live_markup, refused_calls


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    """The bot with settings as they come, on a local Slack. Whatever it posted must have been sound."""
    async with running_desk(database_url) as desk:
        yield desk
        assert not refused_calls(desk.slack)
        assert not live_markup(desk.slack)
