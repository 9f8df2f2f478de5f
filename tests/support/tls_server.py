"""A server whose certificate somebody else must vouch for: it notes who lets it pass, and what they say then."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

# What PostgreSQL's clients ask first: https://www.postgresql.org/docs/current/protocol-message-formats.html
SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


@dataclass
class TlsServer:
    context: ssl.SSLContext
    as_postgres: bool = False
    port: int = 0
    refused: int = 0
    heard: list[bytes] = field(default_factory=list)
    met: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.as_postgres:
                assert await reader.readexactly(8) == SSL_REQUEST
                writer.write(b"S")
            await writer.start_tls(self.context)
            self.heard.append(await reader.read(65536))
        except (ssl.SSLError, OSError):
            self.refused += 1
        finally:
            self.met.set()
            writer.transport.abort()


@contextlib.asynccontextmanager
async def tls_server(context: ssl.SSLContext, *, as_postgres: bool = False) -> AsyncIterator[TlsServer]:
    """On localhost, by that name and by its address."""
    server = TlsServer(context, as_postgres)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await listening.wait_closed()
