"""`casewire block`: the email addresses whose mails are only listed."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from bot.cli_database import change, count, not_there, read, utc
from bot.mail.addresses import normal_address
from storage import mail_people

block = typer.Typer(help="Email addresses whose mails are only listed (blocked).", no_args_is_help=True)

Address = Annotated[str, typer.Argument(help="The address, as `casewire block list` shows it.")]


@block.command("list")
def list_blocked() -> None:
    """List the blocked addresses."""
    found = read(mail_people.blocked)
    for one in found:
        typer.echo(f"{one.address}  blocked by {one.blocked_by}, {utc(one.at)}")
    count(len(found), "blocked")


@block.command("remove")
def unblock(address: Address) -> None:
    """Let the mails of an address open cases again."""
    if not change(partial(mail_people.unblock, address=normal_address(address.strip()))):
        not_there(f"{address} is not blocked", "casewire block list")
    typer.echo(f"{address} is blocked no more.")
