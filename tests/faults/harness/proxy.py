"""A TCP proxy between two parts of the desk, which does to their connections what a network does."""

import asyncio
import contextlib
import random
import socket
import struct
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

CHUNK = 65536


@dataclass(eq=False)
class Line:
    """One connection: what its client says goes to `server`, what its server says to `client`."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    answer_is_lost: bool = False

    def cut(self) -> None:
        """Both sides see a reset; what was held is gone."""
        for writer in (self.client, self.server):
            _reset(writer)


class Proxy:
    """Listens on `port` and passes everything on to the port it was made for; an async context manager.

    A stalled line is half open: both sides take it for alive, and nothing passes. It is cut in the end, so that
    what was held can never arrive after its sender has given up.
    """

    def __init__(self, towards: int) -> None:
        self.port = 0
        self.delay = 0.0
        self.refusing = False
        self._towards = towards
        self._requests_to_lose = 0
        self._answers_to_lose = 0
        self._stalling = False
        self._lines: set[Line] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    # what goes wrong

    def cut(self, dice: random.Random | None = None) -> None:
        """Cut every line; with dice about half of them, at least one."""
        for line in self._some(dice):
            line.cut()

    def stall(self, dice: random.Random | None = None) -> None:
        """Nothing passes any more on every line there is and will be; with dice, on half of those there are."""
        for line in self._some(dice):
            line.flowing.clear()
        self._stalling = dice is None

    def lose_requests(self, count: int) -> None:
        """Cut the line in place of passing on what a client says next, so many times."""
        self._requests_to_lose = count

    def lose_answers(self, count: int) -> None:
        """Pass on what a client says next, and cut the line in place of the answer, so many times."""
        self._answers_to_lose = count

    def mend(self) -> None:
        """Everything passes again; what was stalled is cut."""
        self.delay, self.refusing, self._stalling = 0.0, False, False
        self._requests_to_lose = self._answers_to_lose = 0
        for line in list(self._lines):
            line.answer_is_lost = False
            if not line.flowing.is_set():
                line.cut()

    def _some(self, dice: random.Random | None) -> list[Line]:
        lines = list(self._lines)
        return dice.sample(lines, (len(lines) + 1) // 2) if dice is not None else lines

    # what passes

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.refusing:
                raise ConnectionRefusedError
            there, to_server = await asyncio.open_connection("127.0.0.1", self._towards)
        except OSError:
            _reset(writer)
            return
        line = Line(writer, to_server)
        if not self._stalling:
            line.flowing.set()
        self._lines.add(line)
        for source, target, asks in ((reader, to_server, True), (there, writer, False)):
            task = asyncio.create_task(self._pass_on(line, source, target, asks=asks))
            self._passing.add(task)
            task.add_done_callback(self._passing.discard)

    async def _pass_on(
        self, line: Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, asks: bool
    ) -> None:
        try:
            while data := await reader.read(CHUNK):
                if self._is_lost(line, asks=asks):
                    line.cut()
                    return
                if self.delay:
                    await asyncio.sleep(self.delay)
                await line.flowing.wait()
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            line.cut()
        finally:
            with contextlib.suppress(ConnectionError):
                writer.close()
            self._lines.discard(line)

    def _is_lost(self, line: Line, *, asks: bool) -> bool:
        if not asks:
            return line.answer_is_lost
        if self._requests_to_lose:
            self._requests_to_lose -= 1
            return True
        if self._answers_to_lose and not line.answer_is_lost:
            self._answers_to_lose -= 1
            line.answer_is_lost = True
        return False


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset in place of the polite end that asyncio would send."""
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
