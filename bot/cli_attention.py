"""`casewire inbox` and `casewire outbox`: what could not be processed or delivered, for an operator to decide."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer

from bot.cli_database import change, count, not_there, read, utc
from storage import attention

inbox = typer.Typer(help="Items that came in and could not be processed (quarantined).", no_args_is_help=True)
outbox = typer.Typer(help="Rows that could not be delivered (parked).", no_args_is_help=True)

Key = Annotated[str, typer.Argument(help="The item's key, as `casewire inbox list` shows it.")]
Number = Annotated[int, typer.Argument(help="The row's number, as `casewire outbox list` shows it.")]


@inbox.command("list")
def list_items() -> None:
    """List the quarantined items, the oldest first."""
    found = read(attention.quarantined)
    for item in found:
        typer.echo(f"{item.key}  {item.kind}, received {utc(item.received_at)}, tried {item.attempts} times")
        typer.echo(f"    {item.error}")
    count(len(found), "quarantined")


@inbox.command("show")
def show_item(key: Key) -> None:
    """Show a quarantined item as it came, and why it could not be processed."""
    item = read(partial(attention.find_quarantined, key=key))
    if item is None:
        not_there(f"no quarantined item has the key {key}", "casewire inbox list")
    for name in ("key", "kind", "lane", "attempts", "error"):
        typer.echo(f"{name}: {getattr(item, name)}")
    typer.echo(f"written: {utc(item.at)}")
    typer.echo(f"received: {utc(item.received_at)}")
    typer.echo(_readable(item.raw))


@inbox.command("retry")
def retry_item(key: Key) -> None:
    """Try a quarantined item again, as if it had just come."""
    if not change(partial(attention.retry_item, key=key, now=datetime.now(UTC))):
        not_there(f"no quarantined item has the key {key}", "casewire inbox list")
    typer.echo(f"{key} is tried again.")


@inbox.command("drop")
def drop_item(key: Key) -> None:
    """Leave a quarantined item unprocessed for good."""
    if not change(partial(attention.drop_item, key=key)):
        not_there(f"no quarantined item has the key {key}", "casewire inbox list")
    typer.echo(f"{key} is dropped.")


@outbox.command("list")
def list_rows() -> None:
    """List the parked rows, the oldest first."""
    found = read(attention.parked)
    for row in found:
        about = f", {row.case_id}" if row.case_id else ""
        typer.echo(f"{row.id}  {row.kind}{about}, to {row.destination}, since {utc(row.created_at)}")
        typer.echo(f"    {row.error}")
    count(len(found), "parked")


@outbox.command("retry")
def retry_row(number: Number) -> None:
    """Send a parked row after all."""
    if not change(partial(attention.retry_row, row_id=number, now=datetime.now(UTC))):
        not_there(f"no parked row has the number {number}", "casewire outbox list")
    typer.echo(f"{number} is sent again.")


@outbox.command("drop")
def drop_row(number: Number) -> None:
    """Leave a parked row undelivered for good."""
    if not change(partial(attention.drop_row, row_id=number)):
        not_there(f"no parked row has the number {number}", "casewire outbox list")
    typer.echo(f"{number} is dropped.")


def _readable(raw: bytes) -> str:
    try:
        return json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    except ValueError:
        return raw.decode(errors="replace")
