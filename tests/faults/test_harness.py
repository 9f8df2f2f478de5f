"""The fault harness: some seeds of it, and that its parts see and do what they claim to."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.people import ADA, SUPPORT
from tests.faults.harness.bot_main import PATIENCES, TIMERS
from tests.faults.harness.databases import Stores, stores
from tests.faults.harness.ledger import Kind, Written
from tests.faults.harness.load import Load
from tests.faults.harness.oracle import Oracle, Wrong
from tests.faults.harness.proxy import Proxy
from tests.faults.harness.run import play
from tests.faults.harness.schedule import ANYWHERE, DOINGS, ON, schedule
from tests.support.desk import Desk, running_desk
from tests.support.postgres import PostgresUnavailable
from tests.support.stream import settled

KINDS = [
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgresql", id="postgresql", marks=pytest.mark.postgresql),
]


@pytest.fixture(scope="module", params=KINDS)
def places(request: pytest.FixtureRequest) -> Iterator[Stores]:
    try:
        with stores(request.param) as opened:
            yield opened
    except PostgresUnavailable as unavailable:
        pytest.skip(f"no PostgreSQL to test on: {unavailable}")


class TestSeeds:
    @pytest.mark.parametrize("seed", [3, 146, 176])
    async def test_nothing_is_lost_nothing_is_doubled(self, places: Stores, tmp_path: Path, seed: int) -> None:
        outcome = await play(seed, places, tmp_path)
        assert outcome.messages > 10
        assert outcome.faults >= 6
        assert [str(finding) for finding in outcome.findings] == [], outcome.befell


class TestSchedule:
    def test_a_seed_is_the_same_each_time_and_another_one_is_another(self) -> None:
        assert schedule(17, "sqlite") == schedule(17, "sqlite")
        assert schedule(17, "sqlite") != schedule(18, "sqlite")
        assert [step.dice.random() for step in schedule(17, "sqlite")] == [
            step.dice.random() for step in schedule(17, "sqlite")
        ]

    def test_every_time_follows_the_pace(self) -> None:
        slow, quick = schedule(17, "postgresql"), schedule(17, "postgresql", 0.1)
        assert [step.what for step in slow] == [step.what for step in quick]
        assert quick[-1].at == pytest.approx(slow[-1].at / 10)

    @pytest.mark.parametrize("database", ["sqlite", "postgresql"])
    def test_everything_there_is_happens_in_some_seed(self, database: str) -> None:
        happened = {step.what for seed in range(100) for step in schedule(seed, database)}
        assert happened == {*DOINGS, *ANYWHERE, *ON[database]}


class TestPace:
    def test_each_timer_that_is_scaled_is_there(self) -> None:
        import importlib

        for table in (TIMERS, PATIENCES):
            for module, names in table.items():
                assert [name for name in names if not hasattr(importlib.import_module(module), name)] == []


@contextlib.asynccontextmanager
async def echoing() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that answers what it is told with the same, and what it was told."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(100):
                heard.append(data)
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        server.close()


@pytest.fixture
async def line() -> AsyncIterator[tuple[Proxy, asyncio.StreamReader, asyncio.StreamWriter, list[bytes]]]:
    """A connection through a proxy over which something has been said already."""
    async with echoing() as (port, heard), Proxy(port) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"hello")
        assert await reader.read(100) == b"hello"
        yield proxy, reader, writer, heard
        writer.close()


Line = tuple[Proxy, asyncio.StreamReader, asyncio.StreamWriter, list[bytes]]


class TestProxy:
    async def test_it_cuts(self, line: Line) -> None:
        proxy, reader, _, _ = line
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            await reader.read(100)

    async def test_a_stalled_line_says_nothing_and_is_cut_in_the_end(self, line: Line) -> None:
        proxy, reader, writer, heard = line
        proxy.stall()
        writer.write(b"anybody?")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await reader.read(100)
        proxy.mend()
        with pytest.raises(ConnectionResetError):
            await reader.read(100)
        assert heard == [b"hello"]

    async def test_a_lost_request_never_arrives(self, line: Line) -> None:
        proxy, reader, writer, heard = line
        proxy.lose_requests(1)
        writer.write(b"lost")
        with pytest.raises(ConnectionResetError):
            await reader.read(100)
        assert heard == [b"hello"]

    async def test_a_lost_answer_is_lost_after_its_request_has_arrived(self, line: Line) -> None:
        proxy, reader, writer, heard = line
        proxy.lose_answers(1)
        writer.write(b"done?")
        with pytest.raises(ConnectionResetError):
            await reader.read(100)
        assert heard == [b"hello", b"done?"]

    async def test_who_is_refused_is_cut_off(self, line: Line) -> None:
        proxy, _, _, _ = line
        proxy.refusing = True
        reader, _ = await asyncio.open_connection("127.0.0.1", proxy.port)
        with pytest.raises(ConnectionResetError):
            await reader.read(100)


class Watched:
    """A desk on which a customer wrote, an admin answered and left a note; and what the oracle says of it."""

    def __init__(self, desk: Desk, load: Load) -> None:
        self.desk = desk
        self.load = load

    async def happens(self) -> None:
        user = self.load.ledger.customers[0]
        await self.says(Written(Kind.CUSTOMER, user, "mark0000", "", self.desk.slack.dm_channel(user)))
        await self.desk.until(lambda: self.desk.cards() and self.desk.mirrors(self.desk.cards()[0]))
        root = self.desk.cards()[0]["ts"]
        for kind, mark in ((Kind.ANSWER, "mark0001"), (Kind.NOTE, "mark0002")):
            await self.says(Written(kind, ADA, mark, "", SUPPORT, root, case_id="CASE_001"))
        await settled(self.desk)

    async def says(self, message: Written) -> None:
        self.load.ledger.written.append(message)
        message.ts = await self.desk.slack.post(message.user, message.channel, message.text, message.thread_ts)

    async def findings(self) -> list[str]:
        return [str(finding) for finding in await Oracle(self.desk, self.load.ledger).judge()]

    def posts(self, mark: str) -> list[tuple[Any, dict[str, Any]]]:
        """The bot's posts that show it, cards aside."""
        return [
            (channel, post)
            for channel in self.desk.slack.workspace.channels.values()
            for post in list(channel.messages.values())
            if post.get("bot_id") and mark in json.dumps(post) and "Case #" not in post["text"]
        ]


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    async with running_desk(f"sqlite:///{tmp_path / 'casewire.db'}") as desk:
        watched = Watched(desk, Load(desk.slack, desk))
        await watched.happens()
        yield watched


