"""Wake-ups between processes: heard by the others, and again after the connection was cut."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from storage.bell import Bell, Topic
from storage.engine import open_database
from tests.storage.kit import run
from tests.support.running import until

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.parametrize("database_kind", [pytest.param("postgresql", id="postgresql")]),
]


class Listener:
    """A process that listens, and what it heard."""

    def __init__(self, url: str, name: str) -> None:
        self.bell = Bell(url, name)
        self.heard: list[Topic] = []
        self.bell.on_ring = self.heard.append

    async def listens(self) -> None:
        """Once it does, it is told of everything, for it may have missed some."""
        await until(lambda: set(self.heard) == set(Topic) and self.bell._connection is not None)
        self.heard.clear()


@pytest.fixture
async def listeners(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Listener]]:
    monkeypatch.setattr("storage.bell.AGAIN", 0.05)
    listeners = [Listener(database_url, name) for name in ("first", "second")]
    tasks = [asyncio.create_task(one.bell.run()) for one in listeners]
    for one in listeners:
        await one.listens()
    yield listeners
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_ring_is_heard_by_the_others_alone_and_many_are_one(listeners: list[Listener]) -> None:
    first, second = listeners
    for _ in range(50):
        first.bell.ring(Topic.OUTBOX)
    await until(lambda: second.heard)
    await first.bell.tell_at_once(Topic.LEASES)
    await until(lambda: Topic.LEASES in second.heard)
    assert second.heard == [Topic.OUTBOX, Topic.LEASES]
    assert first.heard == []


async def test_a_connection_that_is_cut_is_made_anew_and_nothing_is_missed(
    listeners: list[Listener], database_url: str
) -> None:
    database = open_database(database_url)
    await run(
        database,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'casewire bell'",
    )
    await database.close()
    first, second = listeners
    await first.listens()
    await second.listens()
    second.bell.ring(Topic.HOMES)
    await until(lambda: first.heard == [Topic.HOMES])


async def test_on_sqlite_it_is_silent(database_kind: str) -> None:
    bell = Bell("sqlite:///desk.db", "only")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5):
            await bell.run()
    bell.ring(Topic.OUTBOX)
    assert bell.silent
