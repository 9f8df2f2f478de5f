"""A file is never whole in memory, neither on its way in nor on its way out."""

import gc
import hashlib
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.blocks.post import Post
from bot.clock import Clock
from bot.courier.files import FileRows
from bot.courier.pacing import Pacing
from bot.courier.render import Words
from bot.courier.slack import Share, Upload
from bot.courier.transfer import FileTransfer
from bot.views import Views
from storage import outbox
from storage.engine import Database, open_database
from tests.casework.kit import dm, happen, opened

SIZE = 20 * 1024 * 1024
BLOCK = bytes(range(256)) * 256
MOST = 4 * 1024 * 1024


class OneFile:
    """A server that makes a file up while it is fetched, and only counts what is uploaded."""

    def __init__(self) -> None:
        self.got = hashlib.sha256()
        self.length = 0
        self.completed: list[tuple[Any, ...]] = []
        self.url = ""

    async def give(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "video/mp4"})
        answer.content_length = SIZE
        await answer.prepare(request)
        for _ in range(SIZE // len(BLOCK)):
            await answer.write(BLOCK)
        return answer

    async def take(self, request: web.Request) -> web.Response:
        async for piece in request.content.iter_chunked(64 * 1024):
            self.got.update(piece)
            self.length += len(piece)
        return web.Response(text="OK")

    # What the courier asks of Slack

    async def begin_upload(self, _name: str, size: int) -> Upload:
        assert size == SIZE
        return Upload(f"{self.url}upload", "F1COPY")

    async def complete_upload(self, *given: Any) -> None:
        self.completed.append(given)

    async def shared(self, _file_id: str, _channel: str) -> Share | None:
        return Share("7.0")

    async def post(self, *_: Any, **__: Post) -> str:
        raise AssertionError("no words are sent here")


@pytest.fixture
async def server() -> AsyncIterator[OneFile]:
    file = OneFile()
    app = web.Application(client_max_size=2 * SIZE)
    app.router.add_get("/film.mp4", file.give)
    app.router.add_post("/upload", file.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    file.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield file
    await runner.cleanup()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = open_database(database_url)
    yield database
    await database.close()


@pytest.mark.slow
async def test_twenty_megabytes_pass_through_a_few(database: Database, server: OneFile) -> None:
    await opened(database)
    told = {
        "id": "F1",
        "name": "film.mp4",
        "mimetype": "video/mp4",
        "size": SIZE,
        "url_private_download": f"{server.url}film.mp4",
    }
    await happen(database, dm(5, "Look", subtype="file_share", files=[told]))

    def the_row(connection: Any) -> outbox.OutboxRow:
        connection.exec_driver_sql("UPDATE outbox SET state = 'sent' WHERE kind <> 'file'")
        turn = outbox.next_turn(connection, "files:CSUP", Clock().now())
        assert turn is not None
        assert turn.row is not None
        return turn.row

    row = await database.write(the_row)
    async with aiohttp.ClientSession() as session:
        rows = FileRows(
            database,
            server,  # type: ignore[arg-type]
            FileTransfer(session, "xoxb-secret", server.url),
            Pacing(1000, Clock.monotonic),
            Words("CSUP", "", "", "", Views(""), reserved_names=tuple, file_max_bytes=SIZE),
            Clock(),
            SIZE,
        )
        gc.collect()
        tracemalloc.start()
        try:
            await rows.send(row, "CSUP")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert peak < MOST, f"{peak / 1024 / 1024:.1f} MB were held at once"
    assert server.length == SIZE
    assert server.got.hexdigest() == hashlib.sha256(BLOCK * (SIZE // len(BLOCK))).hexdigest()
    (completed,) = server.completed
    assert completed[:4] == ("F1COPY", "film.mp4", "CSUP", "001.000001")
    sizes = await database.read(
        lambda c: list(c.exec_driver_sql("SELECT length(data) FROM attachment_chunks").scalars())
    )
    assert sizes == [256 * 1024] * (SIZE // (256 * 1024))
