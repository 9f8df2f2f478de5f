"""A database that is only looked at. A SQLite file may turn out to be somebody else's: not a byte of it is
changed, and nothing is made beside it where nobody is at work on it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from .engine import postgres_engine, uncut
from .urls import driver_url

T = TypeVar("T")
BUSY_PATIENCE = 5


async def look(url: str, work: Callable[[Connection], T]) -> T:
    """What `work` finds. Raises DBAPIError or OSError where the database cannot be read."""
    parsed = driver_url(url)
    if parsed.get_backend_name() == "sqlite":
        return await uncut(_looked(_sqlite_engine(parsed), work))
    return await _looked(postgres_engine(parsed).execution_options(postgresql_readonly=True), work)


async def _looked(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def _sqlite_engine(url: URL) -> AsyncEngine:
    """https://www.sqlite.org/uri.html: a file in WAL mode, opened with mode=ro alone, gets its two companions anew
    and loses them again. Where there is no log, everything is in the file, and it is taken as it lies there.
    """
    file = Path(url.database or "").absolute()
    how = {"mode": "ro", "uri": "true"}
    if not Path(f"{file}-wal").exists() and not Path(f"{file}-journal").exists():
        how["immutable"] = "1"
    return create_async_engine(
        url.set(database=f"file:{quote(str(file))}", query=how),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"timeout": BUSY_PATIENCE},
    )
