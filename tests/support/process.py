"""The bot as a process of its own, as an operator runs it, so that it can be killed."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from bot.sandbox.people import ADA, ALERTS, LOG, SUPPORT
from bot.sandbox.server import LocalSlack

ROOT = Path(__file__).parents[2]


class BotProcess:
    """`python -m bot run` on a local Slack; its log is kept in one file over all its lives.

    `beside`: others run on the same Slack. `timing`: what differs from the usual one. `root`: where its code is.
    """

    def __init__(
        self,
        slack: LocalSlack,
        database_url: str,
        directory: Path,
        *,
        name: str = "bot",
        beside: bool = False,
        timing: Mapping[str, float] | None = None,
        root: Path = ROOT,
        **changed: str,
    ) -> None:
        self.slack = slack
        self.log = directory / f"{name}.log"
        self._beside = beside
        self._module = ["bot", "run"] if timing is None else ["tests.support.bot_main"]
        self._environment = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": os.pathsep.join([str(root), str(ROOT)]),
            "CASEWIRE_TIMING": json.dumps(dict(timing or {})),
            "SLACK_API_URL": slack.api_url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SUPPORT_SLACK_CHANNEL": SUPPORT,
            "ALERTING_SLACK_CHANNEL": ALERTS,
            "LOGGING_SLACK_CHANNEL": LOG,
            "ADMIN_SLACK_USERS": ADA,
            "DATABASE_URL": database_url,
            "PORT": "0",
            "SLACK_POSTS_PER_SECOND": "200",
            "ESCALATION_CHECK_INTERVAL": "0.5",
            "LOG_FORMAT": "json",
        } | changed
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it is connected to Slack; or runs, if it should not be connected."""
        # Beside others the log alone tells whose connection it is: theirs come and go meanwhile.
        sign = "started" if self._environment.get("SLACK_SOCKETS") == "0" else "hello"
        before = self.logged(sign)
        with self.log.open("ab") as log:
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *self._module,
                cwd=self._directory,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        ended = asyncio.create_task(process.wait())
        if self._beside:
            ready: Coroutine[Any, Any, Any] = eventually(partial(self._logged_again, sign, before), 30)
        else:
            ready = self.slack.wait_for(lambda: self.slack.connected, timeout=30)
        connected = asyncio.create_task(ready)
        try:
            await asyncio.wait({ended, connected}, return_when=asyncio.FIRST_COMPLETED)
            assert not ended.done(), f"the bot ended with status {process.returncode}:\n{self.tail()}"
            await connected
        finally:
            ended.cancel()
            connected.cancel()

    async def kill(self) -> None:
        """kill -9, and wait until Slack has noticed."""
        await self._end(signal.SIGKILL)

    async def terminate(self) -> int:
        """SIGTERM; how it ended."""
        return await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        connected = self.slack.connected
        ran = process.returncode is None
        if ran:
            process.send_signal(how)
        async with asyncio.timeout(15):
            status = await process.wait()
        if not self._beside:
            await self.slack.wait_for(lambda: not self.slack.connected)
        elif ran and self._environment.get("SLACK_SOCKETS") != "0":
            await self.slack.wait_for(lambda: self.slack.connected < connected)
        return status

    async def ended(self) -> int:
        """Wait until it ends by itself; how it ended."""
        assert self._process is not None
        async with asyncio.timeout(30):
            return await self._process.wait()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def _logged_again(self, action: str, before: int) -> bool:
        return self.logged(action) > before

    def logged(self, action: str) -> int:
        """How often something was logged, by its action word."""
        return self.log.read_text().count(f'"action": "{action}"') if self.log.exists() else 0

    def tail(self) -> str:
        return "\n".join(self.log.read_text().splitlines()[-15:])


async def eventually(check: Callable[[], Awaitable[Any]], patience: float = 20.0) -> Any:
    """The check's first truthy answer, for what rings no bell (a database): asked again and again."""
    answer = None
    try:
        async with asyncio.timeout(patience):
            while not (answer := await check()):
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not within {patience:g} s; last answer: {answer!r}") from None
    return answer
