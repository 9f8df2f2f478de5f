"""A bot that runs, in the test's own process or in one of its own, however far it gets; and its health."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import aiohttp

from bot.app import Bot, Stopped
from bot.sandbox.people import ADA, ALERTS, LOG, SUPPORT
from bot.sandbox.server import LocalSlack
from bot.timing import Timing
from tests.support.desk import settings_for

T = TypeVar("T")
ROOT = Path(__file__).parents[2]


@contextlib.asynccontextmanager
async def starting(
    slack: LocalSlack, database: str, timing: Timing | None = None, **changed: Any
) -> AsyncIterator[Bot]:
    """A bot that has begun to start; at the end it is stopped, within the ten seconds it promises."""
    stop = asyncio.Event()
    bot = Bot(settings_for(slack, database, **changed), stop, timing)
    running = asyncio.create_task(bot.run())
    try:
        await until(lambda: bot.port is not None or running.done())
        yield bot
    finally:
        stop.set()
        async with asyncio.timeout(10):
            with contextlib.suppress(Stopped):
                await running


async def until(condition: Callable[[], T], patience: float = 15) -> T:
    """What the condition says, once it says something. For what rings no bell: the bot's own state."""
    async with asyncio.timeout(patience):
        while not (found := condition()):
            await asyncio.sleep(0.02)
        return found


async def health(bot: Bot) -> tuple[int, dict[str, Any]]:
    """The status and the body of `/health`."""
    return await get(f"http://127.0.0.1:{bot.port}/health")


async def get(url: str, **headers: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        body = await answer.json() if answer.content_type == "application/json" else await answer.text()
        return answer.status, body


def environment(slack: LocalSlack, database: str, **changed: str) -> dict[str, str]:
    """The settings of a bot that runs as a process of its own, and nothing else of ours."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(ROOT),
        "SLACK_API_URL": slack.api_url,
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SUPPORT_SLACK_CHANNEL": SUPPORT,
        "ALERTING_SLACK_CHANNEL": ALERTS,
        "LOGGING_SLACK_CHANNEL": LOG,
        "ADMIN_SLACK_USERS": ADA,
        "DATABASE_URL": database,
        "PORT": "0",
        "SLACK_POSTS_PER_SECOND": "200",
    } | changed


class Command:
    """`python -m bot …` as a process, its output kept; what still runs at the end is killed."""

    def __init__(self, directory: Path, env: Mapping[str, str], *words: str, module: str = "bot") -> None:
        self._directory = directory
        self._env = dict(env)
        self._words = [module, *(words or ("run",))]
        self.output = directory / "output.log"

    async def __aenter__(self) -> Self:
        with self.output.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", *self._words),
                cwd=self._directory,
                env=self._env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def said(self, words: str) -> str:
        """All it has said, once these words are among it."""
        return await until(lambda: text if words in (text := self.output.read_text()) else "")

    def send(self, what: signal.Signals) -> None:
        self._process.send_signal(what)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """With which status it ended, and after how many seconds."""
        began = time.monotonic()
        self._process.send_signal(how)
        async with asyncio.timeout(20):
            status = await self._process.wait()
        return status, time.monotonic() - began

    async def end(self) -> int:
        async with asyncio.timeout(20):
            return await self._process.wait()
