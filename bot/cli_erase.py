"""`casewire erase`: a customer's words and names are taken out of the desk, for good."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from bot.cli_database import NOT_THERE, alone, opened
from bot.cli_errors import database_troubles
from bot.mail.addresses import normal_address
from storage.erase import LivesOn
from storage.erase_person import Person, erase_person, find_person

INTERRUPTED = 130
NAMED = 10


def erase(
    customer: Annotated[str, typer.Argument(help="Whose: an email address, or a Slack member id (U0123456789).")],
    delete_posts: Annotated[
        bool,
        typer.Option("--delete-posts", help="Have the bot delete its own posts and files about them in Slack."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase all that a customer wrote, and who it was. Counts stay; it cannot be undone."""
    identifier = _identifier(customer)
    with database_troubles("It is not all erased: begin again once this is mended."), alone() as url:
        try:
            asyncio.run(_erase(url, identifier, delete_posts=delete_posts, sure=yes))
        except KeyboardInterrupt:
            typer.echo("Interrupted: what was erased is erased; begin again to go on with the rest.", err=True)
            raise typer.Exit(INTERRUPTED) from None


def _identifier(customer: str) -> str:
    """As the desk has it: an address in lower case, a member id in capitals."""
    customer = customer.strip()
    return normal_address(customer) if "@" in customer else customer.upper()


async def _erase(url: str, identifier: str, *, delete_posts: bool, sure: bool) -> None:
    async with opened(url) as database:
        person = await database.read(partial(find_person, identifier=identifier))
        if person is None:
            typer.echo(
                f"there is nothing of a customer {identifier}: `casewire export cases` shows whose there is.",
                err=True,
            )
            raise typer.Exit(NOT_THERE)
        typer.echo(_summary(person))
        if not sure and not typer.confirm("Erase it for good?"):
            typer.echo("Nothing was erased.")
            raise typer.Exit(NOT_THERE)
        lives_on = LivesOn()
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("erase", total=None)
            steps = erase_person(database, person, _now, lives_on, delete_posts=delete_posts)
            async for step in steps:
                progress.update(task, total=step.total, completed=step.done)
    for line in _told(identifier, lives_on, delete_posts=delete_posts):
        typer.echo(line)


def _now() -> datetime:
    return datetime.now(UTC)


def _summary(person: Person) -> str:
    number = len(person.case_ids)
    parts = [_count(number, "case")]
    if number:
        parts[0] += f" ({', '.join(person.case_ids[:NAMED])}{' …' if number > NAMED else ''})"
    if person.held:
        parts.append(f"{person.held} held or listed mails")
    if person.is_blocked:
        parts.append("blocked, which is forgotten too")
    return f"{person.identifier}: {', '.join(parts)}."


def _told(identifier: str, lives_on: LivesOn, *, delete_posts: bool) -> list[str]:
    """What the desk cannot erase, or was not asked to, with where it is."""
    lines = [f"{identifier} is erased here. What lives on elsewhere:"]
    lines += [
        f"- Slack, direct message {dm}: what the customer wrote, which only they or an owner can delete"
        for dm in sorted(lives_on.dms)
    ]
    lines += [
        f"- Slack, thread {ts} in {channel}: what admins and others wrote in it"
        for channel, ts in sorted(lives_on.threads)
    ]
    if lives_on.posts or lives_on.files:
        what = f"{_count(len(lives_on.posts), 'post')} and {_count(len(lives_on.files), 'file')} of the bot"
        if delete_posts:
            lines.append(f"- Slack: {what}; the bot deletes them while it runs, as fast as Slack allows")
        else:
            lines.append(f"- Slack: {what}, which --delete-posts would have deleted; the desk has forgotten them:")
            lines += [f"    {channel} {ts}" for channel, ts in sorted(lives_on.posts)]
            lines += [f"    file {file_id}" for file_id in sorted(lives_on.files)]
    lines += [
        f"- the mailbox {mailbox}: {_count(number, 'mail')}, and sent answers if it keeps them"
        for mailbox, number in sorted(lives_on.mails.items())
    ]
    lines.append("- backups, copies from before a migration, exports and logs made until now")
    return lines


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"
