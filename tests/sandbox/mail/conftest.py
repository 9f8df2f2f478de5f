from collections.abc import AsyncIterator

import pytest

from bot.sandbox.mail.server import MailServer


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    async with MailServer() as mail:
        yield mail
