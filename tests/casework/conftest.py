"""Casework is driven directly, on real databases."""

from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from storage.engine import Database, open_database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = open_database(database_url)
    yield database
    await database.close()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Tracebacks drawn for the terminal cost more than what is tested."""
    with structlog.testing.capture_logs():
        yield
