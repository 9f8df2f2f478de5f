"""What figures are measured on: databases as durable as in service, on the disk."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from storage.migrate import upgrade
from tests.support.postgres import PostgresCluster

KINDS = ("sqlite", "postgresql")
TITLES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
ON_DISK = "/var/tmp"  # /tmp may be memory


@dataclass
class Stage:
    """`full` asks for the large sizes. A database of `fresh` is empty and of the current schema."""

    directory: Path
    cluster: PostgresCluster
    full: bool
    template: str
    filled: dict[tuple[str, int], str] = field(default_factory=dict)

    async def fresh(self, kind: str) -> str:
        """The URL of a new database."""
        name = f"bench_{secrets.token_hex(4)}"
        if kind == "postgresql":
            return await asyncio.to_thread(self.cluster.create_database, name, self.template)
        return f"sqlite:///{shutil.copyfile(self.directory / 'template.db', self.directory / f'{name}.db')}"

    def place(self) -> Path:
        """A new directory, for a process to run in."""
        return Path(tempfile.mkdtemp(dir=self.directory))


@contextlib.contextmanager
def stage(*, full: bool) -> Iterator[Stage]:
    """Raises PostgresUnavailable where no server can be had."""
    cluster = PostgresCluster(durable=True)
    cluster.launch()
    try:
        with tempfile.TemporaryDirectory(prefix="casewire-bench-", dir=ON_DISK) as directory:
            template = Path(directory) / "template.db"
            upgrade(f"sqlite:///{template}")
            with contextlib.closing(sqlite3.connect(template)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # all of it in the one file that is copied
            cluster.join()
            upgrade(cluster.create_database("bench_template"))
            yield Stage(Path(directory), cluster, full, "bench_template")
    finally:
        cluster.stop()
