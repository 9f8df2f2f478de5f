"""Mail is tested on real databases."""

from collections.abc import AsyncIterator

import pytest

from storage.engine import Database, open_database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = open_database(database_url)
    yield database
    await database.close()
