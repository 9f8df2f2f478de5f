"""Commands that look into the database, or change it while no bot runs on it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn, TypeVar

import typer
from sqlalchemy import Connection

from bot.cli_errors import database_troubles
from bot.config import load_database_url
from storage.engine import Database, open_database
from storage.errors import NoDesk
from storage.lock import sole_use
from storage.looking import look
from storage.migrate import refuse_foreign, revisions
from storage.urls import driver_url

T = TypeVar("T")
NOT_THERE = 1


def read(work: Callable[[Connection], T]) -> T:
    with database_troubles("The database cannot be read."):
        return asyncio.run(_done(desk_url(), work, write=False))


def change(work: Callable[[Connection], T]) -> T:
    """On SQLite only while no bot runs on the file: its lock says so, with the mend."""
    with database_troubles("Nothing was changed."), alone() as url:
        return asyncio.run(_done(url, work, write=True))


@contextlib.contextmanager
def alone() -> Iterator[str]:
    """The URL of the desk; on SQLite no bot runs on its file meanwhile."""
    url = desk_url()
    with sole_use(url):
        yield url


def desk_url() -> str:
    """The URL of a database with a desk in it: SQLite would make the file that a mistyped path names, and change
    another program's by opening it.
    """
    url = load_database_url()
    parsed = driver_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        raise NoDesk(
            f"there is no file {parsed.database}: run `casewire migrate`, start the bot on it, or mend the path"
        )
    if parsed.get_backend_name() == "sqlite" and not asyncio.run(look(url, _has_desk)):
        raise NoDesk("it has no desk in it yet: run `casewire migrate`, or start the bot on it")
    return url


def _has_desk(connection: Connection) -> bool:
    """Raises UnknownSchema for what another program, or a newer Casewire, made."""
    refuse_foreign(connection)
    return revisions(connection)[0] is not None


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = open_database(url)
    try:
        yield database
    finally:
        await database.close()


async def _done(url: str, work: Callable[[Connection], T], *, write: bool) -> T:
    async with opened(url) as database:
        return await (database.write(work) if write else database.read(work))


def count(found: int, what: str) -> None:
    typer.echo(f"{found} {what}." if found else f"Nothing is {what}.")


def not_there(what: str, command: str) -> NoReturn:
    typer.echo(f"{what}: `{command}` shows what there is.", err=True)
    raise typer.Exit(NOT_THERE)


def utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
