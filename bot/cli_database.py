"""Commands that look into the database, or change it while no bot runs on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NoReturn, TypeVar

import typer
from sqlalchemy import Connection

from bot.cli_errors import database_troubles
from bot.config import load_database_url
from storage.engine import open_database
from storage.lock import sole_use

T = TypeVar("T")
NOT_THERE = 1


def read(work: Callable[[Connection], T]) -> T:
    with database_troubles("The database cannot be read."):
        return asyncio.run(_done(load_database_url(), work, write=False))


def change(work: Callable[[Connection], T]) -> T:
    """On SQLite only while no bot runs on the file: its lock says so, with the mend."""
    with database_troubles("Nothing was changed."):
        url = load_database_url()
        with sole_use(url):
            return asyncio.run(_done(url, work, write=True))


async def _done(url: str, work: Callable[[Connection], T], *, write: bool) -> T:
    database = open_database(url)
    try:
        return await (database.write(work) if write else database.read(work))
    finally:
        await database.close()


def count(found: int, what: str) -> None:
    typer.echo(f"{found} {what}." if found else f"Nothing is {what}.")


def not_there(what: str, command: str) -> NoReturn:
    typer.echo(f"{what}: `{command}` shows what there is.", err=True)
    raise typer.Exit(NOT_THERE)


def utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
