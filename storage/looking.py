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
        return await uncut(_look_into_file(parsed, work))
    return await _looked(postgres_engine(parsed).execution_options(postgresql_readonly=True), work)


async def _look_into_file(url: URL, work: Callable[[Connection], T]) -> T:
    """https://www.sqlite.org/uri.html: a file in WAL mode, opened with mode=ro alone, gets its two companions anew
    and loses them again. Where there is no log, everything is in the file, and it is taken as it lies there. When
    somebody came to work on it meanwhile, it is looked at anew: half of what was found may be of another state.
    """
    file = _file_of(url)
    before = _at_rest(file)
    if before is not None:
        try:
            found = await _looked(_sqlite_engine(url, file, mode="ro", immutable="1"), work)
        except Exception:
            if _at_rest(file) == before:
                raise
        else:
            if _at_rest(file) == before:
                return found
    return await _looked(_sqlite_engine(url, file, mode="ro"), work)


def _file_of(url: URL) -> Path:
    return Path(url.database or "").absolute()


def _at_rest(file: Path) -> tuple[int, int] | None:
    """What changes when somebody writes; None while somebody is at work."""
    if Path(f"{file}-wal").exists() or Path(f"{file}-journal").exists():
        return None
    state = file.stat()
    return state.st_mtime_ns, state.st_size


async def _looked(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
    try:
        async with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                await connection.exec_driver_sql("BEGIN")  # one state of it for all questions
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def _sqlite_engine(url: URL, file: Path, **how: str) -> AsyncEngine:
    return create_async_engine(
        url.set(database=f"file:{quote(str(file))}", query=how | {"uri": "true"}),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"timeout": BUSY_PATIENCE},
    )
