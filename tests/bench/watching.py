"""When something happened: in the local Slack, and in a mailbox."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

from bot.sandbox.server import LocalSlack
from tests.support.dovecot import PASSWORD, USER, Dovecot

PATIENCE = 30.0


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


class Mailbox:
    """A second client at the mailbox, which only waits in IDLE: when the server pushes."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def pushed(self, exists: int) -> float:
        """When the server has told of so many mails."""
        async with asyncio.timeout(PATIENCE):
            while True:
                words = (await self._reader.readline()).split()
                if words[2:3] == [b"EXISTS"] and int(words[1]) >= exists:
                    return time.perf_counter()


@contextlib.asynccontextmanager
async def idling(dovecot: Dovecot) -> AsyncIterator[Mailbox]:
    reader, writer = await asyncio.open_connection("127.0.0.1", dovecot.port)
    try:
        for number, command in enumerate((f"LOGIN {USER} {PASSWORD}", "SELECT INBOX")):
            writer.write(f"a{number} {command}\r\n".encode())
            while not (await reader.readline()).startswith(f"a{number} OK".encode()):
                pass
        writer.write(b"a9 IDLE\r\n")
        while not (await reader.readline()).startswith(b"+"):
            pass
        yield Mailbox(reader)
    finally:
        writer.close()
