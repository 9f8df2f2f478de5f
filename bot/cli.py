"""Commands: run the bot, migrate its database, and try it on a local Slack."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from bot import __version__
from bot import app as bot_app
from bot.config import ConfigError, load_settings
from bot.ops.logging import configure_logging
from bot.startup import StartError
from storage.errors import StorageError
from storage.migrate import upgrade
from storage.urls import driver_url

UNUSABLE = 2

cli = typer.Typer(
    name="casewire",
    help="A self-hosted customer case desk inside Slack.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@cli.callback(invoke_without_command=True)
def casewire(
    show_version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    if show_version:
        typer.echo(f"casewire {__version__}")
        raise typer.Exit


@cli.command()
def run() -> None:
    """Run the bot until SIGTERM or Ctrl-C."""
    try:
        settings = load_settings()
    except ConfigError as error:
        _give_up("Casewire cannot start: these settings need mending.", error.problems)
    configure_logging(settings.log_level, settings.log_format)
    try:
        asyncio.run(bot_app.run(settings))
    except StartError as error:
        _give_up("Casewire cannot start.", error.problems)


@cli.command()
def migrate(
    database_url: Annotated[
        str, typer.Option(envvar="DATABASE_URL", help="The database to migrate.")
    ] = "sqlite:///./case_management.db",
) -> None:
    """Bring the database to the schema of this version."""
    try:
        driver_url(database_url)
        upgrade(database_url)
    except StorageError as error:
        _give_up("The database cannot be migrated.", [f"DATABASE_URL: {error}"])
    typer.echo("The database is up to date.")


@cli.command()
def sandbox(
    port: Annotated[int, typer.Option(help="The port on 127.0.0.1.")] = 8900,
) -> None:
    """Run a local Slack to try Casewire on, without a workspace."""
    from bot.sandbox.server import run_sandbox

    _until_interrupted(run_sandbox(port))


@cli.command()
def play(
    sample: Annotated[Path, typer.Argument(help="A Slack-shaped JSON document, as in samples/slack/.")],
    to: Annotated[str, typer.Option(help="The address of the local Slack.")] = "http://127.0.0.1:8900",
) -> None:
    """Play a sample into the local Slack, as if its author did it there."""
    from bot.sandbox.client import play_sample

    try:
        document = json.loads(sample.read_text())
    except (OSError, ValueError) as error:
        _give_up("The sample cannot be read.", [f"{sample}: {error}"])
    try:
        done = asyncio.run(play_sample(to, document))
    except OSError as error:
        _give_up("The sample cannot be played.", [f"no local Slack answers at {to} ({error}): start one first"])
    typer.echo(json.dumps(done, indent=2, ensure_ascii=False))


@cli.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the story, with its outcome.")] = False,
) -> None:
    """Play the story of a case on a local Slack, with the bot as it is."""
    from bot.demo import run_demo

    raise typer.Exit(_until_interrupted(run_demo(once=once)))


def main() -> None:
    cli()


def _until_interrupted(work: Coroutine[Any, Any, int | None]) -> int:
    try:
        return asyncio.run(work) or 0
    except KeyboardInterrupt:
        return 0


def _give_up(what: str, problems: Sequence[str]) -> NoReturn:
    """Say what is wrong, without a traceback, and exit with status 2."""
    lines = [what, *(f"  - {problem}" for problem in problems)]
    print("\n".join(lines), file=sys.stderr)
    raise typer.Exit(UNUSABLE)
