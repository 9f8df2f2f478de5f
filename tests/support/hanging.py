"""A way to a server on which everything can come to a stand, without an error and without an end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Way:
    """Passes bytes on between whoever connects to `port` and the server, until `hang`; `held` counts what waits."""

    def __init__(self) -> None:
        self.port = 0
        self.held = 0
        self._flows = asyncio.Event()
        self._flows.set()

    def hang(self) -> None:
        self._flows.clear()

    def flow(self) -> None:
        """What waits goes on."""
        self._flows.set()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                self.held += not self._flows.is_set()
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def way_to(port: int) -> AsyncIterator[Way]:
    way, passing = Way(), set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        for pair in ((reader, there_writer), (there_reader, writer)):
            passing.add(asyncio.create_task(way._pass_on(*pair)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    way.port = server.sockets[0].getsockname()[1]
    try:
        yield way
    finally:
        server.close()
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)
