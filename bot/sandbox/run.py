"""The sandbox by itself, or with a bot on it, until somebody ends it."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from bot.sandbox.bot_runner import SETTINGS, BotRunner
from bot.sandbox.server import LocalSlack


async def run_sandbox(
    port: int = 0, *, with_bot: bool = False, announce: Callable[[str], object] | None = None, **options: Any
) -> None:
    """Run a local Slack until cancelled; says where it is and what a bot needs to run on it, or brings one.

    Raises OSError when the port is taken.
    """
    announce = announce or partial(print, flush=True)  # flushed, for whoever reads it through a pipe
    async with LocalSlack(port, **options) as slack, contextlib.AsyncExitStack() as stack:
        announce(f"Local Slack on {slack.url}/, until Ctrl-C. Open this address in a browser to use it.")
        announce("")
        if with_bot:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="casewire-sandbox-"))
            await stack.enter_async_context(bot_on(slack, Path(folder)))
            announce("The bot runs on it, with a fresh database that ends with it.")
        else:
            announce("The environment of a bot that runs on it:")
            announce("")
            for name, value in slack.environment.items():
                announce(f"export {name}={value}")
        announce("")
        announce(f"Its state: {slack.url}/sandbox/state")
        await asyncio.Event().wait()


def bot_on(slack: LocalSlack, folder: Path, changed: Mapping[str, str] | None = None) -> BotRunner:
    """The bot as it is, in a process of its own, in the hands of this sandbox's page; to be entered."""
    settings = SETTINGS | slack.environment | dict(changed or {})
    runner = BotRunner(folder, settings, on_log=slack.note_bot_log, on_change=slack.note_bot_status)
    slack.bot_control = runner
    return runner
