"""`casewire doctor`: status 0 where the bot can run, 1 where something must be mended first."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from bot.config import ConfigError, load_settings
from bot.ops.logging import hide, redacted

BROKEN = 1


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for scripts.")] = False,
) -> None:
    """Check all that the bot needs, without changing anything; status 1 if something must be mended."""
    from bot.doctor import findings
    from bot.doctor.examine import examine

    try:
        settings = load_settings()
        hide(settings.secrets)
        found = asyncio.run(examine(settings))
    except ConfigError as trouble:
        found = [findings.error("settings", problem) for problem in trouble.problems]
    typer.echo(redacted(findings.as_json(found) if as_json else findings.as_text(found)))
    if not findings.is_well(found):
        raise typer.Exit(BROKEN)
