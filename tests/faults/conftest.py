"""What the tests of faults share: a desk on each database, on a Slack that does not give up."""

from collections.abc import AsyncIterator

import pytest

from tests.support.desk import Desk, running_desk


@pytest.fixture
async def desk(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr("bot.sockets.PING_INTERVAL", 1.0)  # as soon it tries to connect again
    async with running_desk(database_url) as desk:
        patient(desk)
        yield desk


def patient(desk: Desk) -> None:
    """Slack sends again for as long as it takes."""
    desk.slack.ack_deadline = 0.5
    desk.slack.delayed_events, desk.slack.delayed_interval = True, 0.3
