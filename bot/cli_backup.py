"""`casewire backup`, `casewire restore` and `casewire resume`: the desk in a file, and out of it again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from bot import __version__
from bot.cli_database import NOT_THERE, change, desk_url, utc
from bot.cli_errors import database_troubles, give_up
from bot.config import load_database_url
from storage import backup_file, pauses
from storage.backup import restore_backup, write_backup
from storage.backup_file import UnusableBackup, Writer
from storage.lock import sole_use

INTERRUPTED = 130
TOLD_EVERY = 100

File = Annotated[Path, typer.Argument(help="The file, such as desk.backup.")]


def backup(file: File) -> None:
    """Write all that the desk holds to a file, as it is at this moment. The bot may go on running."""
    failed = "There is no new backup."
    with _interruptible(failed), database_troubles(failed), _file_troubles(failed, file):
        url = desk_url()
        with backup_file.created(file) as target, _progress() as tell:
            asyncio.run(write_backup(url, partial(Writer, target), __version__, datetime.now(UTC), tell))
    typer.echo(f"{file} holds the desk, {file.stat().st_size:,} bytes. Keep .env with it: it is not in there.")


def restore(file: File) -> None:
    """Bring a desk back from a backup, into the empty database that DATABASE_URL names. It is paused then."""
    failed = "Nothing was restored."
    with _interruptible(failed), database_troubles(failed):
        with _file_troubles(failed, file):
            header = backup_file.read_header(file)
            rows = backup_file.check(file)
        url = load_database_url()
        with sole_use(url), _file_troubles(failed, file), _progress() as tell:
            asyncio.run(restore_backup(url, file, header, datetime.now(UTC), tell))
    typer.echo(f"The desk is as it was on {utc(header.at)}: {rows.get('cases', 0)} cases.")
    typer.echo("It is paused: look through `casewire outbox list`, then `casewire resume` and start the bot.")


def resume() -> None:
    """Let a paused desk work again. What was written since the backup is read from Slack and the mailbox."""
    if not change(pauses.resume):
        typer.echo("The desk is not paused.", err=True)
        raise typer.Exit(NOT_THERE)
    typer.echo("The desk works again as soon as a bot runs on it.")


@contextlib.contextmanager
def _file_troubles(what: str, file: Path) -> Iterator[None]:
    """What is wrong with the file, and not with the database."""
    try:
        yield
    except UnusableBackup as error:
        give_up(what, [str(error)])
    except OSError as error:
        if error.filename is None:
            raise
        give_up(what, [f"{error.filename}: {error.strerror}"])


@contextlib.contextmanager
def _interruptible(what: str) -> Iterator[None]:
    """Whoever interrupts it leaves things as they were."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"Interrupted. {what}", err=True)
        raise typer.Exit(INTERRUPTED) from None


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str, int], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,.0f} rows"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)

        def tell(table: str, rows: int) -> None:
            if rows % TOLD_EVERY == 0:
                progress.update(task, description=table, completed=rows)

        yield tell
