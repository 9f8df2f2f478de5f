"""A server that speaks just enough of PostgreSQL's protocol to refuse everybody."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator

SSL_REQUEST = struct.pack("!i", 80877103)


@contextlib.asynccontextmanager
async def refusing_postgres(sqlstate: str, message: str) -> AsyncIterator[int]:
    """The port of a server that answers each login with this error."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (size,) = struct.unpack("!i", await reader.readexactly(4))
                if await reader.readexactly(size - 4) == SSL_REQUEST:
                    writer.write(b"N")
                    continue
                fields = f"SFATAL\0VFATAL\0C{sqlstate}\0M{message}\0\0".encode()
                writer.write(b"E" + struct.pack("!i", len(fields) + 4) + fields)
                await writer.drain()
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
