"""When something happened: in the local Slack, and in a mailbox."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from bot.sandbox.server import LocalSlack
from tests.support.dovecot import Dovecot

PATIENCE = 30.0
EXISTS = re.compile(rb"^\* (\d+) EXISTS\r$", re.MULTILINE)


class Calls:
    """The bot's calls of one method, from when this was made: each is looked at once."""

    def __init__(self, slack: LocalSlack, method: str) -> None:
        self._slack = slack
        self._what = f"call:{method}"
        self._read = slack.traffic.total

    def new(self) -> list[dict[str, Any]]:
        """The arguments of the calls since the last look."""
        records = self._slack.traffic.since(self._read)
        self._read = self._slack.traffic.total
        return [record.detail["args"] for record in records if record.what == self._what]

    async def holds(self, words: str) -> float:
        """When a call whose text holds the words was seen."""
        async with asyncio.timeout(PATIENCE):
            while not any(words in str(call.get("text")) + str(call.get("blocks")) for call in self.new()):
                await self._slack.bell.next()
        return time.perf_counter()


class Listened:
    """A way to a mail server that notes when the server tells of mail to whoever came by it."""

    def __init__(self) -> None:
        self.port = 0
        self._exists = 0
        self._changed = asyncio.Condition()

    async def told(self, exists: int) -> float:
        """When the server has told of so many mails."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: self._exists >= exists)
            return self._at

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.wait(
                [asyncio.create_task(_carry(reader, back)), asyncio.create_task(self._listen(there, writer))],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            writer.close()
            back.close()

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            now = time.perf_counter()
            writer.write(data)
            if counts := EXISTS.findall(data):
                async with self._changed:
                    self._exists, self._at = int(counts[-1]), now
                    self._changed.notify_all()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)


@contextlib.asynccontextmanager
async def listening(dovecot: Dovecot) -> AsyncIterator[Listened]:
    """Between a desk and its mailbox."""
    listened = Listened()
    server = await asyncio.start_server(partial(listened.serve, port=dovecot.port), "127.0.0.1")
    listened.port = server.sockets[0].getsockname()[1]
    try:
        yield listened
    finally:
        server.close()
