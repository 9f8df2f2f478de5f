"""A database that is only looked at. A SQLite file may turn out to be somebody else's: not a byte of it is
changed, and nothing is made beside it where nobody is at work on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
        return await _looked_at_rest(parsed, work)
    return await _looked(postgres_engine(parsed).execution_options(postgresql_readonly=True), work)


async def _looked_at_rest(url: URL, work: Callable[[Connection], T]) -> T:
    """Whoever begins to write meanwhile is not seen by SQLite in a file taken as it lies there: what was found in
    it, be it an error, counts only if nothing has changed.
    """
    file = Path(url.database or "").absolute()
    while True:
        before = _state(file)
        engine = _sqlite_engine(url, file, at_rest=not before.has_log)
        try:
            found = await uncut(_looked(engine, work))
        except Exception:
            if before.has_log or _state(file) == before:
                raise
        else:
            if before.has_log or _state(file) == before:
                return found


@dataclass(frozen=True, slots=True)
class _State:
    has_log: bool
    size: int
    changed_at: int


def _state(file: Path) -> _State:
    """Raises OSError where there is no file."""
    has_log = Path(f"{file}-wal").exists() or Path(f"{file}-journal").exists()
    status = file.stat()
    return _State(has_log, status.st_size, status.st_mtime_ns)


async def _looked(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def _sqlite_engine(url: URL, file: Path, *, at_rest: bool) -> AsyncEngine:
    """https://www.sqlite.org/uri.html: a file in WAL mode, opened with mode=ro alone, gets its two companions anew
    and loses them again. Where there is no log, everything is in the file, and it is taken as it lies there.
    """
    how = {"mode": "ro", "uri": "true"} | ({"immutable": "1"} if at_rest else {})
    return create_async_engine(
        url.set(database=f"file:{quote(str(file))}", query=how),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"timeout": BUSY_PATIENCE},
    )
