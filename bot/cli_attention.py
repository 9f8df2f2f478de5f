"""`casewire inbox` and `casewire outbox`: what could not be processed or delivered, for an operator to decide."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, NoReturn, TypeVar

import typer
from sqlalchemy import Connection

from bot.cli_errors import database_troubles
from bot.config import load_database_url
from storage import attention
from storage.engine import open_database
from storage.lock import sole_use

T = TypeVar("T")

inbox = typer.Typer(help="Items that came in and could not be processed (quarantined).", no_args_is_help=True)
outbox = typer.Typer(help="Rows that could not be delivered (parked).", no_args_is_help=True)

Key = Annotated[str, typer.Argument(help="The item's key, as `casewire inbox list` shows it.")]
Number = Annotated[int, typer.Argument(help="The row's number, as `casewire outbox list` shows it.")]
NOT_THERE = 1


@inbox.command("list")
def list_items() -> None:
    """List the quarantined items, the oldest first."""
    found = _read(attention.quarantined)
    for item in found:
        typer.echo(f"{item.key}  {item.kind}, received {_utc(item.received_at)}, tried {item.attempts} times")
        typer.echo(f"    {item.error}")
    _count(len(found), "quarantined")


@inbox.command("show")
def show_item(key: Key) -> None:
    """Show a quarantined item as it came, and why it could not be processed."""
    item = _read(partial(attention.find_quarantined, key=key))
    if item is None:
        _not_there(f"no quarantined item has the key {key}", "casewire inbox list")
    for name in ("key", "kind", "lane", "attempts", "error"):
        typer.echo(f"{name}: {getattr(item, name)}")
    typer.echo(f"written: {_utc(item.at)}")
    typer.echo(f"received: {_utc(item.received_at)}")
    typer.echo(_readable(item.raw))


@inbox.command("retry")
def retry_item(key: Key) -> None:
    """Try a quarantined item again, as if it had just come."""
    if not _write(partial(attention.retry_item, key=key, now=datetime.now(UTC))):
        _not_there(f"no quarantined item has the key {key}", "casewire inbox list")
    typer.echo(f"{key} is tried again.")


@inbox.command("drop")
def drop_item(key: Key) -> None:
    """Leave a quarantined item unprocessed for good."""
    if not _write(partial(attention.drop_item, key=key)):
        _not_there(f"no quarantined item has the key {key}", "casewire inbox list")
    typer.echo(f"{key} is dropped.")


@outbox.command("list")
def list_rows() -> None:
    """List the parked rows, the oldest first."""
    found = _read(attention.parked)
    for row in found:
        about = f", {row.case_id}" if row.case_id else ""
        typer.echo(f"{row.id}  {row.kind}{about}, to {row.destination}, since {_utc(row.created_at)}")
        typer.echo(f"    {row.error}")
    _count(len(found), "parked")


@outbox.command("retry")
def retry_row(number: Number) -> None:
    """Send a parked row after all."""
    if not _write(partial(attention.retry_row, row_id=number, now=datetime.now(UTC))):
        _not_there(f"no parked row has the number {number}", "casewire outbox list")
    typer.echo(f"{number} is sent again.")


@outbox.command("drop")
def drop_row(number: Number) -> None:
    """Leave a parked row undelivered for good."""
    if not _write(partial(attention.drop_row, row_id=number)):
        _not_there(f"no parked row has the number {number}", "casewire outbox list")
    typer.echo(f"{number} is dropped.")


def _read(work: Callable[[Connection], T]) -> T:
    with database_troubles("The database cannot be read."):
        return asyncio.run(_done(load_database_url(), work, write=False))


def _write(work: Callable[[Connection], T]) -> T:
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


def _count(found: int, what: str) -> None:
    typer.echo(f"{found} {what}." if found else f"Nothing is {what}.")


def _not_there(what: str, command: str) -> NoReturn:
    typer.echo(f"{what}: `{command}` shows what there is.", err=True)
    raise typer.Exit(NOT_THERE)


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _readable(raw: bytes) -> str:
    try:
        return json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    except ValueError:
        return raw.decode(errors="replace")
