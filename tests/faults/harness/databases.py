"""The databases of seeds: a fresh one each, on a server of the harness's own that may be stopped."""

import asyncio
import contextlib
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from storage.migrate import upgrade
from tests.support.postgres import PostgresCluster, PostgresServer, find_binaries


class Store(Protocol):
    """One seed's database. `port` is where its server listens, None where there is none."""

    url: str
    port: int | None

    def through(self, port: int) -> str:
        """Its URL, by way of a proxy."""

    def away(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Nobody can write to it inside."""


class Stores(Protocol):
    """Where fresh databases come from."""

    kind: str

    async def fresh(self, directory: Path) -> Store: ...


@dataclass
class SqliteFile:
    path: Path
    port: int | None = None

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def through(self, port: int) -> str:
        return self.url

    @contextlib.asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Somebody else holds the file's lock for writing."""
        with contextlib.closing(sqlite3.connect(self.path, isolation_level=None, timeout=0)) as other:
            while True:
                try:
                    other.execute("BEGIN IMMEDIATE")
                    break
                except sqlite3.OperationalError:
                    await asyncio.sleep(0.01)  # the bot is writing just now
            yield
            other.execute("ROLLBACK")


class SqliteStores:
    kind = "sqlite"

    def __init__(self, template: Path) -> None:
        self._template = template

    async def fresh(self, directory: Path) -> SqliteFile:
        return SqliteFile(Path(shutil.copyfile(self._template, directory / "casewire.db")))


@dataclass
class PostgresDatabase:
    server: PostgresServer
    url: str

    @property
    def port(self) -> int | None:
        return self.server.port

    def through(self, port: int) -> str:
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}"))

    @contextlib.asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """The server is stopped."""
        await asyncio.to_thread(self.server.stop)
        try:
            yield
        finally:
            await asyncio.to_thread(self.server.start)


class PostgresStores:
    kind = "postgresql"
    _template = "harness_template"

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._cluster = PostgresCluster()
        self._cluster.url = server.url

    def prepare(self) -> None:
        upgrade(self._cluster.create_database(self._template))

    async def fresh(self, directory: Path) -> PostgresDatabase:
        name = f"harness_{secrets.token_hex(4)}"
        url = await asyncio.to_thread(self._cluster.create_database, name, self._template)
        connection = await asyncpg.connect(url)
        # A server that does not stop in time is killed, and must keep what it has said it has.
        await connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = on')
        await connection.close()
        return PostgresDatabase(self._server, url)


@contextlib.contextmanager
def stores(kind: str) -> Iterator[Stores]:
    """Raises PostgresUnavailable where there is none to run."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="casewire-faults-") as directory:
            template = Path(directory) / "template.db"
            upgrade(f"sqlite:///{template}")
            with contextlib.closing(sqlite3.connect(template)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # all of it in the one file that is copied
            yield SqliteStores(template)
        return
    server = PostgresServer(find_binaries())
    try:
        server.initialise()
        server.start()
        postgres = PostgresStores(server)
        postgres.prepare()
        yield postgres
    finally:
        server.stop()
        server.remove()
