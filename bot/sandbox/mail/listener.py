"""What listens on loopback: it keeps its port over a stop and a start, and cuts who is connected when it stops."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

HOST = "127.0.0.1"


class Listener(ABC):
    """`port` is 0 until it has listened once."""

    def __init__(self) -> None:
        self.port = 0
        self._server: asyncio.Server | None = None

    @property
    def listening(self) -> bool:
        """Whether clients can connect."""
        return self._server is not None

    async def start(self) -> None:
        """Listen, on the same port as before if it did before."""
        if self._server is None:
            self._server = await self._listen()
            self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut every connection."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await self.drop()

    @abstractmethod
    async def drop(self) -> None:
        """Cut every connection."""

    @abstractmethod
    async def _listen(self) -> asyncio.Server:
        """Begin to listen at `HOST` and `port`."""