class TestOracle:
    async def test_it_is_content_with_what_is_right(self, watched: Watched) -> None:
        assert await watched.findings() == []

    @pytest.mark.parametrize("mark", ["mark0000", "mark0001"])
    async def test_a_post_that_is_missing_is_lost(self, watched: Watched, mark: str) -> None:
        ((channel, post),) = watched.posts(mark)
        watched.desk.slack.workspace.delete(channel, post["ts"])
        assert any(found.startswith(Wrong.LOST) and mark in found for found in await watched.findings())

    @pytest.mark.parametrize("mark", ["mark0000", "mark0001"])
    async def test_a_post_that_stands_there_twice_is_doubled(self, watched: Watched, mark: str) -> None:
        ((channel, post),) = watched.posts(mark)
        copied = {name: value for name, value in post.items() if name not in ("ts", "thread_ts")}
        watched.desk.slack.workspace.post(channel, copied, thread_ts=post.get("thread_ts"))
        found = await watched.findings()
        assert any(one.startswith(Wrong.DOUBLED) and mark in one for one in found)
        assert any(one.startswith(Wrong.DOUBLED) and "2 posts" in one for one in found)

    async def test_a_message_that_never_came_in_is_lost(self, watched: Watched) -> None:
        user = watched.load.ledger.customers[1]
        channel = watched.desk.slack.dm_channel(user)
        watched.load.ledger.written.append(
            Written(Kind.CUSTOMER, user, "mark0003", "", channel, ts="1700000000.000100")
        )
        (found,) = await watched.findings()
        assert found.startswith(Wrong.LOST)
        assert "not in the database" in found

    async def test_a_note_that_went_out_is_told(self, watched: Watched) -> None:
        ((channel, post),) = watched.posts("mark0001")
        watched.desk.slack.workspace.edit(channel, post["ts"], {"text": "// mark0002 v1", "blocks": None}, by=None)
        assert any("was to stay inside" in found for found in await watched.findings())

    async def test_an_edit_that_is_not_shown_is_lost(self, watched: Watched) -> None:
        watched.load.ledger.written[0].version += 1
        found = await watched.findings()
        assert len([one for one in found if "the last edit" in one]) == 2
