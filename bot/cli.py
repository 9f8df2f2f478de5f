"""Commands: run the bot, migrate its database, and try it on a local Slack."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import Coroutine
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from bot import (
    __version__,
    cli_attention,
    cli_backup,
    cli_block,
    cli_config,
    cli_doctor,
    cli_erase,
    cli_init,
    cli_keep,
    cli_trace,
)
from bot import app as bot_app
from bot.cli_errors import database_troubles, give_up
from bot.config import ConfigError, load_database_url, load_settings
from bot.ops.logging import configure_logging, hide
from bot.startup import StartError
from storage.lock import sole_use
from storage.migrate import upgrade


class Authentication(StrEnum):
    """What a receiving server says of a sender (DMARC)."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    NONE = "none"


cli = typer.Typer(
    name="casewire",
    help="A self-hosted customer case desk inside Slack.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
cli.add_typer(cli_attention.inbox, name="inbox")
cli.add_typer(cli_attention.outbox, name="outbox")
cli.command("trace")(cli_trace.trace)
cli.add_typer(cli_block.block, name="block")
cli.command()(cli_config.config)
cli.command()(cli_doctor.doctor)
cli.command()(cli_init.init)
cli.command()(cli_keep.export)
cli.command()(cli_erase.erase)
cli.command()(cli_backup.backup)
cli.command()(cli_backup.restore)
cli.command()(cli_backup.resume)


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
        give_up("Casewire cannot start: these settings need mending.", error.problems)
    configure_logging(settings.log_level, settings.log_format)
    hide(settings.secrets)
    try:
        asyncio.run(bot_app.run(settings))
    except StartError as error:
        give_up("Casewire cannot start.", error.problems)


@cli.command()
def migrate(
    database_url: Annotated[
        str | None, typer.Option(help="The database to migrate, instead of the one in DATABASE_URL or .env.")
    ] = None,
) -> None:
    """Bring the database to the schema of this version."""
    with database_troubles("The database cannot be migrated."):
        url = load_database_url(**({"database_url": database_url} if database_url else {}))
        with sole_use(url):
            upgrade(url)
    typer.echo("The database is up to date.")


@cli.command()
def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port on 127.0.0.1; 0 takes a free one.")] = 8900,
    with_bot: Annotated[
        bool, typer.Option("--with-bot", help="Run the bot on it too, with a fresh database that ends with it.")
    ] = False,
) -> None:
    """Run a local Slack to try Casewire on in a browser, without a workspace."""
    from bot.sandbox.run import BotFailed, run_sandbox

    try:
        _until_interrupted(run_sandbox(port, with_bot=with_bot))
    except BotFailed as error:
        give_up(f"The bot does not start on the local Slack: {error}. Its log ends:", error.log)
    except OSError as error:
        give_up("The local Slack cannot start.", [f"port {port}: {error.strerror}; choose another with --port"])


@cli.command()
def play(
    sample: Annotated[Path, typer.Argument(help="A Slack-shaped JSON document or a mail (.eml), as in samples/.")],
    to: Annotated[str, typer.Option(help="The address of the local Slack.")] = "http://127.0.0.1:8900",
    authentication: Annotated[
        Authentication | None,
        typer.Option(help="What the receiving server says of a mail's sender; else as in the file, or pass."),
    ] = None,
) -> None:
    """Play a sample into the local Slack and its mail, as if its author did it there."""
    from bot.sandbox.client import SandboxError, play_mail_sample, play_sample

    try:
        raw = sample.read_bytes()
    except OSError as error:
        give_up("The sample cannot be read.", [f"{sample}: {error.strerror}"])
    if sample.suffix.lower() == ".eml":
        playing = play_mail_sample(to, raw, authentication and authentication.value)
    else:
        playing = play_sample(to, _slack_document(sample, raw))
    try:
        done = asyncio.run(playing)
    except SandboxError as error:
        give_up("The sample cannot be played.", [str(error)])
    where = f"to {done['to']}" if "to" in done else f"in {done['channel']}"
    typer.echo(f"Played: {done['did']} by {done['user']} {where}")
    for answer in done.get("reply", {}).get("messages", []):
        typer.echo(answer)


def _slack_document(sample: Path, raw: bytes) -> dict[str, Any]:
    try:
        document = json.loads(raw.decode("utf-8"))
    except ValueError as error:
        give_up("The sample cannot be read.", [f"{sample} is no JSON document: {error}"])
    if not isinstance(document, dict):
        give_up("The sample cannot be played.", [f"{sample} holds a list or a value, and no JSON object"])
    return document


@cli.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the story: status 0 if all went well.")] = False,
) -> None:
    """Play the story of a case on a local Slack, with the bot as it is."""
    from bot.demo import run_demo

    raise typer.Exit(_until_interrupted(run_demo(once=once)))


def main() -> None:
    cli()


def _until_interrupted(work: Coroutine[Any, Any, int | None]) -> int:
    """Until it ends, or Ctrl-C, SIGTERM or a closed terminal end it: what it started ends with it."""
    try:
        return asyncio.run(_until_told(work)) or 0
    except KeyboardInterrupt:
        return 0


async def _until_told(work: Coroutine[Any, Any, int | None]) -> int | None:
    task, loop = asyncio.ensure_future(work), asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # SIGINT: a shell may have it ignored
        loop.add_signal_handler(name, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        return await task
    return 0
