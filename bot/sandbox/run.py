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

START_TIMEOUT = 30.0


class BotFailed(Exception):
    """The bot does not run; `log` are the last lines that it wrote."""

    def __init__(self, what: str, log: list[str]) -> None:
        super().__init__(what)
        self.log = log


async def run_sandbox(
    port: int = 0,
    *,
    with_bot: bool = False,
    changed: Mapping[str, str] | None = None,
    announce: Callable[[str], object] | None = None,
    **options: Any,
) -> None:
    """Run a local Slack until cancelled; says where it is and what a bot needs to run on it, or brings one.

    `changed` are settings of that bot that differ from the sandbox's own. Raises OSError when the port is taken,
    BotFailed when the bot does not come up.
    """
    announce = announce or partial(print, flush=True)  # flushed, for whoever reads it through a pipe
    async with LocalSlack(port, **{"with_mail": True, **options}) as slack, contextlib.AsyncExitStack() as stack:
        announce(f"Local Slack on {slack.url}/, until Ctrl-C. Open this address in a browser to use it.")
        if slack.mail is not None:
            ports = f"IMAP on port {slack.mail.imap.port}, SMTP on port {slack.mail.smtp.port}"
            announce(f"Local mail beside it: {ports} of 127.0.0.1; the page shows every mailbox.")
        announce("")
        if with_bot:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="casewire-sandbox-"))
            process = await stack.enter_async_context(bot_on(slack, Path(folder), changed))
            health = await _healthy(process)
            announce("The bot runs on it, with a fresh database that ends with it.")
            announce("")
            announce(f"Its health: {health}/health")
        else:
            announce("The environment of a bot that runs on it:")
            announce("")
            for name, value in slack.environment.items():
                announce(f"export {name}={value}")
        announce("")
        announce(f"The state of the workspace: {slack.url}/sandbox/state")
        await asyncio.Event().wait()


async def _healthy(process: BotRunner) -> str:
    """Its address, once it is healthy. Raises BotFailed when it ends before, or takes too long."""
    starting = asyncio.create_task(process.healthy())
    dying = asyncio.create_task(process.ended_by_itself())
    try:
        await asyncio.wait((starting, dying), timeout=START_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            return starting.result()
        what = f"it ended with status {dying.result()}" if dying.done() else f"not healthy in {START_TIMEOUT:g} s"
        raise BotFailed(what, process.log_tail())
    finally:
        for task in (starting, dying):
            task.cancel()
        await asyncio.gather(starting, dying, return_exceptions=True)


def bot_on(slack: LocalSlack, folder: Path, changed: Mapping[str, str] | None = None) -> BotRunner:
    """The bot as it is, in a process of its own, in the hands of this sandbox's page; to be entered."""
    settings = SETTINGS | slack.environment | dict(changed or {})
    runner = BotRunner(folder, settings, on_log=slack.note_bot_log, on_change=slack.note_bot_status)
    slack.bot_control = runner
    return runner
